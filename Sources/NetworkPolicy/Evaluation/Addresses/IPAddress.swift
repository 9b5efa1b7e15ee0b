/// An IPv4 or IPv6 address.
///
/// The text forms are strict: IPv4 is four decimal numbers without leading zeros; IPv6 is RFC 4291 §2.2 without a zone.
/// Formatting follows RFC 5952 §4, so two equal addresses have one text.
public struct IPAddress: Hashable, Comparable, Sendable {
    public enum Family: UInt8, Hashable, Comparable, Sendable {
        case v4, v6

        public var bitCount: Int { self == .v4 ? 32 : 128 }

        public static func < (left: Family, right: Family) -> Bool { left.rawValue < right.rawValue }
    }

    public let family: Family
    /// The address as a number; an IPv4 address fills the lowest 32 bits.
    public let bits: UInt128

    public init(v4 bits: UInt32) {
        family = .v4
        self.bits = UInt128(bits)
    }

    public init(v6 bits: UInt128) {
        family = .v6
        self.bits = bits
    }

    /// - Parameter bits: cut to the family's width.
    init(_ family: Family, _ bits: UInt128) {
        self.family = family
        self.bits = family == .v4 ? bits & 0xFFFF_FFFF : bits
    }

    /// Nil if `text` is not exactly one address.
    public init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        if bytes.contains(UInt8(ascii: ":")) {
            guard let bits = Self.parseV6(bytes[...]) else { return nil }
            self.init(v6: bits)
        } else {
            guard let bits = Self.parseV4(bytes[...]) else { return nil }
            self.init(v4: bits)
        }
    }

    public static func < (left: IPAddress, right: IPAddress) -> Bool {
        left.family == right.family ? left.bits < right.bits : left.family < right.family
    }

    /// The address after this one; nil after the family's last.
    public var next: IPAddress? { bits == Self.last(family).bits ? nil : IPAddress(family, bits + 1) }

    static func last(_ family: Family) -> IPAddress { IPAddress(family, .max) }
}

extension IPAddress {
    /// Four decimal octets. Leading zeros are refused: some readers take them for octal.
    private static func parseV4(_ bytes: ArraySlice<UInt8>) -> UInt32? {
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var bits: UInt32 = 0
        for part in parts {
            guard let octet = decimal(part, limit: 255) else { return nil }
            bits = bits << 8 | UInt32(octet)
        }
        return bits
    }

    private static func parseV6(_ bytes: ArraySlice<UInt8>) -> UInt128? {
        guard let gap = doubleColon(bytes) else {
            guard let words = words(bytes, mayEndInV4: true), words.count == 8 else { return nil }
            return join(words)
        }
        let tail = bytes[(gap + 2)...]
        // A second "::", or ":::", would leave the length of the gap open.
        guard doubleColon(tail) == nil, tail.first != UInt8(ascii: ":") else { return nil }
        guard let left = words(bytes[..<gap], mayEndInV4: false), let right = words(tail, mayEndInV4: true),
            left.count + right.count <= 7
        else { return nil }
        return join(left + Array(repeating: 0, count: 8 - left.count - right.count) + right)
    }

    private static func doubleColon(_ bytes: ArraySlice<UInt8>) -> Int? {
        bytes.indices.dropLast().first { bytes[$0] == UInt8(ascii: ":") && bytes[$0 + 1] == UInt8(ascii: ":") }
    }

    private static func words(_ bytes: ArraySlice<UInt8>, mayEndInV4: Bool) -> [UInt16]? {
        if bytes.isEmpty { return [] }
        let parts = bytes.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        var words: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if mayEndInV4, index == parts.count - 1, part.contains(UInt8(ascii: ".")) {
                guard let v4 = parseV4(part) else { return nil }
                words += [UInt16(v4 >> 16), UInt16(v4 & 0xFFFF)]
            } else {
                guard let word = hexadecimal(part) else { return nil }
                words.append(word)
            }
        }
        return words
    }

    private static func join(_ words: [UInt16]) -> UInt128 { words.reduce(0) { $0 << 16 | UInt128($1) } }

    private static func hexadecimal(_ digits: ArraySlice<UInt8>) -> UInt16? {
        guard (1...4).contains(digits.count) else { return nil }
        var value: UInt16 = 0
        for digit in digits {
            guard let nibble = hexadecimalDigit(digit) else { return nil }
            value = value << 4 | UInt16(nibble)
        }
        return value
    }

    static func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// Digits without a leading zero or sign, at most `limit`.
    static func decimal(_ digits: ArraySlice<UInt8>, limit: Int) -> Int? {
        guard let first = digits.first, digits.count <= 5, digits.count == 1 || first != UInt8(ascii: "0") else { return nil }
        var value = 0
        for digit in digits {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
            value = value * 10 + Int(digit - UInt8(ascii: "0"))
        }
        return value <= limit ? value : nil
    }
}

extension IPAddress: CustomStringConvertible {
    public var description: String { family == .v4 ? v4Text : v6Text }

    private var v4Text: String {
        [24, 16, 8, 0].map { String(UInt8(truncatingIfNeeded: bits >> UInt128($0))) }.joined(separator: ".")
    }

    private var v6Text: String {
        let words = (0..<8).map { UInt16(truncatingIfNeeded: bits >> UInt128(112 - 16 * $0)) }
        // IPv4-mapped addresses keep the dotted form (RFC 5952 §5).
        if bits >> 32 == 0xFFFF { return "::ffff:" + IPAddress(.v4, bits).v4Text }
        let hexadecimal = words.map { String($0, radix: 16) }
        guard let gap = Self.longestZeros(words) else { return hexadecimal.joined(separator: ":") }
        return hexadecimal[..<gap.lowerBound].joined(separator: ":") + "::"
            + hexadecimal[gap.upperBound...].joined(separator: ":")
    }

    /// The first longest run of two or more zero words (RFC 5952 §4.2).
    private static func longestZeros(_ words: [UInt16]) -> Range<Int>? {
        var best: Range<Int>?
        var start = 0
        while start < words.count {
            let end: Int = words[start...].firstIndex { $0 != 0 } ?? words.count
            if end - start >= 2, end - start > (best?.count ?? 0) { best = start..<end }
            start = end + 1
        }
        return best
    }
}
