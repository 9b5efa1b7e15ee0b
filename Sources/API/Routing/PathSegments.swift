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

    /// A place in `bytes`, counted from its start, with the hash by which the routing table finds literals.
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
        // One pass over plain memory: this runs for every request.
        let failure = bytes.withUnsafeBufferPointer { memory -> PathError? in
            guard memory.first == UInt8(ascii: "/") else { return .malformed }
            var start = 1
            var hash = SegmentHash()
            for position in 1..<memory.count {
                let byte = memory[position]
                if byte != UInt8(ascii: "/") {
                    hash.add(byte)
                    continue
                }
                if let failure = append(memory, start..<position, hash) { return failure }
                start = position + 1
                hash = SegmentHash()
            }
            if start == memory.count { return .nowhere }
            return append(memory, start..<memory.count, hash)
        }
        if let failure { throw failure }
    }

    subscript(index: Int) -> Segment { segments[index] }

    func text(of index: Int) -> String {
        let first = bytes.startIndex
        return String(decoding: bytes[first + Int(segments[index].start)..<first + Int(segments[index].end)], as: UTF8.self)
    }

    private mutating func append(_ memory: UnsafeBufferPointer<UInt8>, _ range: Range<Int>, _ hash: SegmentHash) -> PathError? {
        if range.isEmpty { return .malformed }
        if memory[range.lowerBound] == UInt8(ascii: "."),
            range.count == 1 || (range.count == 2 && memory[range.lowerBound + 1] == UInt8(ascii: "."))
        {
            return .malformed
        }
        guard count < Self.capacity else { return .nowhere }
        segments[count] = Segment(
            start: Int32(truncatingIfNeeded: range.lowerBound), end: Int32(truncatingIfNeeded: range.upperBound),
            hash: hash.value)
        count += 1
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
