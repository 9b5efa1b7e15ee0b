import Domain
import Persistence

// Everything that is written to a database file.
extension Database {
    /// Writes the rows of one change. The caller holds a transaction.
    func write(_ change: Change) throws(DatabaseError) {
        let sequence = Int64(change.sequence)
        for (ordinal, write) in change.writes.enumerated() {
            try applyToRecords(write, revision: sequence)
            let row = try statement(
                "INSERT INTO changes(sequence, ordinal, milliseconds, kind, id, body) VALUES (?, ?, ?, ?, ?, ?)")
            try row.bind(1, sequence)
            try row.bind(2, Int64(ordinal))
            try row.bind(3, change.time.milliseconds)
            try row.bind(4, write.kind)
            try row.bind(5, write.id)
            if let body = write.body { try row.bind(6, body) }
            try row.run()
        }
        if let entry = change.audit { try insert(entry) }
    }

    private func applyToRecords(_ write: RecordWrite, revision: Int64) throws(DatabaseError) {
        guard let body = write.body else {
            let row = try statement("DELETE FROM records WHERE kind = ? AND id = ?")
            try row.bind(1, write.kind)
            try row.bind(2, write.id)
            return try row.run()
        }
        let row = try statement(
            """
            INSERT INTO records(kind, id, revision, body) VALUES (?, ?, ?, ?)
            ON CONFLICT(kind, id) DO UPDATE SET revision = excluded.revision, body = excluded.body
            """)
        try row.bind(1, write.kind)
        try row.bind(2, write.id)
        try row.bind(3, revision)
        try row.bind(4, body)
        try row.run()
    }

    func setHead(_ head: UInt64) throws(DatabaseError) { try setMeta("head", head) }

    private func setMeta(_ name: String, _ value: UInt64) throws(DatabaseError) {
        let row = try statement("UPDATE meta SET value = ? WHERE name = ?")
        try row.bind(1, Int64(value))
        try row.bind(2, name)
        try row.run()
    }

    /// How many rows one transaction of `trim` deletes: commits wait for no more than that.
    private static let trimRows: Int64 = 4096

    /// Deletes history up to two sequence numbers, in steps that are each consistent.
    func trim(changesThrough: UInt64, auditThrough: UInt64) throws(DatabaseError) {
        // First nobody may ask for them, then they go: a stop in between leaves rows that the next trim takes.
        try setMeta("trimmed", changesThrough)
        try delete(
            "DELETE FROM changes WHERE sequence <= ?1 AND sequence IN (SELECT sequence FROM changes ORDER BY sequence LIMIT ?2)",
            through: changesThrough)
        try delete(
            "DELETE FROM audit WHERE sequence <= ?1 AND sequence IN (SELECT sequence FROM audit ORDER BY sequence LIMIT ?2)",
            through: auditThrough)
    }

    private func delete(_ sql: String, through sequence: UInt64) throws(DatabaseError) {
        repeat {
            let row = try statement(sql)
            try row.bind(1, Int64(clamping: sequence))
            try row.bind(2, Database.trimRows)
            try row.run()
        } while changedRowCount > 0
    }
}
