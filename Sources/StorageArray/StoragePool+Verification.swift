import Platform

extension StoragePool {
    /// Walks everything and says what does not hold: reference counts, counters, free space, checksums of pages on the
    /// medium, and (with `includingData`) of every mapped block. Commands wait meanwhile.
    ///
    /// - Returns: one sentence per problem; empty when all is well.
    public func verify(includingData: Bool = true) throws(ArrayError) -> [String] {
        let ticket = locks.acquire(.everything)
        defer { locks.release(ticket) }
        gate.lock()
        while isFlushing || isCheckpointing { gate.wait() }
        var walk = Walk(state)
        walk.run(metadataBlocks: Layout.superblockPages + ring.pages + catalogueBlocks.count)
        let copies = superblock
        gate.unlock()

        var problems = walk.problems
        for (pointer, what) in walk.storedPages where try !isIntact(pointer) { problems.append("\(what): checksum") }
        if includingData {
            for pointer in walk.dataBlocks where try !isIntact(pointer) {
                problems.append("block \(pointer.block): checksum")
            }
        }
        if try Superblock.read(from: device).generation < copies.generation { problems.append("superblock: lost") }
        return problems
    }

    private func isIntact(_ pointer: BlockPointer) throws(ArrayError) -> Bool {
        let bytes = try device.bytes(at: pointer.offset, count: Layout.blockBytes)
        return bytes.withUnsafeBytes { Checksum.of($0) } == pointer.checksum
    }

    /// Bytes that would become free if a LUN were deleted: those that no other map names.
    public func uniqueBytes(_ identifier: LUNIdentifier) throws(ArrayError) -> UInt64 {
        gate.lock()
        defer { gate.unlock() }
        let root = try state.lun(identifier).root
        return (root == 0 ? 0 : state.uniqueBlocks(below: root)) * UInt64(Layout.blockBytes)
    }
}

extension PoolState {
    /// Blocks below a page that nothing outside it names. A block named twice within the page counts as shared.
    func uniqueBlocks(below slot: Slot) -> UInt64 {
        let page = arena.page(slot)
        guard page.pointee.references == 1 else { return 0 }
        let entries = arena.entries(slot)
        var count: UInt64 = 0
        for index in 0..<Layout.entriesPerPage where entries[index] != 0 {
            if page.pointee.level > 0 {
                count += uniqueBlocks(below: Slot(entries[index]))
            } else if allocator.referenceCount(BlockPointer(rawValue: entries[index]).block) == 1 {
                count += 1
            }
        }
        return count
    }
}

/// One walk over all maps that counts again what the state has counted.
private struct Walk {
    private let state: PoolState
    private(set) var problems: [String] = []
    /// Pages as the last checkpoint left them.
    private(set) var storedPages: [(BlockPointer, String)] = []
    /// Every mapped block once.
    private(set) var dataBlocks: [BlockPointer] = []
    private var pageReferences: [PageArena.Slot: UInt32] = [:]
    private var metadataBlocks = 0

    init(_ state: PoolState) { self.state = state }

    mutating func run(metadataBlocks fixed: Int) {
        let end = state.allocator.end
        let counts = UnsafeMutablePointer<UInt32>.allocate(capacity: end)
        defer { counts.deallocate() }
        counts.initialize(repeating: 0, count: end)
        for lun in state.luns.values.sorted(by: { $0.record.identifier < $1.record.identifier }) where lun.root != 0 {
            _ = visit(lun.root, level: Layout.rootLevel, counts)
        }
        for (slot, count) in pageReferences.sorted(by: { $0.key < $1.key }) {
            let counted = state.arena.page(slot).pointee.references
            if counted != count { problems.append("map page \(slot): \(counted) references counted, \(count) found") }
        }
        if pageReferences.count != state.arena.count {
            problems.append("\(state.arena.count) map pages are kept, \(pageReferences.count) are reachable")
        }
        problems += state.allocator.problems(
            expected: counts, metadataBlocks: fixed + pageReferences.keys.count { isStored($0) })
    }

    private func isStored(_ slot: PageArena.Slot) -> Bool { state.arena.page(slot).pointee.stored.isMapped }

    /// Returns the mapped blocks found below the page.
    private mutating func visit(
        _ slot: PageArena.Slot, level: Int, _ counts: UnsafeMutablePointer<UInt32>
    ) -> UInt64 {
        let page = state.arena.page(slot)
        pageReferences[slot, default: 0] += 1
        guard pageReferences[slot] == 1 else { return page.pointee.mapped }
        if Int(page.pointee.level) != level { problems.append("map page \(slot): level") }
        if page.pointee.stored.isMapped, !page.pointee.isDirty {
            storedPages.append((page.pointee.stored, "map page \(slot)"))
        }
        if !page.pointee.stored.isMapped, !page.pointee.isDirty { problems.append("map page \(slot): stored nowhere") }
        let entries = state.arena.entries(slot)
        var mapped: UInt64 = 0
        for index in 0..<Layout.entriesPerPage where entries[index] != 0 {
            if level > 0 {
                let child = PageArena.Slot(entries[index])
                if state.arena.page(child).pointee.isDirty, !page.pointee.isDirty {
                    problems.append("map page \(slot): clean above a dirty page")
                }
                mapped += visit(child, level: level - 1, counts)
                continue
            }
            let pointer = BlockPointer(rawValue: entries[index])
            mapped += 1
            if counts[Int(pointer.block)] == 0 { dataBlocks.append(pointer) }
            counts[Int(pointer.block)] += 1
        }
        if mapped != page.pointee.mapped {
            problems.append("map page \(slot): \(page.pointee.mapped) blocks counted, \(mapped) found")
        }
        if mapped == 0 { problems.append("map page \(slot): maps nothing") }
        return mapped
    }
}
