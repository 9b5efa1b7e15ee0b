import Platform

extension StoragePool {
    private static let trimBlocks = (16 << 20) / Layout.blockBytes
    /// More free blocks than these are given back even while commands change the pool.
    static let trimDueBlocks = (4 << 30) / Layout.blockBytes
    private static let trimStopBlocks = (3 << 30) / Layout.blockBytes
    /// Free blocks that stay reserved in the file: to write into a hole costs a flush ten times as much.
    static let trimKeepsBlocks = (128 << 20) / Layout.blockBytes
    /// So long no command has changed anything when space is given back: what is freed under load is soon used again.
    private static let trimIdleMilliseconds = 2_000

    /// With the gate held: the journal is half full, or the next checkpoint's copy would hold the gate for long.
    var isCheckpointDue: Bool {
        ring.used > ring.pages / 2
            || state.arena.dirtyCount + state.allocator.table.dirtyRegions.count > Self.dirtyPagesForCheckpoint
    }

    /// After a command: does what is due, or wakes the thread that does.
    func maintainIfDue() {
        let (isDue, hasDead) = locked {
            let isOtherDue =
                maintenance == .background && (isGrowthDue || !isIdleAwaited && hasSpaceToTrim)
                || state.allocator.trimming.blocks >= Self.trimDueBlocks
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
        guard locked({ state.allocator.trimming.blocks >= Self.trimDueBlocks }) else { return }
        while locked({ state.allocator.trimming.blocks > Self.trimStopBlocks }), try trimSome() {}
    }

    private var hasSpaceToTrim: Bool { state.allocator.trimming.blocks > Self.trimKeepsBlocks }

    /// Gives back all but the reserve until a command changes something.
    private func trimWhileIdle(since group: UInt64) {
        // A failure has stopped the pool, which every later command reports.
        do throws(ArrayError) {
            while locked({ openGroup == group && hasSpaceToTrim }), try trimSome() {}
        } catch { return }
    }

    /// Before the maintenance thread sleeps: the open group if there is space to give back once commands pause.
    private func awaitIdleness() -> UInt64? {
        locked {
            isIdleAwaited = hasSpaceToTrim && !isStopped
            return isIdleAwaited ? openGroup : nil
        }
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
                while true {
                    let group = self?.awaitIdleness()
                    switch maintenanceSignal.wait(milliseconds: group.map { _ in Self.trimIdleMilliseconds }) {
                    case .raised: self?.maintainInBackground()
                    case .nothing: if let group { self?.trimWhileIdle(since: group) }
                    case .over: return
                    }
                }
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

    enum Wake {
        case raised
        /// Nothing happened for as long as was asked.
        case nothing
        case over
    }

    /// Sleeps until there is something to do; `false` when it is over.
    func wait() -> Bool { wait(milliseconds: nil) != .over }

    /// As `wait`, but for so long at most.
    func wait(milliseconds: Int?) -> Wake {
        gate.lock()
        defer { gate.unlock() }
        var hasTimeLeft = true
        while !isRaised && !isOver && hasTimeLeft {
            if let milliseconds { hasTimeLeft = gate.wait(milliseconds: milliseconds) } else { gate.wait() }
        }
        defer { isRaised = false }
        return isOver ? .over : isRaised ? .raised : .nothing
    }
}
