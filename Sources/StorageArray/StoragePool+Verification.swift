import Platform

extension StoragePool {
    /// Walks everything and says what does not hold: reference counts, counters, free space, checksums of pages on the
    /// medium, and (with `includingData`) of every mapped block. Commands wait meanwhile.
    ///
    /// - Returns: one sentence per problem; empty when all is well.
    public func verify(includingData: Bool = true) throws(ArrayError) -> [String] {
        let ticket = locks.acquire(.everything)
        defer { locks.release(ticket) }
        let walk: MapWalk
        var problems: [String]
        let generation: UInt64
        do {
            gate.lock()
            defer { gate.unlock() }
            while isFlushing || isCheckpointing { gate.wait() }
            walk = try MapWalk.run(state, catalogueBlocks: catalogueBlocks.count)
            problems = try walk.problems + countProblems()
            generation = superblock.generation
        }
        for pointer in walk.cachedPages where try !isIntact(pointer) {
            problems.append("map page \(pointer.block): checksum")
        }
        if includingData {
            for pointer in walk.dataBlocks where try !isIntact(pointer) {
                problems.append("block \(pointer.block): checksum")
            }
        }
        if try Superblock.read(from: device).generation < generation { problems.append("superblock: lost") }
        return problems
    }

    /// With the gate held: counts and their index that the medium does not hold as the last checkpoint wrote them, though
    /// they are in memory.
    private func countProblems() throws(ArrayError) -> [String] {
        let table = state.allocator.table
        var problems: [String] = []
        for region in 0..<table.geometry.regionCount where table.regions[region].isLoaded {
            if try !table.isIntact(region: region) { problems.append("counts of region \(region): checksum") }
        }
        for index in 0..<table.geometry.indexPages where try !table.isIntact(indexPage: index) {
            problems.append("index of the counts, page \(index): checksum")
        }
        if try !table.rootsAreIntact(generation: superblock.generation, rootChecksum: superblock.countRoots) {
            problems.append("roots of the counts: checksum")
        }
        return problems
    }

    private func isIntact(_ pointer: BlockPointer) throws(ArrayError) -> Bool {
        let bytes = try device.bytes(at: pointer.offset, count: Layout.blockBytes)
        return Checksum.of(bytes) == pointer.checksum
    }

    /// Bytes that would become free if a LUN were deleted: those that no other map names.
    public func uniqueBytes(_ identifier: LUNIdentifier) throws(ArrayError) -> UInt64 {
        gate.lock()
        defer { gate.unlock() }
        let root = try state.lun(identifier).root
        return try state.uniqueBlocks(below: root, level: Layout.rootLevel) * UInt64(Layout.blockBytes)
    }
}

extension PoolState {
    /// Blocks below a page that nothing outside it names. A block named twice within the page counts as shared.
    func uniqueBlocks(below name: PageName, level: Int) throws(ArrayError) -> UInt64 {
        if name.isNone { return 0 }
        guard try references(name) == 1 else { return 0 }
        let slot = try resident(name, level: level)
        let entries = arena.entries(slot)
        var count: UInt64 = 0
        for index in 0..<Layout.entryCount(ofLevel: level) where entries[index] != 0 {
            if level > 0 {
                count += try uniqueBlocks(below: PageName(rawValue: entries[index]), level: level - 1)
            } else if try allocator.referenceCount(BlockPointer(rawValue: entries[index]).block) == 1 {
                count += 1
            }
        }
        return count
    }
}
