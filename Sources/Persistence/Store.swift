import Domain
import Platform

/// The one place where records live: an inventory to read, and commits to change it.
///
/// Reads take `snapshot` and never wait. Commits are made one after the other on one thread, because they wait for the
/// disk; commits that queue up meanwhile share one append. A commit returns when its change is durable, and only then
/// can a snapshot show it.
public final class Store: Sendable {
    private let writer: Writer
    private let queue: CommitQueue
    /// `nil` if callers write themselves.
    private let thread: SystemThread?
    private let limits: Limits

    /// Where bodies run and the log is written.
    public enum WriterMode: Sendable {
        /// On a thread of the store, which may block.
        case thread
        /// On the thread of whoever commits: for simulations, whose log never blocks.
        case caller
    }

    public struct Limits: Sendable {
        /// How many commits may wait; one more is refused.
        public var queueLimit = 4096
        /// How many commits may share one append.
        public var batchLimit = 256

        public init() {}
    }

    private init(writer: Writer, queue: CommitQueue, thread: SystemThread?, limits: Limits) {
        self.writer = writer
        self.queue = queue
        self.thread = thread
        self.limits = limits
    }

    deinit { _ = queue.close() }

    /// Opens the log and loads its records. Blocks.
    ///
    /// - Parameter schema: a type for every kind of record in the log.
    /// - Throws: what the log throws; `.damaged` if a record does not decode or its kind is unknown.
    public static func open(
        log: any ChangeLog, schema: Schema, world: World, limits: Limits = Limits(), writer mode: WriterMode = .thread
    ) throws(LogError) -> Store {
        let contents = try log.open()
        let coder = RecordCoder()
        let writer: Writer
        do {
            let inventory = try Inventory(schema: schema, contents: contents, coder: coder)
            writer = Writer(log: log, inventory: inventory, clock: world.clock, coder: coder)
        } catch {
            log.close()
            throw .damaged(error.reason)
        }
        let queue = CommitQueue(queueLimit: limits.queueLimit, batchLimit: limits.batchLimit)
        guard mode == .thread else { return Store(writer: writer, queue: queue, thread: nil, limits: limits) }
        do {
            let thread = try SystemThread(name: "store-writer", stackBytes: 8 << 20) {
                while let items = queue.next() { writer.process(items) }
                log.close()
            }
            return Store(writer: writer, queue: queue, thread: thread, limits: limits)
        } catch {
            log.close()
            throw .unavailable("no thread for the store: \(error)")
        }
    }

    /// All records as of the last durable change.
    public var snapshot: Inventory { writer.published.withLock { $0 } }

    /// Whether commits have a chance.
    public var writability: Writability { writer.writability.withLock { $0 } }

    /// Makes one change and returns when it is durable.
    ///
    /// - Parameters:
    ///   - call: on whose behalf; the audit entry of the change names it. `nil` for work of the program itself, which
    ///     leaves an audit entry only if the body adds facts.
    ///   - auditing: when the change leaves an audit entry.
    ///   - body: has no effect but through the draft, for it may run more than once; everything it wrote is dropped if
    ///     it throws. Runs on the writer's thread: it must not block.
    /// - Throws: what `body` throws; `serviceUnavailable` if the log or the queue does not take the change.
    @discardableResult
    public func commit<Success: Sendable>(
        by call: Call?, auditing: AuditRule = .always,
        _ body: @escaping @Sendable (inout Draft) throws(Fault) -> Success
    ) async throws(Fault) -> Success {
        let result = await withUnsafeContinuation { (continuation: UnsafeContinuation<Result<Success, Fault>, Never>) in
            let pending = PendingBody(call: call, auditing: auditing, body: body, continuation: continuation)
            if let refusal = submit(.commit(pending)) { pending.finish(refusal) }
        }
        return try result.get()
    }

    /// Stores the audit entry of a call that was refused or failed and returns when it is durable.
    public func recordAudit(_ call: Call, refused type: FaultType, facts: [AuditFact] = []) async throws(Fault) {
        try await recordAudit(call, .refused(type), facts: facts)
    }

