import Glibc

/// The directory that holds everything that outlives the process.
///
/// ```
/// certificate.pem   what clients may be told to trust
/// private-key.pem   for the owner alone
/// inventory.db      the inventory log (SQLite, with -wal and -shm)
/// array.pool        the array's blocks (sparse)
/// audit-key.pem     signs checkpoints of the audit log; for the owner alone
/// audit-public-key.pem    checks them
/// audit-checkpoints       the checkpoints
/// audit-export.position   the last audit record that the collector has
/// ```
public struct DataDirectory: Sendable {
    public let path: String

    public init(_ path: String) { self.path = path.hasSuffix("/") && path.count > 1 ? String(path.dropLast()) : path }

    public var certificate: String { path + "/certificate.pem" }
    public var privateKey: String { path + "/private-key.pem" }
    public var inventory: String { path + "/inventory.db" }
    /// Up to where the audit log has been exported.
    public var auditPosition: String { path + "/audit-export.position" }
    public var auditKey: String { path + "/audit-key.pem" }
    public var auditPublicKey: String { path + "/audit-public-key.pem" }
    public var auditCheckpoints: String { path + "/audit-checkpoints" }
    public var pool: String { path + "/array.pool" }

    /// Makes the directory, and those above it, for the owner alone.
    ///
    /// - Throws: `StartError` if that fails or something else has the name.
    public func create() throws(StartError) {
        var prefix = path.hasPrefix("/") ? "/" : ""
        for part in path.split(separator: "/") {
            prefix += prefix.isEmpty || prefix.hasSuffix("/") ? String(part) : "/" + part
            if mkdir(prefix, 0o700) != 0 && errno != EEXIST {
                throw StartError("cannot make the directory \(prefix): \(String(cString: strerror(errno)))")
            }
        }
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
            throw StartError("\(path) is not a directory")
        }
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}

/// Why the program cannot start; `description` is for the person who starts it.
public struct StartError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

/// Small files read whole.
enum TextFile {
    /// - Throws: `StartError` if it cannot be read or is no UTF-8.
    static func read(_ path: String) throws(StartError) -> String {
        guard let file = fopen(path, "rb") else {
            throw StartError("cannot read \(path): \(String(cString: strerror(errno)))")
        }
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            if count == 0 { break }
            bytes += chunk[..<count]
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw StartError("\(path) is not UTF-8 text") }
        return text
    }
}
