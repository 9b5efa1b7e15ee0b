/// Which part of a list is wanted, and in which order.
public struct PolicyListing: Sendable {
    var pageSize = 1000
    var cursor: String?
    var sortBy = "display_name"
    var ascending = true

    /// - Throws: 400 for a size outside of 1...1000 or a cursor that is none.
    public init(_ parameters: [String: String]) throws(PolicyError) {
        if let text = parameters["page_size"] {
            guard let size = Int(text), (1...1000).contains(size) else {
                throw .violations(["page_size must be between 1 and 1000"])
            }
            pageSize = size
        }
        cursor = parameters["cursor"].flatMap { $0.isEmpty ? nil : $0 }
        if let cursor, !cursor.hasPrefix("c") { throw .violations(["cursor is not one of this list"]) }
        if let name = parameters["sort_by"], !name.isEmpty { sortBy = name }
        ascending = parameters["sort_ascending"] != "false"
    }

    /// The page with what lists have around them. The next page begins behind the last object of this one, whatever has
    /// come or gone meanwhile.
    public func envelope(of objects: [PolicyFields]) -> PolicyFields {
        var keyed = objects.map { (key: key($0), fields: $0) }
        keyed.sort { ascending ? $0.key < $1.key : $1.key < $0.key }
        let total = keyed.count
        if let cursor {
            let last = String(cursor.dropFirst())
            keyed.removeAll { entry in
                let place = Self.coded(entry.key)
                return ascending ? place <= last : place >= last
            }
        }
        var envelope = PolicyFields([
            ("results", .array(keyed.prefix(pageSize).map { .object($0.fields) })), ("sort_by", .string(sortBy)),
            ("sort_ascending", .boolean(ascending)),
        ])
        if cursor == nil { envelope["result_count"] = .integer(Int64(total)) }
        if keyed.count > pageSize { envelope["cursor"] = .string("c" + Self.coded(keyed[pageSize - 1].key)) }
        return envelope
    }

    private func key(_ fields: PolicyFields) -> String {
        let value: String =
            switch fields[sortBy] {
            case .string(let text): text
            case .integer(let number): String(UInt64(bitPattern: number) ^ 1 << 63).leftPadded(to: 20)
            default: ""
            }
        return value + "\u{1}" + (fields["path"]?.string ?? "")
    }

    /// Hexadecimal, which keeps the order of the bytes.
    private static func coded(_ key: String) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: key.utf8.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}

extension String {
    fileprivate func leftPadded(to count: Int) -> String { String(repeating: "0", count: Swift.max(0, count - utf8.count)) + self }
}
