import Domain

/// Appends values in the encoding of one wire to a buffer.
///
/// Whether a comma is due is read off the last byte: nothing but an opening bracket or brace comes before a first
/// member, and no value ends with one. Generated key fragments begin with that comma, so that a field is one copy.
///
/// The memory is its own, so that an append is one comparison and one copy of a length that is known when compiling;
/// an array would be asked for its uniqueness every time. What is written is copied once, when it is handed out.
public struct ValueWriter: ~Copyable {
    public let wire: Wire
    /// Where the text begins. The byte before is an opening bracket, so that there always is a last byte.
    @usableFromInline
    var start: UnsafeMutableRawPointer
    /// Bytes that fit behind `start`.
    @usableFromInline
    var capacity: Int
    @usableFromInline
    var written = 0

    /// - Parameter capacity: how much to expect, in bytes; it grows on demand.
    public init(_ wire: Wire, capacity: Int = 1024) {
        self.wire = wire
        self.capacity = max(capacity, 64)
        start = Self.memory(self.capacity)
    }

    /// - Parameter bytes: what stands before all else.
    public init(_ wire: Wire, after bytes: [UInt8]) {
        self.init(wire, capacity: bytes.count + 256)
        raw(bytes)
    }

    deinit { (start - 1).deallocate() }

    private static func memory(_ capacity: Int) -> UnsafeMutableRawPointer {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: capacity + 1, alignment: 1)
        memory.storeBytes(of: UInt8(ascii: "["), as: UInt8.self)
        return memory + 1
    }

    /// Bytes written.
    public var count: Int { written }

    /// A copy of what is written.
    public var bytes: [UInt8] {
        Array(UnsafeRawBufferPointer(start: start, count: written))
    }

    /// Hands out what is written and starts anew.
    public mutating func take() -> [UInt8] {
        defer { written = 0 }
        return bytes
    }

    /// Forgets everything behind the first `count` bytes; for a caller that had written a head before an error came.
    public mutating func truncate(to count: Int) { written = min(written, max(0, count)) }

    /// Copies text that is already in the wire's encoding.
    @inlinable
    @inline(__always)
    public mutating func raw(_ text: StaticString) {
        makeRoom(text.utf8CodeUnitCount)
        (start + written).copyMemory(from: text.utf8Start, byteCount: text.utf8CodeUnitCount)
        written += text.utf8CodeUnitCount
    }

    public mutating func raw(_ text: some Collection<UInt8>) {
        for byte in text { append(byte) }
    }

    public mutating func raw(_ text: [UInt8]) { text.withUnsafeBufferPointer { append($0) } }

    public mutating func raw(_ text: ArraySlice<UInt8>) { text.withUnsafeBufferPointer { append($0) } }

    mutating func append(_ source: UnsafeBufferPointer<UInt8>) {
        guard let first = source.baseAddress else { return }
        makeRoom(source.count)
        (start + written).copyMemory(from: first, byteCount: source.count)
        written += source.count
    }

    @inlinable
    @inline(__always)
    mutating func append(_ byte: UInt8) {
        makeRoom(1)
        (start + written).storeBytes(of: byte, as: UInt8.self)
        written += 1
    }

    /// After this, so many bytes fit behind `start + written`.
    @inlinable
    mutating func makeRoom(_ bytes: Int) {
        if capacity - written < bytes { grow(bytes) }
    }

    @usableFromInline
    @inline(never)
    mutating func grow(_ bytes: Int) {
        let larger = max(capacity * 2, written + bytes)
        let memory = Self.memory(larger)
        memory.copyMemory(from: start, byteCount: written)
        (start - 1).deallocate()
        (start, capacity) = (memory, larger)
    }
}

// MARK: - Structures

extension ValueWriter {
    /// - Parameter name: canonical name.
    @inlinable
    @inline(__always)
    public mutating func beginStructure(_ name: StaticString) {
        if wire == .jsonRPC { beginTyped(name) } else { append(UInt8(ascii: "{")) }
    }

    @usableFromInline
    mutating func beginTyped(_ name: StaticString) {
        raw("{\"STRUCTURE\":{\"")
        raw(name)
        raw("\":{")
    }

    @inlinable
    public mutating func endStructure() {
        if wire == .jsonRPC { raw("}}}") } else { append(UInt8(ascii: "}")) }
    }

