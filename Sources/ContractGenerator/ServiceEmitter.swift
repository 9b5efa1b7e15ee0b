import Contract

/// Writes service protocols, the dispatcher and the operation table.
struct ServiceEmitter {
    let model: ContractModel
    let types: TypeEmitter

    func files() -> [String: String] {
        [
            "Services.swift": protocols(), "ServiceDispatcher.swift": dispatcher(), "Operations.swift": table(),
            "StructureTypes.swift": structureTypes(),
        ]
    }

    private static func methodName(_ operation: OperationModel) -> String { Naming.member(operation.name) }

    private static func armName(_ service: ServiceModel, _ operation: OperationModel) -> String {
        let name = Naming.member(operation.name).replacing("`", with: "")
        return Naming.member(service.name) + name.prefix(1).uppercased() + name.dropFirst()
    }

    // MARK: - Protocols

    private func protocols() -> String {
        var text = SourceText(imports: ["Contract", "Domain"])
        for service in model.services {
            text.line()
            text.comment(service.summary)
            text.line("///")
            text.comment("Serves `\(service.identifier)`.")
            text.block("public protocol \(service.name)Service: Sendable") { text in
                for operation in service.operations {
                    text.comment(operation.summary)
                    text.line("func \(Self.methodName(operation))(\(signature(operation)))\(effects(operation))")
                }
            }
        }
        text.line()
        text.line("/// One implementation of every service.")
        text.block("public struct ServiceProviders: Sendable") { text in
            for service in model.services {
                text.line("public let \(Naming.member(service.name)): any \(service.name)Service")
            }
            let parameters = model.services.map { "\(Naming.member($0.name)): any \($0.name)Service" }
            text.line()
            text.block("public init(\(parameters.joined(separator: ", ")))") { text in
                for service in model.services {
                    text.line("self.\(Naming.member(service.name)) = \(Naming.member(service.name))")
                }
            }
        }
        return text.text
    }

    private func signature(_ operation: OperationModel) -> String {
        let parameters = operation.parameters.map { "\(Naming.member($0.name)): \(types.swiftType($0.type))" }
        return (parameters + ["call: Call"]).joined(separator: ", ")
    }

    private func effects(_ operation: OperationModel) -> String {
        let result = operation.output == .void ? "" : " -> \(types.swiftType(operation.output))"
        return (operation.execution == .write ? " async" : "") + " throws(Fault)" + result
    }

    /// Services for tests: they note what they are asked and answer a sample.
    func recordingServices() -> String {
        var text = SourceText(imports: ["Contract", "ContractTypes", "Domain"])
        text.line()
        text.block("func recordingServices(_ recorder: Recorder) -> ServiceProviders") { text in
            text.line("ServiceProviders(")
            for (index, service) in model.services.enumerated() {
                let end = index + 1 == model.services.count ? ")" : ","
                text.line("    \(Naming.member(service.name)): Recording\(service.name)(recorder: recorder)\(end)")
            }
        }
        for service in model.services {
            text.line()
            text.block("struct Recording\(service.name): \(service.name)Service") { text in
                text.line("let recorder: Recorder")
                for operation in service.operations {
                    text.line()
                    text.block("func \(Self.methodName(operation))(\(signature(operation)))\(effects(operation))") { text in
                        let arguments = operation.parameters.map { ", \(Naming.member($0.name)) as Any" }.joined()
                        text.line("recorder.note(\(operation.name.literal)\(arguments))")
                        if operation.output != .void { text.line("return sampleAnswer()") }
                    }
                }
            }
        }
        return text.text
    }

    // MARK: - Dispatcher

