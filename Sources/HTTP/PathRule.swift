/// Which paths are served at all, so that routing and file access never see two spellings of one path.
///
/// Refused: empty segments other than a last one, `.` and `..` in any spelling, `%00`, `%2F`, a backslash raw or
/// escaped, a malformed escape, and escapes that do not decode to UTF-8. Source: RFC 3986 §3.3, §6.2.2.
enum PathRule {
    /// - Parameter path: starts with `/`; characters of `CharacterSet.target`.
    static func accepts(_ bytes: UnsafeRawBufferPointer, _ path: Range<Int>) -> Bool {
        var index = path.lowerBound
        while index < path.upperBound {
            guard bytes[index] == UInt8(ascii: "/") else { return false }
            let start = index &+ 1
            index = start
            while index < path.upperBound, CharacterSet.plainSegment.contains(bytes[index]) { index &+= 1 }
            let isPlain = index == path.upperBound || bytes[index] == UInt8(ascii: "/")
            if isPlain {
                // Only the last segment may be empty.
                if index == start, index < path.upperBound { return false }
                if isDots(bytes, start..<index) { return false }
                continue
            }
            guard bytes[index] == UInt8(ascii: "%") else { return false }
            while index < path.upperBound, bytes[index] != UInt8(ascii: "/") { index &+= 1 }
            guard acceptsEscaped(bytes, start..<index) else { return false }
        }
        return !path.isEmpty
    }

    private static func acceptsEscaped(_ bytes: UnsafeRawBufferPointer, _ segment: Range<Int>) -> Bool {
        guard let decoded = PercentCoding.decode(UnsafeRawBufferPointer(rebasing: bytes[segment])) else { return false }
        return decoded.withUnsafeBytes { decoded in
            for byte in decoded where byte == 0 || byte == UInt8(ascii: "/") || byte == UInt8(ascii: "\\") { return false }
            return !isDots(decoded, 0..<decoded.count)
        } && String(validating: decoded, as: UTF8.self) != nil
    }

    private static func isDots(_ bytes: UnsafeRawBufferPointer, _ segment: Range<Int>) -> Bool {
        guard segment.count == 1 || segment.count == 2 else { return false }
        return segment.allSatisfy { bytes[$0] == UInt8(ascii: ".") }
    }
}

/// Percent-encoding. Source: RFC 3986 §2.1.
public enum PercentCoding {
    /// The bytes meant by a path segment; `nil` if an escape is malformed.
    public static func decode(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
        bytes.withUnsafeBytes { decode($0) }
    }

    /// The text meant by a path segment; `nil` if an escape is malformed or the text is not UTF-8.
    public static func text(_ bytes: ArraySlice<UInt8>) -> String? {
        decode(bytes).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// Escapes everything but letters, digits and `-._~`.
    public static func encode(_ text: String) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            if CharacterSet.unreserved.contains(byte) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), upperDigit(byte >> 4), upperDigit(byte & 15)]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// - Parameter plusIsSpace: as in forms; a path means `+` by `+`.
    static func decode(_ bytes: UnsafeRawBufferPointer, plusIsSpace: Bool = false) -> [UInt8]? {
        var decoded: [UInt8] = []
        decoded.reserveCapacity(bytes.count)
        var index = 0
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            guard byte == UInt8(ascii: "%") else {
                decoded.append(plusIsSpace && byte == UInt8(ascii: "+") ? Characters.space : byte)
                continue
            }
            guard index + 2 <= bytes.count, let high = Characters.hexadecimal(bytes[index]),
                let low = Characters.hexadecimal(bytes[index + 1])
            else { return nil }
            decoded.append(high << 4 | low)
            index += 2
        }
        return decoded
    }

    private static func upperDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? 48 + value : 55 + value
    }
}

extension RequestHead {
    /// The segments of the path, each percent-decoded once; the root has none, and a closing `/` gives an empty last one.
    ///
    /// The parser has refused every path for which this could be ambiguous.
    public var pathSegments: [String] {
        let path = path
        guard path.count > 1 else { return [] }
        return path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).map { segment in
            PercentCoding.text(segment) ?? String(decoding: segment, as: UTF8.self)
        }
    }
}
