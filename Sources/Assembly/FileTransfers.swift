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
    private let volume: Volume
    private let fabric: StorageFabric

    init(file: OpenFile, volume: Volume, information: FileFacts, fabric: StorageFabric) {
        self.file = file
        self.volume = volume
        self.information = information
        self.fabric = fabric
    }

    deinit {
        // Giving the lock up writes to the array, which must not block whoever drops the last reference.
        let (file, volume, fabric) = (file, volume, fabric)
        Task.detached { await fabric.closeQuietly(file, on: volume) }
    }

    func read(_ range: Range<UInt64>) async throws(FileFault) -> [UInt8] {
        let file = file
        let outcome = await fabric.outcome(on: volume) { () throws(VolumeError) in
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

/// Collects what a client sends into large writes, and receives the next one while the last is on its way to the array.
///
/// Each write waits for the array to be durable, so many small ones would each pay for that. At most two buffers exist.
private final class UploadBuffer: Sendable {
    private struct State {
        var bytes: [UInt8] = []
        /// Where `bytes` go.
        var offset: UInt64
        var writing: Task<Result<Void, FileFault>, Never>?
    }

    private static let writeBytes = 4 << 20

    private let state: Mutex<State>
    private let volume: Volume
    private let fabric: StorageFabric
    private let write: @Sendable ([UInt8], UInt64) throws(VolumeError) -> Void

    init(
        offset: UInt64, volume: Volume, fabric: StorageFabric,
        write: @escaping @Sendable ([UInt8], UInt64) throws(VolumeError) -> Void
    ) {
        state = Mutex(State(offset: offset))
        self.volume = volume
        self.fabric = fabric
        self.write = write
    }

    func append(_ bytes: [UInt8]) async throws(FileFault) {
        let isFull = state.withLock { state in
            state.bytes += bytes
            return state.bytes.count >= Self.writeBytes
        }
        if isFull { try await pass() }
    }

    /// Returns when everything is written.
    func finish() async throws(FileFault) {
        try await pass()
        try await wait()
    }

    /// Lets what is on its way arrive, whatever becomes of it.
    func settle() async { _ = await state.withLock { $0.writing }?.value }

    private func wait() async throws(FileFault) {
        guard let writing = state.withLock({ $0.writing }) else { return }
        try await writing.value.get()
    }

    private func pass() async throws(FileFault) {
        try await wait()
        let (volume, fabric, write) = (volume, fabric, write)
        state.withLock { state in
            guard !state.bytes.isEmpty else { return }
            var bytes: [UInt8] = []
            swap(&bytes, &state.bytes)
            let (full, start) = (bytes, state.offset)
            state.offset += UInt64(full.count)
            state.writing = Task.detached {
                await fabric.outcome(on: volume) { () throws(VolumeError) in try write(full, start) }
            }
        }
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
    private let buffer: UploadBuffer
    private let requireUnused: @Sendable () throws(FileFault) -> Void

    /// - Parameter requireUnused: throws while the file to replace belongs to a machine that runs.
    init(
        file: PendingFile, location: FileLocation, volume: Volume, fabric: StorageFabric, store: Store, call: Call,
        requireUnused: @escaping @Sendable () throws(FileFault) -> Void
    ) {
        buffer = UploadBuffer(offset: 0, volume: volume, fabric: fabric) { (bytes, offset) throws(VolumeError) in
            try bytes.withBytes { (buffer) throws(VolumeError) in try file.write(buffer, at: offset) }
        }
        self.file = file
        self.location = location
        self.volume = volume
        self.fabric = fabric
        self.store = store
        self.call = call
        self.requireUnused = requireUnused
    }

    func write(_ bytes: [UInt8]) async throws(FileFault) { try await buffer.append(bytes) }

    func finish() async throws(FileFault) -> FileWriteOutcome {
        try await buffer.finish()
        do throws(FileFault) {
            // A machine may have been started since the upload began.
            try requireUnused()
        } catch {
            await abandon()
            throw error
        }
        let (file, volume, path) = (file, volume, location.text)
        let outcome = await fabric.outcome(on: volume) { () throws(VolumeError) in
            do throws(VolumeError) {
                let isNew = try volume.patiently { () throws(VolumeError) in try file.take(path, replacing: true) }
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
        await buffer.settle()
        let file = file
        _ = await fabric.outcome(on: volume) { () throws(VolumeError) in try file.abandon() }
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
    private let buffer: UploadBuffer

    init(
        file: OpenFile, location: FileLocation, volume: Volume, offset: UInt64, fabric: StorageFabric, store: Store, call: Call
    ) {
        self.file = file
        self.location = location
        self.volume = volume
        buffer = UploadBuffer(offset: offset, volume: volume, fabric: fabric) { (bytes, offset) throws(VolumeError) in
            try bytes.withBytes { (buffer) throws(VolumeError) in try file.write(buffer, at: offset) }
        }
        self.fabric = fabric
        self.store = store
        self.call = call
    }

    func write(_ bytes: [UInt8]) async throws(FileFault) { try await buffer.append(bytes) }

    func finish() async throws(FileFault) -> FileWriteOutcome {
        try await buffer.finish()
        let (file, volume, path) = (file, volume, location.text)
        let outcome = await fabric.outcome(on: volume) { () throws(VolumeError) in
            try file.close()
            return FileWriteOutcome(isNew: false, information: FileFacts(try volume.information(path)))
        }
        let result = try outcome.get()
        try await FileAudit.record(location, "changed in part", store, call)
        return result
    }

    func abandon() async {
        await buffer.settle()
        await fabric.closeQuietly(file, on: volume)
    }
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
    /// Runs `work` on open files of a mount on a thread that may block, and puts its error in the words of file access.
    func outcome<Success: Sendable>(
        on volume: Volume, _ work: @escaping @Sendable () throws(VolumeError) -> Success
    ) async -> Result<Success, FileFault> {
        do throws(VolumeError) {
            return .success(try await runVolumeWork(on: volume, work))
        } catch {
            return .failure(FileFault(error))
        }
    }

    /// Closes a file whose changes do not matter any more; its lock ends with the mount's heartbeat if that fails.
    func closeQuietly(_ file: OpenFile, on volume: Volume) async {
        _ = await outcome(on: volume) { () throws(VolumeError) in try file.close() }
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
