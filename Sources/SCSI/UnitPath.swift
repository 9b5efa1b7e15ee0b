import Synchronization

/// One initiator's way to one logical unit (SAM-5: I_T_L nexus): what it has still to hear, and what it is doing there.
final class UnitPath: Sendable {
    let nexus: Nexus
    let lun: UInt16
    let unit: LogicalUnit
    private let attentions = Mutex(AttentionQueue())
    /// Length of the queue, so that a command that finds none takes no lock.
    private let pending = Atomic<Int>(0)
    private let running = Atomic<Int>(0)
    private let aborts = Atomic<UInt64>(0)
    /// Crossings of the soft threshold that this initiator has heard of.
    private let heardCrossings: Atomic<UInt64>

    init(nexus: Nexus, lun: UInt16, unit: LogicalUnit, crossings: UInt64) {
        self.nexus = nexus
        self.lun = lun
        self.unit = unit
        heardCrossings = Atomic(crossings)
    }

    // MARK: Unit attentions

    func establish(_ attention: UnitAttention) {
        attentions.withLock { queue in
            queue.establish(attention)
            pending.store(queue.pending.count, ordering: .releasing)
        }
    }

    func takeAttention() -> UnitAttention? {
        guard pending.load(ordering: .acquiring) > 0 else { return nil }
        return attentions.withLock { queue in
            defer { pending.store(queue.pending.count, ordering: .releasing) }
            return queue.takeFirst()
        }
    }

    func clear(_ attention: UnitAttention) {
        guard pending.load(ordering: .acquiring) > 0 else { return }
        attentions.withLock { queue in
            queue.clear(attention)
            pending.store(queue.pending.count, ordering: .releasing)
        }
    }

    /// Establishes the soft threshold's condition if the LUN has crossed it since this initiator last heard.
    func note(crossings: UInt64) {
        let heard = heardCrossings.load(ordering: .relaxed)
        guard crossings > heard else { return }
        // Whoever exchanges it tells it, so that commands side by side tell it once.
        let won = heardCrossings.compareExchange(expected: heard, desired: crossings, ordering: .relaxed).exchanged
        if won { establish(.softThresholdReached) }
    }

    // MARK: Commands under way

    func enter() { running.add(1, ordering: .sequentiallyConsistent) }

    func leave() { running.subtract(1, ordering: .sequentiallyConsistent) }

    var isIdle: Bool { running.load(ordering: .sequentiallyConsistent) == 0 }

    /// Changes with every abort of all commands of this path.
    var abortGeneration: UInt64 { aborts.load(ordering: .sequentiallyConsistent) }

    /// Commands that look at `abortGeneration` end as soon as they can.
    func abortCommands() { aborts.add(1, ordering: .sequentiallyConsistent) }
}
