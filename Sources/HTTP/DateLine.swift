/// The `Date` field of answers, formatted once per second.
struct DateLine {
    /// `Date: Tue, 15 Nov 1994 08:12:31 GMT` and a line end.
    private(set) var bytes: [UInt8] = []
    private var unixSeconds: Int64 = -1

    init() { set(unixSeconds: 0) }

    mutating func set(unixSeconds: Int64) {
        guard unixSeconds != self.unixSeconds else { return }
        self.unixSeconds = unixSeconds
        bytes = Array("Date: ".utf8) + HTTPDate.bytes(unixSeconds: unixSeconds) + [13, 10]
    }
}

/// Moments in the one form that HTTP writes. Source: RFC 9110 §5.6.7 (IMF-fixdate).
public enum HTTPDate {
    /// For example `Sun, 06 Nov 1994 08:49:37 GMT`.
    ///
    /// - Parameter unixSeconds: from 1970 to 9999; others are moved to the nearer end.
    public static func text(unixSeconds: Int64) -> String {
        String(decoding: bytes(unixSeconds: unixSeconds), as: UTF8.self)
    }

    static func bytes(unixSeconds: Int64) -> [UInt8] {
        let seconds = min(max(unixSeconds, 0), 253_402_300_799)
        let days = seconds / 86_400
        let date = civil(days: days)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(29)
        // 1970-01-01 was a Thursday.
        append(weekdays, Int((days + 4) % 7), to: &bytes)
        bytes += [44, 32]
        append(date.day, to: &bytes)
        bytes.append(32)
        append(months, Int(date.month - 1), to: &bytes)
        bytes.append(32)
        append(date.year / 100, to: &bytes)
        append(date.year % 100, to: &bytes)
        bytes.append(32)
        append(seconds % 86_400 / 3600, to: &bytes)
        bytes.append(58)
        append(seconds % 3600 / 60, to: &bytes)
        bytes.append(58)
        append(seconds % 60, to: &bytes)
        bytes += " GMT".utf8
        return bytes
    }

    /// Seconds since 1970 of an IMF-fixdate; `nil` for anything else, the two obsolete forms included.
    ///
    /// Used for conditional requests only, where an unreadable date means that the condition is ignored.
    public static func unixSeconds(_ text: ArraySlice<UInt8>) -> Int64? {
        let text = Array(text)
        guard text.count == 29, let day = number(text, 5), let month = monthNumber(text),
            let century = number(text, 12), let year = number(text, 14), let hour = number(text, 17),
            let minute = number(text, 20), let second = number(text, 23), day >= 1, hour < 24, minute < 60, second < 60
        else { return nil }
        let days = daysSince1970(year: century * 100 + year, month: month, day: day)
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second
        // The one spelling of that moment, so that day names, separators and days beyond a month are checked as well.
        return seconds >= 0 && bytes(unixSeconds: seconds) == text ? seconds : nil
    }

    private static let weekdays: StaticString = "SunMonTueWedThuFriSat"
    private static let months: StaticString = "JanFebMarAprMayJunJulAugSepOctNovDec"

    private static func append(_ names: StaticString, _ index: Int, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: names.utf8Start + index * 3, count: 3))
    }

    private static func append(_ number: Int64, to bytes: inout [UInt8]) {
        bytes.append(48 + UInt8(truncatingIfNeeded: number / 10))
        bytes.append(48 + UInt8(truncatingIfNeeded: number % 10))
    }

    private static func number(_ text: [UInt8], _ index: Int) -> Int64? {
        let high = text[index] &- 48
        let low = text[index + 1] &- 48
        return high < 10 && low < 10 ? Int64(high) * 10 + Int64(low) : nil
    }

    private static func monthNumber(_ text: [UInt8]) -> Int64? {
        for index in 0..<12 {
            let name = UnsafeBufferPointer(start: months.utf8Start + index * 3, count: 3)
            if text[8..<11].elementsEqual(name) { return Int64(index + 1) }
        }
        return nil
    }

    /// The day of the Gregorian calendar; years are counted from March, so that the leap day comes last.
    private static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func daysSince1970(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return shiftedYear * 365 + shiftedYear / 4 - shiftedYear / 100 + shiftedYear / 400 + dayOfYear - 719_468
    }
}
