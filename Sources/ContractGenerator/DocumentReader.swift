import Contract

/// Why the documents cannot be turned into code.
public struct GeneratorError: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

/// Reads OpenAPI documents with the extensions `x-vapi…` and `x-viaduct` into a model.
struct DocumentReader {
    private(set) var model = ContractModel()
    /// Every schema of every document; names are unique over all.
    private var schemas: [String: JSONValue] = [:]

    /// - Parameter documents: in order of their file names.
    init(_ documents: [(name: String, value: JSONValue)]) throws {
        for document in documents {
            for (key, schema) in document.value["components"]?["schemas"]?.members ?? JSONMembers.empty {
                let name = key.text ?? ""
                guard schemas.updateValue(schema, forKey: name) == nil else {
                    throw GeneratorError("\(document.name): schema \(name) is defined twice")
                }
            }
        }
        for name in schemas.keys.sorted() { try readSchema(name) }
        for document in documents { try readServices(document.value) }
        for document in documents { try readPaths(document.value, file: document.name) }
        model.services.sort { $0.identifier < $1.identifier }
        for index in model.services.indices { model.services[index].operations.sort { $0.name < $1.name } }
        try checkReferences()
    }

    // MARK: - Schemas

    private mutating func readSchema(_ schemaName: String) throws {
        guard let schema = schemas[schemaName], let name = schema["x-vapi-name"]?.text else {
            throw GeneratorError("schema \(schemaName) has no x-vapi-name")
        }
        let summary = schema["description"]?.text ?? ""
        if schema["x-vapi-kind"]?.text == "enum" {
            let values = schema["enum"]?.elements.compactMap(\.text) ?? []
            model.enumerations[name] = EnumerationModel(
                name: name, swiftName: Naming.type(name), summary: summary, values: values)
            return
        }
        let required = Set(schema["required"]?.elements.compactMap(\.text) ?? [])
        var fields: [FieldModel] = []
        for (key, value) in schema["properties"]?.members ?? JSONMembers.empty {
            let field = key.text ?? ""
            let type = try type(of: value, at: "\(schemaName).\(field)")
            fields.append(
                FieldModel(
                    name: field, type: required.contains(field) ? type : .optional(type),
                    summary: value["description"]?.text ?? ""))
        }
        model.structures[name] = StructureModel(
            name: name, swiftName: Naming.type(name), summary: summary,
            isError: schema["x-vapi-kind"]?.text == "error", fields: fields, unions: unions(schema),
            isMemoized: schema["x-viaduct"]?["memoized"]?.isTrue ?? false)
    }

    private func unions(_ schema: JSONValue) -> [UnionModel] {
        (schema["x-vapi-union"]?.elements ?? JSONElements.empty).map { union in
            let cases = (union["cases"]?.members ?? JSONMembers.empty).map { key, fields in
                (
                    value: key.text ?? "",
                    fields: fields.elements.map { pair in
                        let parts = Array(pair.elements)
                        return (name: parts.first?.text ?? "", isRequired: parts.last.map(\.isTrue) ?? false)
                    }
                )
            }
            return UnionModel(tag: union["tag"]?.text ?? "", cases: cases)
        }
    }

    private func type(of schema: JSONValue, at place: String) throws -> TypeExpression {
        let bare = try bareType(of: schema, at: place)
        return schema["nullable"]?.isTrue == true ? .optional(bare) : bare
    }

    private func bareType(of schema: JSONValue, at place: String) throws -> TypeExpression {
        if let inner = schema["allOf"]?.elements.first(where: { _ in true }) { return try type(of: inner, at: place) }
        if let reference = schema["$ref"]?.text { return try referenced(reference, at: place) }
        switch schema["x-vapi-type"]?.text {
        case "set": return .set(try items(schema, at: place))
        case "map":
            guard let key = schema["x-vapi-map-key"]?.text.flatMap(TypeExpression.init(_:)),
                let value = schema["additionalProperties"]
            else { throw GeneratorError("\(place): a map needs x-vapi-map-key and additionalProperties") }
            return .map(key: key, value: try type(of: value, at: place))
        case "dynamic": return .dynamic
        case let name?:
            guard let type = TypeExpression(name) else { throw GeneratorError("\(place): unknown x-vapi-type \(name)") }
            return type
        case nil: return try plainType(of: schema, at: place)
        }
    }

