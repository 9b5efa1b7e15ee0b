import Domain

/// A page of a list whose items are in order of their identifiers.
struct Page {
    static let sizeLimit: Int64 = 1000

    private let size: Int
    private let after: String?

    /// - Parameters:
    ///   - size: 1 to 1000; `nil` for as many as there may be.
    ///   - marker: what the page before ended with.
    /// - Throws: `invalid_argument`.
    init(size: Int64?, marker: String?) throws(Fault) {
        let size = size ?? Self.sizeLimit
        guard (1...Self.sizeLimit).contains(size) else {
            throw .invalid("iterate.page_size", "it is not between 1 and \(Self.sizeLimit).")
        }
        self.size = Int(size)
        after = marker
    }

    /// The items of the page, and the marker of the next; `nil` after the last.
    ///
    /// - Throws: `invalid_argument` for a marker that no page ended with.
    func cut<Item>(_ items: [Item], id: (Item) -> String) throws(Fault) -> (items: [Item], marker: String?) {
        var rest = items[...]
        if let after {
            guard let place = items.firstIndex(where: { id($0) == after }) else {
                throw .invalid("iterate.marker", "no page ended with it.")
            }
            rest = items[(place + 1)...]
        }
        let page = Array(rest.prefix(size))
        return (page, rest.count > size ? page.last.map(id) : nil)
    }
}
