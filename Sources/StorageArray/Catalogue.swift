import Platform

/// What a checkpoint says besides map pages and counts: the LUNs, what is still to be freed, and blocks that are named
/// more often than their count can tell.
///
/// ```
/// list page     0 next list page, pointer u64   8 bytes of the content u64   16 pointers u64 to 510 pages of content
/// content       0 LUNs u32   4 dead pages u32   8 overflowed counts u32   16 data blocks u64   64 the three, one after
///               the other: LUN record and mapped blocks u64 · page pointer u64, level u64 · block u64, count u64
/// ```
/// All of it is written anew by every checkpoint.
enum Catalogue {
    static let headerBytes = 64
    static let pointersPerListPage = 510
    static let lunBytes = LUNRecord.byteCount + 8
    static let pairBytes = 16

    static func contentPages(_ bytes: Int) -> Int { (bytes + Layout.blockBytes - 1) / Layout.blockBytes }

    static func listPages(_ contentPages: Int) -> Int {
        (contentPages + pointersPerListPage - 1) / pointersPerListPage
    }
}

extension PoolState {
    var catalogueBytes: Int {
        Catalogue.headerBytes + luns.count * Catalogue.lunBytes
            + (dead.count + allocator.overflow.count) * Catalogue.pairBytes
    }

    /// Pages that the catalogue takes now.
    var cataloguePages: Int {
        let content = Catalogue.contentPages(catalogueBytes)
        return content + Catalogue.listPages(content)
    }

    /// The content in whole pages, to be asked for when every page has a place.
    var encodedCatalogue: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Catalogue.contentPages(catalogueBytes) * Layout.blockBytes)
        bytes.withUnsafeMutableBytes { buffer in
            if let start = buffer.baseAddress { encodeCatalogue(into: start) }
        }
        return bytes
    }

    private func encodeCatalogue(into bytes: UnsafeMutableRawPointer) {
        bytes.putLittle(UInt32(luns.count), at: 0)
        bytes.putLittle(UInt32(dead.count), at: 4)
        bytes.putLittle(UInt32(allocator.overflow.count), at: 8)
        bytes.putLittle(UInt64(allocator.usedBlocks), at: 16)
        var next = Catalogue.headerBytes
        for lun in luns.values.sorted(by: { $0.record.identifier < $1.record.identifier }) {
            lun.record.encode(root: lun.root.stored, into: bytes + next)
            bytes.putLittle(lun.mapped, at: next + LUNRecord.byteCount)
            next += Catalogue.lunBytes
        }
        for page in dead {
            bytes.putLittle(page.name.rawValue, at: next)
            bytes.putLittle(UInt64(page.level), at: next + 8)
            next += Catalogue.pairBytes
        }
        for (block, count) in allocator.overflow.sorted(by: { $0.key < $1.key }) {
            bytes.putLittle(UInt64(block), at: next)
            bytes.putLittle(count, at: next + 8)
            next += Catalogue.pairBytes
        }
    }

    /// Pages and blocks of the catalogue a checkpoint wrote.
    ///
    /// - Parameter read: reads and proves a page.
    func decodeCatalogue(
        _ first: BlockPointer, _ read: (BlockPointer) throws(ArrayError) -> [UInt8]
    ) throws(ArrayError) -> [UInt32] {
        var blocks: [UInt32] = []
        var content: [UInt8] = []
        var size = Catalogue.headerBytes
        var list = first
        while list.isMapped {
            blocks.append(list.block)
            let page = try read(list)
            size = Int(clamping: page.word(at: 8))
            for index in 0..<Catalogue.pointersPerListPage where content.count < size {
                let pointer = BlockPointer(rawValue: page.word(at: 16 + 8 * index))
                blocks.append(pointer.block)
                content += try read(pointer)
            }
            list = BlockPointer(rawValue: page.word(at: 0))
        }
        guard content.count >= size else { throw .damaged("catalogue: its length") }
        try decodeContent(content, size)
        return blocks
    }

    private func decodeContent(_ content: [UInt8], _ size: Int) throws(ArrayError) {
        let (luns, deadPages) = (content.half(at: 0), content.half(at: 4))
        let overflowed = content.half(at: 8)
        let expected =
            Catalogue.headerBytes + luns * Catalogue.lunBytes + (deadPages + overflowed) * Catalogue.pairBytes
        guard expected == size else { throw .damaged("catalogue: its numbers") }
        allocator.usedBlocks = Int(clamping: content.word(at: 16))
        var next = Catalogue.headerBytes
        for _ in 0..<luns {
            try decodeLUN(content, at: next)
            next += Catalogue.lunBytes
        }
        for _ in 0..<deadPages {
            let level = Int(clamping: content.word(at: next + 8))
            guard level <= Layout.rootLevel else { throw .damaged("catalogue: a dead page") }
            dead.append(DeadPage(name: PageName(rawValue: content.word(at: next)), level: level))
            next += Catalogue.pairBytes
        }
        for _ in 0..<overflowed {
            allocator.overflow[UInt32(truncatingIfNeeded: content.word(at: next))] = content.word(at: next + 8)
            next += Catalogue.pairBytes
        }
    }

    private func decodeLUN(_ content: [UInt8], at offset: Int) throws(ArrayError) {
        let result: Result<(record: LUNRecord, root: BlockPointer), ArrayError> = content.withUnsafeBytes { buffer in
            guard let start = buffer.baseAddress else { return .failure(.damaged("LUN record")) }
            do throws(ArrayError) { return .success(try LUNRecord.decode(start + offset)) } catch {
                return .failure(error)
            }
        }
        let (record, root) = try result.get()
        guard luns[record.identifier] == nil else { throw .damaged("\(record.identifier) listed twice") }
        luns[record.identifier] = LUN(
            record, root: PageName(stored: root), mapped: content.word(at: offset + LUNRecord.byteCount))
    }
}

extension [UInt8] {
    fileprivate func half(at offset: Int) -> Int { Int(truncatingIfNeeded: word(at: offset) & 0xFFFF_FFFF) }
}
