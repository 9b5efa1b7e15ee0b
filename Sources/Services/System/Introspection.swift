import Contract
import ContractTypes
import Cryptography
import Domain

/// `com.vmware.vapi.std.introspection.*`: what is served, read off the operation table.
struct Introspection: Sendable {
    private let operationsByService: [String: [Contract.Operation]]
    private let checksum: String

    init(_ operations: [Contract.Operation]) {
        operationsByService = Dictionary(grouping: operations, by: \.service)
        let all = operations.map { operation in
            let inputs = operation.parameters.map { "\($0.name):\($0.type)" }.joined(separator: ",")
            return "\(operation.service).\(operation.name)(\(inputs))\(operation.output)"
        }
        checksum = Digest(of: all.sorted().joined(separator: "\n")).hexadecimal
    }

    fileprivate func operations(of service: String) throws(Fault) -> [Contract.Operation] {
        guard let operations = operationsByService[service] else {
            throw Fault(
                .notFound, id: "com.vmware.vapi.std.introspection.service_not_found",
                "Service with identifier '\(service)' does not exist.", arguments: [service])
        }
        return operations
    }

    struct Provider: ProviderIntrospectionService {
        let introspection: Introspection

        func get(call: Call) throws(Fault) -> VapiStdIntrospectionProviderInfo {
            VapiStdIntrospectionProviderInfo(id: "com.viaduct", checksum: introspection.checksum)
        }
    }

    struct Services: ServiceIntrospectionService {
        let introspection: Introspection

        func list(call: Call) throws(Fault) -> [String] { introspection.operationsByService.keys.sorted() }

        func get(id: String, call: Call) throws(Fault) -> VapiStdIntrospectionServiceInfo {
            VapiStdIntrospectionServiceInfo(operations: try introspection.operations(of: id).map(\.name).sorted())
        }
    }

    struct Operations: OperationIntrospectionService {
        let introspection: Introspection

        func list(serviceID: String, call: Call) throws(Fault) -> [String] {
            try introspection.operations(of: serviceID).map(\.name).sorted()
        }

        func get(serviceID: String, operationID: String, call: Call) throws(Fault) -> VapiStdIntrospectionOperationInfo {
            guard let operation = try introspection.operations(of: serviceID).first(where: { $0.name == operationID }) else {
                throw Fault(
                    .notFound, id: "com.vmware.vapi.std.introspection.operation_not_found",
                    "Operation with identifier '\(operationID)' does not exist.", arguments: [operationID])
            }
            let input = VapiStdIntrospectionOperationDataDefinition(
                type: .structure, name: "operation-input",
                fields: ValueMap(operation.parameters.map { ($0.name, DefinitionBuilder().definition($0.type)) }))
            return VapiStdIntrospectionOperationInfo(
                inputDefinition: input, outputDefinition: DefinitionBuilder().definition(operation.output),
                errorDefinitions: operation.errors.map { DefinitionBuilder().error($0) })
        }
    }
}

/// Describes types in the vocabulary of introspection; a structure inside itself is a reference.
private struct DefinitionBuilder {
    private var open: Set<String> = []

    init() {}

    func definition(_ type: TypeExpression) -> VapiStdIntrospectionOperationDataDefinition {
        switch type {
        case .void: plain(.void)
        case .boolean: plain(.boolean)
        case .long: plain(.long)
        case .double: plain(.double)
        case .string, .id, .uri, .dateTime, .enumeration: plain(.string)
        case .secret: plain(.secret)
        case .binary: plain(.binary)
        case .opaque: plain(.opaque)
        case .dynamic: plain(.dynamicStructure)
        case .anyError: plain(.anyError)
        case .optional(let element): VapiStdIntrospectionOperationDataDefinition(type: .optional, elementDefinition: definition(element))
        case .list(let element), .set(let element):
            VapiStdIntrospectionOperationDataDefinition(type: .list, elementDefinition: definition(element))
        case .map(let key, let value): mapDefinition(key, value)
        case .structure(let name): structure(name, .structure)
        }
    }

    func error(_ name: String) -> VapiStdIntrospectionOperationDataDefinition { structure(name, .error) }

    private func plain(
        _ type: VapiStdIntrospectionOperationDataDefinitionDataType
    ) -> VapiStdIntrospectionOperationDataDefinition {
        VapiStdIntrospectionOperationDataDefinition(type: type)
    }

    /// A map is a list of entries, as on the wire.
    private func mapDefinition(_ key: TypeExpression, _ value: TypeExpression) -> VapiStdIntrospectionOperationDataDefinition {
        let entry = VapiStdIntrospectionOperationDataDefinition(
            type: .structure, name: "map-entry", fields: ValueMap([("key", definition(key)), ("value", definition(value))]))
        return VapiStdIntrospectionOperationDataDefinition(type: .list, elementDefinition: entry)
    }

    private func structure(
        _ name: String, _ kind: VapiStdIntrospectionOperationDataDefinitionDataType
    ) -> VapiStdIntrospectionOperationDataDefinition {
        guard !open.contains(name) else { return VapiStdIntrospectionOperationDataDefinition(type: .structureRef, name: name) }
        var inner = self
        inner.open.insert(name)
        let fields = typeTable.structure(name)?.fields ?? []
        return VapiStdIntrospectionOperationDataDefinition(
            type: kind, name: name, fields: ValueMap(fields.map { ($0.name, inner.definition($0.type)) }))
    }
}