    private func plainType(of schema: JSONValue, at place: String) throws -> TypeExpression {
        switch schema["type"]?.text {
        case "string": return .string
        case "integer": return .long
        case "number": return .double
        case "boolean": return .boolean
        case "array": return .list(try items(schema, at: place))
        default: throw GeneratorError("\(place): a schema without a type that vAPI knows")
        }
    }

    private func items(_ schema: JSONValue, at place: String) throws -> TypeExpression {
        guard let items = schema["items"] else { throw GeneratorError("\(place): an array without items") }
        return try type(of: items, at: place)
    }

    private func referenced(_ reference: String, at place: String) throws -> TypeExpression {
        let schemaName = String(reference.split(separator: "/").last ?? "")
        guard let schema = schemas[schemaName], let name = schema["x-vapi-name"]?.text else {
            throw GeneratorError("\(place): nothing behind \(reference)")
        }
        return schema["x-vapi-kind"]?.text == "enum" ? .enumeration(name) : .structure(name)
    }

    // MARK: - Services and operations

    private mutating func readServices(_ document: JSONValue) throws {
        for tag in document["tags"]?.elements ?? JSONElements.empty {
            guard let identifier = tag["name"]?.text, let name = tag["x-viaduct"]?["name"]?.text,
                let known = tag["x-viaduct"]?["known"]?.integer
            else { throw GeneratorError("a tag needs name and x-viaduct with name and known") }
            model.services.append(
                ServiceModel(
                    identifier: identifier, name: name, summary: tag["description"]?.text ?? "",
                    knownOperationCount: Int(known)))
        }
    }

    private mutating func readPaths(_ document: JSONValue, file: String) throws {
        for (path, methods) in document["paths"]?.members ?? JSONMembers.empty {
            for (method, value) in methods.members {
                let operation = try operation(value, method: method.text?.uppercased() ?? "", path: path.text ?? "")
                guard let index = model.services.firstIndex(where: { $0.identifier == operation.service }) else {
                    throw GeneratorError("\(file): service \(operation.service) has no tag")
                }
                model.services[index].operations.append(operation)
            }
        }
    }

    private mutating func operation(_ value: JSONValue, method: String, path: String) throws -> OperationModel {
        guard let marks = value["x-vapi"], let service = marks["service"]?.text, let name = marks["operation"]?.text,
            let output = marks["out"]?.text.flatMap(TypeExpression.init(_:)), let own = value["x-viaduct"],
            let execution = own["execution"]?.text.flatMap(OperationModel.Execution.init(rawValue:)),
            let authentication = own["authentication"]?.text
        else { throw GeneratorError("\(method) \(path): x-vapi or x-viaduct is incomplete") }
        let place = "\(service).\(name)"
        var parameters: [FieldModel] = []
        for (key, text) in marks["in"]?.members ?? JSONMembers.empty {
            guard let type = text.text.flatMap(TypeExpression.init(_:)) else { throw GeneratorError("\(place): type") }
            parameters.append(FieldModel(name: key.text ?? "", type: type, summary: ""))
        }
        let query = try queryParameters(value, place: place)
        addFlattened(query, parameters)
        var routes = RouteReader(service: service, name: name, parameters: parameters, model: model)
        routes.operation = value
        return OperationModel(
            service: service, name: name, summary: value["description"]?.text ?? "", execution: execution,
            authentication: authentication, parameters: parameters, output: output, errors: errors(value),
            privileges: try privileges(marks, of: parameters, place: place), access: try access(own, place: place), clean: try routes.clean(method: method, path: path, query: query),
            legacy: try routes.legacy(method: method, path: path))
    }

    private func queryParameters(_ operation: JSONValue, place: String) throws -> [QueryParameter] {
        var result: [QueryParameter] = []
        for parameter in operation["parameters"]?.elements ?? JSONElements.empty where parameter["in"]?.text == "query" {
            guard let name = parameter["name"]?.text, let target = parameter["x-vapi-param"]?.text,
                let schema = parameter["schema"]
            else { throw GeneratorError("\(place): a query parameter is incomplete") }
            let type = try type(of: schema, at: "\(place).\(name)")
            result.append(
                QueryParameter(
                    name: name, target: target.split(separator: ".").map(String.init),
                    type: parameter["required"]?.isTrue == true ? type : .optional(type),
                    summary: parameter["description"]?.text ?? ""))
        }
        return result
    }

