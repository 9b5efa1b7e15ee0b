import Platform

/// Where LUN records lie in a checkpoint: a root page of pointers to pages of records.
enum CatalogueLayout {
    static let recordsPerPage = Layout.blockBytes / LUNRecord.byteCount
}

// A checkpoint writes the changed map pages to free blocks, then a superblock that names them. Until that superblock
// is durable nothing that the previous checkpoint needs is overwritten.

extension StoragePool {
    /// Pages of a checkpoint on their way to the device.
    struct Staging {
        var pages: UnsafeMutableRawBufferPointer
        var blocks: [UInt64] = []
        var superblock: Superblock
        /// Blocks that become free when the superblock is durable.
        var freed: [UInt32] = []
        var journalUsed = 0
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
        var pageCount = 0
        while true {
            while isFlushing { gate.wait() }
            if isStopped { throw .stopped }
            pageCount = state.arena.dirtyCount + cataloguePages(state.luns.count)
            if state.allocator.freeBlocks >= pageCount { break }
            try growDevice(toFree: pageCount)
        }

        let sealed = openRecords.isEmpty ? nil : sealOpenGroup()
        var staging = stage(pageCount)
        defer { staging.pages.deallocate() }
        if let sealed { try flushSealed(sealed.group, sealed.bytes, sealed.offset) }

        gate.unlock()
        let isDurable = write(&staging)
        gate.lock()
        guard isDurable, !isStopped else {
            isStopped = true
            throw .stopped
        }
        superblock = staging.superblock
        ring.release(staging.journalUsed)
        state.allocator.freeDeferred(staging.freed)
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

    private func stage(_ pageCount: Int) -> Staging {
        var staging = Staging(
            pages: .allocate(byteCount: pageCount * Layout.blockBytes, alignment: Layout.blockBytes),
            superblock: superblock)
        staging.blocks = [UInt64](repeating: 0, count: pageCount)
        staging.blocks.withUnsafeMutableBufferPointer { state.allocator.take(into: $0, mark: BlockAllocator.held) }

        let dirty = state.arena.takeDirty()
        precondition(dirty.count + cataloguePages(state.luns.count) == pageCount, "the count of dirty pages is wrong")
        for (position, slot) in dirty.enumerated() { stageMapPage(slot, at: position, &staging) }
        staging.superblock.catalogue = stageCatalogue(from: dirty.count, &staging)

        staging.superblock.generation += 1
        staging.superblock.nextLUN = state.nextLUN
        staging.superblock.nextGroup = openGroup
        staging.superblock.journalPage = UInt32(ring.head)
        staging.journalUsed = ring.used
        staging.freed = state.allocator.takeDeferred()
        return staging
    }

    private func stageMapPage(_ slot: PageArena.Slot, at position: Int, _ staging: inout Staging) {
        let page = state.arena.page(slot)
        let entries = state.arena.entries(slot)
        guard let base = staging.pages.baseAddress else { return }
        let target = (base + position * Layout.blockBytes).assumingMemoryBound(to: UInt64.self)
        for index in 0..<Layout.entriesPerPage {
            let entry = entries[index]
            let isNamed = entry != 0 && page.pointee.level > 0
            target[index] = (isNamed ? state.arena.page(UInt32(entry)).pointee.stored.rawValue : entry).littleEndian
        }
        if page.pointee.stored.isMapped { state.allocator.deferFree(page.pointee.stored.block) }
        state.arena.markClean(slot, stored: staging.pointer(at: position))
    }

    /// Puts the LUN records behind the map pages and returns the root page's pointer.
    private func stageCatalogue(from first: Int, _ staging: inout Staging) -> BlockPointer {
        for block in catalogueBlocks { state.allocator.deferFree(block) }
        catalogueBlocks = []
        let luns = state.luns.values.sorted { $0.record.identifier < $1.record.identifier }
        guard !luns.isEmpty, let base = staging.pages.baseAddress else { return .unmapped }
        let leafCount = cataloguePages(luns.count) - 1
        let start = base + first * Layout.blockBytes
        UnsafeMutableRawBufferPointer(start: start, count: (leafCount + 1) * Layout.blockBytes).clear()
        for (index, lun) in luns.enumerated() {
            let root = lun.root == 0 ? .unmapped : state.arena.page(lun.root).pointee.stored
            lun.record.encode(root: root, into: start + index * LUNRecord.byteCount)
        }
        let rootPosition = first + leafCount
        for leaf in 0..<leafCount {
            let pointer = staging.pointer(at: first + leaf)
            (base + rootPosition * Layout.blockBytes).putLittle(pointer.rawValue, at: 8 * leaf)
        }
        let root = staging.pointer(at: rootPosition)
        catalogueBlocks = staging.blocks[first...rootPosition].map { BlockPointer(rawValue: $0).block }
        return root
    }

    // MARK: Writing, without the gate

    private func write(_ staging: inout Staging) -> Bool {
        do {
            try device.writeBlocks(UnsafeRawBufferPointer(staging.pages), to: staging.blocks)
            try device.flush()
            try staging.superblock.write(to: device)
            try device.flush()
            return true
        } catch {
            return false
        }
    }
}

extension StoragePool.Staging {
    /// Seals a staged page with its checksum.
    fileprivate func pointer(at position: Int) -> BlockPointer {
        let page = UnsafeRawBufferPointer(
            rebasing: pages[position * Layout.blockBytes..<(position + 1) * Layout.blockBytes])
        return BlockPointer(block: BlockPointer(rawValue: blocks[position]).block, checksum: Checksum.of(page))
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
