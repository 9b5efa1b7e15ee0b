/// The name of an iSCSI node in its normal form.
///
/// Types `iqn.`, `eui.` and `naa.`. Names that people type are folded to lower case, as the stringprep profile for iSCSI
/// names does; besides letters and digits only `-`, `.` and `:` appear in ASCII. Characters beyond ASCII, which the
/// profile allows in an `iqn.` name after normalisation, are not taken.
/// Source: RFC 7143 §4.2.7, RFC 3722 §2 and §3.
public struct InitiatorName: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    public static let maximumBytes = 223

    public let rawValue: String

    /// Why a text is no name; a sentence for its author.
    public struct Malformed: Error, Equatable {
        public let reason: String
    }

    public init(_ text: String) throws(Malformed) {
        let name = text.lowercased()
        guard name.utf8.count <= Self.maximumBytes else {
            throw Malformed(reason: "an iSCSI name has at most \(Self.maximumBytes) bytes.")
        }
        switch name.prefix(4) {
        case "iqn.": try Self.checkQualified(name.dropFirst(4).utf8)
        case "eui.": try Self.checkDigits(name.dropFirst(4).utf8, [16], "eui.")
        case "naa.": try Self.checkDigits(name.dropFirst(4).utf8, [16, 32], "naa.")
        default: throw Malformed(reason: "an iSCSI name begins with `iqn.`, `eui.` or `naa.`.")
        }
        rawValue = name
    }

    /// `yyyy-mm.` and a reversed domain name, then perhaps a colon and a text of the owner's choice.
    private static func checkQualified(_ rest: Substring.UTF8View) throws(Malformed) {
        guard rest.allSatisfy(isAllowed) else {
            throw Malformed(reason: "besides letters and digits only `-`, `.` and `:` may appear.")
        }
        let date = Array(rest.prefix(8))
        let isDate =
            date.count == 8 && date[4] == UInt8(ascii: "-") && date[7] == UInt8(ascii: ".")
            && (date[..<4] + date[5..<7]).allSatisfy(isDigit) && (1...12).contains(number(date[5..<7]))
        guard isDate else { throw Malformed(reason: "`iqn.` is followed by year, month and a dot, as in `iqn.2001-04.`.") }
        let authority = rest.dropFirst(8).prefix { $0 != UInt8(ascii: ":") }
        let labels = authority.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard labels.allSatisfy({ !$0.isEmpty && $0.first != UInt8(ascii: "-") && $0.last != UInt8(ascii: "-") }) else {
            throw Malformed(reason: "the date is followed by a reversed domain name, as in `com.example`.")
        }
    }

    private static func checkDigits(
        _ digits: Substring.UTF8View, _ counts: [Int], _ type: String
    ) throws(Malformed) {
        guard counts.contains(digits.count), digits.allSatisfy(isHexadecimal) else {
            let count = counts.map(String.init).joined(separator: " or ")
            throw Malformed(reason: "`\(type)` is followed by \(count) hexadecimal digits.")
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
    private static func isLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        isDigit(byte) || isLetter(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".") || byte == UInt8(ascii: ":")
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int {
        digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }

    public init(from decoder: any Decoder) throws {
        rawValue = try decoder.singleValueContainer().decode(String.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }

    public var description: String { rawValue }

    public static func < (left: InitiatorName, right: InitiatorName) -> Bool { left.rawValue < right.rawValue }
}
