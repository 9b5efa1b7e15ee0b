/// A set of ASCII characters, answered from two words instead of a table.
struct CharacterSet: Sendable {
    let low: UInt64
    let high: UInt64

    @inline(__always)
    func contains(_ byte: UInt8) -> Bool {
        byte < 128 && ((byte < 64 ? low : high) &>> UInt64(byte & 63)) & 1 == 1
    }

    /// `tchar`: letters, digits and ``!#$%&'*+-.^_`|~``. Source: RFC 9110 §5.6.2.
    static let token = CharacterSet(low: 0x03FF_6CFA_0000_0000, high: 0x57FF_FFFF_C7FF_FFFE)
    /// Visible ASCII without `#`: a client that sends a fragment, a space or a raw 8-bit byte is mistaken.
    /// Wider than RFC 3986 (it lets `{`, `|` and the like pass), because clients send those unescaped in queries.
    static let target = CharacterSet(low: 0xFFFF_FFF6_0000_0000, high: 0x7FFF_FFFF_FFFF_FFFF)
    /// `target` without `/`, `%` and the backslash: what a path segment may hold without a closer look.
    static let plainSegment = CharacterSet(low: 0xFFFF_7FD6_0000_0000, high: 0x7FFF_FFFF_EFFF_FFFF)
    /// `unreserved` and `sub-delims`. Source: RFC 3986 §3.2.2.
    static let registeredName = CharacterSet(low: 0x2BFF_7FD2_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
    /// Hexadecimal digits, `:` and `.`.
    static let addressLiteral = CharacterSet(low: 0x07FF_4000_0000_0000, high: 0x0000_007E_0000_007E)
    /// `unreserved`. Source: RFC 3986 §2.3.
    static let unreserved = CharacterSet(low: 0x03FF_6000_0000_0000, high: 0x47FF_FFFE_87FF_FFFE)
}

/// Searching and comparing bytes of a message.
enum Characters {
    static let carriageReturn: UInt8 = 13
    static let lineFeed: UInt8 = 10
    static let space: UInt8 = 32
    static let tab: UInt8 = 9

    /// The first control character (below 0x20, or DEL) other than a tab, at or after `start`; `bytes.count` if none.
    ///
    /// Eight bytes at a time: this is the one pass over every byte of a head.
    static func firstControl(in bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
        var index = start
        let ones: UInt64 = 0x0101_0101_0101_0101
        let tops: UInt64 = 0x8080_8080_8080_8080
        while index &+ 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
            let delete = word ^ (ones &* 0x7F)
            let found = ((word &- (ones &* 0x20)) & ~word | (delete &- ones) & ~delete) & tops
            if found == 0 {
                index &+= 8
                continue
            }
            // A borrow can only mark bytes after a real one, so the first mark is exact.
            index &+= found.littleEndian.trailingZeroBitCount &>> 3
            if bytes[index] != tab { return index }
            index &+= 1
        }
        while index < bytes.count {
            if isControl(bytes[index]) { return index }
            index &+= 1
        }
        return index
    }

    @inline(__always)
    static func isControl(_ byte: UInt8) -> Bool {
        (byte < 0x20 && byte != tab) || byte == 0x7F
    }

    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- 48 < 10 }

    /// The value of a hexadecimal digit; `nil` for other characters.
    @inline(__always)
    static func hexadecimal(_ byte: UInt8) -> UInt8? {
        if byte &- 48 < 10 { return byte &- 48 }
        let lower = byte | 0x20
        return lower &- 97 < 6 ? lower &- 87 : nil
    }

    /// Whether `bytes[range]` spells `word`.
    @inline(__always)
    static func equals(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ word: StaticString) -> Bool {
        guard range.count == word.utf8CodeUnitCount else { return false }
        for offset in 0..<range.count where bytes[range.lowerBound &+ offset] != word.utf8Start[offset] {
            return false
        }
        return true
    }

    /// Whether `bytes[range]` spells `word` in any case.
    ///
    /// - Parameter word: lower-case letters, digits and `-`.
    @inline(__always)
    static func equalsIgnoringCase(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, _ word: StaticString) -> Bool {
        guard range.count == word.utf8CodeUnitCount else { return false }
        for offset in 0..<range.count where lowercased(bytes[range.lowerBound &+ offset]) != word.utf8Start[offset] {
            return false
        }
        return true
    }

    @inline(__always)
    static func lowercased(_ byte: UInt8) -> UInt8 {
        byte &- 65 < 26 ? byte | 0x20 : byte
    }

    /// `range` without blanks at its ends.
    @inline(__always)
    static func trimmed(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Range<Int> {
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, isBlank(bytes[start]) { start &+= 1 }
        while end > start, isBlank(bytes[end &- 1]) { end &-= 1 }
        return start..<end
    }

    /// Calls `body` with each non-empty element of a comma-separated list. Source: RFC 9110 §5.6.1.
    @inline(__always)
    static func forEachElement(_ bytes: UnsafeRawBufferPointer, _ list: Range<Int>, _ body: (Range<Int>) -> Void) {
        var start = list.lowerBound
        for index in list.lowerBound...list.upperBound where index == list.upperBound || bytes[index] == 44 {
            let element = trimmed(bytes, start..<index)
            if !element.isEmpty { body(element) }
            start = index &+ 1
        }
    }
}
