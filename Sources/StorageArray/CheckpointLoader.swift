import Platform

/// Reads a checkpoint's catalogue and map pages, proving each by the checksum in the pointer to it, and counts the
/// references of blocks and pages on the way.
struct CheckpointLoader {
    let state: PoolState
    private(set) var catalogueBlocks: [UInt32] = []

    private let device: any BlockDevice
    private let superblock: Superblock
    /// Pages that have been read, by pool block: shared ones are named several times.
    private var slots: [UInt32: PageArena.Slot] = [:]

    init(_ device: any BlockDevice, _ superblock: Superblock) {
        self.device = device
        self.superblock = superblock
        let limit = Int(superblock.limit)
        let end = min(limit, Int(clamping: device.sizeBytes / UInt64(Layout.blockBytes)))
        state = PoolState(
            allocator: BlockAllocator(
                limit: limit, end: end, reserved: Layout.superblockPages + Int(superblock.journalPages)))
        state.nextLUN = superblock.nextLUN
    }

    mutating func load() throws(ArrayError) {
        guard superblock.catalogue.isMapped else { return }
        let root = try readMetadata(superblock.catalogue, "catalogue root")
        for index in 0..<Layout.entriesPerPage {
            let pointer = BlockPointer(rawValue: root.little(UInt64.self, at: 8 * index))
            guard pointer.isMapped else { break }
            let page = try readMetadata(pointer, "catalogue page \(index)")
            catalogueBlocks.append(pointer.block)
            for record in 0..<CatalogueLayout.recordsPerPage {
                guard page.little(UInt32.self, at: record * LUNRecord.byteCount) != 0 else { break }
                try loadLUN(page, at: record * LUNRecord.byteCount)
            }
        }
        catalogueBlocks.append(superblock.catalogue.block)
        _ = state.arena.takeDirty()
    }

    private mutating func loadLUN(_ page: [UInt8], at offset: Int) throws(ArrayError) {
        let result: Result<(record: LUNRecord, root: BlockPointer), ArrayError> = page.withUnsafeBytes { buffer in
            guard let start = buffer.baseAddress else { return .failure(.damaged("LUN record")) }
            do throws(ArrayError) { return .success(try LUNRecord.decode(start + offset)) } catch {
                return .failure(error)
            }
        }
        let (record, root) = try result.get()
        guard state.luns[record.identifier] == nil else { throw .damaged("\(record.identifier) listed twice") }
        let slot = root.isMapped ? try loadPage(root, level: Layout.rootLevel) : 0
        state.luns[record.identifier] = PoolState.LUN(record, root: slot)
    }

    /// Reads a map page with everything below it, or finds it read; counts one reference to it.
    private mutating func loadPage(_ pointer: BlockPointer, level: Int) throws(ArrayError) -> PageArena.Slot {
        if let slot = slots[pointer.block] {
            let page = state.arena.page(slot)
            guard page.pointee.stored == pointer, Int(page.pointee.level) == level else {
                throw .damaged("map page \(pointer.block) named in two ways")
            }
            page.pointee.references += 1
            return slot
        }
        let bytes = try readMetadata(pointer, "map page \(pointer.block)")
        let slot = state.arena.makeUninitialized(level: level)
        slots[pointer.block] = slot
        var mapped: UInt64 = 0
        for index in 0..<Layout.entriesPerPage {
            let entry = BlockPointer(rawValue: bytes.little(UInt64.self, at: 8 * index))
            var value = entry.rawValue
            if entry.isMapped, level > 0 {
                let child = try loadPage(entry, level: level - 1)
                mapped += state.arena.page(child).pointee.mapped
                value = UInt64(child)
            } else if entry.isMapped {
                try countData(entry)
                mapped += 1
            }
            state.arena.entries(slot)[index] = value
        }
        state.arena.page(slot).pointee.mapped = mapped
        state.arena.markClean(slot, stored: pointer)
        return slot
    }

    private func countData(_ pointer: BlockPointer) throws(ArrayError) {
        let allocator = state.allocator
        let isFirst = allocator.contains(pointer.block) && allocator.isFree(pointer.block)
        guard isFirst || allocator.contains(pointer.block) && allocator.referenceCount(pointer.block) > 0 else {
            throw .damaged("block \(pointer.block) is both data and metadata")
        }
        allocator.retain(pointer.block)
    }

    /// Reads and proves a page of metadata, and takes its block.
    private func readMetadata(_ pointer: BlockPointer, _ what: String) throws(ArrayError) -> [UInt8] {
        guard state.allocator.contains(pointer.block), state.allocator.hold(pointer.block) else {
            throw .damaged("\(what): its place")
        }
        let bytes = try device.bytes(at: pointer.offset, count: Layout.blockBytes)
        guard bytes.withUnsafeBytes({ Checksum.of($0) }) == pointer.checksum else {
            throw .damaged("\(what): its checksum")
        }
        return bytes
    }
}

extension [UInt8] {
    fileprivate func little<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type, at offset: Int) -> Value {
        withUnsafeBytes { Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Value.self)) }
    }
}
