import API
import Contract
import ContractTypes
import Domain
import HTTP
import Persistence
import Platform
import Services
import Testing

@testable import Assembly

// Every operation of the contract against every kind of caller. The cases come from the contract: an operation is covered
// the day it appears, and fails here if nothing says who may call it.

@Suite struct AccessMatrixTests {
    @Test(arguments: operations.indices)
    func somethingSaysWhoMayCallAnOperation(index: Int) {
        let operation = operations[index]
        guard operation.authentication == .session, operation.access == .privileges else { return }
        #expect(!operation.privileges.isEmpty, "\(operation.service).\(operation.name) has neither x-vapi.priv nor x-viaduct.access")
        for required in operation.privileges { #expect(!required.privileges.isEmpty, "\(operation.service).\(operation.name)") }
    }

    @Test func everyOperationAnswersEveryCallerAsItShould() async throws {
        let bench = try Bench()
        let node = try await bench.start()
        let matrix = try await AccessMatrix(node.product)
        for index in operations.indices {
            try await matrix.checkCredentials(index)
            try await matrix.checkPrivileges(index)
        }
        await node.stop()
    }
}

/// Callers of every kind, and an object of every type.
private struct AccessMatrix {
    let product: Product
    let application: APIApplication
    let authorizer: AuthorizationAdapter
    private let invalidTokens: [(name: String, token: String?)]
    private let objects: [String: ManagedObject]
    private let permission: Identifier<Permission>
    private let others: [ManagedObject]

    static let (nobody, reader, wrong, right) = ("nobody@vsphere.local", "reader@vsphere.local", "wrong@vsphere.local", "right@vsphere.local")

