import Domain

/// Builds the document `{parameter: value, …}` out of path variables, query items and a body.
struct InputAssembly {
    private let wire: Wire
    /// Text behind the nodes: the body, if it is used, and the texts from the URL.
    private var bytes: [UInt8] = []
    /// Members of the outer object: names and values alternate.
    private var nodes: [JSONNode] = []
    private var memberCount: UInt32 = 0

    init(wire: Wire) { self.wire = wire }

    /// - Parameter name: as in `Route.Segment`: `id:x` asks for a text that starts with `id:`.
    /// - Throws: `not_found` if it does not.
    mutating func variable(_ name: String, _ text: String) throws(Fault) {
        memberCount += 1
        guard name.hasPrefix("id:") else {
            scalar(.string, name)
            return scalar(.loose, text)
        }
        let value = try Self.unprefixed(text)
        scalar(.string, String(name.dropFirst(3)))
        scalar(.loose, value)
    }

    /// What stands behind the `id:` of a text.
    static func unprefixed(_ text: String) throws(Fault) -> String {
        guard text.hasPrefix("id:") else {
            throw Fault(.notFound, id: "com.vmware.vapi.rest.httpNotFound", "Not found.")
        }
        return String(text.dropFirst(3))
    }

    /// - Throws: `invalid_argument` for a name that is neither a selector nor a parameter, or stands twice.
    mutating func query(_ items: [(name: String, value: String)], of route: Route) throws(Fault) {
        var values = [[String]](repeating: [], count: route.query.count)
        for item in items {
            guard let index = Self.match(item.name, route.query, indexed: wire == .legacy) else {
                if route.selectors.contains(where: { $0.name == item.name }) { continue }
                throw InputFault.unknownQuery(item.name)
            }
            guard values[index].isEmpty || route.query[index].type.isList else {
                throw InputFault.repeatedQuery(item.name)
            }
            if !(route.query[index].type.isSet && values[index].contains(item.value)) { values[index].append(item.value) }
        }
        let given = zip(route.query, values).filter { !$0.1.isEmpty }.map { (item: $0.0, depth: 0, texts: $0.1) }
        memberCount += object(given)
    }

    /// - Throws: `invalid_argument` if it is not JSON or, where an object is needed, no object.
    mutating func body(_ body: [UInt8], shape: Route.BodyShape) throws(Fault) {
        if body.isEmpty { return }
        let document: JSONDocument
        do {
            document = try JSONDocument(parsing: body)
        } catch {
            throw InputFault.unreadableBody(error)
        }
        switch shape {
        case .none:
            // Some clients send `{}` or `null` with operations that take no body.
            guard document.root.isNull || document.root.isObject && document.root.node.count == 0 else {
                throw Fault(.unexpectedInput, id: "com.viaduct.input.body", "This operation takes no body.")
            }
        case .parameter(let name):
            memberCount += 1
            scalar(.string, name)
            copy(document, from: 0)
        case .object:
            guard document.root.isObject else {
                throw ValueReader(document.root, wire: wire).mismatch("Structure")
            }
            memberCount += document.root.node.count
            copy(document, from: 1)
        }
    }

    /// The finished document.
    func document() -> JSONDocument {
        var all = [
            JSONNode(
                kind: .object, isIntricate: false, start: 0, count: memberCount, next: UInt32(nodes.count + 1))
        ]
        all.reserveCapacity(nodes.count + 1)
        for var node in nodes {
            node.next += 1
            all.append(node)
        }
        return JSONDocument(bytes: bytes, nodes: all)
    }

    /// The query parameter that an item belongs to: by its name, or on `/rest` by its name and a number (`names.1`).
    private static func match(_ name: String, _ parameters: [QueryItem], indexed: Bool) -> Int? {
        if let index = parameters.firstIndex(where: { $0.name == name }) { return index }
        guard indexed, let dot = name.lastIndex(of: "."), !name[dot...].dropFirst().isEmpty,
            name[dot...].dropFirst().utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") })
        else { return nil }
        return parameters.firstIndex { $0.type.isList && $0.name == name[..<dot] }
    }

    /// Writes members for items whose targets agree up to `depth`; returns how many.
    private mutating func object(_ items: [(item: QueryItem, depth: Int, texts: [String])]) -> UInt32 {
        var count: UInt32 = 0
        var rest = items[...]
        while let first = rest.first {
            let name = first.item.target[first.depth]
            let group = rest.filter { $0.item.target[$0.depth] == name }
            rest = rest.filter { $0.item.target[$0.depth] != name }[...]
            count += 1
            scalar(.string, name)
            if first.item.target.count == first.depth + 1 {
                value(first.texts, isList: first.item.type.isList)
            } else {
                let place = open(.object)
                let members = object(group.map { ($0.item, $0.depth + 1, $0.texts) })
                close(place, count: members)
            }
        }
        return count
    }

    private mutating func value(_ texts: [String], isList: Bool) {
        guard isList else { return scalar(.loose, texts[0]) }
        let place = open(.array)
        for text in texts { scalar(.loose, text) }
        close(place, count: UInt32(texts.count))
    }

    private mutating func open(_ kind: JSONNode.Kind) -> Int {
        nodes.append(JSONNode(kind: kind, isIntricate: false, start: 0, count: 0, next: 0))
        return nodes.count - 1
    }

    private mutating func close(_ place: Int, count: UInt32) {
        nodes[place].count = count
        nodes[place].next = UInt32(nodes.count)
    }

    private mutating func scalar(_ kind: JSONNode.Kind, _ text: String) {
        let start = bytes.count
        bytes.append(contentsOf: text.utf8)
        nodes.append(
            JSONNode(
                kind: kind, isIntricate: false, start: UInt32(start), count: UInt32(bytes.count - start),
                next: UInt32(nodes.count + 1)))
    }

    /// Takes over all nodes of a document from one on.
    private mutating func copy(_ document: JSONDocument, from first: Int) {
        let shift = UInt32(bytes.count)
        bytes.append(contentsOf: document.bytes)
        let base = nodes.count - first
        for var node in document.nodes[first...] {
            node.start += shift
            node.next = UInt32(Int(node.next) + base)
            nodes.append(node)
        }
    }
}
