import Domain
import Platform

/// What waits for the writer.
enum WriterItem: Sendable {
    case commit(any PendingCommit)
    /// Work on the log itself, between two batches.
    case maintenance(@Sendable (any ChangeLog) -> Void)
}

/// A change that waits to be made, and somebody who waits for it.
protocol PendingCommit: Sendable {
    /// Makes the change on top of `inventory`; may be called again on another one.
    ///
    /// - Returns: `nil` if nothing is to be stored.
    func attempt(on inventory: Inventory, now: Timestamp, coder: RecordCoder) -> Draft.Finished?

    /// Answers whoever waits, once: with what the last attempt gave, or with `failure` if the log did not take it.
    func finish(_ failure: Fault?)
}

/// Changes in the order they came, bounded; at most one writer takes from it at a time.
final class CommitQueue: @unchecked Sendable {
    // `gate` guards everything below it.
    private let gate = Gate()
    private var items: [WriterItem] = []
    private var isClosed = false
    private var isTaken = false
    private let queueLimit: Int
    private let batchLimit: Int

    init(queueLimit: Int, batchLimit: Int) {
        self.queueLimit = queueLimit
        self.batchLimit = batchLimit
    }

    enum Refusal {
        case closed
        case full
    }

    /// - Parameter reserve: how many places have to stay free for others.
    func append(_ item: WriterItem, reserve: Int = 0) -> Refusal? {
        gate.lock()
        defer { gate.unlock() }
        if isClosed { return .closed }
        guard items.count + reserve < queueLimit else { return .full }
        items.append(item)
        gate.wakeAll()
        return nil
    }

    /// Sleeps until there is something; `nil` when the queue is closed and empty.
    func next() -> [WriterItem]? {
        gate.lock()
        defer { gate.unlock() }
        while items.isEmpty {
            if isClosed { return nil }
            gate.wait()
        }
        return takeBatch()
    }

    /// As `next`, for a writer without a thread: `nil` at once if there is nothing or somebody else writes.
    ///
    /// - Parameter continuing: whether the caller is the one who writes.
    func nextWithoutWaiting(continuing: Bool) -> [WriterItem]? {
        gate.lock()
        defer { gate.unlock() }
        if isTaken && !continuing { return nil }
        isTaken = !items.isEmpty
        if items.isEmpty {
            gate.wakeAll()
            return nil
        }
        return takeBatch()
    }

    /// Lets nothing more in.
    ///
    /// - Returns: whether this call closed it.
    func close() -> Bool {
        gate.lock()
        defer { gate.unlock() }
        if isClosed { return false }
        isClosed = true
        gate.wakeAll()
        return true
    }

    /// Sleeps until a writer without a thread is done.
    func waitUntilIdle() {
        gate.lock()
        defer { gate.unlock() }
        while isTaken || !items.isEmpty { gate.wait() }
    }

    private func takeBatch() -> [WriterItem] {
        let batch = Array(items.prefix(batchLimit))
        items.removeFirst(batch.count)
        return batch
    }
}

/// A body with its caller.
final class PendingBody<Success: Sendable>: PendingCommit, @unchecked Sendable {
    private let call: Call?
    private let auditing: AuditRule
    private let body: @Sendable (inout Draft) throws(Fault) -> Success
    private let continuation: UnsafeContinuation<Result<Success, Fault>, Never>
    // Only the one writer touches it, from the first attempt to `finish`.
    private var result: Result<Success, Fault>?

    init(
        call: Call?, auditing: AuditRule, body: @escaping @Sendable (inout Draft) throws(Fault) -> Success,
        continuation: UnsafeContinuation<Result<Success, Fault>, Never>
    ) {
        self.call = call
        self.auditing = auditing
        self.body = body
        self.continuation = continuation
    }

    func attempt(on inventory: Inventory, now: Timestamp, coder: RecordCoder) -> Draft.Finished? {
        var draft = Draft(base: inventory, now: now)
        do {
            let success = try body(&draft)
            result = .success(success)
        } catch {
            result = .failure(error)
            return nil
        }
        do {
            return try draft.finished(by: call, auditing: auditing, coder: coder)
        } catch {
            result = .failure(.unstorable(error.reason))
            return nil
        }
    }

    func finish(_ failure: Fault?) {
        if let failure {
            continuation.resume(returning: .failure(failure))
        } else {
            continuation.resume(returning: result ?? .failure(.notStored("the body never ran")))
        }
    }
}

/// An audit entry on its own, for a call that changed nothing.
struct PendingAudit: PendingCommit {
    let call: Call
    let outcome: AuditOutcome
    let facts: [AuditFact]
    let answer: @Sendable (Fault?) -> Void

    func attempt(on inventory: Inventory, now: Timestamp, coder: RecordCoder) -> Draft.Finished? {
        let sequence = inventory.sequence + 1
        let entry = AuditEntry(sequence: sequence, time: now, call: call, outcome: outcome, facts: facts)
            .sealed(after: inventory.state.audit)
        call.audit?.mark()
        return Draft.Finished(
            change: Change(sequence: sequence, time: now, writes: [], audit: entry),
            inventory: Inventory(state: inventory.state.replacing(sequence: sequence, audit: entry.head)), touched: [])
    }

    func finish(_ failure: Fault?) { answer(failure) }
}
