import Platform

/// Keeps commands on overlapping ranges of a LUN apart, first come first served.
///
/// A command takes all its ranges at once, so that two commands never wait for each other. It waits for earlier ones
/// that wait themselves, so that a stream of readers does not starve a writer.
final class RangeLocks: @unchecked Sendable {
    // The arrays are touched only with `gate` held.
    struct Claim {
        let lun: UInt32
        let blocks: Range<UInt64>
        let isShared: Bool

        /// Every LUN.
        static let everything = Claim(lun: 0, blocks: 0..<UInt64.max, isShared: false)

        /// All of a LUN.
        static func whole(_ lun: UInt32) -> Claim { Claim(lun: lun, blocks: 0..<UInt64.max, isShared: false) }

        /// That a LUN is there: kept apart only from what claims all of it.
        static func existence(_ lun: LUNIdentifier) -> Claim {
            Claim(lun: lun.rawValue, blocks: UInt64.max - 1..<UInt64.max, isShared: true)
        }

        func conflicts(with other: Claim) -> Bool {
            (lun == other.lun || lun == 0 || other.lun == 0) && !(isShared && other.isShared) && blocks.overlaps(other.blocks)
        }
    }

    private struct Holder {
        let ticket: UInt64
        let first: Claim
        let second: Claim?

        func conflicts(with other: Holder) -> Bool {
            if first.conflicts(with: other.first) { return true }
            if let mine = second, mine.conflicts(with: other.first) { return true }
            guard let theirs = other.second else { return false }
            return first.conflicts(with: theirs) || second.map { $0.conflicts(with: theirs) } ?? false
        }
    }

    private final class Sleeper {
        let gate = Gate()
        var isAwake = false
    }

    private let gate = Gate()
    private var nextTicket: UInt64 = 0
    private var active: [Holder] = []
    private var waiting: [(holder: Holder, sleeper: Sleeper)] = []

    /// Waits until no other command holds anything that conflicts; returns the ticket for `release`.
    func acquire(_ first: Claim, _ second: Claim? = nil) -> UInt64 {
        gate.lock()
        nextTicket += 1
        let holder = Holder(ticket: nextTicket, first: first, second: second)
        let mustWait =
            active.contains { $0.conflicts(with: holder) } || waiting.contains { $0.holder.conflicts(with: holder) }
        guard mustWait else {
            active.append(holder)
            gate.unlock()
            return holder.ticket
        }
        let sleeper = Sleeper()
        waiting.append((holder, sleeper))
        gate.unlock()

        sleeper.gate.lock()
        while !sleeper.isAwake { sleeper.gate.wait() }
        sleeper.gate.unlock()
        return holder.ticket
    }

    func release(_ ticket: UInt64) {
        gate.lock()
        if let index = active.firstIndex(where: { $0.ticket == ticket }) {
            active.swapAt(index, active.count - 1)
            active.removeLast()
        }
        if !waiting.isEmpty { admitWaiting() }
        gate.unlock()
    }

    private func admitWaiting() {
        var stillWaiting: [(holder: Holder, sleeper: Sleeper)] = []
        for (holder, sleeper) in waiting {
            let isBlocked =
                active.contains { $0.conflicts(with: holder) }
                || stillWaiting.contains { $0.holder.conflicts(with: holder) }
            if isBlocked {
                stillWaiting.append((holder, sleeper))
                continue
            }
            active.append(holder)
            sleeper.gate.lock()
            sleeper.isAwake = true
            sleeper.gate.wakeOne()
            sleeper.gate.unlock()
        }
        waiting = stillWaiting
    }
}
