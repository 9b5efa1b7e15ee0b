/// The name of a LUN for life: NAA format 6, IEEE registered extended, 16 bytes.
///
/// Source: SPC-4 §7.8.6.6.5. Hosts show it as `naa.` and 32 hexadecimal digits, and name copy sources by it.
public struct WorldWideName: Hashable, Sendable, CustomStringConvertible {
    /// Bytes 0 to 7 and 8 to 15, first byte in the most significant place.
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Composes the name of a pool's LUN; two LUNs of one pool never share it, since identifiers are not reused.
    ///
    /// Digit 0 is the format, 6. Digits 1 to 6 are a company id with the locally administered bit set, because the
    /// project has no registered one. The rest comes from the pool's identity and the LUN's identifier.
    public init(pool: PoolIdentity, lun: LUNIdentifier) {
        high = 0x6 << 60 | 0x025644 << 36 | pool.high & 0xF_FFFF_FFFF
        low = pool.low << 32 | UInt64(lun.rawValue)
    }

    /// - Parameter text: `naa.` and 32 hexadecimal digits; anything else gives `nil`.
    public init?(_ text: String) {
        guard text.utf8.count == 36, text.hasPrefix("naa.") else { return nil }
        let digits = text.dropFirst(4)
        guard digits.utf8.allSatisfy({ $0 != 0x2B && $0 != 0x2D }),
            let high = UInt64(digits.prefix(16), radix: 16), let low = UInt64(digits.suffix(16), radix: 16)
        else { return nil }
        self.init(high: high, low: low)
    }

    public var description: String { "naa." + Self.hexadecimal(high) + Self.hexadecimal(low) }

    private static func hexadecimal(_ value: UInt64) -> String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}

/// What tells one pool from another; random, written once when the pool is made.
public struct PoolIdentity: Hashable, Sendable {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }
}

/// Names a LUN within its pool; counted up from 1 and never reused.
public struct LUNIdentifier: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let rawValue: UInt32

    public init(_ rawValue: UInt32) { self.rawValue = rawValue }

    public var description: String { "lun-\(rawValue)" }

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}