    /// Structures that appear only spread over query parameters are read off those.
    private mutating func addFlattened(_ query: [QueryParameter], _ parameters: [FieldModel]) {
        for parameter in parameters {
            guard case .structure(let name) = parameter.type.unwrapped, model.structures[name] == nil else { continue }
            let fields = query.filter { $0.target.count == 2 && $0.target[0] == parameter.name }.map {
                FieldModel(name: $0.target[1], type: $0.type, summary: $0.summary)
            }
            if fields.isEmpty { continue }
            model.structures[name] = StructureModel(
                name: name, swiftName: Naming.type(name), summary: "Which objects to list; unset fields do not restrict.",
                isError: false, fields: fields, unions: [])
        }
    }

    private func errors(_ operation: JSONValue) -> [String] {
        var names = Set<String>()
        for (status, response) in operation["responses"]?.members ?? JSONMembers.empty {
            guard status.text?.hasPrefix("2") == false, let media = response["content"]?.members.first(where: { _ in true }),
                let schema = media.value["schema"]
            else { continue }
            for option in schema["oneOf"].map({ Array($0.elements) }) ?? [schema] {
                let key = option["$ref"]?.text?.split(separator: "/").last.map(String.init) ?? ""
                if let name = schemas[key]?["x-vapi-name"]?.text { names.insert(name) }
            }
        }
        return names.sorted()
    }

    private func privileges(
        _ marks: JSONValue, of parameters: [FieldModel], place: String
    ) throws -> [(need: [String], resource: String, path: [String])] {
        try (marks["priv"]?.elements ?? JSONElements.empty).map { mark in
            let path = mark["path"]?.elements.compactMap(\.text) ?? []
            let resource = mark["res"]?.text ?? ""
            return (
                need: mark["need"]?.elements.compactMap(\.text) ?? [], resource: resource,
                path: try steps(path, to: resource, in: parameters, place: place)
            )
        }
    }

    /// The path to an identifier with marks where it leads through lists and maps.
    private func steps(
        _ path: [String], to resource: String, in parameters: [FieldModel], place: String
    ) throws -> [String] {
        var (fields, result) = (parameters, [String]())
        var type = TypeExpression.void
        for name in path {
            guard let field = fields.first(where: { $0.name == name }) else {
                throw GeneratorError("\(place): a privilege is needed on \(path), which the input does not have")
            }
            result.append(name)
            type = field.type.unwrapped
            while let element = type.element {
                result.append(element.mark)
                type = element.type.unwrapped
            }
            if case .structure(let structure) = type { fields = model.structures[structure]?.fields ?? [] }
        }
        let expected: TypeExpression = resource == "DynamicID" ? .structure("com.vmware.vapi.std.dynamic_ID") : .id
        guard path.isEmpty || type == expected else {
            throw GeneratorError("\(place): a privilege is needed on \(path), which is no \(expected)")
        }
        return result
    }

    private func access(_ own: JSONValue, place: String) throws -> String {
        guard let access = own["access"]?.text else { return "privileges" }
        guard ["everyone", "administrators"].contains(access) else {
            throw GeneratorError("\(place): x-viaduct.access is everyone or administrators")
        }
        return access
    }

    private func checkReferences() throws {
        let known = Set(model.structures.keys).union(model.enumerations.keys)
        let types = model.operations.flatMap { $0.parameters.map(\.type) + [$0.output] }
        for name in (types + model.structures.values.flatMap { $0.fields.map(\.type) }).flatMap(\.references)
        where !known.contains(name) {
            throw GeneratorError("type \(name) is used but not defined")
        }
        var swiftNames: [String: String] = [:]
        for (name, swiftName) in model.structures.values.map({ ($0.name, $0.swiftName) })
            + model.enumerations.values.map({ ($0.name, $0.swiftName) })
        {
            if let other = swiftNames.updateValue(name, forKey: swiftName) {
                throw GeneratorError("\(name) and \(other) would both be called \(swiftName)")
            }
        }
    }
}

/// One query parameter of a document.
struct QueryParameter {
    var name: String
    /// Parameter, and member if that is a structure.
    var target: [String]
    var type: TypeExpression
    var summary: String
}

extension TypeExpression {
    /// What a list, set or map consists of, and how a path marks that; `nil` for anything else.
    fileprivate var element: (mark: String, type: TypeExpression)? {
        switch self {
        case .list(let element), .set(let element): ("[]", element)
        case .map(_, let value): ("{}", value)
        default: nil
        }
    }
}
