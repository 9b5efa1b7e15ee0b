import CSQLite
import Persistence

// The tables of the database file, version 2.
//
// ```
// meta     one row per fact: head, trimmed (sequence numbers)
// records  the live records, as the last change that wrote each left it
// changes  what each change wrote; a NULL body removed the record
// audit    the audit entry of each change that has one
// chain    one row: the end of the chain of audit entries
// ```
//
// The version is `PRAGMA user_version`. Counters are records of the kind `counter`.
enum Format {
    static let version = 2
    /// `PRAGMA application_id`: the ASCII letters VIAD.
    static let applicationID = 0x5649_4144

    static let creation = """
        CREATE TABLE meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
        INSERT INTO meta(name, value) VALUES ('head', 0), ('trimmed', 0);
        CREATE TABLE records(
            kind TEXT NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (kind, id)
        ) STRICT;
        CREATE TABLE changes(
            sequence INTEGER NOT NULL, ordinal INTEGER NOT NULL, milliseconds INTEGER NOT NULL, kind TEXT NOT NULL,
            id TEXT NOT NULL, body BLOB, PRIMARY KEY (sequence, ordinal)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE audit(
            sequence INTEGER PRIMARY KEY, milliseconds INTEGER NOT NULL, user TEXT, service TEXT NOT NULL,
            operation TEXT NOT NULL, outcome TEXT NOT NULL, targets TEXT NOT NULL, entry BLOB NOT NULL, digest BLOB NOT NULL
        ) STRICT;
        CREATE TABLE chain(
            id INTEGER PRIMARY KEY CHECK (id = 1), number INTEGER NOT NULL, sequence INTEGER NOT NULL, digest BLOB NOT NULL
        ) STRICT;
        CREATE INDEX audit_by_time ON audit(milliseconds);
        CREATE INDEX audit_by_user ON audit(user, sequence) WHERE user IS NOT NULL;
        PRAGMA application_id = \(applicationID);
        PRAGMA user_version = \(version);
        """
}

extension LogError {
    init(_ error: DatabaseError) {
        switch error.primaryCode {
        case Code.full: self = .noSpace
        case Code.corrupt, Code.notADatabase: self = .damaged(error.description)
        default: self = .unavailable(error.description)
        }
    }
}

/// Primary result codes that mean something here. https://www.sqlite.org/rescode.html
enum Code {
    static let error = SQLITE_ERROR
    static let full = SQLITE_FULL
    static let corrupt = SQLITE_CORRUPT
    static let notADatabase = SQLITE_NOTADB
    static let busy = SQLITE_BUSY
    static let locked = SQLITE_LOCKED
}
