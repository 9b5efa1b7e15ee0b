import Contract

/// Works out where the two REST roots have an operation.
struct RouteReader {
    let service: String
    let name: String
    let parameters: [FieldModel]
    let model: ContractModel
    var operation: JSONValue?

    init(service: String, name: String, parameters: [FieldModel], model: ContractModel) {
        self.service = service
        self.name = name
        self.parameters = parameters
        self.model = model
    }

    /// The route below `/api`, as the document has it.
    func clean(method: String, path: String, query: [QueryParameter]) throws -> RouteModel {
        var route = Self.split(method: method, path: path)
        try renameVariables(&route)
        route.query = query.map { ($0.name, $0.target, $0.type) }
        let marks = operation?["x-vapi"]
        switch marks?["body"]?.text {
        case nil: route.body = .none
        case "*": route.body = .object(marks?["bparams"]?.elements.compactMap(\.text) ?? [])
        case let parameter?: route.body = .parameter(parameter)
        }
        let successes = (operation?["responses"]?.members ?? JSONMembers.empty).compactMap { $0.name.text }
        guard let status = successes.first(where: { $0.hasPrefix("2") }).flatMap(Int.init) else {
            throw GeneratorError("\(service).\(name): no success status")
        }
        route.status = status
        return route
    }

    /// The route below `/rest`; `nil` for services of neither name space.
    ///
    /// Two families: services whose bindings carry old-style paths keep their path, all others, our own among them, stand
    /// below `com/…` with the first identifier as `id:{x}`. `x-viaduct.legacy` names the exceptions.
    func legacy(method: String, path: String) throws -> RouteModel? {
        guard service.hasPrefix("com.vmware.") || service.hasPrefix("com.viaduct.") else { return nil }
        var route: RouteModel
        if let exception = operation?["x-viaduct"]?["legacy"]?.text {
            let words = exception.split(separator: " ").map(String.init)
            guard words.count == 2 else { throw GeneratorError("\(service).\(name): x-viaduct.legacy") }
            route = Self.split(method: words[0], path: words[1])
        } else if operation?["x-vapi"]?["http"] != nil {
            route = Self.split(method: method, path: path)
        } else {
            route = family()
        }
        try renameVariables(&route)
        let inPath = Set(route.path.compactMap { Self.variable($0)?.name })
        let rest = parameters.filter { !inPath.contains($0.name) }
        if route.method == "GET" || route.method == "DELETE" {
            route.query = rest.flatMap(prefixedQuery)
        } else if !rest.isEmpty {
            route.body = .object(rest.map(\.name))
        }
        return route
    }

    private func family() -> RouteModel {
        let path = service.split(separator: ".").map { String($0.replacing("_", with: "-")) }
        let identifier = parameters.first { if case .id = $0.type { true } else { false } }
        let only = parameters.count == 1 && identifier != nil
        let own = identifier.map { ["id:{\($0.name)}"] } ?? []
        switch name {
        case "list": return RouteModel(method: "GET", path: path)
        case "create": return RouteModel(method: "POST", path: path)
        case "get" where only: return RouteModel(method: "GET", path: path + own)
        case "delete" where only || parameters.isEmpty: return RouteModel(method: "DELETE", path: path + own)
        case "update": return RouteModel(method: "PATCH", path: path + own)
        case "set": return RouteModel(method: "PUT", path: path + own)
        default:
            let action = name.replacing("_", with: "-")
            return RouteModel(method: "POST", path: path + own, selectors: [("~action", action)])
        }
    }

    /// `filter.names` for structures, the bare name for others. Structures inside structures have no query form.
    private func prefixedQuery(_ parameter: FieldModel) -> [(name: String, target: [String], type: TypeExpression)] {
        guard case .structure(let name) = parameter.type.unwrapped else {
            return [(parameter.name, [parameter.name], parameter.type)]
        }
        return (model.structures[name]?.fields ?? []).filter { !$0.type.mentionsStructure }.map {
            ("\(parameter.name).\($0.name)", [parameter.name, $0.name], $0.type)
        }
    }

    private static func split(method: String, path: String) -> RouteModel {
        let parts = path.split(separator: "?", maxSplits: 1)
        let selectors = (parts.count > 1 ? parts[1] : "").split(separator: "&").map { item in
            let pair = item.split(separator: "=", maxSplits: 1).map(String.init)
            return (name: pair[0], value: pair.count > 1 ? pair[1] : nil)
        }
        let segments = parts[0].split(separator: "/").map(String.init)
        return RouteModel(method: method, path: segments, selectors: selectors)
    }

    /// Path variables may be called differently from their parameters; from here on they carry the parameter's name.
    private func renameVariables(_ route: inout RouteModel) throws {
        for index in route.path.indices {
            guard let variable = Self.variable(route.path[index]) else { continue }
            let declared = (operation?["parameters"]?.elements ?? JSONElements.empty).first {
                $0["in"]?.text == "path" && $0["name"]?.text == variable.name
            }
            let name = declared?["x-vapi-param"]?.text ?? variable.name
            guard parameters.contains(where: { $0.name == name }) else {
                throw GeneratorError("\(service).\(self.name): path variable \(variable.name) is no parameter")
            }
            route.path[index] = variable.prefix + "{\(name)}"
        }
    }

    /// The parts of `id:{x}` or `{x}`; `nil` for a literal.
    static func variable(_ segment: String) -> (prefix: String, name: String)? {
        guard let brace = segment.firstIndex(of: "{"), segment.hasSuffix("}") else { return nil }
        return (String(segment[..<brace]), String(segment[segment.index(after: brace)...].dropLast()))
    }
}

extension TypeExpression {
    fileprivate var mentionsStructure: Bool {
        switch self {
        case .optional(let inner), .list(let inner), .set(let inner): inner.mentionsStructure
        case .structure, .map, .dynamic, .opaque, .anyError: true
        default: false
        }
    }
}
