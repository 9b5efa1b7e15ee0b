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

    /// A place in `bytes`, with the hash by which the routing table finds literals.
    struct Segment {
        var start: Int32
        var end: Int32
        var hash: UInt64
    }

    /// The decoded path; where nothing was encoded, the request's own bytes.
    let bytes: ArraySlice<UInt8>
    private(set) var count = 0
    private var segments = InlineArray<16, Segment>(repeating: Segment(start: 0, end: 0, hash: 0))

    /// - Parameter path: as sent, starting with a slash.
    init(_ path: ArraySlice<UInt8>) throws(PathError) {
        bytes = try Self.decoded(path)
        guard bytes.first == UInt8(ascii: "/") else { throw .malformed }
        var start = bytes.startIndex + 1
        var hash = SegmentHash()
        var position = start
        while position < bytes.endIndex {
            let byte = bytes[position]
            if byte == UInt8(ascii: "/") {
                try append(start: start, end: position, hash: hash)
                start = position + 1
                hash = SegmentHash()
            } else {
                hash.add(byte)
            }
            position += 1
        }
        if start == position { throw .nowhere }
        try append(start: start, end: position, hash: hash)
    }

    subscript(index: Int) -> Segment { segments[index] }

    func bytes(of index: Int) -> ArraySlice<UInt8> {
        bytes[Int(segments[index].start)..<Int(segments[index].end)]
    }

    func text(of index: Int) -> String { String(decoding: bytes(of: index), as: UTF8.self) }

    private mutating func append(start: Int, end: Int, hash: SegmentHash) throws(PathError) {
        let length = end - start
        if length == 0 { throw .malformed }
        if bytes[start] == UInt8(ascii: "."), length == 1 || (length == 2 && bytes[start + 1] == UInt8(ascii: ".")) {
            throw .malformed
        }
        guard count < Self.capacity else { throw .nowhere }
        segments[count] = Segment(start: Int32(truncatingIfNeeded: start), end: Int32(truncatingIfNeeded: end), hash: hash.value)
        count += 1
    }

    /// Takes the escapes out, and refuses what must not appear in any segment.
    static func decoded(_ path: ArraySlice<UInt8>) throws(PathError) -> ArraySlice<UInt8> {
        var hasEscape = false
        var isASCII = true
        for byte in path {
            if byte == UInt8(ascii: "%") { hasEscape = true }
            if byte >= 0x80 { isASCII = false }
            if byte == UInt8(ascii: "\\") || byte < 0x20 || byte == 0x7F { throw .malformed }
        }
        if !hasEscape && isASCII { return path }
        guard let plain = PercentCoding.decode(path) else { throw .malformed }
        // An escape may stand for anything but a separator or a control character.
        let slashes = path.count { $0 == UInt8(ascii: "/") }
        let isClean = plain.allSatisfy { $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\\") }
        guard isClean, plain.count(where: { $0 == UInt8(ascii: "/") }) == slashes else { throw .malformed }
        guard String(validating: plain, as: UTF8.self) != nil else { throw .malformed }
        return plain[...]
    }
}

/// FNV-1a over the bytes of a segment: cheap enough to run while the path is being cut.
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
