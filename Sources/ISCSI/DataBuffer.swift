import Synchronization

/// Memory for the data of one command, used by one owner at a time.
final class DataBuffer: @unchecked Sendable {
    // Handed from the loop to a worker thread and back; only its holder touches the bytes.
    let bytes: UnsafeMutableRawBufferPointer

    fileprivate init(capacity: Int) { bytes = .allocate(byteCount: capacity, alignment: 64) }

    deinit { bytes.deallocate() }
}

/// Buffers that one loop has used and will use again: making large ones costs more than filling them.
final class BufferPool {
    private static let smallestShift = 12
    /// Buffers of 4 KiB to 8 MiB, by power of two.
    private static let classCount = 12

    private var free: [[DataBuffer]] = Array(repeating: [], count: classCount)
    private var freeBytes = 0
    private let keptBytes: Int

    /// - Parameter keptBytes: of unused buffers that stay allocated.
    init(keptBytes: Int = 16 << 20) { self.keptBytes = keptBytes }

    /// A buffer of at least so many bytes; what it holds is left over from somebody else.
    func take(_ count: Int) -> DataBuffer {
        guard let index = Self.index(count) else { return DataBuffer(capacity: count) }
        guard let buffer = free[index].popLast() else { return DataBuffer(capacity: 1 << (index + Self.smallestShift)) }
        freeBytes -= buffer.bytes.count
        return buffer
    }

    func recycle(_ buffer: DataBuffer) {
        guard let index = Self.index(buffer.bytes.count), freeBytes + buffer.bytes.count <= keptBytes else { return }
        free[index].append(buffer)
        freeBytes += buffer.bytes.count
    }

    private static func index(_ count: Int) -> Int? {
        let shift = max(smallestShift, Int.bitWidth - max(0, count - 1).leadingZeroBitCount)
        return shift - smallestShift < classCount ? shift - smallestShift : nil
    }
}
