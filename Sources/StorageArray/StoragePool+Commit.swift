import Platform

// How a change becomes durable: one write and one flush for everybody who waits.

extension StoragePool {
    /// Sleeps until the group is durable; the first who comes flushes for all.
    ///
    /// - Throws: `.stopped` if that will never be known.
    func waitUntilDurable(_ group: UInt64) throws(ArrayError) {
        if group <= durableGroup { return }
        gate.lock()
        defer { gate.unlock() }
        while durableGroup < group {
            if isFlushing { gate.wait(in: line(of: group)) } else { try flushOrWait() }
        }
    }

    private func line(of group: UInt64) -> GateLine { group & 1 == 0 ? lines.0 : lines.1 }

    /// With the gate held: flushes the open group, or waits for whoever does something that leads to it.
    func flushOrWait() throws(ArrayError) {
        if isStopped { throw .stopped }
        if isFlushing { return gate.wait() }
        // The ticket of another pool, or of one that a crash has undone.
        if openRecords.isEmpty { throw .stopped }
        if ring.hasRoom(for: openRecords.pageCount) { return flushOpenGroup() }
        if isCheckpointing { return gate.wait() }
        try checkpointLocked()
    }

    /// With the gate held and nobody flushing: writes the open group and makes it durable. The gate is free meanwhile.
    private func flushOpenGroup() {
        isFlushing = true
        let (group, bytes, offset) = sealOpenGroup()
        gate.unlock()
        let isDurable = writeGroup(bytes, at: offset)
        gate.lock()
        finishFlush(group, isDurable: isDurable)
    }

    /// With the gate held: later records go to the next group.
    func sealOpenGroup() -> (group: UInt64, bytes: [UInt8], offset: UInt64) {
        let group = openGroup
        let bytes = openRecords.sealed(epoch: superblock.epoch, group: group)
        let page = ring.place(bytes.count / Layout.blockBytes)
        openRecords = JournalGroup()
        openGroup += 1
        state.allocator.currentGroup = openGroup
        return (group, bytes, journalOffset + UInt64(page * Layout.blockBytes))
    }

    func writeGroup(_ bytes: [UInt8], at offset: UInt64) -> Bool {
        let start = clock.monotonicNanoseconds
        do {
            try device.write(bytes, at: offset)
            try device.flush()
            flushLatency.add(clock.monotonicNanoseconds - start)
            return true
        } catch {
            return false
        }
    }

    /// With the gate held.
    func finishFlush(_ group: UInt64, isDurable: Bool) {
        isFlushing = false
        // A flush that failed elsewhere may have taken this one's data with it.
        if isDurable && !isStopped {
            durableGroup = group
            state.allocator.settle(upTo: group)
        } else {
            isStopped = true
            line(of: group + 1).wakeAll()
        }
        line(of: group).wakeAll()
        // One of those who wait for the open group flushes it.
        line(of: group + 1).wakeOne()
        gate.wakeAll()
    }

    // MARK: Changing

    /// What a change needs before it can be applied.
    struct Demand {
        /// Blocks for data.
        var blocks = 0
        /// Map pages that may have to be written at the next checkpoint, at most.
        var pages = 0
        /// Bytes of journal records.
        var recordBytes = 0
        /// The change frees space or replaces what it owns: it may use what is kept for that.
        var isUrgent = false
    }

    /// Blocks kept for map pages, unmapping and overwriting when the pool is full: 1 %, at least 64 MiB but no more
    /// than a sixteenth of a small pool. A device that cannot grow is all of the pool.
    var slopBlocks: Int { Self.slop(isDeviceFull ? state.allocator.end : state.allocator.usableBlocks) }

    static func slop(_ blocks: Int) -> Int { max(blocks / 100, min((64 << 20) / Layout.blockBytes, blocks / 16)) }

    /// With the gate held: waits until there is room for a change in pool and group, growing the device if needed.
    ///
    /// The gate may have been free meanwhile. - Throws: `.outOfSpace`, `.stopped`.
    func prepare(_ demand: Demand) throws(ArrayError) {
        while true {
            if isStopped { throw .stopped }
            let reserve = demand.isUrgent ? 0 : slopBlocks
            if spareBlocks - demand.blocks - demand.pages < reserve {
                try makeSpace()
            } else if openRecords.byteCount + demand.recordBytes > ring.maximumGroupBytes {
                guard !openRecords.isEmpty else { throw .tooLarge }
                try flushOrWait()
            } else if hasFree(demand.blocks) {
                return
            } else {
                try growDevice(toFree: demand.blocks)
            }
        }
    }

    /// With the gate held: gets back blocks that are on their way to being free, or finds that the device can grow again.
    private func makeSpace() throws(ArrayError) {
        if state.allocator.pendingBlocks > 0, isFlushing || !openRecords.isEmpty { return try flushOrWait() }
        if try reapSome() { return }
        if state.allocator.deferredBlocks > 0 {
            if isCheckpointing { return gate.wait() }
            return try checkpointLocked()
        }
        guard try canGrowAgain() else { throw .outOfSpace }
    }

    /// With the gate held, after `prepare`: does a change and appends its record to the open group.
    func record(_ change: JournalRecord) throws(ArrayError) {
        let before = state.crossings
        do throws(ArrayError) { try state.apply(change) } catch {
            // Half done in memory: the medium has the last state that is whole.
            if error.isOfMetadata { isStopped = true }
            throw error
        }
        openRecords.append(change)
        if state.crossings > before { crossings.add(1, ordering: .releasing) }
    }
}

extension JournalGroup {
    var byteCount: Int { bytes.count }
    var pageCount: Int { (bytes.count + Layout.blockBytes - 1) / Layout.blockBytes }
}
