import Domain
import Persistence
import Testing

@testable import Services

// Where a machine goes: a table of wishes over a lab of two datacenters, each part given, left open, unknown or at odds
// with the others.

@Suite struct PlacementTests {
    /// Names of the parts of a placement, or the fault.
    private static func place(
        _ wish: Placement.Wish, _ inventory: Inventory, fallback: VirtualMachine? = nil, free: [String: UInt64] = [:]
    ) -> [String] {
        do throws(Fault) {
            let found = try Placement.choose(wish, field: "spec.placement", fallback: fallback, in: inventory) {
                free[$0.name] ?? 100
            }
            return [
                inventory[Folder.self][found.folder]?.name ?? "", inventory[Host.self][found.host]?.name ?? "",
                inventory[ResourcePool.self][found.resourcePool]?.name ?? "",
                inventory[Datastore.self][found.datastore]?.name ?? "",
            ]
        } catch {
            return [error.type.rawValue, error.messages.first?.arguments.first ?? ""]
        }
    }

    private static func id<Value: Resource>(_ inventory: Inventory, _ type: Value.Type, where matches: (Value) -> Bool)
        -> String
    {
        inventory[type].all.first(where: matches)?.id.rawValue ?? "none"
    }

    @Test func everyWishIsCompletedOrRefused() async throws {
        let lab = try await Laboratory.made(.two)
        let inventory = lab.inventory
        let folder = { (name: String) in Self.id(inventory, Folder.self) { $0.name == name && $0.type == .virtualMachine } }
        let host = { (name: String) in Self.id(inventory, Host.self) { $0.name == name } }
        let cluster = { (name: String) in Self.id(inventory, Cluster.self) { $0.name == name } }
        let store = { (name: String) in Self.id(inventory, Datastore.self) { $0.name == name } }
        let far = try found(inventory[Datacenter.self].all.first { $0.name == "Other" })
        let farPool = Self.id(inventory, ResourcePool.self) { $0.datacenter == far.id && $0.name == "Development" }
        let nearPool = Self.id(inventory, ResourcePool.self) { $0.datacenter != far.id && $0.name == "Development" }
        let farFolder = far.virtualMachineFolder.rawValue
        let network = Self.id(inventory, Folder.self) { $0.type == .network }
        typealias Wish = Placement.Wish
        let table: [(Wish, [String])] = [
            (.open, ["vm", "esx-1", "Resources", "datastore1"]),
            (Wish(folder: folder("Production")), ["Production", "esx-1", "Resources", "datastore1"]),
            (Wish(folder: farFolder), ["vm", "far-1", "Resources", "far"]),
            (Wish(resourcePool: farPool), ["vm", "far-1", "Development", "far"]),
            (Wish(resourcePool: nearPool, host: host("esx-2")), ["vm", "esx-2", "Development", "datastore1"]),
            (Wish(host: host("esx-3")), ["vm", "esx-3", "Resources", "datastore1"]),
            (Wish(host: host("far-1")), ["vm", "far-1", "Resources", "far"]),
            (Wish(cluster: cluster("Other Cluster")), ["vm", "far-1", "Resources", "far"]),
            (Wish(host: host("esx-2"), cluster: cluster("Lab Cluster")), ["vm", "esx-2", "Resources", "datastore1"]),
            (Wish(datastore: store("datastore2")), ["vm", "esx-1", "Resources", "datastore2"]),
            (Wish(datastore: store("far")), ["vm", "far-1", "Resources", "far"]),
            // Unknown.
            (Wish(folder: "group-v9999"), ["not_found", "group-v9999"]),
            (Wish(resourcePool: "resgroup-9999"), ["not_found", "resgroup-9999"]),
            (Wish(host: "host-9999"), ["not_found", "host-9999"]),
            (Wish(cluster: "domain-c9999"), ["not_found", "domain-c9999"]),
            (Wish(datastore: "datastore-9999"), ["not_found", "datastore-9999"]),
            (Wish(datastore: ""), ["not_found", ""]),
            // At odds.
            (Wish(folder: network), ["invalid_argument", "spec.placement.folder"]),
            (Wish(folder: Folder.root.rawValue), ["invalid_argument", "spec.placement.folder"]),
            (Wish(folder: farFolder, host: host("esx-1")), ["invalid_argument", "spec.placement"]),
            (Wish(resourcePool: farPool, host: host("esx-1")), ["invalid_argument", "spec.placement.host"]),
            (
                Wish(resourcePool: nearPool, cluster: cluster("Other Cluster")),
                ["invalid_argument", "spec.placement.cluster"]
            ),
            (Wish(host: host("esx-1"), cluster: cluster("Other Cluster")), ["invalid_argument", "spec.placement.cluster"]),
            (Wish(folder: farFolder, datastore: store("datastore1")), ["invalid_argument", "spec.placement.datastore"]),
            (Wish(host: host("esx-1"), datastore: store("far")), ["invalid_argument", "spec.placement.datastore"]),
        ]
        for (wish, expected) in table {
            #expect(Self.place(wish, inventory) == expected, "\(wish)")
        }
        #expect(Self.place(.open, inventory, free: ["datastore2": 101])[3] == "datastore2")
        try await lab.close()
    }

    @Test func theHostWithTheFewestMachinesIsTaken() async throws {
        let lab = try await Laboratory.made()
        var hosts: [String] = []
        for number in 1...6 {
            let id = try await lab.create("vm-\(number)")
            hosts.append(try found(lab.inventory[Host.self][lab.machine(id).host]).name)
        }
        #expect(hosts == ["esx-1", "esx-2", "esx-3", "esx-1", "esx-2", "esx-3"])
        try await lab.close()
    }

    @Test func aCloneStaysWhereItsSourceIsUnlessItIsSentElsewhere() async throws {
        let lab = try await Laboratory.made(.two)
        let inventory = lab.inventory
        let production = Self.id(inventory, Folder.self) { $0.name == "Production" }
        let id = try await lab.create(
            "source", folder: production, datastore: lab.datastoreID("datastore2"),
            host: Self.id(inventory, Host.self) { $0.name == "esx-3" })
        let source = try lab.machine(id)
        let place = { (wish: Placement.Wish) in Self.place(wish, lab.inventory, fallback: source, free: ["datastore1": 900]) }
        #expect(place(.open) == ["Production", "esx-3", "Resources", "datastore2"])
        let host = Self.id(inventory, Host.self) { $0.name == "esx-1" }
        #expect(place(Placement.Wish(host: host)) == ["Production", "esx-1", "Resources", "datastore2"])
        let store = try lab.datastoreID("datastore1")
        #expect(place(Placement.Wish(datastore: store)) == ["Production", "esx-3", "Resources", "datastore1"])
        let cluster = Self.id(inventory, Cluster.self) { $0.name == "Other Cluster" }
        #expect(place(Placement.Wish(cluster: cluster)) == ["invalid_argument", "spec.placement"])
        try await lab.close()
    }
}
