import Domain

/// The files of all datastores, as the file access over HTTP needs them. The services implement it.
public protocol DatastoreFiles: Sendable {
    /// Inventory paths of the datacenters, for example `Lab/Berlin`, sorted.
    func datacenters() async throws(FileFault) -> [String]
    /// Names of a datacenter's datastores, sorted.
    func datastores(of datacenter: String) async throws(FileFault) -> [String]

    func information(on location: FileLocation) async throws(FileFault) -> FileFacts
    /// The entries of a directory, sorted by name.
    func list(_ directory: FileLocation) async throws(FileFault) -> [FileEntry]
    /// Opens a file for reading.
    func open(_ location: FileLocation) async throws(FileFault) -> any FileContent
    /// Opens a file for writing; makes the directories on the way to it that are missing.
    func write(_ location: FileLocation, _ mode: FileWriteMode, call: Call) async throws(FileFault) -> any FileSink
    /// Deletes a file or an empty directory.
    func delete(_ location: FileLocation, call: Call) async throws(FileFault)
}

/// A file or directory of a datastore.
public struct FileLocation: Sendable, Hashable {
    /// Inventory path.
    public let datacenter: String
    public let datastore: String
    /// From the top of the datastore, which is the empty path. No part is empty, `.` or `..`, or contains a slash.
    public let path: [String]

    public init(datacenter: String, datastore: String, path: [String]) {
        self.datacenter = datacenter
        self.datastore = datastore
        self.path = path
    }
}

public struct FileFacts: Sendable, Equatable {
    public let isDirectory: Bool
    /// 0 for a directory.
    public let sizeBytes: UInt64
    public let modifiedAt: Timestamp
    /// Changes with every change of the content; letters, digits, `-` and `.` only. Becomes the `ETag`.
    public let version: String

    public init(isDirectory: Bool, sizeBytes: UInt64, modifiedAt: Timestamp, version: String) {
        self.isDirectory = isDirectory
        self.sizeBytes = sizeBytes
        self.modifiedAt = modifiedAt
        self.version = version
    }
}

public struct FileEntry: Sendable, Equatable {
    public let name: String
    public let information: FileFacts

    public init(name: String, information: FileFacts) {
        self.name = name
        self.information = information
    }
}

/// A file that is open for reading. It is closed when the last reference goes.
public protocol FileContent: Sendable {
    /// As it was when the file was opened.
    var information: FileFacts { get }
    /// Reads exactly that range, which lies inside the file. One reader at a time; at most 1 MiB.
    func read(_ range: Range<UInt64>) async throws(FileFault) -> [UInt8]
}

public enum FileWriteMode: Sendable, Equatable {
    /// The whole file, made if it is missing. What stood there before stays readable, and stays for good if the writing
    /// is abandoned.
    ///
    /// - bytes: the size, where the client said it; the space can be checked before the first byte.
    case replace(bytes: UInt64?)
    /// Some bytes of a file that exists, in place; the file grows where they reach beyond its end. What was written
    /// before an interruption stays written.
    case patch(offset: UInt64, bytes: UInt64)
}

/// A file that is open for writing; `finish` or `abandon` has to be called once.
public protocol FileSink: Sendable {
    /// Takes the next bytes. One writer at a time.
    func write(_ bytes: [UInt8]) async throws(FileFault)
    /// Makes what was written durable, and with `.replace` visible.
    func finish() async throws(FileFault) -> FileWriteOutcome
    func abandon() async
}

public struct FileWriteOutcome: Sendable, Equatable {
    /// Whether there was no such file before.
    public let isNew: Bool
    public let information: FileFacts

    public init(isNew: Bool, information: FileFacts) {
        self.isNew = isNew
        self.information = information
    }
}

/// Why a file cannot be read or written.
public enum FileFault: Error, Sendable, Equatable {
    case noSuchDatacenter, noSuchDatastore
    case notFound
    /// Part of the way to the file is itself a file.
    case notADirectory
    /// The name is taken by a directory.
    case isADirectory
    case directoryNotEmpty
    /// Somebody else, for example a running virtual machine, holds the file.
    case inUse
    case noSpace
    case invalidName
    /// More bytes than a file can have.
    case tooLarge
    /// The datastore cannot be reached; for the log.
    case inaccessible(String)
}
