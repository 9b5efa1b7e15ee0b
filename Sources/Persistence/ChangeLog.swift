import Domain

/// The durable, totally ordered log of changes, and the live records it amounts to.
///
/// A log knows records by kind, identifier and bytes, never what they mean. One instance has one user at a time: the
/// store's writer calls it from one thread; only `audit`, `changes` and `head` may come from others meanwhile.
/// `MemoryLog` is the executable specification; every back end passes the same kit of tests and is compared with it.
public protocol ChangeLog: Sendable {
    /// Opens, checks and, where needed, recovers the log. Called once, before anything else.
    func open() throws(LogError) -> LogContents

    /// Appends changes, all or none. Their sequence numbers follow `head` without a gap.
    ///
    /// Refused with `.conflict` if the log's head is another one.
    func append(_ changes: [Change], after head: UInt64) -> AppendOutcome

    /// Sequence number of the last change; 0 before the first.
    func head() throws(LogError) -> UInt64

    /// Changes with a greater sequence number, in order, at most `limit`.
    ///
    /// - Throws: `.trimmed` if some of them are no longer kept.
    func changes(after sequence: UInt64, limit: Int) throws(LogError) -> [Change]

    /// Audit entries that match, in the order the query asks for.
    func audit(_ query: AuditQuery) throws(LogError) -> [AuditEntry]

    /// Forgets changes up to and including one sequence number, and audit entries up to another. Live records stay.
    ///
    /// An audit entry stays at least as long as its change.
    func trim(changesThrough: UInt64, auditThrough: UInt64) throws(LogError)

    /// Gives up the log. Nothing may be called afterwards.
    func close()
}

/// What an opened log holds.
public struct LogContents: Sendable, Equatable {
    public var head: UInt64
    /// Live records, in the order of kind, then identifier (by code unit).
    public var records: [LogRecord]
    /// The end of the chain of audit entries.
    public var audit: AuditHead

    public init(head: UInt64, records: [LogRecord], audit: AuditHead = .start) {
        self.head = head
        self.audit = audit
        self.records = records
    }
}

/// A live record as the log keeps it.
public struct LogRecord: Sendable, Equatable {
    /// Raw value of a `ResourceKind`, or `counter`.
    public var kind: String
    public var id: String
    /// Sequence number of the change that last wrote it.
    public var revision: UInt64
    public var body: [UInt8]

    public init(kind: String, id: String, revision: UInt64, body: [UInt8]) {
        self.kind = kind
        self.id = id
        self.revision = revision
        self.body = body
    }
}

/// One atomic change: records written and removed, and the audit entry that goes with them.
public struct Change: Sendable, Equatable {
    /// Counts from 1 without a gap.
    public var sequence: UInt64
    public var time: Timestamp
    /// No record occurs twice.
    public var writes: [RecordWrite]
    public var audit: AuditEntry?

    public init(sequence: UInt64, time: Timestamp, writes: [RecordWrite], audit: AuditEntry?) {
        self.sequence = sequence
        self.time = time
        self.writes = writes
        self.audit = audit
    }
}

public struct RecordWrite: Sendable, Equatable {
    public var kind: String
    public var id: String
    /// The new body; `nil` removes the record.
    public var body: [UInt8]?

    public init(kind: String, id: String, body: [UInt8]?) {
        self.kind = kind
        self.id = id
        self.body = body
    }
}

/// What became of an append.
public enum AppendOutcome: Sendable, Equatable {
    /// It is there and survives a loss of power.
    case durable
    /// It is not there and will not be.
    case refused(LogError)
    /// It may or may not be there; only reading back can tell.
    case unknown(LogError)
}

public enum LogError: Error, Sendable, Equatable {
    /// Somebody else appended: the log's head is this.
    case conflict(head: UInt64)
    /// Another process has the log open.
    case inUse
    /// Written by a later version of the program.
    case newerFormat(found: Int, known: Int)
    /// The stored bytes contradict each other.
    case damaged(String)
    /// No room to write.
    case noSpace
    /// Changes this old are no longer kept.
    case trimmed
    /// The device or the back end failed; the text is for the operator.
    case unavailable(String)
}
