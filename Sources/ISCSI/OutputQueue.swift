/// What a connection has to send: headers and small data in one block of memory, large data where the array put it.
///
/// Bytes go in by `reserve` and `commit`, or as a piece of a `DataBuffer`, and come out in the same order.
struct OutputQueue: ~Copyable {
    private struct Piece {
        /// Offset in `memory`, or in the buffer.
        var start: Int
        var count: Int
        var buffer: DataBuffer?
        /// The buffer is free once this piece is gone.
        var isLastOfBuffer = false
    }

    private static let initialCapacity = 32 << 10

    private let pool: BufferPool
    private var memory: UnsafeMutableRawPointer
    private var capacity = Self.initialCapacity
    private var end = 0
    private var pieces: [Piece] = []
    private var head = 0
    /// Bytes that wait.
    private(set) var count = 0

    init(pool: BufferPool) {
        self.pool = pool
        memory = .allocate(byteCount: Self.initialCapacity, alignment: 64)
    }

    deinit { memory.deallocate() }

    var isEmpty: Bool { count == 0 }

    /// Room for so many bytes at the end, valid until the next call; nothing is sent before `commit`.
    mutating func reserve(_ count: Int) -> UnsafeMutableRawPointer {
        if end + count > capacity { makeRoom(count) }
        return memory + end
    }

    /// The first `count` bytes of what was reserved last are to be sent.
    mutating func commit(_ count: Int) {
        if pieces.count > head, pieces[pieces.count - 1].buffer == nil {
            pieces[pieces.count - 1].count += count
        } else {
            pieces.append(Piece(start: end, count: count, buffer: nil))
        }
        end += count
        self.count += count
    }

    /// - Parameter isLast: whether the buffer goes back to the pool once these bytes are sent.
    mutating func append(_ buffer: DataBuffer, at start: Int, count: Int, isLast: Bool) {
        pieces.append(Piece(start: start, count: count, buffer: buffer, isLastOfBuffer: isLast))
        self.count += count
    }

    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return }
        reserve(bytes.count).copyMemory(from: base, byteCount: bytes.count)
        commit(bytes.count)
    }

    /// Pieces that wait.
    var pieceCount: Int { pieces.count - head }

    /// - Parameter index: from 0, below `pieceCount`.
    func piece(_ index: Int) -> UnsafeRawBufferPointer {
        let piece = pieces[head + index]
        if let buffer = piece.buffer {
            return UnsafeRawBufferPointer(rebasing: buffer.bytes[piece.start..<piece.start + piece.count])
        }
        return UnsafeRawBufferPointer(start: memory + piece.start, count: piece.count)
    }

    /// So many bytes have been sent.
    mutating func remove(_ sent: Int) {
        count -= sent
        var rest = sent
        while rest > 0 {
            let step = min(rest, pieces[head].count)
            pieces[head].start += step
            pieces[head].count -= step
            rest -= step
            guard pieces[head].count == 0 else { break }
            if pieces[head].isLastOfBuffer, let buffer = pieces[head].buffer { pool.recycle(buffer) }
            pieces[head].buffer = nil
            head += 1
        }
        if head == pieces.count {
            pieces.removeAll(keepingCapacity: true)
            head = 0
            end = 0
        } else if head >= 256 {
            pieces.removeFirst(head)
            head = 0
        }
    }

    /// Forgets everything that waits.
    mutating func removeAll() {
        for piece in pieces[head...] where piece.isLastOfBuffer {
            if let buffer = piece.buffer { pool.recycle(buffer) }
        }
        pieces.removeAll(keepingCapacity: true)
        (head, end, count) = (0, 0, 0)
    }

    /// Moves what waits to the start of the memory, or of a larger one.
    private mutating func makeRoom(_ wanted: Int) {
        var used = 0
        for piece in pieces[head...] where piece.buffer == nil { used += piece.count }
        var larger = capacity
        while larger - used < wanted || used > larger / 2 { larger *= 2 }
        let target = larger == capacity ? memory : UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 64)
        var offset = 0
        for index in head..<pieces.count where pieces[index].buffer == nil {
            (target + offset).copyMemory(from: memory + pieces[index].start, byteCount: pieces[index].count)
            pieces[index].start = offset
            offset += pieces[index].count
        }
        if larger != capacity {
            memory.deallocate()
            memory = target
            capacity = larger
        }
        end = offset
    }
}
