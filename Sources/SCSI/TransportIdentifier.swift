/// The name of an iSCSI initiator port in parameter data of persistent reservations.
///
/// ```
/// 0 FORMAT CODE b7-6 (01b), PROTOCOL IDENTIFIER b3-0 (5)   2 ADDITIONAL LENGTH (2)
/// 4 name ",i,0x" 12 hexadecimal digits of the ISID, NUL, padded to a multiple of 4, at least 20 bytes
/// ```
/// Source: SPC-4 §7.6.4.6.
enum TransportIdentifier {
    static func encode(_ nexus: Nexus) -> [UInt8] {
        let digits = String(nexus.initiatorSession & 0xFFFF_FFFF_FFFF, radix: 16)
        let padded = String(repeating: "0", count: max(0, 12 - digits.count)) + digits
        var name = Array("\(nexus.initiator),i,0x\(padded)".utf8) + [0]
        while name.count < 20 || name.count % 4 != 0 { name.append(0) }
        var bytes: [UInt8] = [0x45, 0x00]
        bytes.append(bigEndian: UInt16(name.count))
        return bytes + name
    }

    /// The initiator port that an identifier names, reached by a target port; `nil` unless it is one of iSCSI with ISID.
    static func decode(_ bytes: UnsafeRawBufferPointer, targetPort: UInt16) -> Nexus? {
        guard bytes.count >= 24, bytes[0] == 0x45 else { return nil }
        let length = Int(bytes.bigEndian16(at: 2))
        guard length >= 20, length % 4 == 0, 4 + length == bytes.count else { return nil }
        guard let end = bytes[4...].firstIndex(of: 0) else { return nil }
        let text = Array(bytes[4..<end])
        // The separator is fixed in place by the 12 digits (or fewer) that follow it.
        guard let separator = text.indices.last(where: { text[$0...].starts(with: Array(",i,0x".utf8)) }), separator > 0,
            separator <= 223
        else { return nil }
        let digits = text[(separator + 5)...]
        guard (1...12).contains(digits.count), digits.allSatisfy(\.isHexadecimalDigit),
            let session = UInt64(String(decoding: digits, as: UTF8.self), radix: 16),
            let name = String(validating: text[..<separator], as: UTF8.self)
        else { return nil }
        return Nexus(initiator: name, initiatorSession: session, targetPort: targetPort)
    }
}

extension UInt8 {
    fileprivate var isHexadecimalDigit: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }
}
