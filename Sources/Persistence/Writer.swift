import Domain
import Platform
import Synchronization

/// Turns queued bodies into durable changes, one batch per append. Only one thread at a time runs `process`.
///
/// ```
/// bodies run on a running inventory ─► append (durable) ─► publish the inventory ─► answer the callers
/// ```
/// What a body has seen of earlier bodies of its batch is not durable yet, so nobody is answered, not even one whose
/// body threw, before the whole batch is.
final class Writer: @unchecked Sendable {
    let published: Mutex<Inventory>
    let writability = Mutex(Writability.ready)
    let observers = Mutex<[@Sendable (Inventory, [RecordKey]) -> Void]>([])
    let log: any ChangeLog
    private let clock: any Clock
    // Only `process` uses these, and only one thread at a time runs it.
    private let coder: RecordCoder
    private var mustCatchUp = false

    init(log: any ChangeLog, inventory: Inventory, clock: any Clock, coder: RecordCoder) {
        self.log = log
        self.published = Mutex(inventory)
        self.clock = clock
        self.coder = coder
    }

    /// Works off a batch and answers everybody in it.
    func process(_ items: [WriterItem]) {
        var commits: [any PendingCommit] = []
        for item in items {
            switch item {
            case .commit(let commit): commits.append(commit)
            case .maintenance(let work):
                commit(commits)
                commits = []
                work(log)
            }
        }
        commit(commits)
    }

    /// How often a batch is tried against a log that others append to.
    private static let attemptLimit = 16

    private func commit(_ commits: [any PendingCommit]) {
        guard !commits.isEmpty else { return }
        let failure = store(commits)
        for commit in commits { commit.finish(failure) }
    }

    /// Makes a batch durable and publishes it. Returns why not otherwise.
    private func store(_ commits: [any PendingCommit]) -> Fault? {
        for _ in 0..<Writer.attemptLimit {
            if mustCatchUp, let failure = catchUp() { return failure }
            let base = published.withLock { $0 }
            let batch = run(commits, on: base)
            if batch.changes.isEmpty { return nil }
            switch log.append(batch.changes, after: base.sequence) {
            case .durable:
                publish(batch)
                return nil
            case .refused(.conflict):
                mustCatchUp = true
            case .refused(let error):
                refuse("\(error)")
                return .notStored("\(error)")
            case .unknown(let error):
                return readBack(batch, after: base.sequence, error)
            }
        }
        return .notStored("others kept changing the log")
    }

    private struct Batch {
        var changes: [Change] = []
        var inventory: Inventory
        var touched: [RecordKey] = []
    }

    private func run(_ commits: [any PendingCommit], on base: Inventory) -> Batch {
        var batch = Batch(inventory: base)
        let now = Timestamp(milliseconds: clock.wallMilliseconds)
        for commit in commits {
            guard let finished = commit.attempt(on: batch.inventory, now: now, coder: coder) else { continue }
            batch.changes.append(finished.change)
            batch.inventory = finished.inventory
            batch.touched += finished.touched
        }
        return batch
    }

    private func publish(_ batch: Batch) {
        published.withLock { $0 = batch.inventory }
        writability.withLock { $0 = .ready }
        for observer in observers.withLock({ $0 }) { observer(batch.inventory, batch.touched) }
    }

    private func refuse(_ reason: String) { writability.withLock { $0 = .refusing(reason) } }

    /// Asks the log whether a batch of unknown outcome is in it.
    private func readBack(_ batch: Batch, after head: UInt64, _ error: LogError) -> Fault? {
        mustCatchUp = true
        do {
            let found = try log.changes(after: head, limit: batch.changes.count)
            if found == batch.changes {
                mustCatchUp = false
                publish(batch)
                return nil
            }
        } catch {
            refuse("\(error)")
        }
        return .outcomeUnknown("\(error)")
    }

    /// Brings the published inventory to the head of the log.
    private func catchUp() -> Fault? {
        var batch = Batch(inventory: published.withLock { $0 })
        do {
            while true {
                let changes = try log.changes(after: batch.inventory.sequence, limit: 256)
                if changes.isEmpty { break }
                for change in changes {
                    batch.inventory = try batch.inventory.applying(change, coder: coder)
                    batch.touched += change.writes.compactMap { write in
                        ResourceKind(rawValue: write.kind).map { RecordKey(kind: $0, id: write.id) }
                    }
                }
            }
        } catch {
            refuse("\(error)")
            return .notStored("\(error)")
        }
        mustCatchUp = false
        publish(batch)
        return nil
    }
}

/// Whether the store takes writes.
public enum Writability: Sendable, Equatable {
    case ready
    /// The log failed; the reason is for the operator. The store tries again with every commit.
    case refusing(String)
}
