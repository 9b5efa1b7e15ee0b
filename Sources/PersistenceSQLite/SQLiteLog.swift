import Domain
import Persistence
import Synchronization

/// A log in one SQLite file, for one process at a time.
///
/// A batch is one transaction, and its commit syncs the write-ahead log once. Beside `path` lie SQLite's `-wal` and
/// `-shm` files and `path.lock`, which keeps a second process out.
public final class SQLiteLog: ChangeLog {
    private struct Open {
        let database: Database
        let lock: FileLock
        /// Why nothing can be written any more; only opening again helps.
        var failure: LogError?
        var commits = 0
    }

    private let path: String
    private let writing = Mutex<Open?>(nil)
    private let reading = Mutex<Database?>(nil)

    /// - Parameter path: of the database file; its directory must exist.
    public init(path: String) { self.path = path }

    /// How many transactions have become durable; a batch counts once.
    public var appendCount: Int { writing.withLock { $0?.commits ?? 0 } }

    public func open() throws(LogError) -> LogContents {
        let path = path
        let lock = try FileLock(path: path + ".lock")
        let contents = try writing.withLock { open throws(LogError) in
            let database = try Database.forWriting(path: path)
            let contents = try translating { () throws(DatabaseError) in try database.contents() }
            open = Open(database: database, lock: lock)
            return contents
        }
        try syncDirectory(of: path)
        return contents
    }

    public func append(_ changes: [Change], after head: UInt64) -> AppendOutcome {
        writing.withLock { open in
            guard let database = open?.database else { return .refused(SQLiteLog.closed) }
            if let failure = open?.failure { return .refused(failure) }
            let outcome = append(changes, after: head, to: database)
            switch outcome {
            case .durable: open?.commits += 1
            case .unknown(let error): open?.failure = error
            case .refused: if !database.isIdle { open?.failure = .unavailable("a transaction does not roll back") }
            }
            return outcome
        }
    }

    private func append(_ changes: [Change], after head: UInt64, to database: Database) -> AppendOutcome {
        do {
            try database.execute("BEGIN IMMEDIATE")
            let found = try database.head()
            guard found == head else {
                try database.execute("ROLLBACK")
                return .refused(.conflict(head: found))
            }
            for (change, sequence) in zip(changes, (head + 1)...) {
                precondition(change.sequence == sequence, "Changes of a batch follow the head without a gap.")
                try database.write(change)
            }
            try database.setHead(head + UInt64(changes.count))
            if let entry = changes.last(where: { $0.audit != nil })?.audit { try database.setAuditHead(entry.head) }
        } catch {
            return refused(error, by: database)
        }
        do {
            try database.execute("COMMIT")
            return .durable
        } catch {
            // Without room the commit mark, which is written last, is not in the file. After any other failure it may
            // be, and a later start would find it: nothing more is written then, so that nothing contradicts it.
            let isKnown = [Code.full, Code.busy, Code.locked].contains(error.primaryCode)
            return isKnown ? refused(error, by: database) : .unknown(LogError(error))
        }
    }

    private func refused(_ error: DatabaseError, by database: Database) -> AppendOutcome {
        if !database.isIdle {
            do {
                try database.execute("ROLLBACK")
            } catch {
                return .refused(LogError(error))
            }
        }
        return .refused(LogError(error))
    }

    public func head() throws(LogError) -> UInt64 {
        try withWriting { database throws(DatabaseError) in try database.head() }
    }

    public func changes(after sequence: UInt64, limit: Int) throws(LogError) -> [Change] {
        let changes = try withWriting { database throws(DatabaseError) -> [Change]? in
            guard sequence >= (try database.trimmedThrough()) else { return nil }
            return try database.changes(after: sequence, limit: limit)
        }
        guard let changes else { throw .trimmed }
        return changes
    }

    public func audit(_ query: AuditQuery) throws(LogError) -> [AuditEntry] {
        let path = path
        return try reading.withLock { open throws(LogError) in
            do throws(DatabaseError) {
                if let database = open { return try database.audit(query) }
                let database = try Database.forReading(path: path)
                open = database
                return try database.audit(query)
            } catch {
                throw LogError(error)
            }
        }
    }

    /// Checks the audit entries of a log that may be in use by a server.
    ///
    /// - Parameter checkpoints: with good signatures.
    public static func verifyAudit(path: String, _ checkpoints: [AuditCheckpoint]) throws(LogError) -> AuditVerification {
        do throws(DatabaseError) {
            return try Database.forReading(path: path).verifyAudit(checkpoints)
        } catch {
            throw LogError(error)
        }
    }

    public func trim(changesThrough: UInt64, auditThrough: UInt64) throws(LogError) {
        try withWriting { database throws(DatabaseError) in
            let changesThrough = max(try database.trimmedThrough(), min(changesThrough, try database.head()))
            try database.trim(changesThrough: changesThrough, auditThrough: min(auditThrough, changesThrough))
        }
    }

    public func close() {
        reading.withLock { $0 = nil }
        writing.withLock { $0 = nil }
    }

    private func withWriting<Result: Sendable>(
        _ work: @Sendable (Database) throws(DatabaseError) -> Result
    ) throws(LogError) -> Result {
        try writing.withLock { open throws(LogError) in
            guard let database = open?.database else { throw SQLiteLog.closed }
            if let failure = open?.failure { throw failure }
            return try translating { () throws(DatabaseError) in try work(database) }
        }
    }

    private static let closed = LogError.unavailable("the log is not open")
}
