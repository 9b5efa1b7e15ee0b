/// A 48-bit Ethernet address.
public struct MACAddress: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The address as a number below 2^48.
    public let bits: UInt64

    public init(bits: UInt64) { self.bits = bits & 0xFFFF_FFFF_FFFF }

    /// Six pairs of hexadecimal digits, separated by colons or by hyphens. Nil for anything else.
    public init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count == 17, bytes[2] == UInt8(ascii: ":") || bytes[2] == UInt8(ascii: "-") else { return nil }
        var bits: UInt64 = 0
        for (index, byte) in bytes.enumerated() {
            if index % 3 == 2 {
                guard byte == bytes[2] else { return nil }
            } else {
                guard let nibble = IPAddress.hexadecimalDigit(byte) else { return nil }
                bits = bits << 4 | UInt64(nibble)
            }
        }
        self.bits = bits
    }

    public var description: String {
        [40, 32, 24, 16, 8, 0].map { shift in
            let octet = String(UInt8(truncatingIfNeeded: bits >> UInt64(shift)), radix: 16)
            return octet.utf8.count == 1 ? "0" + octet : octet
        }.joined(separator: ":")
    }

    public static func < (left: MACAddress, right: MACAddress) -> Bool { left.bits < right.bits }
}
