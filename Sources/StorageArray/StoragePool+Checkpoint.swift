import Platform

// A checkpoint writes the changed map pages to free blocks and the changed counts to their other places, then a
// superblock that names them. Until that superblock is durable nothing that the previous checkpoint needs is overwritten.

extension StoragePool {
    /// Pages of a checkpoint on their way to the device.
    struct Staging {
        let pages: UnsafeMutableRawBufferPointer
        var blocks: [UInt64]
        var counts: CountTable.Staging
        var superblock: Superblock
        /// Blocks that become free when the superblock is durable.
        var freed: [BlockAllocator.FreedRun]
        var journalUsed: Int
    }

    /// Writes a checkpoint now, so that the next opening replays nothing that happened before.
    public func checkpoint() throws(ArrayError) {
        gate.lock()
        defer { gate.unlock() }
        while isCheckpointing { gate.wait() }
        try checkpointLocked()
    }

    /// With the gate held and no other checkpoint under way; the gate is free while it writes.
    ///
    /// The open group is sealed in the same step as the state is copied: the superblock then says that replay starts
    /// after that group. Commands go on meanwhile.
    func checkpointLocked() throws(ArrayError) {
        isCheckpointing = true
        defer {
            isCheckpointing = false
            gate.wakeAll()
        }
        while true {
            while isFlushing { gate.wait() }
            if isStopped { throw .stopped }
            let needed = state.arena.dirtyCount + state.cataloguePages
            if state.allocator.freeBlocks >= needed { break }
            try growDevice(toFree: needed)
        }
        let blocks = try takeCheckpointBlocks()

        let sealed = openRecords.isEmpty ? nil : sealOpenGroup()
        let staging = stage(blocks)
        defer {
            staging.pages.deallocate()
            staging.counts.pages.deallocate()
        }
        if let sealed { try flushSealed(sealed.group, sealed.bytes, sealed.offset) }

        gate.unlock()
        let isDurable = write(staging)
        gate.lock()
        guard isDurable, !isStopped else {
            isStopped = true
            throw .stopped
        }
        superblock = staging.superblock
        ring.release(staging.journalUsed)
        state.allocator.freeDeferred(staging.freed)
        reuseEpoch += 1
    }

    private func flushSealed(_ group: UInt64, _ bytes: [UInt8], _ offset: UInt64) throws(ArrayError) {
        isFlushing = true
        gate.unlock()
        let isDurable = writeGroup(bytes, at: offset)
        gate.lock()
        finishFlush(group, isDurable: isDurable)
        if !isDurable { throw .stopped }
    }

    // MARK: Copying the state, with the gate held

    /// Blocks for the map pages and the catalogue of a checkpoint. Nothing after this can fail before the device does.
    private func takeCheckpointBlocks() throws(ArrayError) -> [UInt64] {
        for block in catalogueBlocks { try state.allocator.table.load(block) }
        let count = state.arena.dirtyCount + state.cataloguePages
        var blocks = [UInt64](repeating: 0, count: count)
        let failure: ArrayError? = blocks.withUnsafeMutableBufferPointer { buffer in
            do throws(ArrayError) { try state.allocator.take(into: buffer) } catch { return error }
            return nil
        }
        try failure.raise()
        return blocks
    }

    private func stage(_ blocks: [UInt64]) -> Staging {
        let generation = superblock.generation + 1
        let pages = UnsafeMutableRawBufferPointer.allocate(
            byteCount: blocks.count * Layout.blockBytes, alignment: Layout.blockBytes)
        let dirty = state.arena.takeDirty()
        precondition(dirty.count + state.cataloguePages == blocks.count, "the count of dirty pages is wrong")
        var stage = PageStage(pages: pages, blocks: blocks)
        for slot in dirty { stageMapPage(slot, &stage, generation) }
        for lun in state.luns.values { lun.root = storedName(lun.root) }
        for index in state.dead.indices { state.dead[index].name = storedName(state.dead[index].name) }

        var next = superblock
        next.catalogue = stageCatalogue(&stage)
        next.generation = generation
        next.nextLUN = state.nextLUN
        next.nextGroup = openGroup
        next.journalPage = UInt32(ring.head)
        let freed = state.allocator.takeDeferred()
        let counts = state.allocator.table.stage(generation: generation)
        next.countRoots = counts.rootChecksum
        return Staging(
            pages: pages, blocks: blocks, counts: counts, superblock: next, freed: freed, journalUsed: ring.used)
    }

