import Contract
import ContractGenerator
import ContractTypes
import Domain
import Testing

// The tables that are generated from openapi/ fit each other and the documents.

/// The directory of the package, found from this file.
private let root: String = #filePath.split(separator: "/").dropLast(3).reduce("") { "\($0)/\($1)" }

@Suite struct ContractTableTests {
    @Test func generatedFilesAreCurrent() throws {
        let differences = try Generator(root: root).differences()
        #expect(differences == [], "run: swift run viaduct-dev generate")
    }

    @Test func generationIsDeterministic() throws {
        let first = try Generator(root: root).expected()
        let second = try Generator(root: root).expected()
        #expect(first == second)
    }

    @Test func everyOperationOfTheServedDocumentHasOneRow() throws {
        let text = servedDocument.withUTF8Buffer { Array($0) }
        let document = try JSONDocument(parsing: text).root
        var documented: [String] = []
        for (_, methods) in document["paths"]?.members ?? .empty {
            for (_, operation) in methods.members { documented.append(operation["operationId"]?.text ?? "") }
        }
        let rows = operations.map { "\($0.service).\($0.name)" }
        #expect(documented.sorted() == rows.sorted())
        #expect(Set(rows).count == rows.count)
    }

    @Test func noTwoOperationsShareARoute() {
        for wire in [Wire.clean, .legacy] {
            let routes = operations.compactMap { wire == .clean ? $0.clean : $0.legacy }.map { route in
                let path = route.path.map { if case .literal(let text) = $0 { text } else { "*" } }.joined(separator: "/")
                let selectors = route.selectors.map { "\($0.name)=\($0.value ?? "*")" }.sorted().joined(separator: "&")
                return "\(route.method) \(path)?\(selectors)"
            }
            #expect(Set(routes).count == routes.count, "\(wire): \(routes.sorted())")
        }
    }

    @Test(arguments: operations.map { "\($0.service).\($0.name)" }.indices)
    func everyParameterHasOnePlaceInEachRoute(index: Int) {
        let operation = operations[index]
        for route in [operation.clean, operation.legacy].compactMap({ $0 }) {
            var places = route.path.compactMap {
                if case .variable(let name) = $0 { name.split(separator: ":").last.map(String.init) } else { nil }
            }
            switch route.body {
            case .none: break
            case .parameter(let name): places.append(name)
            case .object(let names): places += names
            }
            places += Set(route.query.map { $0.target[0] })
            #expect(places.sorted() == operation.parameters.map(\.name).sorted(), "\(operation.service).\(operation.name)")
        }
    }

    @Test(arguments: operations.indices)
    func statusesFollowTheConventions(index: Int) {
        let operation = operations[index]
        let isTask = operation.name.hasSuffix("$task")
        let isCreate = operation.clean.method == "POST" && operation.clean.selectors.isEmpty
        let expected = isTask ? 202 : operation.output == .void ? 204 : isCreate ? 201 : 200
        #expect(operation.clean.status == expected)
        #expect(operation.legacy?.status ?? 200 == 200)
    }

    @Test(arguments: operations.indices)
    func privilegesNameWhatTheInputHas(index: Int) {
        let operation = operations[index]
        for privilege in operation.privileges {
            var type: TypeExpression? = operation.parameters.first { $0.name == privilege.path.first }?.type
            if privilege.path.isEmpty { continue }
            for step in privilege.path.dropFirst() {
                switch (step, type.map(unset)) {
                case ("[]", .list(let element)), ("[]", .set(let element)), ("{}", .map(_, let element)):
                    type = element
                    continue
                default: break
                }
                let structure = type.flatMap(structureName).flatMap(typeTable.structure)
                type = structure?.fields.first { $0.name == step }?.type
            }
            let expected: TypeExpression = privilege.resource == "DynamicID" ? .structure("com.vmware.vapi.std.dynamic_ID") : .id
            #expect(type.map(unset) == expected, "\(operation.service).\(operation.name) \(privilege.path)")
        }
    }

    @Test func readsAreTheOperationsThatChangeNothing() {
        let reads = ["get", "list", "usage", "verify_usage"]
        // Lists of the audit read from the disk, and leave an entry of who looked.
        for operation in operations where !["com.viaduct.audit", "com.viaduct.tenancy.audit"].contains(operation.service) {
            #expect(operation.isRead == reads.contains(operation.name), "\(operation.service).\(operation.name)")
        }
        let open = Set(operations.filter { $0.authentication == .open }.map(\.service))
        #expect(open.allSatisfy { $0.hasPrefix("com.vmware.vapi.std.introspection.") })
        let login = operations.filter { $0.authentication == .credentials }
        #expect(login.map(\.service) == ["com.vmware.cis.session"])
    }

    @Test func typesInTheTablesAreDefinedAndReadBack() {
        let types =
            operations.flatMap { $0.parameters.map(\.type) + [$0.output] }
            + typeTable.structures.flatMap { $0.fields.map(\.type) }
        for type in types {
            #expect(TypeExpression(type.description) == type)
            if let name = structureName(type) { #expect(typeTable.structure(name) != nil, "\(name)") }
        }
        for error in operations.flatMap(\.errors) { #expect(typeTable.structure(error)?.isError == true, "\(error)") }
    }

    @Test(arguments: [
        "", "foo", "opt", "opt(", "opt(long", "opt(long))", "map(long)", "list(long,long)", "list()", "id(x", "opt()",
    ])
    func otherTextsAreNoTypes(text: String) { #expect(TypeExpression(text) == nil) }

    private func unset(_ type: TypeExpression) -> TypeExpression { if case .optional(let inner) = type { inner } else { type } }

    private func structureName(_ type: TypeExpression) -> String? {
        switch type {
        case .structure(let name): name
        case .optional(let inner), .list(let inner), .set(let inner): structureName(inner)
        case .map(_, let value): structureName(value)
        default: nil
        }
    }
}
