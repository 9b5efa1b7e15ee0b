import Domain

/// Date-times as vAPI writes them: `YYYY-MM-DDThh:mm:ss.sssZ`. Source: RFC 3339 §5.6.
enum DateTimeText {
    /// Accepts any number of digits in the fraction (beyond milliseconds cut) and none, `Z` or an offset.
    static func parse(_ text: String) -> Timestamp? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.count <= 48, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            bytes[10] | 0x20 == UInt8(ascii: "t"), bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
            let year = number(bytes, 0, 4), let month = number(bytes, 5, 2), let day = number(bytes, 8, 2),
            let hour = number(bytes, 11, 2), let minute = number(bytes, 14, 2), let second = number(bytes, 17, 2),
            1...12 ~= month, day >= 1, day <= daysIn(month, year), hour < 24, minute < 60, second < 60
        else { return nil }
        var index = 19
        guard let fraction = milliseconds(bytes, &index), let offset = offsetMinutes(bytes, index) else { return nil }
        let days = daysSinceEpoch(year, month, day)
        let seconds = Int64(days) * 86_400 + Int64(hour * 3600 + (minute - offset) * 60 + second)
        return Timestamp(milliseconds: seconds * 1000 + Int64(fraction))
    }

    /// Bytes of a written date-time.
    static let length = 24

    /// - Parameter place: room for `length` bytes.
    static func write(_ moment: Timestamp, to place: UnsafeMutableRawPointer) {
        let clamped = min(max(moment.milliseconds, -62_135_596_800_000), 253_402_300_799_999)
        let days = Int(clamped.floorDivided(by: 86_400_000))
        // Half the width, for cheaper divisions.
        let rest = UInt32(truncatingIfNeeded: clamped - Int64(days) * 86_400_000)
        let (year, month, day) = civil(days)
        pair(UInt32(truncatingIfNeeded: year) / 100, place, 0)
        pair(UInt32(truncatingIfNeeded: year) % 100, place, 2)
        pair(UInt32(truncatingIfNeeded: month), place, 5)
        pair(UInt32(truncatingIfNeeded: day), place, 8)
        let (seconds, milliseconds) = rest.quotientAndRemainder(dividingBy: 1000)
        let (minutes, second) = seconds.quotientAndRemainder(dividingBy: 60)
        pair(minutes / 60, place, 11)
        pair(minutes % 60, place, 14)
        pair(second, place, 17)
        pair(milliseconds / 10, place, 20)
        digit(milliseconds % 10, place, 22)
        mark("-", place, 4)
        mark("-", place, 7)
        mark("T", place, 10)
        mark(":", place, 13)
        mark(":", place, 16)
        mark(".", place, 19)
        mark("Z", place, 23)
    }

    /// Two digits at an offset.
    private static func pair(_ number: UInt32, _ place: UnsafeMutableRawPointer, _ offset: Int) {
        digit(number / 10, place, offset)
        digit(number % 10, place, offset + 1)
    }

    private static func digit(_ digit: UInt32, _ place: UnsafeMutableRawPointer, _ offset: Int) {
        place.storeBytes(of: UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: digit), toByteOffset: offset, as: UInt8.self)
    }

    private static func mark(_ mark: Unicode.Scalar, _ place: UnsafeMutableRawPointer, _ offset: Int) {
        place.storeBytes(of: UInt8(ascii: mark), toByteOffset: offset, as: UInt8.self)
    }

    private static func number(_ bytes: [UInt8], _ start: Int, _ count: Int) -> Int? {
        var value = 0
        for byte in bytes[start..<start + count] {
            guard byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") else { return nil }
            value = value * 10 + Int(byte - UInt8(ascii: "0"))
        }
        return value
    }

    private static func milliseconds(_ bytes: [UInt8], _ index: inout Int) -> Int? {
        guard index < bytes.count, bytes[index] == UInt8(ascii: ".") else { return 0 }
        index += 1
        let start = index
        var (value, digits) = (0, 0)
        while index < bytes.count, let digit = number(bytes, index, 1) {
            if digits < 3 {
                value = value * 10 + digit
                digits += 1
            }
            index += 1
        }
        while digits < 3 {
            value *= 10
            digits += 1
        }
        return index == start ? nil : value
    }

    private static func offsetMinutes(_ bytes: [UInt8], _ index: Int) -> Int? {
        guard index < bytes.count else { return nil }
        if bytes[index] | 0x20 == UInt8(ascii: "z") { return index + 1 == bytes.count ? 0 : nil }
        guard bytes.count == index + 6, bytes[index + 3] == UInt8(ascii: ":"), let hours = number(bytes, index + 1, 2),
            let minutes = number(bytes, index + 4, 2), hours < 24, minutes < 60
        else { return nil }
        switch bytes[index] {
        case UInt8(ascii: "+"): return hours * 60 + minutes
        case UInt8(ascii: "-"): return -(hours * 60 + minutes)
        default: return nil
        }
    }

    private static func daysIn(_ month: Int, _ year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days from 1970-01-01 in the proleptic Gregorian calendar; years start in March, so that leap days come last.
    private static func daysSinceEpoch(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month > 2 ? year : year - 1
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
    }

    /// The inverse, for 0001-01-01 to 9999-12-31.
    private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let year = era * 400 + yearOfEra + (month >= 10 ? 1 : 0)
        return (year, month < 10 ? month + 3 : month - 9, dayOfYear - (153 * month + 2) / 5 + 1)
    }
}

extension Int64 {
    fileprivate func floorDivided(by divisor: Int64) -> Int64 {
        let quotient = self / divisor
        return self % divisor < 0 ? quotient - 1 : quotient
    }
}

/// Base64 with padding and the standard alphabet. Source: RFC 4648 §4.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encode(_ bytes: [UInt8], _ append: (UInt8) -> Void) {
        var index = 0
        while index < bytes.count {
            let rest = bytes.count - index
            let group =
                UInt32(bytes[index]) << 16 | (rest > 1 ? UInt32(bytes[index + 1]) << 8 : 0)
                | (rest > 2 ? UInt32(bytes[index + 2]) : 0)
            for position in 0..<4 {
                let isPadding = position > rest
                append(isPadding ? UInt8(ascii: "=") : alphabet[Int(group >> UInt32(18 - 6 * position)) & 63])
            }
            index += 3
        }
    }

    /// `nil` if the text is not exactly what `encode` writes for some bytes.
    static func decode(_ text: String) -> [UInt8]? {
        let input = Array(text.utf8)
        guard input.count % 4 == 0 else { return nil }
        let padding = input.reversed().prefix(2).prefix { $0 == UInt8(ascii: "=") }.count
        var result: [UInt8] = []
        result.reserveCapacity(input.count / 4 * 3)
        var (group, bits): (UInt32, UInt32) = (0, 0)
        for byte in input.dropLast(padding) {
            guard let value = value(of: byte) else { return nil }
            group = group << 6 | value
            bits += 6
            if bits >= 8 {
                bits -= 8
                result.append(UInt8(truncatingIfNeeded: group >> bits))
                group &= (1 << bits) - 1
            }
        }
        return group == 0 ? result : nil
    }

    private static func value(of letter: UInt8) -> UInt32? {
        switch letter {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(letter - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(letter - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(letter - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
