/// Pairs `key=value` of login and text PDUs, each ended by a NUL.
///
/// Source: RFC 7143 §6.1.
struct TextKeys: Equatable, Sendable {
    struct Pair: Equatable, Sendable {
        var key: String
        var value: String
    }

    enum Failure: Error {
        /// A pair without `=`, with a key that is none, or without its end.
        case malformed
        /// More pairs, or a longer value, than anybody needs.
        case tooLarge
        /// A key is there twice.
        case repeated
    }

    static let most = 128
    private static let longestKey = 63
    private static let longestValue = 8192

    var pairs: [Pair] = []

    init() {}

    init(_ bytes: [UInt8]) throws(Failure) {
        guard bytes.isEmpty || bytes.last == 0 else { throw .malformed }
        for part in bytes.split(separator: 0) {
            guard pairs.count < Self.most else { throw .tooLarge }
            guard let equals = part.firstIndex(of: UInt8(ascii: "=")), equals > part.startIndex else { throw .malformed }
            let key = part[..<equals]
            let value = part[(equals + 1)...]
            guard key.count <= Self.longestKey, value.count <= Self.longestValue else { throw .tooLarge }
            guard key.allSatisfy(Self.isKeyCharacter) else { throw .malformed }
            guard let text = String(validating: value, as: UTF8.self) else { throw .malformed }
            let pair = Pair(key: String(decoding: key, as: UTF8.self), value: text)
            guard self[pair.key] == nil else { throw .repeated }
            pairs.append(pair)
        }
    }

    subscript(key: String) -> String? { pairs.first { $0.key == key }?.value }

    mutating func append(_ key: String, _ value: String) { pairs.append(Pair(key: key, value: value)) }

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        for pair in pairs {
            bytes += pair.key.utf8
            bytes.append(UInt8(ascii: "="))
            bytes += pair.value.utf8
            bytes.append(0)
        }
        return bytes
    }

    private static func isKeyCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "+"),
            UInt8(ascii: "@"), UInt8(ascii: "_"), UInt8(ascii: "#"):
            true
        default: false
        }
    }
}

/// Values as text. Source: RFC 7143 §6.1: numbers are decimal or `0x`; binary values are `0x` or `0b` (Base64).
enum TextValue {
    static func number(_ text: String) -> UInt64? {
        let bytes = text.utf8
        guard !bytes.isEmpty, bytes.count <= 20 else { return nil }
        if text.hasPrefix("0x") || text.hasPrefix("0X") {
            let digits = text.dropFirst(2)
            return digits.allSatisfy(\.isHexDigit) ? UInt64(digits, radix: 16) : nil
        }
        return bytes.allSatisfy { (48...57).contains($0) } ? UInt64(text) : nil
    }
}