    private func dispatcher() -> String {
        var text = SourceText(imports: ["Contract", "Domain"])
        text.line()
        text.line("/// Decodes inputs, calls services, writes answers. Indexes are those of `operations`.")
        text.block("public struct ServiceDispatcher: OperationDispatcher") { text in
            text.line("let services: ServiceProviders")
            text.line()
            text.line("public init(_ services: ServiceProviders) { self.services = services }")
            text.line()
            text.line("public func invoke(")
            text.line("    _ index: Int, input: inout OperationInput, call: Call, writer: inout ValueWriter")
            text.block(") throws(Fault) -> Invocation") { text in
                text.line("switch index {")
                var index = 0
                for service in model.services {
                    for operation in service.operations {
                        text.line("case \(index): return try \(Self.armName(service, operation))(&input, call, &writer)")
                        index += 1
                    }
                }
                text.line(
                    "default: throw Fault(.operationNotFound, id: \"vapi.method.input.invalid.method\", \"Invalid method\")")
                text.line("}")
            }
        }
        for service in model.services {
            text.line()
            text.block("extension ServiceDispatcher") { text in
                for (index, operation) in service.operations.enumerated() {
                    if index > 0 { text.line() }
                    arm(service, operation, into: &text)
                }
            }
        }
        return text.text
    }

    private func arm(_ service: ServiceModel, _ operation: OperationModel, into text: inout SourceText) {
        text.line("private func \(Self.armName(service, operation))(")
        text.line("    _ input: inout OperationInput, _ call: Call, _ writer: inout ValueWriter")
        text.block(") throws(Fault) -> Invocation") { text in
            for parameter in operation.parameters {
                let name = Naming.member(parameter.name)
                let read = TypeEmitter.reading(parameter, from: "input")
                text.line("let \(name): \(types.swiftType(parameter.type)) = \(read)")
            }
            text.line("try input.finish()")
            let arguments = operation.parameters.map { "\(Naming.member($0.name)): \(Naming.member($0.name))" } + ["call: call"]
            let method = "\(Self.methodName(operation))(\(arguments.joined(separator: ", ")))"
            let member = "services.\(Naming.member(service.name))"
            switch operation.execution {
            case .read:
                let result = operation.output == .void ? "" : "let result = "
                text.line("\(result)try \(member).\(method)")
                text.line(Self.write(operation.output))
                text.line("return .written")
            case .write:
                text.line("let service = \(member)")
                text.line("return .pending { () async throws(Fault) -> Answer in")
                let result = operation.output == .void ? "" : "let result = "
                text.line("    \(result)try await service.\(method)")
                text.line("    return Answer { writer in \(Self.write(operation.output)) }")
                text.line("}")
            }
        }
    }

    private static func write(_ output: TypeExpression) -> String {
        switch output {
        case .void: "writer.void()"
        case .optional: "writer.optionalResult(result)"
        default: "result.write(to: &writer)"
        }
    }

    // MARK: - Tables

    private func table() -> String {
        var text = SourceText(imports: ["Contract"])
        text.line()
        text.line("/// Every operation, by service and name.")
        text.line("public let operations: [Operation] = [")
        for service in model.services {
            for operation in service.operations { text.line("    \(Self.armName(service, operation))(),") }
        }
        text.line("]")
        for service in model.services {
            for operation in service.operations {
                text.line()
                text.block("private func \(Self.armName(service, operation))() -> Operation") { text in
                    row(operation, into: &text)
                }
            }
        }
        return text.text
    }

    private func row(_ operation: OperationModel, into text: inout SourceText) {
        let parameters = operation.parameters.map { "Parameter(\($0.name.literal), \($0.type.swiftLiteral))" }
        let privileges = operation.privileges.map {
            "RequiredPrivilege(\($0.need.literal), on: \($0.resource.literal), at: \($0.path.literal))"
        }
        text.line("let parameters: [Parameter] = [\(parameters.joined(separator: ", "))]")
        text.line("let errors: [String] = [")
        for error in operation.errors { text.line("    \(error.literal),") }
        text.line("]")
        text.line("let privileges: [RequiredPrivilege] = [")
        for privilege in privileges { text.line("    \(privilege),") }
        text.line("]")
        route(operation.clean, named: "clean", into: &text)
        if let legacy = operation.legacy { route(legacy, named: "legacy", into: &text) }
        text.line("return Operation(")
        text.line("    service: \(operation.service.literal), name: \(operation.name.literal), parameters: parameters,")
        text.line("    output: \(operation.output.swiftLiteral), errors: errors, privileges: privileges, access: .\(operation.access),")
        let legacy = operation.legacy == nil ? "nil" : "legacy"
        let isRead = operation.execution == .read
        text.line("    authentication: .\(operation.authentication), clean: clean, legacy: \(legacy), isRead: \(isRead))")
    }

