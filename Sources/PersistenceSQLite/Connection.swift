import Domain
import Persistence

/// Opening a database file: durability settings, format and integrity.
extension Database {
    /// The connection that writes. Makes the file if it is not there, and checks it.
    static func forWriting(path: String) throws(LogError) -> Database {
        try translating { () throws(DatabaseError) in
            let database = try Database(path: path, mode: .readWrite)
            database.setBusyTimeout(milliseconds: 5_000)
            return database
        }.prepared()
    }

    /// A connection that only reads and never waits for the one that writes.
    static func forReading(path: String) throws(DatabaseError) -> Database {
        let database = try Database(path: path, mode: .readOnly)
        database.setBusyTimeout(milliseconds: 5_000)
        try database.execute("PRAGMA trusted_schema = OFF; PRAGMA query_only = ON;")
        return database
    }

    private func prepared() throws(LogError) -> Database {
        try prepareFormat()
        try configure()
        try checkIntegrity()
        return self
    }

    /// Makes the tables of an empty file; refuses a file that is somebody else's or of a later version.
    private func prepareFormat() throws(LogError) {
        let (application, version, tables) = try translating { () throws(DatabaseError) in
            // Bytes of a file are not trusted: https://www.sqlite.org/security.html
            try execute("PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;")
            return (
                try integer("PRAGMA application_id"), try integer("PRAGMA user_version"),
                try integer("SELECT count(*) FROM sqlite_schema")
            )
        }
        if tables == 0 && application == 0 && version == 0 {
            try translating { () throws(DatabaseError) in
                try execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
                try execute("BEGIN IMMEDIATE; \(Format.creation) COMMIT;")
            }
            return
        }
        guard application == Format.applicationID else { throw .damaged("the file is not a log of this program") }
        guard version <= Format.version else { throw .newerFormat(found: Int(version), known: Format.version) }
    }

    /// An append is durable when its commit returns: the write-ahead log is synced at every commit.
    /// https://www.sqlite.org/pragma.html#pragma_synchronous
    private func configure() throws(LogError) {
        let (mode, synchronous) = try translating { () throws(DatabaseError) in
            try execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;")
            return (try text("PRAGMA journal_mode") ?? "", try integer("PRAGMA synchronous"))
        }
        guard mode == "wal", synchronous == 2 else {
            throw .unavailable("journal mode \(mode) and synchronous \(synchronous) instead of wal and 2")
        }
    }

    /// Checks what a start relies on: the live records and the numbers around them. The history is not read, so that a
    /// start takes no longer as it grows.
    private func checkIntegrity() throws(LogError) {
        let (findings, newest) = try translating { () throws(DatabaseError) in
            (
                [
                    try text("PRAGMA integrity_check(records)") ?? "", try text("PRAGMA integrity_check(meta)") ?? "",
                ],
                try integer(
                    """
                    SELECT max(coalesce((SELECT max(revision) FROM records), 0),
                        coalesce((SELECT max(sequence) FROM changes), 0), coalesce((SELECT max(sequence) FROM audit), 0))
                    """)
            )
        }
        for finding in findings where finding != "ok" { throw .damaged(finding) }
        let head = try translating { () throws(DatabaseError) in
            try integer("SELECT value FROM meta WHERE name = 'head'")
        }
        guard newest <= head else { throw .damaged("there is a change \(newest) beyond the head \(head)") }
    }
}

/// Runs work on a database and gives its error as one of the log.
func translating<Result>(_ work: () throws(DatabaseError) -> Result) throws(LogError) -> Result {
    do {
        return try work()
    } catch {
        throw LogError(error)
    }
}
