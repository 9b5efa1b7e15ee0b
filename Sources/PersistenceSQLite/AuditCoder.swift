import Cryptography
import Domain
import Persistence

// The row of an audit entry: its canonical bytes and digest, and beside them what queries look for.
extension AuditEntry {
    /// The objects of the facts, each between line feeds, so that one is found by itself alone.
    var targetColumn: String { facts.isEmpty ? "" : "\n" + facts.map { $0.target + "\n" }.joined() }

    /// - Parameter row: with the columns entry and digest first.
    init(_ row: Statement) throws(DatabaseError) {
        guard let digest = Digest(raw: row.bytes(1)[...]), let entry = AuditEntry(canonicalBytes: row.bytes(0), digest: digest)
        else { throw DatabaseError(code: Code.corrupt, message: "an audit entry does not decode") }
        self = entry
    }

    /// Whether the columns of a row from the third on are those of the entry.
    func agrees(with row: Statement) -> Bool {
        let isUser = row.isNull(4) ? user == nil : user.map { row.bytes(4).elementsEqual($0.utf8) } ?? false
        return sequence == UInt64(bitPattern: row.integer(2)) && time.milliseconds == row.integer(3) && isUser
            && row.bytes(5).elementsEqual(service.utf8) && row.bytes(6).elementsEqual(operation.utf8)
            && row.bytes(7).elementsEqual(outcome.text.utf8) && row.bytes(8).elementsEqual(targetColumn.utf8)
    }
}

extension Database {
    /// The end of the chain, as the last change with an entry noted it.
    func auditHead() throws(DatabaseError) -> AuditHead {
        let row = try statement("SELECT number, sequence, digest FROM chain")
        defer { row.reset() }
        guard try row.step() else { return .start }
        guard let digest = Digest(raw: row.bytes(2)[...]) else {
            throw DatabaseError(code: Code.corrupt, message: "the end of the audit chain does not decode")
        }
        return AuditHead(
            number: UInt64(bitPattern: row.integer(0)), sequence: UInt64(bitPattern: row.integer(1)), digest: digest)
    }

    func setAuditHead(_ head: AuditHead) throws(DatabaseError) {
        let row = try statement("INSERT OR REPLACE INTO chain(id, number, sequence, digest) VALUES (1, ?, ?, ?)")
        try row.bind(1, Int64(bitPattern: head.number))
        try row.bind(2, Int64(bitPattern: head.sequence))
        try row.bind(3, head.digest.bytes)
        try row.run()
    }

    func insert(_ entry: AuditEntry) throws(DatabaseError) {
        let row = try statement(
            """
            INSERT INTO audit(sequence, milliseconds, user, service, operation, outcome, targets, entry, digest)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)
        try row.bind(1, Int64(bitPattern: entry.sequence))
        try row.bind(2, entry.time.milliseconds)
        if let user = entry.user { try row.bind(3, user) }
        try row.bind(4, entry.service)
        try row.bind(5, entry.operation)
        try row.bind(6, entry.outcome.text)
        try row.bind(7, entry.targetColumn)
        try row.bind(8, entry.canonicalBytes)
        try row.bind(9, entry.digest.bytes)
        try row.run()
    }

    func audit(_ query: AuditQuery) throws(DatabaseError) -> [AuditEntry] {
        let rows = try statement(
            """
            SELECT entry, digest FROM audit WHERE sequence >= ?1 AND sequence <= ?2
            AND (?3 IS NULL OR milliseconds >= ?3) AND (?4 IS NULL OR milliseconds < ?4) AND (?5 IS NULL OR user = ?5)
            AND (?6 IS NULL OR service = ?6) AND (?7 IS NULL OR operation = ?7) AND (?8 IS NULL OR outcome = ?8)
            AND (?9 IS NULL OR instr(targets, ?9) > 0)
            ORDER BY sequence \(query.newestFirst ? "DESC" : "ASC") LIMIT ?10
            """)
        defer { rows.reset() }
        try rows.bind(1, Int64(clamping: query.sequences.lowerBound))
        try rows.bind(2, Int64(clamping: query.sequences.upperBound))
        if let from = query.from { try rows.bind(3, from.milliseconds) }
        if let until = query.until { try rows.bind(4, until.milliseconds) }
        if let user = query.user { try rows.bind(5, user) }
        if let service = query.service { try rows.bind(6, service) }
        if let operation = query.operation { try rows.bind(7, operation) }
        if let outcome = query.outcome { try rows.bind(8, outcome) }
        if let target = query.target { try rows.bind(9, "\n\(target)\n") }
        try rows.bind(10, Int64(query.limit))
        var entries: [AuditEntry] = []
        while try rows.step() { entries.append(try AuditEntry(rows)) }
        return entries
    }

    /// Follows the chain of all audit entries that are kept, and compares what is stored of each twice.
    func verifyAudit(_ checkpoints: [AuditCheckpoint]) throws(DatabaseError) -> AuditVerification {
        // One view of everything, also while a server writes.
        try execute("BEGIN")
        let verification = try scanAudit(checkpoints)
        try execute("COMMIT")
        return verification
    }

    /// As `verifyAudit`, as part of a transaction.
    func scanAudit(_ checkpoints: [AuditCheckpoint]) throws(DatabaseError) -> AuditVerification {
        var verification = AuditVerification(checkpoints: checkpoints)
        let rows = try statement(
            """
            SELECT entry, digest, sequence, milliseconds, user, service, operation, outcome, targets FROM audit
            ORDER BY sequence
            """)
        while try rows.step() {
            let sequence = UInt64(bitPattern: rows.integer(2))
            do throws(DatabaseError) {
                let entry = try AuditEntry(rows)
                if !entry.agrees(with: rows) { verification.note("the columns beside entry \(entry.number) were changed", at: sequence) }
                verification.take(entry, at: sequence)
            } catch {
                verification.note("the entry cannot be read", at: sequence)
            }
        }
        rows.reset()
        verification.finish(head: try auditHead())
        return verification
    }
}
