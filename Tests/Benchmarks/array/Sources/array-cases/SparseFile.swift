import Glibc
import Platform
import Synchronization

/// A pool file that leaves out blocks of zeros: so a pool with a fully mapped LUN of 1 TiB fits on any disk.
///
/// The pool's metadata, and blocks that hold anything, are written as to any other file. A block of zeros that was never
/// written stays a hole, which reads the same. Nothing locks the file: it can be opened again as after a crash.
final class SparseFile: BlockDevice {
    private static let blockBytes = 4096
    private static let pieceBytes = 16 << 10

    private let descriptor: Int32
    private let size: Atomic<UInt64>
    /// One bit for each block that was written.
    private let written = Mutex<[UInt64]>([])

    init(path: String, create: Bool) throws(DeviceError) {
        descriptor = open(path, create ? O_RDWR | O_CREAT | O_TRUNC : O_RDWR, 0o600)
        guard descriptor >= 0 else { throw .system(errno) }
        let end = lseek(descriptor, 0, SEEK_END)
        size = Atomic(UInt64(max(0, end)))
        written.withLock { $0 = [UInt64](repeating: ~0, count: Self.words(UInt64(max(0, end)))) }
    }

    deinit { close(descriptor) }

    var sizeBytes: UInt64 { size.load(ordering: .acquiring) }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DeviceError) {
        var done = 0
        while done < buffer.count, let base = buffer.baseAddress {
            let count = pread(descriptor, base + done, buffer.count - done, off_t(offset) + off_t(done))
            guard count > 0 else { throw count == 0 ? .outOfRange : .system(errno) }
            done += count
        }
    }

    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(DeviceError) {
        let unit = Self.blockBytes
        guard offset % UInt64(unit) == 0, buffer.count % unit == 0, let base = buffer.baseAddress else {
            mark(offset, buffer.count)
            return try writeAll(buffer, at: offset)
        }
        var start = 0
        while start < buffer.count {
            var end = start
            let isLeftOut = isNeverWritten(offset + UInt64(start)) && Self.isZero(base + start)
            if isLeftOut {
                start += unit
                continue
            }
            repeat { end += unit } while end < buffer.count && !Self.isZero(base + end)
            mark(offset + UInt64(start), end - start)
            try writeAll(UnsafeRawBufferPointer(rebasing: buffer[start..<end]), at: offset + UInt64(start))
            start = end
        }
    }

    func flush() throws(DeviceError) {
        guard fdatasync(descriptor) == 0 else { throw .system(errno) }
    }

    /// Gives nothing back, and says so.
    func discard(offset: UInt64, count: UInt64) throws(DeviceError) { throw .system(EOPNOTSUPP) }

    func grow(to sizeBytes: UInt64) throws(DeviceError) {
        guard sizeBytes > self.sizeBytes else { return }
        guard ftruncate(descriptor, off_t(sizeBytes)) == 0 else { throw .system(errno) }
        written.withLock { bits in
            let more = Self.words(sizeBytes) - bits.count
            if more > 0 { bits.append(contentsOf: repeatElement(0, count: more)) }
        }
        size.store(sizeBytes, ordering: .releasing)
    }

    private static func isZero(_ block: UnsafeRawPointer) -> Bool {
        block.load(as: UInt8.self) == 0 && memcmp(block, block + 1, blockBytes - 1) == 0
    }

    private static func words(_ bytes: UInt64) -> Int { Int(bytes / UInt64(blockBytes) / 64 + 1) }

    private func isNeverWritten(_ offset: UInt64) -> Bool {
        let block = Int(offset / UInt64(Self.blockBytes))
        return written.withLock { $0[block / 64] & (1 << UInt64(block % 64)) == 0 }
    }

    private func mark(_ offset: UInt64, _ count: Int) {
        guard count > 0 else { return }
        let unit = UInt64(Self.blockBytes)
        let blocks = Int(offset / unit)...Int((offset + UInt64(count) - 1) / unit)
        written.withLock { bits in for block in blocks { bits[block / 64] |= 1 << UInt64(block % 64) } }
    }

    private func writeAll(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(DeviceError) {
        var done = 0
        while done < buffer.count, let base = buffer.baseAddress {
            let piece = min(Self.pieceBytes, buffer.count - done)
            let count = pwrite(descriptor, base + done, piece, off_t(offset) + off_t(done))
            guard count > 0 else { throw .system(errno) }
            done += count
        }
    }
}
