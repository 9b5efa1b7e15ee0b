/// Bytes on their way to a socket: grows as needed, keeps its memory for the next use.
///
/// One per event loop is enough: a connection writes into it, the loop sends it and calls `removeAll`.
public struct OutputBuffer: ~Copyable {
    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    public private(set) var count = 0

    /// - Parameter capacity: bytes to begin with.
    public init(capacity: Int = 80 * 1024) {
        self.capacity = max(capacity, 64)
        base = .allocate(byteCount: self.capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    public var isEmpty: Bool { count == 0 }

    /// What was written; valid until the next change.
    public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// Empties the buffer. Memory beyond `keeping` is given back.
    public mutating func removeAll(keeping: Int = 1 << 20) {
        count = 0
        guard capacity > keeping else { return }
        base.deallocate()
        capacity = max(keeping, 64)
        base = .allocate(byteCount: capacity, alignment: 16)
    }

    /// Drops what was written after the first `count` bytes.
    mutating func truncate(to count: Int) {
        precondition(count <= self.count, "a buffer is not grown by cutting it")
        self.count = count
    }

    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let start = bytes.baseAddress else { return }
        let room = reserve(bytes.count)
        room.copyMemory(from: start, byteCount: bytes.count)
        count += bytes.count
    }

    public mutating func append(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { append($0) }
    }

    public mutating func append(_ bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBytes { append($0) }
    }

    public mutating func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    public mutating func append(_ text: String) {
        let copied: Void? = text.utf8.withContiguousStorageIfAvailable { append(UnsafeRawBufferPointer($0)) }
        if copied == nil { append(Array(text.utf8)) }
    }

    public mutating func append(byte: UInt8) {
        reserve(1).storeBytes(of: byte, as: UInt8.self)
        count += 1
    }

    public mutating func append(decimal value: UInt64) {
        append(number: value, radix: 10)
    }

    mutating func append(hexadecimal value: UInt64) {
        append(number: value, radix: 16)
    }

    private mutating func append(number: UInt64, radix: UInt64) {
        var digits = 1
        var rest = number / radix
        while rest > 0 {
            digits += 1
            rest /= radix
        }
        let room = reserve(digits)
        rest = number
        for index in stride(from: digits - 1, through: 0, by: -1) {
            let digit = UInt8(truncatingIfNeeded: rest % radix)
            room.storeBytes(of: digit < 10 ? 48 + digit : 87 + digit, toByteOffset: index, as: UInt8.self)
            rest /= radix
        }
        count += digits
    }

    /// Makes room for more bytes and returns where they go.
    private mutating func reserve(_ more: Int) -> UnsafeMutableRawPointer {
        if capacity - count < more { grow(to: count + more) }
        return base + count
    }

    @inline(never)
    private mutating func grow(to needed: Int) {
        let larger = max(needed, capacity * 2)
        let memory = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        memory.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = memory
        capacity = larger
    }
}
