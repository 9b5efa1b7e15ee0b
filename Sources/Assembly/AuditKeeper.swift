import Cryptography
import Domain
import Logging
import Persistence
import Platform
import Services
import Synchronization

/// Signs how far the audit log has come, and forgets what need not be kept.
///
/// A checkpoint goes into its file first and then, as an entry, into the log itself, so that it leaves with the export.
actor AuditKeeper {
    /// A checkpoint is made at the latest after so many entries.
    private static let interval: UInt64 = 256
    private static let service = "com.viaduct.audit"

    private let store: Store
    private let fabric: StorageFabric
    private let clock: any Clock
    private let file: AuditCheckpointFile
    private let key: SigningKey
    private let retention: (entries: Int, days: Int)
    private let logger: Logger
    /// Number of the entry that the last checkpoint is.
    private let signed = Atomic<UInt64>(0)
    private let forgotten: Atomic<UInt64>
    private var checkpoints: [AuditCheckpoint]

    init(_ configuration: Configuration, _ directory: DataDirectory, _ product: Product, _ logger: Logger) throws(StartError) {
        store = product.store
        fabric = product.fabric
        clock = product.world.clock
        retention = (configuration.auditRetentionEntries, configuration.auditRetentionDays)
        self.logger = logger
        file = AuditCheckpointFile(path: directory.auditCheckpoints)
        let known = try file.read().checkpoints
        checkpoints = known
        forgotten = Atomic(known.last { $0.kind == .trimmed }?.head.sequence ?? 0)
        do {
            key = try SigningKey.load(path: directory.auditKey, publicPath: directory.auditPublicKey)
        } catch {
            throw StartError("cannot load the key of the audit log: \(error)")
        }
    }

    /// Signs where a start finds the log, which says so if that is not where the last checkpoint was.
    nonisolated func begin() async {
        await begun()
        store.observe { [weak self] inventory, _ in
            guard let self, inventory.auditHead.number >= self.signed.load(ordering: .relaxed) + Self.interval else { return }
            // Until it is done nobody else need begin.
            self.signed.store(inventory.auditHead.number, ordering: .relaxed)
            Task { await self.sign() }
        }
    }

    private func begun() async {
        if let newest = checkpoints.max(by: { $0.head.number < $1.head.number }),
            newest.head.number > store.snapshot.auditHead.number
        {
            logger.critical(
                "the audit log was cut: entries that were signed are missing",
                metadata: ["signed": "\(newest.head.number)", "found": "\(store.snapshot.auditHead.number)"])
        }
        await sign(always: checkpoints.isEmpty)
    }

    /// Signs the end of the log, if there is more than the last checkpoint.
    func sign(always: Bool = false) async {
        let head = store.snapshot.auditHead
        // The last entry may be the last checkpoint itself.
        guard always || head.number > (checkpoints.last?.head.number ?? 0) + 1 else { return }
        await make(.reached, head)
    }

    /// - Returns: whether the checkpoint is in its file.
    @discardableResult
    private func make(_ kind: AuditCheckpoint.Kind, _ head: AuditHead) async -> Bool {
        let (file, key, now) = (file, key, Timestamp(milliseconds: clock.wallMilliseconds))
        do throws(Fault) {
            let checkpoint = try await fabric.run { () throws(Fault) -> AuditCheckpoint in
                do {
                    let checkpoint = try AuditCheckpoint(kind, head, at: now, by: key)
                    try file.append(checkpoint)
                    return checkpoint
                } catch {
                    throw Self.failed("\(error)")
                }
            }
            checkpoints.append(checkpoint)
            let call = Call(
                user: nil, requestID: "checkpoint", service: Self.service, operation: "checkpoint", peer: "", receivedAt: now)
            let number = try await store.commit(by: call) { (draft) throws(Fault) in
                draft.audit(target: "audit", detail: checkpoint.text)
                return draft.inventory.auditHead.number + 1
            }
            signed.store(number, ordering: .relaxed)
            return true
        } catch {
            logger.warning("audit log not signed", metadata: ["reason": .string(error.detail ?? "")])
            return checkpoints.last?.head == head
        }
    }

    private static func failed(_ detail: String) -> Fault {
        Fault(.serviceUnavailable, id: "com.viaduct.audit.not_signed", "The audit log cannot be signed.", detail: detail)
    }

    /// Forgets the entries beyond the limits of number and age, after signing where the log begins then.
    func retain() async {
        let (store, retention, now) = (store, retention, clock.wallMilliseconds)
        do throws(Fault) {
            let last = try await fabric.run { () throws(Fault) in try Self.lastToForget(store, retention, now) }
            guard let last, await make(.trimmed, last.head) else { return }
            forgotten.store(last.sequence, ordering: .releasing)
            try await store.trim(changesThrough: last.sequence, auditThrough: last.sequence)
            let kept = checkpoints.filter { $0.head.number >= last.number }
            let file = file
            try await fabric.run { () throws(Fault) in
                do { try file.replace(with: kept) } catch { throw Self.failed("\(error)") }
            }
            checkpoints = kept
            logger.notice("audit log trimmed", metadata: ["through": "\(last.number)"])
        } catch {
            logger.warning("audit log not trimmed", metadata: ["reason": .string(error.detail ?? "")])
        }
    }

    /// Not for a few entries: a tenth of the limit is let grow before it is cut back, and a day.
    private static func lastToForget(
        _ store: Store, _ retention: (entries: Int, days: Int), _ now: Int64
    ) throws(Fault) -> AuditEntry? {
        var found: AuditEntry?
        let (head, limit) = (store.snapshot.auditHead.number, UInt64(retention.entries))
        guard let first = try store.audit(AuditQuery(limit: 1)).first else { return nil }
        if limit > 0, head - first.number >= limit + limit / 10 { found = try store.auditEntry(upToNumber: head - limit) }
        if retention.days > 0 {
            let days = Int64(retention.days) * 86_400_000
            let isOld = first.time.milliseconds < now - days - 86_400_000
            let query = AuditQuery(until: Timestamp(milliseconds: now - days), newestFirst: true, limit: 1)
            if isOld, let old = try store.audit(query).first, old.number > found?.number ?? 0 { found = old }
        }
        return found
    }

    /// Number of the last change whose entry was forgotten; 0 if none was.
    nonisolated var forgottenThrough: UInt64 { forgotten.load(ordering: .acquiring) }
}
