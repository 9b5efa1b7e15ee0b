import Glibc

/// Bytes of a LUN in memory of which only what was written takes room. Not safe to share by itself.
final class SparseMemory {
    private static let chunkBytes = 65536

    let count: Int
    private let start: UnsafeMutableRawPointer
    /// Chunks that may hold something else than zeros.
    private var touched: Set<Int> = []

    init(count: Int) {
        self.count = count
        start = mmap(nil, count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    }

    deinit { munmap(start, count) }

    func copy() -> SparseMemory {
        let other = SparseMemory(count: count)
        for chunk in touched {
            let offset = chunk * Self.chunkBytes
            memcpy(other.start + offset, start + offset, min(Self.chunkBytes, count - offset))
        }
        other.touched = touched
        return other
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) {
        if let base = buffer.baseAddress, !buffer.isEmpty { memcpy(base, start + offset, buffer.count) }
    }

    func write(_ buffer: UnsafeRawBufferPointer, at offset: Int) {
        guard let base = buffer.baseAddress, !buffer.isEmpty else { return }
        memcpy(start + offset, base, buffer.count)
        touch(offset, buffer.count)
    }

    func fill(_ byte: UInt8, at offset: Int, count: Int) {
        if byte != 0 {
            memset(start + offset, Int32(byte), count)
            return touch(offset, count)
        }
        var position = offset
        while position < offset + count {
            let chunk = position / Self.chunkBytes
            let end = min((chunk + 1) * Self.chunkBytes, offset + count)
            if touched.contains(chunk) { memset(start + position, 0, end - position) }
            if end - position == Self.chunkBytes { touched.remove(chunk) }
            position = end
        }
    }

    func copy(from source: Int, to destination: Int, count: Int) {
        var done = 0
        while done < count {
            let piece = min(Self.chunkBytes - (source + done) % Self.chunkBytes, count - done)
            if touched.contains((source + done) / Self.chunkBytes) {
                memmove(start + destination + done, start + source + done, piece)
                touch(destination + done, piece)
            } else {
                fill(0, at: destination + done, count: piece)
            }
            done += piece
        }
    }

    func isEqual(_ buffer: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        buffer.baseAddress.map { memcmp($0, start + offset, buffer.count) == 0 } ?? true
    }

    private func touch(_ offset: Int, _ count: Int) {
        for chunk in offset / Self.chunkBytes...(offset + count - 1) / Self.chunkBytes { touched.insert(chunk) }
    }
}