    init(_ product: Product) async throws {
        self.product = product
        authorizer = AuthorizationAdapter(product: product)
        application = APIApplication(
            operations: operations, dispatcher: ServiceDispatcher(product.services), sessions: SessionAdapter(product: product, tokens: nil),
            authorizer: authorizer, world: .system)
        let inventory = product.store.snapshot
        let machine = try #require(inventory[VirtualMachine.self].all.first).id
        objects = [
            "VirtualMachine": ManagedObject(machine),
            "Folder": ManagedObject(try #require(inventory[Folder.self].all.first { $0.name == "Web" }).id),
            "Datacenter": ManagedObject(try #require(inventory[Datacenter.self].all.first).id),
            "ClusterComputeResource": ManagedObject(try #require(inventory[Cluster.self].all.first).id),
            "HostSystem": ManagedObject(try #require(inventory[Host.self].all.first).id),
            "ResourcePool": ManagedObject(try #require(inventory[ResourcePool.self].all.first).id),
            "Network": ManagedObject(try #require(inventory[Network.self].all.first).id),
            "Datastore": ManagedObject(try #require(inventory[Datastore.self].all.first).id),
            "com.viaduct.tenancy.tenants": ManagedObject(.tenant, "tenant-50"),
            "com.viaduct.tenancy.vdcs": ManagedObject(.tenantDatacenter, "vdc-50"),
        ]
        others = inventory[VirtualMachine.self].all.dropFirst().map { ManagedObject($0.id) }
        let target = Permission(
            id: Identifier("permission-50"), place: .object(ManagedObject(machine)), principal: .user(Identifier("holder@vsphere.local")),
            role: Role.readOnly.id, propagates: false)
        permission = target.id
        try await product.store.commit(by: nil) { (draft) throws(Fault) in
            for user in [Self.nobody, Self.reader, Self.wrong, Self.right] {
                try draft.insert(User(name: String(user.prefix { $0 != "@" }), domain: "vsphere.local", createdAt: draft.now))
            }
            try draft.insert(target)
            try draft.insert(
                Tenant(id: Identifier("tenant-50"), name: "blue", projectID: "blue", isEnabled: true, limits: .unlimited))
            try draft.insert(
                TenantDatacenter(
                    id: Identifier("vdc-50"), tenant: Identifier("tenant-50"), name: "prod", summary: "",
                    cluster: Identifier("none"), pool: Identifier("none"), folder: Identifier("none"), model: .flex,
                    processorSpeedMHz: 1000, cpuReserve: 0, memoryReserve: 0, limits: .unlimited))
            try draft.insert(Self.rule(51, .root, Self.reader, Role.readOnly.id, propagates: true))
        }
        invalidTokens = [("none", nil), ("wrong", "0123456789abcdef0123456789abcdef")] + (try await Self.endedTokens(product))
    }

    private static func endedTokens(_ product: Product) async throws -> [(name: String, token: String?)] {
        var call = Bench.call("login")
        var limits = Sessions.Limits()
        limits.absoluteMilliseconds = 1
        let brief = Sessions(store: product.store, world: .system, limits: limits)
        call.receivedAt = Timestamp(milliseconds: call.receivedAt.milliseconds - 60_000)
        let expired = try await brief.create(by: call)
        let revoked = try await product.sessions.create(by: Bench.call("login"))
        let session = try #require(
            product.sessions.session(forToken: Array(revoked.utf8)[...], at: Bench.call().receivedAt))
        var end = Bench.call("delete")
        end.session = session.id
        try await product.sessions.end(by: end)
        return [("expired", expired), ("revoked", revoked)]
    }

    private static func rule(
        _ number: Int, _ object: ManagedObject, _ user: String, _ role: Identifier<Role>, propagates: Bool = false
    ) -> Permission {
        Permission(
            id: Identifier("permission-\(number)"), place: .object(object), principal: .user(Identifier(user)), role: role,
            propagates: propagates)
    }

    // MARK: - Credentials

    func checkCredentials(_ index: Int) async throws {
        let operation = operations[index]
        guard operation.authentication != .open else { return }
        for (name, token) in invalidTokens {
            let answer = await send(operation, token: token)
            let message: Comment = "\(operation.service).\(operation.name), \(name): \(answer)"
            #expect(answer.contains("com.vmware.vapi.std.errors.unauthenticated"), message)
        }
    }

    private func send(_ operation: Contract.Operation, token: String?) async -> String {
        let security = token.map {
            ",\"securityCtx\":{\"schemeId\":\"com.vmware.vapi.std.security.session_id\",\"sessionId\":\"\($0)\"}"
        }
        let body =
            "{\"jsonrpc\":\"2.0\",\"method\":\"invoke\",\"params\":{\"serviceId\":\"\(operation.service)\","
            + "\"operationId\":\"\(operation.name)\",\"input\":{\"STRUCTURE\":{\"operation-input\":{}}},"
            + "\"ctx\":{\"appCtx\":{\"opId\":\"1\"}\(security ?? "")}},\"id\":\"9\"}"
        let request = Request(
            head: RequestHead(.post, "/api", fields: [("content-type", "application/json")]), body: .bytes(Array(body.utf8)),
            connection: ConnectionInfo(peer: "192.0.2.7", isSecure: true))
        let response: Response =
            switch application.respond(to: request) {
            case .now(let response): response
            case .later(let work): await work()
            }
        guard case .bytes(let bytes) = response.body else { return "\(response.status)" }
        return String(decoding: bytes, as: UTF8.self)
    }

    // MARK: - Privileges

    func checkPrivileges(_ index: Int) async throws {
        let operation = operations[index]
        guard operation.authentication == .session else { return }
        let targets = try operation.privileges.map(target)
        let needed = PrivilegeSet(ids: operation.privileges.flatMap(\.privileges))
        let unrelated = others.first { !targets.contains($0) } ?? .root
        try await product.store.commit(by: nil) { (draft) throws(Fault) in
            for old in draft[Permission.self].all where !["permission-50", "permission-51"].contains(old.id.rawValue) {
                try draft.remove(old.id)
            }
            try draft.put(Role(id: Identifier("500"), name: "needed", summary: "", privileges: needed.union(.basic)))
            try draft.insert(Self.rule(60, unrelated, Self.wrong, Role.administrator.id))
            for (number, object) in Set(targets).sorted(by: { $0.id < $1.id }).enumerated() {
                try draft.insert(Self.rule(70 + number, object, Self.right, Identifier("500")))
            }
        }
        let (input, absent) = (try self.input(operation, isThere: true), try self.input(operation, isThere: false))
        let name = "\(operation.service).\(operation.name)"
        let refusal = refusal(operation)
        #expect(judge(index, input, Self.nobody)?.type == refusal, "\(name), no privilege")
        #expect(judge(index, input, Self.wrong)?.type == refusal, "\(name), privilege on another object")
        let isEnough = PrivilegeSet.basic.isSuperset(of: needed) && operation.access == .privileges
        let ofReader: FaultType? = operation.access == .everyone || isEnough ? nil : .unauthorized
        #expect(judge(index, input, Self.reader)?.type == ofReader, "\(name), may see it")
        let ofRight: FaultType? = operation.access == .administrators ? .unauthorized : nil
        #expect(judge(index, input, Self.right)?.type == ofRight, "\(name), right")
        #expect(judge(index, input, Bench.call().user ?? "") == nil, "\(name), administrator")
        // What must not be seen is answered as what is not there, to the letter.
        let (hidden, missing) = (judge(index, input, Self.nobody), judge(index, absent, Self.nobody))
        var texts = (hidden?.messages.map(\.defaultMessage) ?? [], missing?.messages.map(\.defaultMessage) ?? [])
        for id in targets.map(\.id) + [permission.rawValue] { texts.0 = texts.0.map { $0.replacing("\(id)'", with: "absent'") } }
        #expect(hidden?.type == missing?.type && texts.0 == texts.1, "\(name)")
    }

    /// What somebody gets who may do nothing.
    private func refusal(_ operation: Contract.Operation) -> FaultType? {
        switch operation.access {
        case .everyone: return nil
        case .administrators: return .unauthorized
        case .privileges:
            guard let first = operation.privileges.first else { return .unauthorized }
            if first.resource == "DynamicID" { return .invalidArgument }
            return isInTree(first) ? .notFound : .unauthorized
        }
    }

    private func isInTree(_ required: RequiredPrivilege) -> Bool {
        objects[required.resource] != nil || required.resource == "com.vmware.vcenter.authorization.Permission"
    }

    private func target(_ required: RequiredPrivilege) throws -> ManagedObject {
        if required.path.isEmpty || !isInTree(required) && required.resource != "DynamicID" { return .root }
        return try #require(objects[required.resource] ?? objects["VirtualMachine"])
    }

    private func judge(_ index: Int, _ input: String, _ user: String) -> Fault? {
        do {
            let document = try JSONDocument(parsing: Array("{\"STRUCTURE\":{\"operation-input\":\(input)}}".utf8))
            try authorizer.authorize(
                operations[index], at: index, input: OperationInput(jsonRPC: document.root),
                by: Principal(user: user, isAdministrator: false), call: Bench.call())
            return nil
        } catch let fault as Fault {
            return fault
        } catch {
            Issue.record("\(error)")
            return nil
        }
    }

    // MARK: - Inputs

    /// As much of an input as names the objects that decide.
    private func input(_ operation: Contract.Operation, isThere: Bool) throws -> String {
        var tree = InputTree.fields([:])
        for required in operation.privileges where !required.path.isEmpty {
            let object = try target(required)
            let isPermission = required.resource == "com.vmware.vcenter.authorization.Permission"
            let id = isThere ? isPermission ? permission.rawValue : object.id : "absent"
            let leaf =
                required.resource == "DynamicID"
                ? "{\"STRUCTURE\":{\"com.vmware.vapi.std.dynamic_ID\":{\"type\":\"\(object.type.rawValue)\",\"id\":\"\(id)\"}}}"
                : "\"\(id)\""
            tree.put(leaf, at: required.path[...])
        }
        return tree.text(isOutermost: true)
    }
}

private indirect enum InputTree {
    case fields([String: InputTree])
    case list(InputTree)
    case map(InputTree)
    case leaf(String)

    mutating func put(_ leaf: String, at path: ArraySlice<String>) {
        guard let step = path.first else {
            self = .leaf(leaf)
            return
        }
        let rest = path.dropFirst()
        switch (self, step) {
        case (.list(var inner), "[]"):
            inner.put(leaf, at: rest)
            self = .list(inner)
        case (.map(var inner), "{}"):
            inner.put(leaf, at: rest)
            self = .map(inner)
        case (.fields(var fields), _) where step != "[]" && step != "{}":
            var inner = fields[step] ?? .fields([:])
            inner.put(leaf, at: rest)
            fields[step] = inner
            self = .fields(fields)
        default:
            var inner = InputTree.fields([:])
            inner.put(leaf, at: rest)
            self = step == "[]" ? .list(inner) : .map(inner)
        }
    }

    func text(isOutermost: Bool = false) -> String {
        switch self {
        case .leaf(let text): return text
        case .list(let inner): return "[\(inner.text())]"
        case .map(let inner): return "[{\"STRUCTURE\":{\"map-entry\":{\"key\":\"2000\",\"value\":\(inner.text())}}}]"
        case .fields(let fields):
            let members = fields.sorted { $0.key < $1.key }.map { "\"\($0.key)\":\($0.value.text())" }.joined(separator: ",")
            return isOutermost ? "{\(members)}" : "{\"STRUCTURE\":{\"any\":{\(members)}}}"
        }
    }
}