    /// - Parameter key: a comma, the name in quotes, a colon.
    @inlinable
    @inline(__always)
    public mutating func field(_ key: StaticString, _ value: some WireWritable) {
        self.key(key)
        value.write(to: &self)
    }

    /// Leaves an unset field out where the wire does.
    @inlinable
    @inline(__always)
    public mutating func optional<Value: WireWritable>(_ key: StaticString, _ value: Value?) {
        if let value {
            self.key(key)
            if wire == .jsonRPC { beginOptional() }
            value.write(to: &self)
            if wire == .jsonRPC { endOptional() }
        } else if wire == .jsonRPC {
            self.key(key)
            unset()
        }
    }

    /// Copies all of the fragment in any case, since its length is known when compiling; where no comma is due, the
    /// comma falls on the byte before, which is put back.
    @inlinable
    @inline(__always)
    mutating func key(_ fragment: StaticString) {
        makeRoom(fragment.utf8CodeUnitCount)
        let end = start + written
        let last = end.load(fromByteOffset: -1, as: UInt8.self)
        let skip = Self.isOpening(last) ? 1 : 0
        (end - skip).copyMemory(from: fragment.utf8Start, byteCount: fragment.utf8CodeUnitCount)
        end.storeBytes(of: last, toByteOffset: -1, as: UInt8.self)
        written += fragment.utf8CodeUnitCount - skip
    }

    /// A member whose name is known at run time only.
    @inlinable
    public mutating func key(named name: String) {
        separate()
        string(name)
        append(UInt8(ascii: ":"))
    }

    /// Writes the comma between elements, if one is due.
    @inlinable
    public mutating func separate() { if !isFirst { append(UInt8(ascii: ",")) } }

    @inlinable
    var isFirst: Bool { Self.isOpening(start.load(fromByteOffset: written - 1, as: UInt8.self)) }

    /// `[` or `{`, and nothing else: they differ in one bit.
    @inlinable
    static func isOpening(_ byte: UInt8) -> Bool { byte | 0x20 == UInt8(ascii: "{") }
}

// MARK: - Lists, maps, optionals

extension ValueWriter {
    @inlinable
    public mutating func beginList() { append(UInt8(ascii: "[")) }

    @inlinable
    public mutating func endList() { append(UInt8(ascii: "]")) }

    @inlinable
    @inline(__always)
    public mutating func beginMap() { append(wire == .clean ? UInt8(ascii: "{") : UInt8(ascii: "[")) }

    @inlinable
    @inline(__always)
    public mutating func endMap() { append(wire == .clean ? UInt8(ascii: "}") : UInt8(ascii: "]")) }

    @inlinable
    public mutating func beginEntry(_ key: some WireKey) {
        if wire == .clean {
            string(key.keyText)
            append(UInt8(ascii: ":"))
        } else {
            beginListedEntry()
            key.write(to: &self)
            endListedKey()
        }
    }

    @usableFromInline
    mutating func beginListedEntry() {
        if wire == .jsonRPC { raw("{\"STRUCTURE\":{\"map-entry\":{\"key\":") } else { raw("{\"key\":") }
    }

    @usableFromInline
    mutating func endListedKey() { raw(",\"value\":") }

    @inlinable
    public mutating func endEntry() { if wire != .clean { endListedEntry() } }

    @usableFromInline
    mutating func endListedEntry() { if wire == .jsonRPC { raw("}}}") } else { append(UInt8(ascii: "}")) } }

    public mutating func beginOptional() { if wire == .jsonRPC { raw("{\"OPTIONAL\":") } }

    public mutating func endOptional() { if wire == .jsonRPC { append(UInt8(ascii: "}")) } }

    public mutating func unset() { if wire == .jsonRPC { raw("{\"OPTIONAL\":null}") } else { raw("null") } }

    /// The result of an operation that returns nothing: no body on the REST wires.
    @inlinable
    public mutating func void() { if wire == .jsonRPC { raw("null") } }

    /// The result of an operation that may return nothing: no body then on the REST wires.
    @inlinable
    public mutating func optionalResult<Value: WireWritable>(_ value: Value?) {
        if value != nil || wire == .jsonRPC { value.write(to: &self) }
    }
}