    /// As above, for any call that changed nothing.
    public func recordAudit(_ call: Call, _ outcome: AuditOutcome, facts: [AuditFact] = []) async throws(Fault) {
        let failure = await withUnsafeContinuation { (continuation: UnsafeContinuation<Fault?, Never>) in
            let pending = PendingAudit(call: call, outcome: outcome, facts: facts) {
                continuation.resume(returning: $0)
            }
            if let refusal = submit(.commit(pending)) { pending.finish(refusal) }
        }
        if let failure { throw failure }
    }

    /// As `recordAudit`, without waiting: for refusals that strangers can cause in any number.
    ///
    /// - Returns: `false` if the entry was dropped because the queue is half full.
    @discardableResult
    public func noteAudit(_ call: Call, refused type: FaultType, facts: [AuditFact] = []) -> Bool {
        let pending = PendingAudit(call: call, outcome: .refused(type), facts: facts) { _ in }
        return submit(.commit(pending), reserve: limits.queueLimit / 2) == nil
    }

    /// The last audit entry whose number is not greater; `nil` if none is kept. Blocks on the log.
    public func auditEntry(upToNumber number: UInt64) throws(Fault) -> AuditEntry? {
        var (low, high) = (UInt64(1), snapshot.sequence)
        var found: AuditEntry?
        // Numbers grow with the sequence: the first entry of the upper half tells which half it is.
        while low <= high {
            let middle = low + (high - low) / 2
            if let entry = try audit(AuditQuery(sequences: middle...high, limit: 1)).first, entry.number <= number {
                found = entry
                low = entry.sequence + 1
            } else {
                high = middle - 1
            }
        }
        return found
    }

    /// Audit entries that match. Blocks on the log, not on commits: call it from a thread that may.
    public func audit(_ query: AuditQuery) throws(Fault) -> [AuditEntry] {
        do {
            return try writer.log.audit(query)
        } catch {
            throw Fault(
                .serviceUnavailable, id: "com.viaduct.store.audit_unavailable", "The audit log cannot be read now.",
                detail: "\(error)")
        }
    }

    /// Forgets old changes and audit entries; see `ChangeLog.trim`.
    public func trim(changesThrough: UInt64, auditThrough: UInt64) async throws(Fault) {
        let failure = await withUnsafeContinuation { (continuation: UnsafeContinuation<Fault?, Never>) in
            let refusal = submit(
                .maintenance { log in
                    do {
                        try log.trim(changesThrough: changesThrough, auditThrough: auditThrough)
                        continuation.resume(returning: nil)
                    } catch {
                        continuation.resume(returning: .notStored("\(error)"))
                    }
                })
            if let refusal { continuation.resume(returning: refusal) }
        }
        if let failure { throw failure }
    }

    /// Calls `observer` after every published batch, in order, with the new inventory and the records it touched.
    ///
    /// It runs on the writer's thread before the commits return, so it must be short and must not wait for a commit.
    public func observe(_ observer: @escaping @Sendable (Inventory, [RecordKey]) -> Void) {
        writer.observers.withLock { $0.append(observer) }
    }

    /// Finishes what waits, refuses what comes later, and gives up the log. Blocks.
    public func close() {
        guard queue.close() else { return }
        if let thread {
            thread.join()
        } else {
            queue.waitUntilIdle()
            writer.log.close()
        }
    }

    private func submit(_ item: WriterItem, reserve: Int = 0) -> Fault? {
        switch queue.append(item, reserve: reserve) {
        case .closed: return .notStored("the store is closed")
        case .full: return .notStored("\(limits.queueLimit) commits wait already")
        case nil: break
        }
        guard thread == nil else { return nil }
        var isWriter = false
        while let items = queue.nextWithoutWaiting(continuing: isWriter) {
            isWriter = true
            writer.process(items)
        }
        return nil
    }
}
