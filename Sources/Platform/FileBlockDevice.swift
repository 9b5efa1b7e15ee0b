import CLinux
import Glibc
import Synchronization

/// A block device in a file (or a block device node), held by this process alone.
///
/// Writes go through the page cache in pieces of at most 16 KiB: ext4 keeps what one larger write filled in large
/// folios, and a later 4 KiB write into such a folio costs twenty times as much.
public final class FileBlockDevice: BlockDevice {
    private static let pieceBytes = 16 << 10

    private static let prewriteBytes = 1 << 20

    private let descriptor: Int32
    /// The same file past the page cache; -1 where the file system cannot.
    private let directDescriptor: Int32
    private let size: Atomic<UInt64>
    /// Set for good by the first failed flush. Flushes go one after another: the kernel reports a failure once per open
    /// file, so of two flushes at once the wrong one might hear of it.
    private let hasFailed = Mutex(false)

    /// Opens the file and locks it.
    ///
    /// - Parameter create: make the file, empty, if it is missing.
    /// - Throws: `.system(EWOULDBLOCK)` when another process or device holds the file.
    public init(path: String, create: Bool = false) throws(DeviceError) {
        descriptor = clinux_file_open(path, create ? 1 : 0)
        guard descriptor >= 0 else { throw .last }
        let bytes = clinux_file_lock(descriptor) == 0 ? clinux_file_size(descriptor) : -1
        guard bytes >= 0, !create || clinux_directory_flush(path) == 0 else {
            let error = DeviceError.last
            _ = clinux_file_close(descriptor)
            throw error
        }
        size = Atomic(UInt64(bytes))
        directDescriptor = clinux_file_reopen_direct(descriptor)
    }

    deinit {
        if directDescriptor >= 0 { _ = clinux_file_close(directDescriptor) }
        _ = clinux_file_close(descriptor)
    }

    /// Lets another process or device have the file. Nothing may be done with this one afterwards.
    public func release() { _ = flock(descriptor, LOCK_UN) }

    public var sizeBytes: UInt64 { size.load(ordering: .acquiring) }

    /// Bytes the file system keeps for the file; less than `sizeBytes` where there are holes.
    public var allocatedBytes: UInt64 { UInt64(max(0, clinux_file_allocated(descriptor))) }

    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DeviceError) {
        try check(offset, UInt64(buffer.count))
        guard let base = buffer.baseAddress, buffer.count > 0 else { return }
        guard clinux_file_read(descriptor, base, buffer.count, offset) == 0 else { throw .last }
    }

    public func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(DeviceError) {
        try check(offset, UInt64(buffer.count))
        guard let base = buffer.baseAddress, buffer.count > 0 else { return }
        guard clinux_file_write(descriptor, base, buffer.count, offset, Self.pieceBytes) == 0 else { throw .last }
    }

    public func flush() throws(DeviceError) {
        let failure: DeviceError? = hasFailed.withLock { hasFailed in
            if hasFailed { return .system(EIO) }
            if clinux_file_flush(descriptor) == 0 { return nil }
            hasFailed = true
            return .last
        }
        if let failure { throw failure }
    }

    public func discard(offset: UInt64, count: UInt64) throws(DeviceError) {
        try check(offset, count)
        guard count > 0 else { return }
        guard clinux_file_punch(descriptor, offset, count) == 0 else { throw .last }
    }

    public func grow(to sizeBytes: UInt64) throws(DeviceError) {
        let old = self.sizeBytes
        guard sizeBytes > old else { return }
        guard clinux_file_extend(descriptor, old, sizeBytes) == 0 else { throw .last }
        size.store(sizeBytes, ordering: .releasing)
    }

    public func reserve(offset: UInt64, count: UInt64) throws(DeviceError) {
        try check(offset, count)
        guard clinux_file_reserve(descriptor, offset, count) == 0 else { throw .last }
    }

    /// Writes zeros past the page cache: the first write to space that was only reserved changes the file system's own
    /// structures, which costs a flush more than the data does.
    public func prewrite(offset: UInt64, count: UInt64) {
        guard directDescriptor >= 0 else { return }
        let zeros = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.prewriteBytes, alignment: 4096)
        defer { zeros.deallocate() }
        zeros.initializeMemory(as: UInt8.self, repeating: 0)
        var done: UInt64 = 0
        while done < count, let base = zeros.baseAddress {
            let here = min(UInt64(zeros.count), count - done)
            // A failure costs nothing but time later, and a broken medium shows itself when it is needed.
            guard clinux_file_write(directDescriptor, base, Int(here), offset + done, zeros.count) == 0 else { return }
            done += here
        }
    }

    private func check(_ offset: UInt64, _ count: UInt64) throws(DeviceError) {
        let size = sizeBytes
        guard offset <= size, count <= size - offset else { throw .outOfRange }
    }
}

extension DeviceError {
    /// What `errno` says now.
    fileprivate static var last: DeviceError { errno == ENOSPC ? .noSpace : .system(errno) }
}
