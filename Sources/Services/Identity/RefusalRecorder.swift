import Domain
import Persistence
import Platform
import Synchronization

/// Records callers that were turned away before anybody's password was looked at.
///
/// Strangers can cause these in any number, so that only so many become entries of their own; the next entry says how many
/// did not.
public final class RefusalRecorder: Sendable {
    /// Entries at once, and per second in the long run.
    private static let burst: Int64 = 100
    private static let perSecond: Int64 = 20

    private struct State {
        /// In thousandths of an entry.
        var allowance = burst * 1000
        var lastNanoseconds: UInt64 = 0
        var suppressed = 0
    }

    private let store: Store
    private let clock: any Clock
    private let state = Mutex(State())

    public init(store: Store, world: World) {
        self.store = store
        clock = world.clock
    }

    /// - Parameter reason: says nothing of what was presented.
    public func note(_ reason: String, of call: Call) {
        guard let missing = take() else { return }
        let detail = missing == 0 ? reason : reason + "; \(missing) refusals before it have no entries"
        let isTaken = store.noteAudit(call, refused: .unauthenticated, facts: [AuditFact(target: "authentication", detail: detail)])
        if !isTaken { state.withLock { $0.suppressed += missing + 1 } }
    }

    /// - Returns: how many refusals had no entry since the last that had one; `nil` if this is another.
    private func take() -> Int? {
        let now = clock.monotonicNanoseconds
        return state.withLock { state in
            let elapsedMilliseconds = now > state.lastNanoseconds ? Int64(clamping: (now - state.lastNanoseconds) / 1_000_000) : 0
            if elapsedMilliseconds > 0 {
                let gain = min(elapsedMilliseconds, 3_600_000) * Self.perSecond
                state.allowance = min(Self.burst * 1000, state.allowance + gain)
                state.lastNanoseconds = now
            }
            guard state.allowance >= 1000 else {
                state.suppressed += 1
                return nil
            }
            state.allowance -= 1000
            defer { state.suppressed = 0 }
            return state.suppressed
        }
    }
}
