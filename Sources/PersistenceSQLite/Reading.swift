import Domain
import Persistence

// Everything that is read from a database file.
extension Database {
    func head() throws(DatabaseError) -> UInt64 {
        UInt64(try integer("SELECT value FROM meta WHERE name = 'head'"))
    }

    func trimmedThrough() throws(DatabaseError) -> UInt64 {
        UInt64(try integer("SELECT value FROM meta WHERE name = 'trimmed'"))
    }

    func contents() throws(DatabaseError) -> LogContents {
        var contents = LogContents(head: try head(), records: [], audit: try auditHead())
        let rows = try statement("SELECT kind, id, revision, body FROM records ORDER BY kind, id")
        defer { rows.reset() }
        while try rows.step() {
            contents.records.append(
                LogRecord(kind: rows.text(0), id: rows.text(1), revision: UInt64(rows.integer(2)), body: rows.bytes(3)))
        }
        return contents
    }

    /// Changes after one, in order; the caller has seen to it that they are all kept.
    func changes(after sequence: UInt64, limit: Int) throws(DatabaseError) -> [Change] {
        let last = try lastSequence(after: sequence, limit: limit)
        guard last > sequence else { return [] }
        var changes = try auditEntries(after: sequence, through: last)
        let rows = try statement(
            """
            SELECT sequence, milliseconds, kind, id, body FROM changes
            WHERE sequence > ? AND sequence <= ? ORDER BY sequence, ordinal
            """)
        defer { rows.reset() }
        try rows.bind(1, Int64(sequence))
        try rows.bind(2, Int64(last))
        while try rows.step() {
            let sequence = UInt64(rows.integer(0))
            let write = RecordWrite(kind: rows.text(2), id: rows.text(3), body: rows.isNull(4) ? nil : rows.bytes(4))
            let time = Timestamp(milliseconds: rows.integer(1))
            changes[sequence, default: Change(sequence: sequence, time: time, writes: [], audit: nil)].writes
                .append(write)
        }
        return changes.values.sorted { $0.sequence < $1.sequence }
    }

    /// The last of the first `limit` changes after one.
    private func lastSequence(after sequence: UInt64, limit: Int) throws(DatabaseError) -> UInt64 {
        // Sequence numbers have no gap, and every one up to the head is kept here.
        let (last, overflow) = sequence.addingReportingOverflow(UInt64(max(limit, 0)))
        return min(try head(), overflow ? UInt64.max : last)
    }

    /// Changes that so far consist of their audit entry.
    private func auditEntries(
        after sequence: UInt64, through last: UInt64
    ) throws(DatabaseError) -> [UInt64: Change] {
        var changes: [UInt64: Change] = [:]
        let rows = try statement("SELECT entry, digest FROM audit WHERE sequence > ? AND sequence <= ?")
        defer { rows.reset() }
        try rows.bind(1, Int64(sequence))
        try rows.bind(2, Int64(last))
        while try rows.step() {
            let entry = try AuditEntry(rows)
            changes[entry.sequence] = Change(sequence: entry.sequence, time: entry.time, writes: [], audit: entry)
        }
        return changes
    }
}
