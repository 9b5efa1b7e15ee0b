import ContractTypes
import Domain
import Persistence
import Platform
import Testing

@testable import Services

// Random inventories of at most forty objects with random roles, groups and permissions: what the product says that a user
// may do is compared with a second evaluator that walks every way from an object up to the root, as the rules are told in
// vSphere Security, "Hierarchical Inheritance of Permissions". One cache lives through all changes of an inventory.

@Suite struct AuthorizationModelTests {
    private static let checksPerInventory = 250

    @Test func everyDecisionIsThatOfTheRules() async throws {
        let inventories = isLongForm ? 400 : 30
        for seed in 1...UInt64(inventories) { try await Self.compare(seed) }
    }

    private static func compare(_ seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let store = try Store.open(log: MemoryLog(), schema: Product.schema, world: .system)
        defer { store.close() }
        let world = RandomInventory(&random)
        try await store.commit(by: nil) { (draft) throws(Fault) in try world.insert(into: &draft) }
        let cache = AccessCache()
        for step in 0..<checksPerInventory {
            let inventory = store.snapshot
            let user = world.users.randomElement(using: &random) ?? ""
            guard let object = world.objects.randomElement(using: &random) else { continue }
            let access = cache.access(of: user, in: inventory)
            let found = access.privileges(on: object, in: inventory)
            let expected = NaiveEvaluator(inventory: inventory).privileges(of: user, on: object)
            #expect(found == expected, "seed \(seed), step \(step): \(user) on \(object)")
            if found != expected { return }
            if step % 10 == 9 {
                let change = world.change(&random)
                try await store.commit(by: nil) { (draft) throws(Fault) in try change(&draft) }
            }
        }
    }

    /// The three examples of the handbook.
    @Test func theExamplesOfTheHandbookHold() async throws {
        let lab = try await Laboratory.made()
        let inventory = lab.inventory
        let folder = try found(inventory[Folder.self].all.first { $0.type == .virtualMachine })
        let powerOn = PrivilegeSet(ids: ["VirtualMachine.Interact.PowerOn", "System.View"])
        let snapshot = PrivilegeSet(ids: ["VirtualMachine.State.CreateSnapshot", "System.View"])
        let (a, b) = (Identifier<Group>("a@vsphere.local"), Identifier<Group>("b@vsphere.local"))
        let user = Identifier<User>("user@vsphere.local")
        try await lab.store.commit(by: nil) { (draft) throws(Fault) in
            try draft.insert(User(name: "user", domain: "vsphere.local", createdAt: draft.now))
            for name in ["a", "b"] { try draft.insert(Group(name: name, domain: "vsphere.local", members: [.user(user)])) }
            try draft.insert(Role(id: Identifier("101"), name: "one", summary: "", privileges: powerOn))
            try draft.insert(Role(id: Identifier("102"), name: "two", summary: "", privileges: snapshot))
            try draft.insert(
                Permission(
                    id: Identifier("permission-101"), place: .object(ManagedObject(folder.id)), principal: .group(a),
                    role: Identifier("101"), propagates: true))
        }
        let below = ManagedObject(folder.id)
        func may() -> PrivilegeSet { lab.authorization.access(of: user.rawValue, in: lab.inventory).privileges(on: below, in: lab.inventory) }
        #expect(may() == powerOn)
        // Several groups: everything that any of them may.
        try await lab.store.commit(by: nil) { (draft) throws(Fault) in
            try draft.insert(
                Permission(
                    id: Identifier("permission-102"), place: .object(below), principal: .group(b), role: Identifier("102"),
                    propagates: true))
        }
        #expect(may() == powerOn.union(snapshot))
        // The user's own permission beats both.
        try await lab.store.commit(by: nil) { (draft) throws(Fault) in
            try draft.insert(
                Permission(
                    id: Identifier("permission-103"), place: .object(below), principal: .user(user), role: Role.noAccess.id,
                    propagates: true))
        }
        #expect(may() == .none)
        try await lab.close()
    }

    @Test func administratorsMayDoEverythingAndNobodyElseAnything() async throws {
        let lab = try await Laboratory.made()
        let inventory = lab.inventory
        #expect(lab.authorization.access(of: Laboratory.administrator, in: inventory).everywhere == .all)
        #expect(lab.authorization.access(of: "nobody@vsphere.local", in: inventory).everywhere == PrivilegeSet.none)
        // Who is no user has no permission, whatever its name is.
        #expect(lab.authorization.access(of: "administrators@vsphere.local", in: inventory).everywhere == PrivilegeSet.none)
        try await lab.close()
    }

    @Test func rolesOfTheProductAreVCenters() {
        #expect(Role.system.map(\.id.rawValue) == (1...8).map { "-\($0)" })
        #expect(Role.noCryptographyAdministrator.privileges.privileges.allSatisfy { $0.group != "Cryptographer" })
        #expect(Role.administrator.privileges.privileges.count == Privilege.all.count && Privilege.all.count > 400)
        #expect(Privilege("VirtualMachine.Interact.PowerOn")?.group == "VirtualMachine.Interact")
        #expect(Privilege("VirtualMachine") == nil && Privilege("") == nil)
    }

    @Test func everyPrivilegeOfTheContractExists() {
        for operation in operations {
            for id in operation.privileges.flatMap(\.privileges) { #expect(Privilege(id) != nil, "\(operation.service): \(id)") }
        }
    }
}
