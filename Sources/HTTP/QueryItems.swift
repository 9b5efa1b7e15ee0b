/// One `name=value` of a query.
public struct QueryItem: Sendable, Equatable {
    public var name: String
    /// Empty if there is none.
    public var value: String
    /// `false` for a name without an equals sign.
    public var hasValue: Bool
}

/// Why a query can't be read.
public enum QueryError: Error, Sendable, Equatable {
    /// A percent sign without two hexadecimal digits.
    case malformedEscape
    case notUTF8
}

/// The items of a query in the order sent, each decoded once; `+` means a space, as forms write it. Empty items
/// (`a=1&&b=2`) are skipped. Source: WHATWG URL Standard §5.1, but strict: nothing is repaired.
public struct QueryItems {
    private let bytes: ArraySlice<UInt8>
    private var position: Int

    /// - Parameter query: without the question mark, as `RequestHead.query`.
    public init(_ query: ArraySlice<UInt8>) {
        bytes = query
        position = query.startIndex
    }

    /// All items.
    public static func all(_ query: ArraySlice<UInt8>) throws(QueryError) -> [QueryItem] {
        var items = QueryItems(query)
        var all: [QueryItem] = []
        while let item = try items.next() { all.append(item) }
        return all
    }

    /// The next item; `nil` at the end.
    public mutating func next() throws(QueryError) -> QueryItem? {
        while position < bytes.endIndex {
            let rest = bytes[position...]
            let end = rest.firstIndex(of: UInt8(ascii: "&")) ?? rest.endIndex
            position = min(end + 1, bytes.endIndex)
            if end == rest.startIndex { continue }
            let item = rest[..<end]
            guard let equals = item.firstIndex(of: UInt8(ascii: "=")) else {
                return QueryItem(name: try Self.text(item), value: "", hasValue: false)
            }
            return QueryItem(name: try Self.text(item[..<equals]), value: try Self.text(item[(equals + 1)...]), hasValue: true)
        }
        return nil
    }

    private static func text(_ bytes: ArraySlice<UInt8>) throws(QueryError) -> String {
        guard let decoded = bytes.withUnsafeBytes({ PercentCoding.decode($0, plusIsSpace: true) }) else {
            throw .malformedEscape
        }
        guard let text = String(validating: decoded, as: UTF8.self) else { throw .notUTF8 }
        return text
    }
}
