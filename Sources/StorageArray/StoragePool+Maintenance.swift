import Platform

extension StoragePool {
    private static let trimBlocks = (16 << 20) / Layout.blockBytes
    private static let trimDueBlocks = (256 << 20) / Layout.blockBytes
    /// Free blocks that stay reserved in the file: to write into a hole costs a flush ten times as much.
    private static let trimKeepsBlocks = (128 << 20) / Layout.blockBytes

    /// With the gate held: the journal is half full, or the next checkpoint's copy would hold the gate for long.
    private var isCheckpointDue: Bool {
        ring.used > ring.pages / 2 || state.arena.dirtyCount > Self.dirtyPagesForCheckpoint
    }

    /// After a command: does what is due, or wakes the thread that does.
    func maintainIfDue() {
        let isDue = locked {
            isCheckpointDue && !isCheckpointing || isGrowthDue && maintenance == .background
                || state.allocator.trimmableBlocks >= Self.trimDueBlocks
        }
        guard isDue else { return }
        switch maintenance {
        case .inline: performMaintenance(evenIfNotDue: false)
        case .background: maintenanceSignal.raise()
        }
    }

    /// Writes a checkpoint and gives free space back to the file system, now.
    public func performMaintenance() { performMaintenance(evenIfNotDue: true) }

    private func performMaintenance(evenIfNotDue: Bool) {
        if evenIfNotDue || locked({ isCheckpointDue }) {
            // A failure has stopped the pool, which every later command reports.
            do throws(ArrayError) { try checkpoint() } catch { return }
        }
        if maintenance == .background { growAhead() }
        while evenIfNotDue || locked({ state.allocator.trimmableBlocks > Self.trimKeepsBlocks }), trimSome() {}
    }

    /// Punches one run of free blocks out of the device; `false` when there is none left or the device cannot.
    private func trimSome() -> Bool {
        guard let blocks = locked({ isStopped ? nil : state.allocator.takeTrimmable(maximumBlocks: Self.trimBlocks) })
        else { return false }
        let unit = UInt64(Layout.blockBytes)
        let hasWorked: Bool
        do throws(DeviceError) {
            try device.discard(offset: UInt64(blocks.lowerBound) * unit, count: UInt64(blocks.count) * unit)
            hasWorked = true
        } catch { hasWorked = false }
        locked { state.allocator.finishTrim(blocks) }
        return hasWorked
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
                while maintenanceSignal.wait() { self?.performMaintenance(evenIfNotDue: false) }
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
