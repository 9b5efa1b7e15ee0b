/// The escapes of JSON strings. Source: RFC 8259 §7.
enum JSONEscapes {
    /// What `\x` stands for; `nil` if there is no such escape.
    static func simple(_ letter: UInt8) -> UInt8? {
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): letter
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: nil
        }
    }

    static func hexadecimalDigit(_ letter: UInt8) -> UInt8? {
        switch letter {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): letter - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): letter - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): letter - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// The text behind the contents of a string literal that the parser accepted.
    static func resolve(_ raw: ArraySlice<UInt8>) -> String {
        var result: [UInt8] = []
        result.reserveCapacity(raw.count)
        var index = raw.startIndex
        while index < raw.endIndex {
            guard raw[index] == UInt8(ascii: "\\") else {
                result.append(raw[index])
                index += 1
                continue
            }
            if let byte = simple(raw[index + 1]) {
                result.append(byte)
                index += 2
                continue
            }
            var code = UInt32(unit(raw, at: index + 2))
            index += 6
            if code & 0xFC00 == 0xD800 {
                code = 0x10000 + (code & 0x3FF) << 10 + UInt32(unit(raw, at: index + 2)) & 0x3FF
                index += 6
            }
            append(code, to: &result)
        }
        return String(decoding: result, as: UTF8.self)
    }

    private static func unit(_ raw: ArraySlice<UInt8>, at index: Int) -> UInt16 {
        raw[index..<index + 4].reduce(0) { $0 << 4 | UInt16(hexadecimalDigit($1) ?? 0) }
    }

    private static func append(_ code: UInt32, to result: inout [UInt8]) {
        guard let scalar = Unicode.Scalar(code) else { return }
        result.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
    }
}

/// Well-formedness of UTF-8. Source: Unicode 15, table 3-7.
enum UTF8Check {
    /// The offset of the first sequence that is not well formed; `nil` if all are.
    static func firstInvalidByte(_ bytes: [UInt8]) -> Int? {
        bytes.withUnsafeBytes { raw in
            var index = 0
            while index < raw.count {
                if index + 8 <= raw.count,
                    raw.loadUnaligned(fromByteOffset: index, as: UInt64.self) & 0x8080_8080_8080_8080 == 0
                {
                    index += 8
                    continue
                }
                guard let length = sequenceLength(raw, at: index) else { return index }
                index += length
            }
            return nil
        }
    }

    private static func sequenceLength(_ raw: UnsafeRawBufferPointer, at index: Int) -> Int? {
        let first = raw[index]
        let second = index + 1 < raw.count ? raw[index + 1] : 0
        switch first {
        case 0x00...0x7F: return 1
        case 0xC2...0xDF: return second & 0xC0 == 0x80 ? 2 : nil
        case 0xE0...0xEF:
            let low: UInt8 = first == 0xE0 ? 0xA0 : 0x80
            let high: UInt8 = first == 0xED ? 0x9F : 0xBF
            return low <= second && second <= high && isTail(raw, index + 2) ? 3 : nil
        case 0xF0...0xF4:
            let low: UInt8 = first == 0xF0 ? 0x90 : 0x80
            let high: UInt8 = first == 0xF4 ? 0x8F : 0xBF
            return low <= second && second <= high && isTail(raw, index + 2) && isTail(raw, index + 3) ? 4 : nil
        default: return nil
        }
    }

    private static func isTail(_ raw: UnsafeRawBufferPointer, _ index: Int) -> Bool {
        index < raw.count && raw[index] & 0xC0 == 0x80
    }
}
