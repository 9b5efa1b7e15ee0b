import Domain

/// Appends values in the encoding of one wire to a buffer.
///
/// Whether a comma is due is read off the last byte: nothing but an opening bracket or brace comes before a first
/// member, and no value ends with one. Generated key fragments begin with that comma, so that a field is one copy.
///
/// The array is kept longer than what is written, so that an append is one check and one copy; growing it zeroes the
/// new part, which costs a fiftieth of writing it.
public struct ValueWriter: Sendable {
    public let wire: Wire
    @usableFromInline
    var storage: [UInt8]
    /// Bytes written; those behind are filler.
    public private(set) var count: Int

    /// - Parameter buffer: is appended to; its capacity is used.
    public init(_ wire: Wire, into buffer: [UInt8] = []) {
        self.wire = wire
        storage = buffer
        count = buffer.count
    }

    /// A copy of what is written.
    public var bytes: [UInt8] { Array(storage[..<count]) }

    /// Hands the buffer out without a copy and leaves an empty one.
    public mutating func take() -> [UInt8] {
        var result: [UInt8] = []
        swap(&result, &storage)
        result.removeLast(result.count - count)
        count = 0
        return result
    }

    /// Forgets everything behind the first `count` bytes; for a caller that had written a head before an error came.
    public mutating func truncate(to count: Int) { self.count = min(self.count, max(0, count)) }

