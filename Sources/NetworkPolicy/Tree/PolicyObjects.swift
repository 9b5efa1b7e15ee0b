/// The objects that stand, by path.
public protocol PolicyObjects: Sendable {
    func object(at path: String) -> PolicyObject?
    /// Paths of what stands in a collection, in any order.
    func paths(in collection: String) -> [String]
    /// Paths of what names `path`, in any order.
    func referrers(of path: String) -> [String]
}

/// Where a path leads.
enum PolicyPlace {
    case object(PolicyType, parent: String)
    case collection(PolicyType, parent: String)
}

extension PolicyRegistry {
    /// Identifiers of objects: no separator, no control character, and short enough for an index.
    static func isIdentifier(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.count <= 255 && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "/") }
    }

    /// - Returns: `nil` if nothing can stand there.
    func place(of path: String) -> PolicyPlace? {
        let segments = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard segments.first == "infra", var type = type(named: "Infra") else { return nil }
        var parent = "/infra"
        if segments.count == 1 { return .object(type, parent: "") }
        var position = 2
        while position <= segments.count {
            guard let child = self.type(below: type.name, collection: segments[position]) else { return nil }
            type = child
            guard position + 1 <= segments.count else { return .collection(type, parent: parent) }
            guard Self.isIdentifier(segments[position + 1]) else { return nil }
            if position + 1 == segments.count { return .object(type, parent: parent) }
            parent += "/" + segments[position] + "/" + segments[position + 1]
            position += 2
        }
        return nil
    }
}
