import Domain
import Synchronization

/// A log in memory: the executable specification of `ChangeLog`, and the log of simulations.
///
/// `close` keeps the contents; opening the same instance again is what reopening a file is to other logs.
public final class MemoryLog: ChangeLog {
    private struct Name: Hashable {
        let kind: String
        let id: String
    }

    private struct State {
        var head: UInt64 = 0
        var live: [Name: LogRecord] = [:]
        var changes: [Change] = []
        var audit: [AuditEntry] = []
        var auditHead = AuditHead.start
        /// The last change that trimming took away.
        var trimmedThrough: UInt64 = 0
        var appends = 0
    }

    private let state = Mutex(State())

    public init() {}

    /// How many appends have become durable; a batch counts once.
    public var appendCount: Int { state.withLock { $0.appends } }

    public func open() throws(LogError) -> LogContents {
        state.withLock { state in
            let records = state.live.values.sorted { ($0.kind, $0.id) < ($1.kind, $1.id) }
            return LogContents(head: state.head, records: records, audit: state.auditHead)
        }
    }

    public func append(_ changes: [Change], after head: UInt64) -> AppendOutcome {
        state.withLock { state in
            guard state.head == head else { return .refused(.conflict(head: state.head)) }
            for (change, sequence) in zip(changes, (head + 1)...) {
                precondition(change.sequence == sequence, "Changes of a batch follow the head without a gap.")
                apply(change, to: &state)
            }
            state.appends += 1
            return .durable
        }
    }

    private func apply(_ change: Change, to state: inout State) {
        for write in change.writes {
            let name = Name(kind: write.kind, id: write.id)
            state.live[name] = write.body.map {
                LogRecord(kind: write.kind, id: write.id, revision: change.sequence, body: $0)
            }
        }
        state.head = change.sequence
        state.changes.append(change)
        if let entry = change.audit {
            state.audit.append(entry)
            state.auditHead = entry.head
        }
    }

    public func head() throws(LogError) -> UInt64 { state.withLock { $0.head } }

    public func changes(after sequence: UInt64, limit: Int) throws(LogError) -> [Change] {
        try state.withLock { state throws(LogError) in
            guard sequence >= state.trimmedThrough else { throw .trimmed }
            return Array(state.changes.lazy.filter { $0.sequence > sequence }.prefix(limit))
        }
    }

    public func audit(_ query: AuditQuery) throws(LogError) -> [AuditEntry] {
        state.withLock { state in
            let matching = state.audit.filter(query.matches)
            return Array((query.newestFirst ? matching.reversed() : matching).prefix(query.limit))
        }
    }

    public func trim(changesThrough: UInt64, auditThrough: UInt64) throws(LogError) {
        state.withLock { state in
            state.trimmedThrough = max(state.trimmedThrough, min(changesThrough, state.head))
            state.changes.removeAll { $0.sequence <= state.trimmedThrough }
            state.audit.removeAll { $0.sequence <= min(auditThrough, state.trimmedThrough) }
        }
    }

    public func close() {}
}
