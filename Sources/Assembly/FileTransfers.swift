import API
import Datastores
import Domain
import Persistence
import Services
import Synchronization

/// A file that is being downloaded.
final class StoredContent: FileContent {
    let information: FileFacts
    private let file: OpenFile
    private let fabric: StorageFabric

    init(file: OpenFile, information: FileFacts, fabric: StorageFabric) {
        self.file = file
        self.information = information
        self.fabric = fabric
    }

    deinit {
        // Giving the lock up writes to the array, which must not block whoever drops the last reference.
        let (file, fabric) = (file, fabric)
        Task.detached { await fabric.closeQuietly(file) }
    }

    func read(_ range: Range<UInt64>) async throws(FileFault) -> [UInt8] {
        let file = file
        let outcome = await fabric.outcome { () throws(VolumeError) in
            var bytes = [UInt8](repeating: 0, count: range.count)
            var failure: VolumeError?
            let count = bytes.withUnsafeMutableBytes { buffer in
                do throws(VolumeError) {
                    return try file.read(into: buffer, at: range.lowerBound)
                } catch {
                    failure = error
                    return 0
                }
            }
            if let failure { throw failure }
            guard count == bytes.count else { throw .corrupt("the file ended before its size") }
            return bytes
        }
        return try outcome.get()
    }
}

/// A whole file that is being uploaded; it appears when it is complete.
final class PendingSink: FileSink {
    private let file: PendingFile
    private let location: FileLocation
    private let volume: Volume
    private let fabric: StorageFabric
    private let store: Store
    private let call: Call
    private let offset = Atomic<UInt64>(0)

    init(file: PendingFile, location: FileLocation, volume: Volume, fabric: StorageFabric, store: Store, call: Call) {
        self.file = file
        self.location = location
        self.volume = volume
        self.fabric = fabric
        self.store = store
        self.call = call
    }

    func write(_ bytes: [UInt8]) async throws(FileFault) {
        let (file, start) = (file, offset.load(ordering: .relaxed))
        let outcome = await fabric.outcome { () throws(VolumeError) in
            try bytes.withBytes { (buffer) throws(VolumeError) in try file.write(buffer, at: start) }
        }
        try outcome.get()
        offset.store(start + UInt64(bytes.count), ordering: .relaxed)
    }

    func finish() async throws(FileFault) -> FileWriteOutcome {
        let (file, volume, path) = (file, volume, location.text)
        let outcome = await fabric.outcome { () throws(VolumeError) in
            do throws(VolumeError) {
                let isNew = try file.take(path, replacing: true)
                return FileWriteOutcome(isNew: isNew, information: FileFacts(try volume.information(path)))
            } catch {
                let reason = error
                try file.abandon()
                throw reason
            }
        }
        let result = try outcome.get()
        try await FileAudit.record(location, "written, \(result.information.sizeBytes) bytes", store, call)
        return result
    }

    func abandon() async {
        let file = file
        _ = await fabric.outcome { () throws(VolumeError) in try file.abandon() }
    }
}

/// A part of a file that is being uploaded, in place.
final class PatchSink: FileSink {
    private let file: OpenFile
    private let location: FileLocation
    private let volume: Volume
    private let fabric: StorageFabric
    private let store: Store
    private let call: Call
    private let offset: Atomic<UInt64>

    init(
        file: OpenFile, location: FileLocation, volume: Volume, offset: UInt64, fabric: StorageFabric, store: Store, call: Call
    ) {
        self.file = file
        self.location = location
        self.volume = volume
        self.offset = Atomic(offset)
        self.fabric = fabric
        self.store = store
        self.call = call
    }

    func write(_ bytes: [UInt8]) async throws(FileFault) {
        let (file, start) = (file, offset.load(ordering: .relaxed))
        let outcome = await fabric.outcome { () throws(VolumeError) in
            try bytes.withBytes { (buffer) throws(VolumeError) in try file.write(buffer, at: start) }
        }
        try outcome.get()
        offset.store(start + UInt64(bytes.count), ordering: .relaxed)
    }

    func finish() async throws(FileFault) -> FileWriteOutcome {
        let (file, volume, path) = (file, volume, location.text)
        let outcome = await fabric.outcome { () throws(VolumeError) in
            try file.close()
            return FileWriteOutcome(isNew: false, information: FileFacts(try volume.information(path)))
        }
        let result = try outcome.get()
        try await FileAudit.record(location, "changed in part", store, call)
        return result
    }

    func abandon() async { await fabric.closeQuietly(file) }
}

/// The audit entry of a change to files, which the inventory's own changes do not cover.
enum FileAudit {
    static func record(_ location: FileLocation, _ what: String, _ store: Store, _ call: Call) async throws(FileFault) {
        let target = "[\(location.datastore)] \(location.path.joined(separator: "/"))"
        do throws(Fault) {
            try await store.commit(by: call) { (draft) throws(Fault) in draft.audit(target: target, detail: what) }
        } catch {
            throw .inaccessible(error.detail ?? "the audit entry was not stored")
        }
    }
}

extension StorageFabric {
    /// Runs `work` on a thread that may block and puts its error in the words of file access.
    func outcome<Success: Sendable>(
        _ work: @escaping @Sendable () throws(VolumeError) -> Success
    ) async -> Result<Success, FileFault> {
        do throws(VolumeError) {
            return .success(try await runVolumeWork(work))
        } catch {
            return .failure(FileFault(error))
        }
    }

    /// Closes a file whose changes do not matter any more; its lock ends with the mount's heartbeat if that fails.
    func closeQuietly(_ file: OpenFile) async {
        _ = await outcome { () throws(VolumeError) in try file.close() }
    }
}

extension [UInt8] {
    /// `withUnsafeBytes` for a body with a typed error.
    fileprivate func withBytes(
        _ body: (UnsafeRawBufferPointer) throws(VolumeError) -> Void
    ) throws(VolumeError) {
        var failure: VolumeError?
        withUnsafeBytes { buffer in
            do throws(VolumeError) {
                try body(buffer)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}
