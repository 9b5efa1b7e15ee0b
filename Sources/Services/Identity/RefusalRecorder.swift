import Domain
import Persistence
import Platform
import Synchronization

/// Records callers that were turned away before anybody's password was looked at, reads that were not permitted, and
/// requests that were too many or not readable.
///
/// These can come in any number, so that of one user, and of strangers for one reason, only so many become entries of their
/// own; the next entry says how many did not. That bounds what a flood of them can write.
public final class RefusalRecorder: Sendable {
    /// Entries at once, and per second in the long run.
    private static let burst: Int64 = 100
    private static let perSecond: Int64 = 20

    private struct Allowance {
        /// In thousandths of an entry.
        var left = burst * 1000
        var lastNanoseconds: UInt64 = 0
        var suppressed = 0
    }

    private let store: Store
    private let clock: any Clock
    /// By user, and by reason for strangers: no more than the directory has users and the interface reasons.
    private let allowances = Mutex<[String: Allowance]>([:])

    public init(store: Store, world: World) {
        self.store = store
        clock = world.clock
    }

    /// - Parameters:
    ///   - reason: says nothing of what was presented.
    ///   - subject: what the refusal is about; the target of the entry.
    public func note(
        _ reason: String, of call: Call, _ type: FaultType = .unauthenticated, about subject: String = "authentication"
    ) {
        let key = call.user ?? "\n" + reason
        guard let missing = take(key) else { return }
        let detail = missing == 0 ? reason : reason + "; \(missing) refusals before it have no entries"
        let isTaken = store.noteAudit(call, refused: type, facts: [AuditFact(target: subject, detail: detail)])
        if !isTaken { allowances.withLock { $0[key]?.suppressed += missing + 1 } }
    }

    /// - Returns: how many refusals had no entry since the last that had one; `nil` if this is another.
    private func take(_ key: String) -> Int? {
        let now = clock.monotonicNanoseconds
        return allowances.withLock { allowances in
            var allowance = allowances[key] ?? Allowance(lastNanoseconds: now)
            defer { allowances[key] = allowance }
            let elapsedMilliseconds =
                now > allowance.lastNanoseconds ? Int64(clamping: (now - allowance.lastNanoseconds) / 1_000_000) : 0
            if elapsedMilliseconds > 0 {
                let gain = min(elapsedMilliseconds, 3_600_000) * Self.perSecond
                allowance.left = min(Self.burst * 1000, allowance.left + gain)
                allowance.lastNanoseconds = now
            }
            guard allowance.left >= 1000 else {
                allowance.suppressed += 1
                return nil
            }
            allowance.left -= 1000
            defer { allowance.suppressed = 0 }
            return allowance.suppressed
        }
    }
}
