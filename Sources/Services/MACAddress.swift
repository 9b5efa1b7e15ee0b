/// MAC addresses of virtual NICs.
enum MACAddress {
    /// An address from the range that vCenter generates from: 00:50:56:80:00:00 to 00:50:56:BF:FF:FF.
    ///
    /// - Parameter seed: any number; the same number gives the same address.
    static func generated(_ seed: UInt32) -> String {
        let bytes: [UInt8] = [
            0x00, 0x50, 0x56, 0x80 | UInt8((seed >> 16) & 0x3F), UInt8((seed >> 8) & 0xFF), UInt8(seed & 0xFF),
        ]
        return bytes.map(hexadecimal).joined(separator: ":")
    }

    /// Six pairs of hexadecimal digits joined by colons or hyphens, not multicast; in lower case with colons.
    static func normalized(_ text: String) -> String? {
        let parts = text.lowercased().split(omittingEmptySubsequences: false) { $0 == ":" || $0 == "-" }
        guard parts.count == 6 else { return nil }
        var bytes: [UInt8] = []
        for part in parts {
            guard part.utf8.count == 2, part.utf8.first != UInt8(ascii: "+"), let byte = UInt8(part, radix: 16) else {
                return nil
            }
            bytes.append(byte)
        }
        guard bytes[0] & 1 == 0, bytes.contains(where: { $0 != 0 }) else { return nil }
        return bytes.map(hexadecimal).joined(separator: ":")
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        let digits = String(byte, radix: 16)
        return byte < 16 ? "0" + digits : digits
    }
}
