/// Deadlines of the sources of one loop, in slots of 50 ms.
///
/// A source is looked at when its slot comes round: if its deadline has moved on meanwhile it is put further ahead, else
/// it expires. So the common case, a deadline that is pushed back again and again, costs nothing. Source: Varghese and
/// Lauck, "Hashed and Hierarchical Timing Wheels", scheme 6, with lazy re-insertion.
struct TimerWheel {
    static let tickNanoseconds: UInt64 = 50_000_000
    private static let slotCount = 1024

    private var slots: [Unmanaged<EventSource>?] = Array(repeating: nil, count: slotCount)
    /// All ticks up to this one have been looked at.
    private var tick: UInt64
    /// No source is armed for an earlier tick.
    private var earliest = UInt64.max
    private(set) var count = 0

    init(now: UInt64) { tick = now / TimerWheel.tickNanoseconds }

    /// Puts a source where its deadline says; it may be in the wheel already.
    mutating func arm(_ source: EventSource) {
        disarm(source)
        guard source.deadline != .max else { return }
        // Rounded up: nobody expires early. Far deadlines are looked at once per round.
        let wanted = source.deadline / TimerWheel.tickNanoseconds &+ 1
        let due = min(max(wanted, tick + 1), tick + UInt64(TimerWheel.slotCount) - 1)
        let slot = Int(due % UInt64(TimerWheel.slotCount))
        let head = slots[slot]?.takeUnretainedValue()
        source.slot = slot
        source.armedUntil = due * TimerWheel.tickNanoseconds
        source.previousInSlot = nil
        source.nextInSlot = head
        head?.previousInSlot = source
        slots[slot] = Unmanaged.passUnretained(source)
        earliest = min(earliest, due)
        count += 1
    }

    mutating func disarm(_ source: EventSource) {
        guard source.slot >= 0 else { return }
        if let previous = source.previousInSlot {
            previous.nextInSlot = source.nextInSlot
        } else {
            slots[source.slot] = source.nextInSlot.map { Unmanaged.passUnretained($0) }
        }
        source.nextInSlot?.previousInSlot = source.previousInSlot
        source.nextInSlot = nil
        source.previousInSlot = nil
        source.slot = -1
        source.armedUntil = .max
        count -= 1
        // Else an empty wheel would go on asking to be looked at.
        if count == 0 { earliest = .max }
    }

    /// Removes and returns the sources whose deadline has passed at `now`, and moves on those who have more time.
    mutating func takeExpired(now: UInt64) -> [EventSource] {
        let current = now / TimerWheel.tickNanoseconds
        guard current >= earliest else {
            if current > tick { tick = current }
            return []
        }
        var expired: [EventSource] = []
        var again: [EventSource] = []
        let last = min(current, tick + UInt64(TimerWheel.slotCount))
        while tick < last {
            tick += 1
            while let source = slots[Int(tick % UInt64(TimerWheel.slotCount))]?.takeUnretainedValue() {
                disarm(source)
                if source.deadline <= now { expired.append(source) } else { again.append(source) }
            }
        }
        tick = current
        earliest = firstArmed()
        for source in again { arm(source) }
        return expired
    }

    /// Milliseconds until the next source has to be looked at; -1 if there is none.
    func timeoutMilliseconds(now: UInt64) -> Int32 {
        guard earliest != .max else { return -1 }
        let due = earliest * TimerWheel.tickNanoseconds
        guard due > now else { return 0 }
        return Int32(truncatingIfNeeded: min((due - now + 999_999) / 1_000_000, 60_000))
    }

    private func firstArmed() -> UInt64 {
        guard count > 0 else { return .max }
        for ahead in 1...UInt64(TimerWheel.slotCount) where slots[Int((tick + ahead) % UInt64(TimerWheel.slotCount))] != nil {
            return tick + ahead
        }
        return .max
    }
}
