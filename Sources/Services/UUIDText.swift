import Cryptography
import Platform

/// UUIDs as text. Source: RFC 9562 §5.4.
enum UUIDText {
    /// A random UUID (version 4) in lower case.
    static func random(_ randomness: any Randomness) -> String {
        text(randomness.bytes(16), version: 4)
    }

    /// A UUID that follows from a name (version 8, from SHA-256).
    static func named(_ name: String) -> String { text(Array(Digest(of: name).bytes.prefix(16)), version: 8) }

    private static func text(_ bytes: [UInt8], version: UInt8) -> String {
        var bytes = bytes
        bytes[6] = bytes[6] & 0x0F | version << 4
        bytes[8] = bytes[8] & 0x3F | 0x80
        let digits = Hexadecimal.encode(bytes)
        var groups: [Substring] = []
        var rest = digits[...]
        for width in [8, 4, 4, 4, 12] {
            groups.append(rest.prefix(width))
            rest = rest.dropFirst(width)
        }
        return groups.joined(separator: "-")
    }
}
