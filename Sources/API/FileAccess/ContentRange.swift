/// The `Content-Range` of a request that writes a part of a file. Source: RFC 9110 §14.4, §14.5.
struct ContentRange: Equatable {
    let range: Range<UInt64>
    /// `nil` for `*`.
    let total: UInt64?

    /// - Parameter field: for example `bytes 1024-2047/4096`; the result is `nil` if it is anything else.
    init?(_ field: ArraySlice<UInt8>) {
        guard let text = String(validating: field, as: UTF8.self), text.lowercased().hasPrefix("bytes ") else { return nil }
        let halves = text.dropFirst(6).split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2 else { return nil }
        let ends = halves[0].split(separator: "-", omittingEmptySubsequences: false)
        guard ends.count == 2, let first = Self.number(ends[0]), let last = Self.number(ends[1]),
            first <= last, last < .max
        else { return nil }
        range = first..<last + 1
        if halves[1] == "*" {
            total = nil
        } else {
            guard let size = Self.number(halves[1]), size > last else { return nil }
            total = size
        }
    }

    private static func number(_ text: Substring) -> UInt64? {
        guard text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else { return nil }
        return UInt64(text)
    }
}
