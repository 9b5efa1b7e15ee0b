import Domain

// Which objects an input refers to, found without reading it in full: access is decided before anything else.
extension OperationInput {
    /// The texts at a path, for example `["spec", "nics", "[]", "backing", "network"]`; none where a part of the path is
    /// unset.
    ///
    /// - Parameter path: names of fields; `[]` stands for each element of a list or set, `{}` for each value of a map.
    /// - Returns: `nil` if something at the path has another shape than its type.
    public func texts(at path: [String]) -> [String]? {
        var found: [String] = []
        return visit(path) { value in
            guard let text = value.text else { return false }
            found.append(text)
            return true
        } ? found : nil
    }

    /// As `texts`, for values that name the type of an object along with its identifier (`com.vmware.vapi.std.dynamic_ID`).
    public func objects(at path: [String]) -> [(type: String, id: String)]? {
        var found: [(type: String, id: String)] = []
        return visit(path) { value in
            guard let fields = Self.structure(value, wire), let type = fields["type"]?.text, let id = fields["id"]?.text else {
                return false
            }
            found.append((type, id))
            return true
        } ? found : nil
    }

    /// Calls `take` with every value at the path, without what marks optionals.
    private func visit(_ path: [String], _ take: (JSONValue) -> Bool) -> Bool {
        guard let name = path.first else { return true }
        if let text = text(inPath: name) {
            // A path of a URL holds texts alone.
            return path.count == 1 && take(text)
        }
        guard let value = fieldValue(name) else { return true }
        return Self.visit(value, path.dropFirst(), wire, take)
    }

    private static func visit(_ value: JSONValue, _ path: ArraySlice<String>, _ wire: Wire, _ take: (JSONValue) -> Bool) -> Bool {
        var value = value
        if let inner = ValueReader(value, wire: wire).wrapped("OPTIONAL") { value = inner }
        if value.isNull { return true }
        guard let step = path.first else { return take(value) }
        let rest = path.dropFirst()
        switch step {
        case "[]":
            guard value.isArray else { return false }
            return value.elements.allSatisfy { visit($0, rest, wire, take) }
        case "{}":
            if wire == .clean {
                guard value.isObject else { return false }
                return value.members.allSatisfy { visit($0.value, rest, wire, take) }
            }
            guard value.isArray else { return false }
            return value.elements.allSatisfy { entry in
                structure(entry, wire).flatMap { $0["value"] }.map { visit($0, rest, wire, take) } ?? false
            }
        default:
            guard let fields = structure(value, wire) else { return false }
            // The parser has seen to it that no name occurs twice.
            return fields[step].map { visit($0, rest, wire, take) } ?? true
        }
    }

    /// The object that holds the fields of a structure; `nil` if it is none.
    private static func structure(_ value: JSONValue, _ wire: Wire) -> JSONValue? {
        guard wire == .jsonRPC else { return value.isObject ? value : nil }
        guard let outer = ValueReader(value, wire: wire).wrapped("STRUCTURE"),
            let inner = outer.members.first(where: { _ in true })?.value, outer.node.count == 1, inner.isObject
        else { return nil }
        return inner
    }
}
