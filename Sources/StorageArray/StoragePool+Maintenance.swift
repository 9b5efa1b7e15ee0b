import Platform

extension StoragePool {
    private static let trimBlocks = (16 << 20) / Layout.blockBytes
    private static let trimDueBlocks = (256 << 20) / Layout.blockBytes
    /// Free blocks that stay reserved in the file: to write into a hole costs a flush ten times as much.
    private static let trimKeepsBlocks = (128 << 20) / Layout.blockBytes

    /// With the gate held: the journal is half full, or the next checkpoint's copy would hold the gate for long.
    var isCheckpointDue: Bool {
        ring.used > ring.pages / 2
            || state.arena.dirtyCount + state.allocator.table.dirtyRegions.count > Self.dirtyPagesForCheckpoint
    }

    /// After a command: does what is due, or wakes the thread that does.
    func maintainIfDue() {
        let (isDue, hasDead) = locked {
            let isOtherDue =
                isGrowthDue && maintenance == .background || state.allocator.trimming.blocks >= Self.trimDueBlocks
            return (isCheckpointDue && !isCheckpointing || isOtherDue, isReapDue)
        }
        guard isDue || hasDead else { return }
        switch maintenance {
        case .inline:
            // A failure has stopped the pool, which every later command reports.
            do throws(ArrayError) {
                try reapInline()
                if isDue { try maintain() }
            } catch { return }
        case .background: maintenanceSignal.raise()
        }
    }

    /// Frees what was given up, writes a checkpoint and gives free space back to the file system, now.
    public func performMaintenance() {
        do throws(ArrayError) {
            try reapAll()
            try checkpoint()
            while try trimSome() {}
        } catch { return }
    }

    private func maintainInBackground() {
        // A failure has stopped the pool, which every later command reports.
        do throws(ArrayError) {
            try reapAll()
            try maintain()
        } catch { return }
    }

    /// What is due of it.
    private func maintain() throws(ArrayError) {
        if locked({ isCheckpointDue }) { try checkpoint() }
        if maintenance == .background { growAhead() }
        while locked({ state.allocator.trimming.blocks > Self.trimKeepsBlocks }), try trimSome() {}
    }

    /// Punches one run of free blocks out of the device; `false` when there is none left or the device cannot.
    private func trimSome() throws(ArrayError) -> Bool {
        gate.lock()
        for region in takeUnexamined() {
            // What cannot be read is not trimmed.
            do throws(ArrayError) {
                try state.allocator.table.load(UInt32(state.allocator.table.geometry.start(ofRegion: region)))
            } catch { continue }
            state.allocator.trimming.examine(region: region)
        }
        let taken = isStopped ? nil : state.allocator.takeTrimmable(maximumBlocks: Self.trimBlocks)
        gate.unlock()
        guard let blocks = taken else { return locked { !isStopped && !state.allocator.table.unexamined.isEmpty } }
        let unit = UInt64(Layout.blockBytes)
        let hasWorked: Bool
        do throws(DeviceError) {
            try device.discard(offset: UInt64(blocks.lowerBound) * unit, count: UInt64(blocks.count) * unit)
            hasWorked = true
        } catch { hasWorked = false }
        locked { state.allocator.finishTrim(blocks) }
        return hasWorked
    }

    private func takeUnexamined() -> [Int] {
        evictPages()
        let table = state.allocator.table
        defer { table.unexamined.removeLast(min(32, table.unexamined.count)) }
        return table.unexamined.suffix(32)
    }

    /// Stops the pool after a checkpoint: every later command that modifies fails with `.stopped`.
    public func close() throws(ArrayError) {
        maintenanceSignal.end()
        maintenanceThread?.join()
        try checkpoint()
        gate.lock()
        isStopped = true
        gate.wakeAll()
        gate.unlock()
        commitSignal.end()
        commitThread?.join()
    }

    /// Starts the thread that keeps `maintenance == .background`.
    func startMaintenance() throws(ArrayError) {
        do throws(ThreadError) {
            maintenanceThread = try SystemThread(name: "array-upkeep") { [weak self, maintenanceSignal] in
                while maintenanceSignal.wait() { self?.maintainInBackground() }
            }
        } catch {
            switch error {
            case .system(let number): throw .device(.system(number))
            }
        }
    }
}

/// Tells the maintenance thread that something is due, or that it is over.
final class MaintenanceSignal: @unchecked Sendable {
    // Both flags are touched only with the gate held.
    private let gate = Gate()
    private var isRaised = false
    private var isOver = false

    func raise() { set { isRaised = true } }
    func end() { set { isOver = true } }

    private func set(_ change: () -> Void) {
        gate.lock()
        change()
        gate.wakeAll()
        gate.unlock()
    }

    /// Sleeps until there is something to do; `false` when it is over.
    func wait() -> Bool {
        gate.lock()
        defer { gate.unlock() }
        while !isRaised && !isOver { gate.wait() }
        isRaised = false
        return !isOver
    }
}
