extension Sense {
    /// Sense data as the wire carries it.
    ///
    /// ```
    /// fixed (18 bytes):  0 VALID b7 | 70h   2 key   3 INFORMATION (4)   7 0Ah   12 ASC   13 ASCQ   15 key specific (3)
    /// descriptor:        0 72h   1 key   2 ASC   3 ASCQ   7 length, then descriptors:
    ///                    information 00h 0Ah 80h 00h (8)    key specific 02h 06h 00h 00h (3) 00h
    /// ```
    /// An INFORMATION value beyond 32 bits does not fit the fixed format and is left out with VALID clear.
    /// Source: SPC-4 §4.5.2 and §4.5.3.
    public func encoded(descriptorFormat: Bool = false) -> [UInt8] {
        descriptorFormat ? encodedAsDescriptors : encodedFixed
    }

    private var encodedFixed: [UInt8] {
        var bytes = [UInt8].zeros(18)
        bytes[0] = 0x70
        bytes[2] = key.rawValue
        if let information, let narrow = UInt32(exactly: information) {
            bytes[0] |= 0x80
            bytes.put(narrow, at: 3)
        }
        bytes[7] = 10
        bytes.put(code, at: 12)
        if let detail { bytes.replaceSubrange(15..<18, with: detail.encoded) }
        return bytes
    }

    private var encodedAsDescriptors: [UInt8] {
        var bytes = [UInt8].zeros(8)
        bytes[0] = 0x72
        bytes[1] = key.rawValue
        bytes.put(code, at: 2)
        if let information {
            bytes += [0x00, 0x0A, 0x80, 0x00]
            bytes.append(bigEndian: information)
        }
        if let detail { bytes += [0x02, 0x06, 0x00, 0x00] + detail.encoded + [0x00] }
        bytes[7] = UInt8(bytes.count - 8)
        return bytes
    }

    /// Reads sense data of either format; `nil` if it is neither or cut off. The sense-key specific field is not read.
    public init?(encoded bytes: [UInt8]) {
        guard let first = bytes.first else { return nil }
        let fields: (key: UInt8, code: UInt16, information: UInt64?)? = bytes.withUnsafeBytes { raw in
            switch first & 0x7F {
            case 0x70 where raw.count >= 14:
                let information = first & 0x80 != 0 ? UInt64(raw.bigEndian32(at: 3)) : nil
                return (raw[2] & 0x0F, raw.bigEndian16(at: 12), information)
            case 0x72 where raw.count >= 8:
                let hasInformation = raw.count >= 20 && raw[7] >= 12 && raw[8] == 0 && raw[10] & 0x80 != 0
                return (raw[1] & 0x0F, raw.bigEndian16(at: 2), hasInformation ? raw.bigEndian64(at: 12) : nil)
            default:
                return nil
            }
        }
        guard let fields, let key = SenseKey(rawValue: fields.key) else { return nil }
        self.init(key, fields.code, information: fields.information)
    }
}

extension SenseDetail {
    /// ```
    /// field:     SKSV b7, C/D b6, BPV b3, BIT POINTER b2-0    FIELD POINTER (2)
    /// progress:  SKSV b7                                      PROGRESS INDICATION (2)
    /// segment:   SKSV b7, SD b5                               FIELD POINTER (2)
    /// ```
    fileprivate var encoded: [UInt8] {
        let (flags, number): (UInt8, UInt16)
        switch self {
        case .field(let inCDB, let byte, let bit):
            (flags, number) = (0x80 | (inCDB ? 0x40 : 0) | (bit.map { 0x08 | $0 & 7 } ?? 0), byte)
        case .progress(let part): (flags, number) = (0x80, part)
        case .segment(let byte, let inDescriptor): (flags, number) = (0x80 | (inDescriptor ? 0x20 : 0), byte)
        }
        return [flags, UInt8(number >> 8), UInt8(number & 0xFF)]
    }
}