    private func route(_ route: RouteModel, named name: String, into text: inout SourceText) {
        let path = route.path.map { segment in
            guard let variable = RouteReader.variable(segment) else { return ".literal(\(segment.literal))" }
            return ".variable(\((variable.prefix + variable.name).literal))"
        }
        let selectors = route.selectors.map { "(\($0.name.literal), \($0.value?.literal ?? "nil"))" }
        let body =
            switch route.body {
            case .none: ".none"
            case .parameter(let name): ".parameter(\(name.literal))"
            case .object(let names): ".object(\(names.literal))"
            }
        text.line("let \(name)Query: [QueryItem] = [")
        for item in route.query {
            text.line(
                "    QueryItem(\(item.name.literal), target: \(item.target.literal), type: \(item.type.swiftLiteral)),")
        }
        text.line("]")
        text.line("let \(name) = Route(")
        text.line("    method: \(route.method.literal), path: [\(path.joined(separator: ", "))],")
        text.line("    selectors: [\(selectors.joined(separator: ", "))], query: \(name)Query,")
        text.line("    body: \(body), status: \(route.status))")
    }

    private func structureTypes() -> String {
        var text = SourceText(imports: ["Contract"])
        text.line()
        text.line("/// Structures, errors and enumerations with their fields and values, for introspection and checks.")
        text.line("public let typeTable = TypeTable(")
        text.line("    structures: [")
        for structure in model.structures.values.sorted(by: { $0.name < $1.name }) {
            let fields = structure.fields.map { "\($0.name) \($0.type)" }
            text.line("        StructureType(")
            text.line("            \(structure.name.literal), isError: \(structure.isError),")
            text.line("            \(fields.literal),")
            text.line("            unions: [")
            for union in structure.unions {
                let cases = union.cases.map { TypeEmitter.literal($0) }
                text.line("                UnionRule(tag: \(union.tag.literal), [\(cases.joined(separator: ", "))]),")
            }
            text.line("            ]),")
        }
        text.line("    ],")
        text.line("    enumerations: [")
        for enumeration in model.enumerations.values.sorted(by: { $0.name < $1.name }) {
            text.line("        EnumerationType(\(enumeration.name.literal), \(enumeration.values.literal)),")
        }
        text.line("    ])")
        return text.text
    }
}

extension TypeExpression {
    /// As a Swift expression.
    var swiftLiteral: String {
        switch self {
        case .void: ".void"
        case .boolean: ".boolean"
        case .long: ".long"
        case .double: ".double"
        case .string: ".string"
        case .secret: ".secret"
        case .binary: ".binary"
        case .dateTime: ".dateTime"
        case .uri: ".uri"
        case .opaque: ".opaque"
        case .dynamic: ".dynamic"
        case .anyError: ".anyError"
        case .id: ".id"
        case .optional(let inner): ".optional(\(inner.swiftLiteral))"
        case .list(let element): ".list(\(element.swiftLiteral))"
        case .set(let element): ".set(\(element.swiftLiteral))"
        case .map(let key, let value): ".map(key: \(key.swiftLiteral), value: \(value.swiftLiteral))"
        case .structure(let name): ".structure(\(name.literal))"
        case .enumeration(let name): ".enumeration(\(name.literal))"
        }
    }
}