    private func storedName(_ name: PageName) -> PageName {
        guard !name.isNone, let slot = name.slot else { return name }
        return PageName(stored: state.arena.page(slot).pointee.stored)
    }

    private func stageMapPage(_ slot: PageArena.Slot, _ stage: inout PageStage, _ generation: UInt64) {
        let level = Int(state.arena.page(slot).pointee.level)
        let entries = state.arena.entries(slot)
        if level > 0 {
            for index in 0..<Layout.entryCount(ofLevel: level) where entries[index] != 0 && entries[index] >> 32 == 0 {
                entries[index] = storedName(PageName(rawValue: entries[index])).rawValue
            }
        }
        let target = stage.next.bindMemory(to: UInt64.self)
        for index in 0..<Layout.wordsPerPage { target[index] = entries[index].littleEndian }
        let stored = stage.seal()
        state.allocator.place(stored.block, references: state.arena.page(slot).pointee.references)
        state.arena.makeClean(slot, stored: stored, generation: generation)
    }

    /// Puts the catalogue behind the map pages and returns the pointer of its first list page.
    private func stageCatalogue(_ stage: inout PageStage) -> BlockPointer {
        for block in catalogueBlocks { state.allocator.deferFreeLoaded(block) }
        let first = stage.sealed
        let content = state.encodedCatalogue
        var pointers: [BlockPointer] = []
        for start in stride(from: 0, to: content.count, by: Layout.blockBytes) {
            stage.next.copyBytes(from: content[start..<min(start + Layout.blockBytes, content.count)])
            pointers.append(stage.seal())
        }
        // The last list page first: each names the one after it.
        var following = BlockPointer.unmapped
        for list in (0..<Catalogue.listPages(pointers.count)).reversed() {
            let page = stage.next
            page.clear()
            page.baseAddress?.putLittle(following.rawValue, at: 0)
            page.baseAddress?.putLittle(UInt64(state.catalogueBytes), at: 8)
            let named = pointers.dropFirst(list * Catalogue.pointersPerListPage).prefix(Catalogue.pointersPerListPage)
            for (index, pointer) in named.enumerated() {
                page.baseAddress?.putLittle(pointer.rawValue, at: 16 + 8 * index)
            }
            following = stage.seal()
        }
        catalogueBlocks = stage.blocks[first..<stage.sealed].map { BlockPointer(rawValue: $0).block }
        for block in catalogueBlocks { state.allocator.hold(block) }
        return following
    }

    // MARK: Writing, without the gate

    private func write(_ staging: Staging) -> Bool {
        do {
            try device.writeBlocks(UnsafeRawBufferPointer(staging.pages), to: staging.blocks)
            try device.writeBlocks(UnsafeRawBufferPointer(staging.counts.pages), to: staging.counts.blocks)
            try device.flush()
            try staging.superblock.write(to: device)
            try device.flush()
            return true
        } catch {
            return false
        }
    }
}

/// Pages of a checkpoint being filled one after the other.
private struct PageStage {
    let pages: UnsafeMutableRawBufferPointer
    let blocks: [UInt64]
    private(set) var sealed = 0

    init(pages: UnsafeMutableRawBufferPointer, blocks: [UInt64]) {
        self.pages = pages
        self.blocks = blocks
    }

    /// The page to fill now.
    var next: UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(rebasing: pages[sealed * Layout.blockBytes..<(sealed + 1) * Layout.blockBytes])
    }

    /// Proves the filled page with its checksum and goes on to the next one.
    mutating func seal() -> BlockPointer {
        let checksum = Checksum.of(UnsafeRawBufferPointer(next))
        defer { sealed += 1 }
        return BlockPointer(block: BlockPointer(rawValue: blocks[sealed]).block, checksum: checksum)
    }
}

extension BlockDevice {
    /// Writes whole blocks to where the pointers say, neighbours in one call.
    func writeBlocks(_ bytes: UnsafeRawBufferPointer, to pointers: some RandomAccessCollection<UInt64>) throws(DeviceError) {
        var start = pointers.startIndex
        var position = 0
        while start < pointers.endIndex {
            let first = BlockPointer(rawValue: pointers[start])
            var count = 1
            var next = pointers.index(after: start)
            while next < pointers.endIndex, BlockPointer(rawValue: pointers[next]).block == first.block + UInt32(count) {
                count += 1
                next = pointers.index(after: next)
            }
            let size = count * Layout.blockBytes
            try write(UnsafeRawBufferPointer(rebasing: bytes[position..<position + size]), at: first.offset)
            position += size
            start = next
        }
    }
}
