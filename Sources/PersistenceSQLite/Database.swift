import CSQLite

/// A connection to one database file. One thread at a time; the owner sees to that.
final class Database {
    private let handle: OpaquePointer
    private var statements: [String: Statement] = [:]

    enum Mode {
        case readWrite
        case readOnly
    }

    init(path: String, mode: Mode) throws(DatabaseError) {
        var opened: OpaquePointer?
        let access = mode == .readWrite ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY
        // The owner serializes, so SQLite need not (https://www.sqlite.org/threadsafe.html, "multi-thread").
        let code = sqlite3_open_v2(path, &opened, access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nil)
        guard let opened, code == SQLITE_OK else {
            let error = DatabaseError(code: code, message: String(cString: sqlite3_errstr(code)))
            if let opened { sqlite3_close_v2(opened) }
            throw error
        }
        handle = opened
    }

    deinit {
        statements = [:]
        // Waits for nothing: every statement is finalized by now.
        sqlite3_close_v2(handle)
    }

    /// Whether no transaction is open.
    var isIdle: Bool { sqlite3_get_autocommit(handle) != 0 }

    var lastError: DatabaseError {
        DatabaseError(code: sqlite3_extended_errcode(handle), message: String(cString: sqlite3_errmsg(handle)))
    }

    /// The number of rows that the last statement inserted, changed or deleted.
    var changedRowCount: Int { Int(sqlite3_changes64(handle)) }

    /// How long a statement waits for a lock before it fails as busy.
    func setBusyTimeout(milliseconds: Int32) { sqlite3_busy_timeout(handle, milliseconds) }

    /// Runs statements without parameters and without interest in rows.
    func execute(_ sql: String) throws(DatabaseError) {
        guard sqlite3_exec(handle, sql, nil, nil, nil) == SQLITE_OK else { throw lastError }
    }

    /// The statement of `sql`, prepared once and ready to bind.
    func statement(_ sql: String) throws(DatabaseError) -> Statement {
        if let known = statements[sql] {
            known.reset()
            return known
        }
        var prepared: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &prepared, nil)
        guard let prepared, code == SQLITE_OK else { throw lastError }
        let statement = Statement(handle: prepared, database: handle)
        statements[sql] = statement
        return statement
    }

    /// The first column of the first row of a statement without parameters; `nil` if there is no row.
    func text(_ sql: String) throws(DatabaseError) -> String? {
        let statement = try statement(sql)
        defer { statement.reset() }
        return try statement.step() ? statement.text(0) : nil
    }

    /// As `text`, for a number; 0 if there is no row.
    func integer(_ sql: String) throws(DatabaseError) -> Int64 {
        let statement = try statement(sql)
        defer { statement.reset() }
        return try statement.step() ? statement.integer(0) : 0
    }
}

/// A prepared statement. Parameters count from 1 and columns from 0, as in SQLite.
final class Statement {
    private let handle: OpaquePointer
    private let database: OpaquePointer

    fileprivate init(handle: OpaquePointer, database: OpaquePointer) {
        self.handle = handle
        self.database = database
    }

    deinit { sqlite3_finalize(handle) }

    /// Ready for other parameters. What a failed step left over has been thrown already.
    func reset() {
        sqlite3_reset(handle)
        sqlite3_clear_bindings(handle)
    }

    func bind(_ position: Int32, _ value: Int64) throws(DatabaseError) {
        try check(sqlite3_bind_int64(handle, position, value))
    }

    func bind(_ position: Int32, _ value: String) throws(DatabaseError) {
        var value = value
        let code = value.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { text in
                sqlite3_bind_text64(
                    handle, position, text.baseAddress, sqlite3_uint64(text.count), csqlite_copied(), UInt8(SQLITE_UTF8))
            }
        }
        try check(code)
    }

    func bind(_ position: Int32, _ value: [UInt8]) throws(DatabaseError) {
        let code = value.withUnsafeBytes { bytes in
            bytes.count == 0
                ? sqlite3_bind_zeroblob(handle, position, 0)
                : sqlite3_bind_blob64(handle, position, bytes.baseAddress, sqlite3_uint64(bytes.count), csqlite_copied())
        }
        try check(code)
    }

    func bindNull(_ position: Int32) throws(DatabaseError) { try check(sqlite3_bind_null(handle, position)) }

    /// Whether there is a row.
    func step() throws(DatabaseError) -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        default: throw error
        }
    }

    /// Runs a statement that gives no rows, and readies it for the next use.
    func run() throws(DatabaseError) {
        defer { reset() }
        while try step() {}
    }

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    func text(_ column: Int32) -> String { String(decoding: bytes(column), as: UTF8.self) }

    func bytes(_ column: Int32) -> [UInt8] {
        guard let start = sqlite3_column_blob(handle, column) else { return [] }
        return [UInt8](UnsafeRawBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, column))))
    }

    private var error: DatabaseError {
        DatabaseError(code: sqlite3_extended_errcode(database), message: String(cString: sqlite3_errmsg(database)))
    }

    private func check(_ code: Int32) throws(DatabaseError) {
        if code != SQLITE_OK { throw error }
    }
}

/// What SQLite answered. https://www.sqlite.org/rescode.html
struct DatabaseError: Error, CustomStringConvertible {
    /// Extended result code.
    let code: Int32
    let message: String

    /// The kind of failure, without its circumstances.
    var primaryCode: Int32 { code & 0xff }

    var description: String { "SQLite \(code): \(message)" }
}