    /// Copies text that is already in the wire's encoding.
    public mutating func raw(_ text: StaticString) {
        append(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    public mutating func raw(_ text: some Collection<UInt8>) {
        for byte in text { append(byte) }
    }

    public mutating func raw(_ text: [UInt8]) { text.withUnsafeBufferPointer { append($0) } }

    public mutating func raw(_ text: ArraySlice<UInt8>) { text.withUnsafeBufferPointer { append($0) } }

    mutating func append(_ source: UnsafeBufferPointer<UInt8>) {
        guard let start = source.baseAddress else { return }
        makeRoom(source.count)
        storage.withUnsafeMutableBytes { memory in
            // In range: `makeRoom` saw to it.
            memory.baseAddress?.advanced(by: count).copyMemory(from: start, byteCount: source.count)
        }
        count += source.count
    }

    @usableFromInline
    mutating func append(_ byte: UInt8) {
        makeRoom(1)
        storage[count] = byte
        count += 1
    }

    private mutating func makeRoom(_ bytes: Int) {
        if storage.count - count < bytes { grow(bytes) }
    }

    @inline(never)
    private mutating func grow(_ bytes: Int) {
        let wanted = max(storage.capacity, storage.count * 2, count + bytes, 256)
        storage.append(contentsOf: repeatElement(0, count: wanted - storage.count))
    }
}

// MARK: - Structures

extension ValueWriter {
    /// - Parameter name: canonical name.
    @inlinable
    public mutating func beginStructure(_ name: StaticString) {
        if wire == .jsonRPC {
            raw("{\"STRUCTURE\":{\"")
            raw(name)
            raw("\":{")
        } else {
            append(UInt8(ascii: "{"))
        }
    }

    @inlinable
    public mutating func endStructure() {
        if wire == .jsonRPC { raw("}}}") } else { append(UInt8(ascii: "}")) }
    }

    /// - Parameter key: a comma, the name in quotes, a colon.
    @inlinable
    public mutating func field(_ key: StaticString, _ value: some WireWritable) {
        self.key(key)
        value.write(to: &self)
    }

    /// Leaves an unset field out where the wire does.
    @inlinable
    public mutating func optional<Value: WireWritable>(_ key: StaticString, _ value: Value?) {
        guard let value else {
            if wire == .jsonRPC {
                self.key(key)
                unset()
            }
            return
        }
        self.key(key)
        beginOptional()
        value.write(to: &self)
        endOptional()
    }

    @usableFromInline
    mutating func key(_ fragment: StaticString) {
        let skip = isFirst ? 1 : 0
        append(UnsafeBufferPointer(start: fragment.utf8Start + skip, count: fragment.utf8CodeUnitCount - skip))
    }

    /// A member whose name is known at run time only.
    public mutating func key(named name: String) {
        separate()
        string(name)
        append(UInt8(ascii: ":"))
    }

    /// Writes the comma between elements, if one is due.
    @inlinable
    public mutating func separate() { if !isFirst { append(UInt8(ascii: ",")) } }

    @usableFromInline
    var isFirst: Bool {
        guard count > 0 else { return true }
        let last = storage[count - 1]
        return last == UInt8(ascii: "{") || last == UInt8(ascii: "[")
    }
}

// MARK: - Lists, maps, optionals

extension ValueWriter {
    @inlinable
    public mutating func beginList() { append(UInt8(ascii: "[")) }

    @inlinable
    public mutating func endList() { append(UInt8(ascii: "]")) }

    public mutating func beginMap() { append(wire == .clean ? UInt8(ascii: "{") : UInt8(ascii: "[")) }

    public mutating func endMap() { append(wire == .clean ? UInt8(ascii: "}") : UInt8(ascii: "]")) }

    public mutating func beginEntry(_ key: some WireKey) {
        switch wire {
        case .clean: string(key.keyText)
        case .legacy:
            raw("{\"key\":")
            key.write(to: &self)
        case .jsonRPC:
            raw("{\"STRUCTURE\":{\"map-entry\":{\"key\":")
            key.write(to: &self)
        }
        if wire == .clean { append(UInt8(ascii: ":")) } else { raw(",\"value\":") }
    }

    public mutating func endEntry() {
        switch wire {
        case .clean: break
        case .legacy: append(UInt8(ascii: "}"))
        case .jsonRPC: raw("}}}")
        }
    }

    @inlinable
    public mutating func beginOptional() { if wire == .jsonRPC { raw("{\"OPTIONAL\":") } }

    @inlinable
    public mutating func endOptional() { if wire == .jsonRPC { append(UInt8(ascii: "}")) } }

    @inlinable
    public mutating func unset() { if wire == .jsonRPC { raw("{\"OPTIONAL\":null}") } else { raw("null") } }

    /// The result of an operation that returns nothing: no body on the REST wires.
    public mutating func void() { if wire == .jsonRPC { raw("null") } }

    /// The result of an operation that may return nothing: no body then on the REST wires.
    public mutating func optionalResult<Value: WireWritable>(_ value: Value?) {
        if value != nil || wire == .jsonRPC { value.write(to: &self) }
    }
}

// MARK: - Scalars

extension ValueWriter {
    @inlinable
    public mutating func boolean(_ value: Bool) { if value { raw("true") } else { raw("false") } }

    public mutating func long(_ value: Int64) {
        if value >= 0, value < 10 {
            append(UInt8(ascii: "0") + UInt8(value))
            return
        }
        var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)
        withUnsafeMutableBytes(of: &digits) { buffer in
            var index = buffer.count
            var rest = value.magnitude
            repeat {
                let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
                index -= 1
                buffer[index] = UInt8(ascii: "0") + UInt8(digit)
                rest = quotient
            } while rest != 0
            if value < 0 {
                index -= 1
                buffer[index] = UInt8(ascii: "-")
            }
            append(UnsafeRawBufferPointer(rebasing: buffer[index...]).bindMemory(to: UInt8.self))
        }
    }

    /// Always with fraction or exponent, so that readers keep it apart from an integer. JSON has no infinities: null.
    public mutating func double(_ value: Double) {
        guard value.isFinite else { return raw("null") }
        raw(value.description.utf8)
    }

    public mutating func secret(_ value: String) {
        guard wire == .jsonRPC else { return string(value) }
        raw("{\"SECRET\":")
        string(value)
        append(UInt8(ascii: "}"))
    }

    public mutating func binary(_ value: [UInt8]) {
        if wire == .jsonRPC { raw("{\"BINARY\":") }
        append(UInt8(ascii: "\""))
        Base64.encode(value) { append($0) }
        append(UInt8(ascii: "\""))
        if wire == .jsonRPC { append(UInt8(ascii: "}")) }
    }

    public mutating func dateTime(_ value: Timestamp) {
        append(UInt8(ascii: "\""))
        DateTimeText.write(value) { append($0) }
        append(UInt8(ascii: "\""))
    }

    public mutating func string(_ value: String) {
        var value = value
        value.withUTF8 { text in
            guard EscapeScan.first(in: text, from: 0) == nil else { return escaped(text) }
            makeRoom(text.count + 2)
            storage.withUnsafeMutableBytes { memory in
                memory[count] = UInt8(ascii: "\"")
                if let start = text.baseAddress {
                    memory.baseAddress?.advanced(by: count + 1).copyMemory(from: start, byteCount: text.count)
                }
                memory[count + text.count + 1] = UInt8(ascii: "\"")
            }
            count += text.count + 2
        }
    }

    private mutating func escaped(_ text: UnsafeBufferPointer<UInt8>) {
        append(UInt8(ascii: "\""))
        var start = 0
        while let index = EscapeScan.first(in: text, from: start) {
            append(UnsafeBufferPointer(rebasing: text[start..<index]))
            escape(text[index])
            start = index + 1
        }
        append(UnsafeBufferPointer(rebasing: text[start...]))
        append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): raw("\\\"")
        case UInt8(ascii: "\\"): raw("\\\\")
        case 0x08: raw("\\b")
        case 0x0C: raw("\\f")
        case 0x0A: raw("\\n")
        case 0x0D: raw("\\r")
        case 0x09: raw("\\t")
        default:
            raw("\\u00")
            append(byte < 0x10 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
            append(byte & 15 < 10 ? UInt8(ascii: "0") + byte & 15 : UInt8(ascii: "a") + byte & 15 - 10)
        }
    }
}

/// Finds the bytes that a JSON string must escape, eight at a time.
enum EscapeScan {
    /// The first quote, backslash or control character from `start` on.
    ///
    /// A byte of `x - 0x01…` with its top bit set where `x` had none was zero; below 0x20 likewise with 0x20. Borrows
    /// can only spoil bytes above a true hit, so the lowest hit is right.
    static func first(in text: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
        let raw = UnsafeRawBufferPointer(text)
        var index = start
        while index + 8 <= raw.count {
            let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: index, as: UInt64.self))
            let quote = word ^ 0x2222_2222_2222_2222
            let slash = word ^ 0x5C5C_5C5C_5C5C_5C5C
            let hits =
                ((quote &- 0x0101_0101_0101_0101) & ~quote | (slash &- 0x0101_0101_0101_0101) & ~slash
                    | (word &- 0x2020_2020_2020_2020) & ~word) & 0x8080_8080_8080_8080
            if hits != 0 { return index + hits.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < raw.count {
            let byte = raw[index]
            if byte < 0x20 || byte == 0x22 || byte == 0x5C { return index }
            index += 1
        }
        return nil
    }
}
