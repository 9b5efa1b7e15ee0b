// Datastores in a dictionary.
import Domain
import HTTP
import Synchronization

@testable import API

final class FakeFiles: DatastoreFiles {
    struct File {
        var bytes: [UInt8]
        var version = 1
    }

    /// Paths of files below `Lab/Berlin`, datastore `nvme one`; a directory is there if a file is below it.
    let files: Mutex<[String: File]>
    /// Thrown by everything that touches a file, if set.
    let fault: FileFault?
    /// Bytes after which a sink is full.
    let spaceBytes: Int
    let abandoned = Atomic<Int>(0)

    init(_ files: [String: [UInt8]] = [:], fault: FileFault? = nil, spaceBytes: Int = .max) {
        self.files = Mutex(files.mapValues { File(bytes: $0) })
        self.fault = fault
        self.spaceBytes = spaceBytes
    }

    func bytes(_ path: String) -> [UInt8]? { files.withLock { $0[path]?.bytes } }
    var abandonedCount: Int { abandoned.load(ordering: .relaxed) }

    func datacenters() async throws(FileFault) -> [String] { ["Lab/Berlin", "Lab/<b>"] }

    func datastores(of datacenter: String) async throws(FileFault) -> [String] {
        guard datacenter == "Lab/Berlin" else { throw .noSuchDatacenter }
        return ["nvme one"]
    }

    func information(on location: FileLocation) async throws(FileFault) -> FileFacts {
        let path = try key(location)
        if let file = files.withLock({ $0[path] }) { return Self.information(file) }
        guard path.isEmpty || files.withLock({ $0.keys.contains { $0.hasPrefix(path + "/") } }) else { throw .notFound }
        return Self.directory
    }

    func list(_ directory: FileLocation) async throws(FileFault) -> [FileEntry] {
        let path = try key(directory)
        let prefix = path.isEmpty ? "" : path + "/"
        var entries: [String: FileFacts] = [:]
        for (name, file) in files.withLock({ $0 }) where name.hasPrefix(prefix) {
            let rest = name.dropFirst(prefix.count).split(separator: "/", maxSplits: 1)
            entries[String(rest[0])] = rest.count == 1 ? Self.information(file) : Self.directory
        }
        return entries.sorted { $0.key < $1.key }.map { FileEntry(name: $0.key, information: $0.value) }
    }

    func open(_ location: FileLocation) async throws(FileFault) -> any FileContent {
        let path = try key(location)
        guard let file = files.withLock({ $0[path] }) else { throw .notFound }
        return Content(bytes: file.bytes, information: Self.information(file))
    }

    func write(_ location: FileLocation, _ mode: FileWriteMode, call: Call) async throws(FileFault) -> any FileSink {
        let path = try key(location)
        let old = files.withLock { $0[path] }
        switch mode {
        case .replace: return Sink(self, path, bytes: [], offset: nil)
        case .patch(let offset, _):
            guard let old else { throw .notFound }
            return Sink(self, path, bytes: old.bytes, offset: Int(offset))
        }
    }

    func delete(_ location: FileLocation, call: Call) async throws(FileFault) {
        let path = try key(location)
        guard files.withLock({ $0.removeValue(forKey: path) }) == nil else { return }
        throw files.withLock({ $0.keys.contains { $0.hasPrefix(path + "/") } }) ? .directoryNotEmpty : .notFound
    }

    private func key(_ location: FileLocation) throws(FileFault) -> String {
        if let fault { throw fault }
        guard location.datacenter == "Lab/Berlin" else { throw .noSuchDatacenter }
        guard location.datastore == "nvme one" else { throw .noSuchDatastore }
        return location.path.joined(separator: "/")
    }

    private static let directory = FileFacts(
        isDirectory: true, sizeBytes: 0, modifiedAt: Timestamp(milliseconds: 1_700_000_000_000), version: "d")

    private static func information(_ file: File) -> FileFacts {
        FileFacts(
            isDirectory: false, sizeBytes: UInt64(file.bytes.count), modifiedAt: Timestamp(milliseconds: 1_700_000_000_000),
            version: "v\(file.version)")
    }

    struct Content: FileContent {
        let bytes: [UInt8]
        let information: FileFacts

        func read(_ range: Range<UInt64>) async throws(FileFault) -> [UInt8] {
            // A file that claims more than it has: a disk that fails in the middle.
            guard Int(range.upperBound) <= bytes.count else { throw .inaccessible("short") }
            return Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)])
        }
    }

    final class Sink: FileSink {
        private let owner: FakeFiles
        private let path: String
        private let state: Mutex<(bytes: [UInt8], offset: Int?)>

        init(_ owner: FakeFiles, _ path: String, bytes: [UInt8], offset: Int?) {
            self.owner = owner
            self.path = path
            state = Mutex((bytes, offset))
        }

        func write(_ bytes: [UInt8]) async throws(FileFault) {
            let isFull = state.withLock { state in
                if let offset = state.offset {
                    if state.bytes.count < offset + bytes.count {
                        state.bytes += Array(repeating: 0, count: offset + bytes.count - state.bytes.count)
                    }
                    state.bytes.replaceSubrange(offset..<offset + bytes.count, with: bytes)
                    state.offset = offset + bytes.count
                } else {
                    state.bytes += bytes
                }
                return state.bytes.count > owner.spaceBytes
            }
            if isFull { throw .noSpace }
        }

        func finish() async throws(FileFault) -> FileWriteOutcome {
            let bytes = state.withLock { $0.bytes }
            return owner.files.withLock { files in
                let old = files[path]
                let file = File(bytes: bytes, version: (old?.version ?? 0) + 1)
                files[path] = file
                return FileWriteOutcome(isNew: old == nil, information: FakeFiles.information(file))
            }
        }

        func abandon() async { owner.abandoned.wrappingAdd(1, ordering: .relaxed) }
    }
}

/// A request body that arrives in pieces, and may break off.
final class FakeBody: BodyReader {
    let length: UInt64?
    private let pieces: Mutex<[[UInt8]]>
    private let breaks: Bool

    init(_ pieces: [[UInt8]], length: UInt64? = nil, breaks: Bool = false) {
        self.pieces = Mutex(pieces.reversed())
        self.length = length
        self.breaks = breaks
    }

    func next() async throws(BodyError) -> [UInt8]? {
        await Task.yield()
        if let piece = pieces.withLock({ $0.popLast() }) { return piece }
        if breaks { throw .aborted }
        return nil
    }
}
