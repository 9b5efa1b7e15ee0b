/// Which bytes of a resource a request asks for. Source: RFC 9110 §14.
public enum ByteRange: Sendable, Equatable {
    /// No range, or one that is not honoured: answer 200 with everything.
    case whole
    /// Answer 206 with these bytes; never empty.
    case part(Range<UInt64>)
    /// Answer 416.
    case unsatisfiable

    /// Reads a `Range` field.
    ///
    /// Of several ranges none is honoured, as §14.2 allows: a client that wants many parts gets the whole, and cannot
    /// make the server send more than that. A malformed field or another unit is ignored, as it demands.
    ///
    /// - Parameter length: of the whole in bytes.
    public init(parsing field: ArraySlice<UInt8>, length: UInt64) {
        self = .whole
        let unit = Array("bytes=".utf8)
        guard field.count > unit.count, field.prefix(unit.count).map(Characters.lowercased) == unit else { return }
        let text = field.dropFirst(unit.count)
        guard let dash = text.firstIndex(of: UInt8(ascii: "-")) else { return }
        let first = text[..<dash]
        let last = text[(dash + 1)...]
        if first.isEmpty {
            guard let suffix = Self.number(last) else { return }
            if suffix == 0 { self = .unsatisfiable }
            if suffix > 0, length > 0 { self = .part((length - min(suffix, length))..<length) }
            return
        }
        guard let start = Self.number(first) else { return }
        var end = length
        if !last.isEmpty {
            guard let inclusive = Self.number(last), inclusive >= start else { return }
            end = inclusive < length ? inclusive + 1 : length
        }
        self = start < length ? .part(start..<end) : .unsatisfiable
    }

    /// Digits only. A number beyond 64 bits is as good as the largest.
    private static func number(_ text: ArraySlice<UInt8>) -> UInt64? {
        guard !text.isEmpty, text.allSatisfy(Characters.isDigit) else { return nil }
        var number: UInt64 = 0
        for digit in text {
            let (product, overflow) = number.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit - 48))
            if overflow || carry { return .max }
            number = sum
        }
        return number
    }

    /// The `Content-Range` field of a 206 or, with `nil`, of a 416.
    public static func contentRange(_ part: Range<UInt64>?, length: UInt64) -> String {
        guard let part, !part.isEmpty else { return "bytes */\(length)" }
        return "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(length)"
    }
}

extension RequestHead {
    /// The range to answer with, after `If-Range`: a range of another version than the client has parts of is not
    /// honoured. Source: RFC 9110 §13.1.5, §14.2 (ranges are for GET).
    ///
    /// - Parameters:
    ///   - length: of the whole in bytes.
    ///   - entityTag: of the current version.
    ///   - lastModified: seconds since 1970.
    public func byteRange(length: UInt64, entityTag: EntityTag? = nil, lastModified: Int64? = nil) -> ByteRange {
        let ranges = values("range")
        guard method == .get, ranges.count == 1 else { return .whole }
        if let condition = value("if-range") {
            if let tag = EntityTag(parsing: condition) {
                guard entityTag?.stronglyEquals(tag) ?? false else { return .whole }
            } else {
                guard let lastModified, HTTPDate.unixSeconds(condition) == lastModified else { return .whole }
            }
        }
        return ByteRange(parsing: ranges[0], length: length)
    }

    /// The values of all fields of that name, in the order sent.
    ///
    /// - Parameter name: in lower case.
    public func values(_ name: StaticString) -> [ArraySlice<UInt8>] {
        storage.withUnsafeBytes { bytes in fields.filter { Characters.equals(bytes, $0.name, name) } }
            .map { storage[$0.value] }
    }
}
