import HTTP

/// Why a path cannot name anything.
enum PathError: Error, Equatable {
    /// An empty or dot segment, an encoded slash or zero, a backslash, a bad escape, or bytes that are not UTF-8.
    case malformed
    /// It ends in a slash, or has more segments than `PathSegments.capacity`: well formed, but nothing is there.
    case nowhere
}

/// A request path cut at its slashes, every segment percent-decoded once.
///
/// A segment that could be read in two ways is refused rather than cleaned: `.`, `..`, an empty segment, `%2F`, `%5C`,
/// `%00`, a backslash, an escape that is not two hexadecimal digits, invalid UTF-8. So nothing below the router can be
/// reached by a second spelling that a proxy in front would judge differently. The HTTP parser refuses most of these
/// already; the router does not rely on who called it. Source: RFC 3986 §3.3, §6.2.2.
struct PathSegments {
    /// The deepest route that can be named.
    static let capacity = 16

    /// The decoded path; where nothing was encoded, the request's own bytes.
    let bytes: ArraySlice<UInt8>
    private(set) var count = 0
    /// Offsets of the slashes before each segment and of the end. Small, since a value of this type is made and moved
    /// for every request.
    private var ends = InlineArray<17, UInt16>(repeating: 0)

    /// - Parameter path: as sent, starting with a slash.
    init(_ path: ArraySlice<UInt8>) throws(PathError) {
        bytes = try Self.decoded(path)
        guard bytes.first == UInt8(ascii: "/") else { throw .malformed }
        guard bytes.count <= UInt16.max else { throw .nowhere }
        // One pass over plain memory: this runs for every request.
        let failure = bytes.withUnsafeBufferPointer { memory -> PathError? in
            for position in 1..<memory.count where memory[position] == UInt8(ascii: "/") {
                if let failure = close(memory, at: position) { return failure }
            }
            return Int(ends[count]) + 1 == memory.count ? .nowhere : close(memory, at: memory.count)
        }
        if let failure { throw failure }
    }

    /// The place of a segment in `bytes`, counted from their start.
    subscript(index: Int) -> Range<Int> { Int(ends[index]) + 1..<Int(ends[index + 1]) }

    func text(of index: Int) -> String {
        let first = bytes.startIndex
        let range = self[index]
        return String(decoding: bytes[first + range.lowerBound..<first + range.upperBound], as: UTF8.self)
    }

    /// Ends the segment that is open.
    private mutating func close(_ memory: UnsafeBufferPointer<UInt8>, at end: Int) -> PathError? {
        let start = Int(ends[count]) + 1
        if start == end { return .malformed }
        if memory[start] == UInt8(ascii: "."), end - start == 1 || (end - start == 2 && memory[start + 1] == UInt8(ascii: "."))
        {
            return .malformed
        }
        guard count < Self.capacity else { return .nowhere }
        count += 1
        ends[count] = UInt16(truncatingIfNeeded: end)
        return nil
    }

    /// Takes the escapes out, and refuses what must not appear in any segment.
    static func decoded(_ path: ArraySlice<UInt8>) throws(PathError) -> ArraySlice<UInt8> {
        let (isPlain, isClean) = path.withUnsafeBufferPointer { memory in
            var (isPlain, isClean) = (true, true)
            for byte in memory {
                if byte == UInt8(ascii: "%") || byte >= 0x80 { isPlain = false }
                if byte == UInt8(ascii: "\\") || byte < 0x20 || byte == 0x7F { isClean = false }
            }
            return (isPlain, isClean)
        }
        guard isClean else { throw .malformed }
        if isPlain { return path }
        return try unescaped(path)
    }

    /// Takes the escapes out of a path that has some.
    private static func unescaped(_ path: ArraySlice<UInt8>) throws(PathError) -> ArraySlice<UInt8> {
        guard let plain = PercentCoding.decode(path) else { throw .malformed }
        // An escape may stand for anything but a separator or a control character.
        let slashes = path.count { $0 == UInt8(ascii: "/") }
        let isClean = plain.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\\") }
        guard isClean, plain.count(where: { $0 == UInt8(ascii: "/") }) == slashes else { throw .malformed }
        guard String(validating: plain, as: UTF8.self) != nil else { throw .malformed }
        return plain[...]
    }
}

/// FNV-1a: cheap for a few bytes.
/// Source: draft-eastlake-fnv-21 §2.
struct SegmentHash {
    private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }

    static func of(_ bytes: some Sequence<UInt8>) -> UInt64 {
        var hash = SegmentHash()
        for byte in bytes { hash.add(byte) }
        return hash.value
    }
}
