import Domain

extension ValueWriter {
    @inlinable
    public mutating func boolean(_ value: Bool) { if value { raw("true") } else { raw("false") } }

    public mutating func long(_ value: Int64) {
        makeRoom(20)
        var place = start + written
        if value < 0 { put(UInt8(ascii: "-"), &place) }
        var rest = value.magnitude
        let digits = Self.digits(in: rest)
        var offset = digits
        repeat {
            offset -= 1
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            place.storeBytes(of: UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: digit), toByteOffset: offset, as: UInt8.self)
            rest = quotient
        } while offset > 0
        written = start.distance(to: place) + digits
    }

    private static func digits(in number: UInt64) -> Int {
        var digits = 1
        var rest = number
        while rest >= 1000 {
            rest /= 1000
            digits += 3
        }
        return digits + (rest >= 100 ? 2 : rest >= 10 ? 1 : 0)
    }

    private func put(_ byte: UInt8, _ place: inout UnsafeMutableRawPointer) {
        place.storeBytes(of: byte, as: UInt8.self)
        place += 1
    }

    /// Always with fraction or exponent, so that readers keep it apart from an integer. JSON has no infinities: null.
    public mutating func double(_ value: Double) {
        guard value.isFinite else { return raw("null") }
        raw(value.description.utf8)
    }

    public mutating func secret(_ value: String) {
        guard wire == .jsonRPC else { return string(value) }
        raw("{\"SECRET\":")
        string(value)
        append(UInt8(ascii: "}"))
    }

    public mutating func binary(_ value: [UInt8]) {
        if wire == .jsonRPC { raw("{\"BINARY\":") }
        append(UInt8(ascii: "\""))
        Base64.encode(value) { append($0) }
        append(UInt8(ascii: "\""))
        if wire == .jsonRPC { append(UInt8(ascii: "}")) }
    }

    public mutating func dateTime(_ value: Timestamp) {
        makeRoom(DateTimeText.length + 2)
        var place = start + written
        put(UInt8(ascii: "\""), &place)
        DateTimeText.write(value, to: place)
        place += DateTimeText.length
        put(UInt8(ascii: "\""), &place)
        written = start.distance(to: place)
    }

    public mutating func string(_ value: String) {
        var value = value
        value.withUTF8 { text in
            makeRoom(text.count + 2)
            let target = start + written
            guard PlainText.copy(UnsafeRawBufferPointer(text), to: target + 1) else { return escaped(text) }
            target.storeBytes(of: UInt8(ascii: "\""), as: UInt8.self)
            target.storeBytes(of: UInt8(ascii: "\""), toByteOffset: text.count + 1, as: UInt8.self)
            written += text.count + 2
        }
    }

    @inline(never)
    private mutating func escaped(_ text: UnsafeBufferPointer<UInt8>) {
        append(UInt8(ascii: "\""))
        var start = 0
        while let index = text[start...].firstIndex(where: PlainText.needsEscape) {
            append(UnsafeBufferPointer(rebasing: text[start..<index]))
            escape(text[index])
            start = index + 1
        }
        append(UnsafeBufferPointer(rebasing: text[start...]))
        append(UInt8(ascii: "\""))
    }

    private mutating func escape(_ byte: UInt8) {
        switch byte {
        case UInt8(ascii: "\""): raw("\\\"")
        case UInt8(ascii: "\\"): raw("\\\\")
        case 0x08: raw("\\b")
        case 0x0C: raw("\\f")
        case 0x0A: raw("\\n")
        case 0x0D: raw("\\r")
        case 0x09: raw("\\t")
        default:
            raw("\\u00")
            append(byte < 0x10 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
            append(byte & 15 < 10 ? UInt8(ascii: "0") + byte & 15 : UInt8(ascii: "a") + byte & 15 - 10)
        }
    }
}

/// Copies text that a JSON string may hold as it is, eight bytes at a time.
enum PlainText {
    /// Quotes, backslashes and control characters.
    static func needsEscape(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x22 || byte == 0x5C }

    /// Copies until something would have to be escaped.
    ///
    /// The last word overlaps the one before it, and a text of less than a word is two overlapping parts of one, so
    /// that neither reads nor writes a byte outside.
    ///
    /// - Returns: whether all was copied; if not, what stands at `target` is of no use.
    static func copy(_ text: UnsafeRawBufferPointer, to target: UnsafeMutableRawPointer) -> Bool {
        guard let source = text.baseAddress, text.count > 0 else { return true }
        let count = text.count
        if count >= 8 {
            var hits: UInt64 = 0
            var index = 0
            while index < count - 8 {
                hits |= copyWord(source, target, index)
                index += 8
            }
            return (hits | copyWord(source, target, count - 8)) == 0
        }
        if count >= 4 {
            let low = source.loadUnaligned(as: UInt32.self)
            let high = source.loadUnaligned(fromByteOffset: count - 4, as: UInt32.self)
            target.storeBytes(of: low, as: UInt32.self)
            target.storeBytes(of: high, toByteOffset: count - 4, as: UInt32.self)
            return escapes(in: UInt64(low) | UInt64(high) << 32) == 0
        }
        let (first, middle, last) = (text[0], text[count / 2], text[count - 1])
        target.storeBytes(of: first, as: UInt8.self)
        target.storeBytes(of: middle, toByteOffset: count / 2, as: UInt8.self)
        target.storeBytes(of: last, toByteOffset: count - 1, as: UInt8.self)
        return escapes(in: 0x2020_2020_2000_0000 | UInt64(first) | UInt64(middle) << 8 | UInt64(last) << 16) == 0
    }

    private static func copyWord(
        _ source: UnsafeRawPointer, _ target: UnsafeMutableRawPointer, _ offset: Int
    ) -> UInt64 {
        let word = source.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        target.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
        return escapes(in: word)
    }

    /// Not zero if a byte of the word needs an escape.
    ///
    /// A byte of `x - 0x01…` with its top bit set where `x` had none was zero; below 0x20 likewise with 0x20. Borrows
    /// spoil bytes above a true hit only.
    private static func escapes(in word: UInt64) -> UInt64 {
        let quote = word ^ 0x2222_2222_2222_2222
        let slash = word ^ 0x5C5C_5C5C_5C5C_5C5C
        return ((quote &- 0x0101_0101_0101_0101) & ~quote | (slash &- 0x0101_0101_0101_0101) & ~slash
            | (word &- 0x2020_2020_2020_2020) & ~word) & 0x8080_8080_8080_8080
    }
}
