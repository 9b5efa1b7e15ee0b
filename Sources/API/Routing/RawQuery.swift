import HTTP

/// The items of a query, read in place: enough to choose an operation without making a text.
///
/// The parameters themselves are read by `HTTP.QueryItems`.
struct RawQuery: Sequence {
    let bytes: ArraySlice<UInt8>

    struct Item {
        /// As sent.
        let name: ArraySlice<UInt8>
        /// As sent; empty both for `a=` and for `a`.
        let value: ArraySlice<UInt8>

        /// The value decoded; `nil` where its escapes or its UTF-8 are wrong.
        var decodedValue: String? { RawQuery.decoded(value).flatMap { String(validating: $0, as: UTF8.self) } }
    }

    struct Iterator: IteratorProtocol {
        fileprivate var rest: ArraySlice<UInt8>

        mutating func next() -> Item? {
            while !rest.isEmpty {
                let end = rest.firstIndex(of: UInt8(ascii: "&")) ?? rest.endIndex
                let item = rest[rest.startIndex..<end]
                rest = end < rest.endIndex ? rest[(end + 1)...] : rest[rest.endIndex...]
                if item.isEmpty { continue }
                let mark = item.firstIndex(of: UInt8(ascii: "=")) ?? item.endIndex
                return Item(name: item[item.startIndex..<mark], value: item[Swift.min(mark + 1, item.endIndex)...])
            }
            return nil
        }
    }

    func makeIterator() -> Iterator { Iterator(rest: bytes) }

    /// The first item of that name.
    func first(named name: [UInt8]) -> Item? {
        first { RawQuery.equal($0.name, name) }
    }

    /// Compares encoded bytes with plain ones.
    static func equal(_ encoded: ArraySlice<UInt8>, _ plain: [UInt8]) -> Bool {
        if encoded.elementsEqual(plain) { return true }
        return isCoded(encoded) && decoded(encoded)?.elementsEqual(plain) == true
    }

    /// The bytes meant, a plus sign being a space as forms send it; `nil` where an escape is malformed.
    private static func decoded(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        guard isCoded(bytes) else { return bytes }
        let spaced = bytes.map { $0 == UInt8(ascii: "+") ? UInt8(ascii: " ") : $0 }
        return PercentCoding.decode(spaced[...])?[...]
    }

    private static func isCoded(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.contains { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }
    }
}
