import Contract
import ContractTypes
import Coordination
import Datastores
import Domain
import Persistence
import Testing

@testable import Services

// What lists show: every filter alone and joined, unknown identifiers, empty sets, and the limit.

@Suite struct ListTests {
    private static func machine(_ template: VirtualMachine, _ number: Int, _ change: (inout VirtualMachine) -> Void)
        -> VirtualMachine
    {
        var machine = template.with(Identifier("vm-\(1000 + number)"))
        machine.name = "many-\(number)"
        machine.home.path = "/many-\(number)"
        machine.hardware.disks = []
        machine.lifecycle = .ready
        change(&machine)
        return machine
    }

    @Test func everyFilterOfTheMachineList() async throws {
        let lab = try await Laboratory.made(.two)
        let inventory = lab.inventory
        let production = try found(inventory[Folder.self].all.first { $0.name == "Production" }).id.rawValue
        let vmFolder = try found(inventory[Datacenter.self].all.first { $0.name == "Lab" }).virtualMachineFolder.rawValue
        let farHost = try found(inventory[Host.self].all.first { $0.name == "far-1" })
        let esx = try found(inventory[Host.self].all.first { $0.name == "esx-2" })
        let a = try await lab.create("a", folder: production, host: esx.id.rawValue)
        let b = try await lab.create("b", host: esx.id.rawValue)
        let c = try await lab.create("c", host: farHost.id.rawValue)
        try await lab.start(b)
        let farCluster = try found(farHost.cluster).rawValue
        let farPool = try lab.machine(c).resourcePool.rawValue
        typealias Filter = VcenterVMFilterSpec
        let table: [(Filter?, [String])] = [
            (nil, [a, b, c]), (Filter(), [a, b, c]), (Filter(vms: [c, a]), [a, c]), (Filter(vms: ["vm-9"]), []),
            (Filter(vms: []), []), (Filter(names: ["b"]), [b]), (Filter(names: ["c", "a", "x"]), [a, c]),
            (Filter(names: []), []),
            (Filter(folders: [production]), [a]), (Filter(folders: [vmFolder]), [b]), (Filter(folders: []), []),
            (Filter(datacenters: [farHost.datacenter.rawValue]), [c]), (Filter(datacenters: ["no"]), []),
            (Filter(hosts: [esx.id.rawValue]), [a, b]), (Filter(hosts: ["host-0", farHost.id.rawValue]), [c]),
            (Filter(clusters: [farCluster]), [c]), (Filter(clusters: []), []), (Filter(resourcePools: [farPool]), [c]),
            (Filter(powerStates: [.poweredOn]), [b]), (Filter(powerStates: [.poweredOff, .suspended]), [a, c]),
            (Filter(powerStates: []), []), (Filter(hosts: [esx.id.rawValue], powerStates: [.poweredOff]), [a]),
            (Filter(vms: [a, b], names: ["b", "c"]), [b]), (Filter(names: ["a"], folders: [vmFolder]), []),
            (Filter(vms: Array(0..<20).map { "vm-\($0)" } + [a]), [a]),
            (Filter(names: Array(0..<20).map { "n-\($0)" } + ["b"]), [b]),
        ]
        for (filter, expected) in table {
            let rows = try lab.machines.list(filter: filter, call: lab.call())
            #expect(rows.map(\.vm) == expected, "\(String(describing: filter))")
        }
        let row = try found(lab.machines.list(filter: Filter(vms: [b]), call: lab.call()).first)
        #expect(row.name == "b" && row.powerState == .poweredOn && row.cpuCount == 1 && row.memorySizeMiB == 2048)
        try await lab.close()
    }

    @Test func fourThousandAreListedAndOneMoreIsTooMany() async throws {
        let lab = try await Laboratory.made()
        let id = try await lab.create("first")
        let template = try lab.machine(id)
        try await lab.store.commit(by: nil) { (draft) throws(Fault) in
            for number in 1..<4000 { try draft.insert(Self.machine(template, number) { _ in }) }
        }
        #expect(try lab.machines.list(filter: nil, call: lab.call()).count == 4000)
        try await lab.store.commit(by: nil) { (draft) throws(Fault) in
            try draft.insert(Self.machine(template, 4000) { $0.powerState = .on })
        }
        let refusal = await fault { try lab.machines.list(filter: nil, call: lab.call()) }
        #expect(refusal?.shape == "unable_to_allocate_resource com.vmware.api.vcenter.vm.too_many_matches")
        let running = try lab.machines.list(filter: VcenterVMFilterSpec(powerStates: [.poweredOn]), call: lab.call())
        #expect(running.map(\.name) == ["many-4000"])
        try await lab.close()
    }

    @Test func machinesThatAreComingOrGoingAreNotSeen() async throws {
        let lab = try await Laboratory.made()
        let id = try await lab.create("first")
        let template = try lab.machine(id)
        try await lab.store.commit(by: nil) { (draft) throws(Fault) in
            try draft.insert(Self.machine(template, 1) { $0.lifecycle = .creating })
            try draft.insert(Self.machine(template, 2) { $0.lifecycle = .deleting })
        }
        for filter in [
            nil, VcenterVMFilterSpec(vms: [id, "vm-1001", "vm-1002"]),
            VcenterVMFilterSpec(names: ["first", "many-1", "many-2"]),
        ] {
            #expect(try lab.machines.list(filter: filter, call: lab.call()).map(\.vm) == [id])
        }
        for hidden in ["vm-1001", "vm-1002"] {
            #expect(await fault { try lab.machines.get(vm: hidden, call: lab.call()) }?.type == .notFound)
            #expect(await fault { try await lab.start(hidden) }?.type == .notFound)
            #expect(await fault { try await lab.delete(hidden) }?.type == .notFound)
            #expect(await fault { try await lab.clone(hidden, "x") }?.type == .notFound)
            #expect(await fault { try lab.disks.list(vm: hidden, call: lab.call()) }?.type == .notFound)
        }
        // Their names are taken.
        #expect(await fault { try await lab.create("many-1") }?.type == .alreadyExists)
        try await lab.close()
    }

    @Test func placesAreListedByTheirFilters() async throws {
        let lab = try await Laboratory.made(.two)
        let call = lab.call()
        let datacenters = Datacenters(store: lab.store, authorization: lab.authorization)
        #expect(try datacenters.list(filter: nil, call: call).map(\.name) == ["Lab", "Other"])
        #expect(try datacenters.list(filter: VcenterDatacenterFilterSpec(names: ["Other"]), call: call).count == 1)
        #expect(try datacenters.list(filter: VcenterDatacenterFilterSpec(datacenters: []), call: call).isEmpty)
        #expect(try datacenters.list(filter: VcenterDatacenterFilterSpec(folders: ["group-d1"]), call: call).count == 2)
        let far = try found(lab.inventory[Datacenter.self].all.first { $0.name == "Other" })
        #expect(try datacenters.get(datacenter: far.id.rawValue, call: call).vmFolder == far.virtualMachineFolder.rawValue)
        #expect(
            await fault { try datacenters.get(datacenter: "x", call: call) }?.shape
                == "not_found com.vmware.api.vcenter.datacenter.not_found")

        let folders = Folders(store: lab.store, authorization: lab.authorization)
        #expect(try folders.list(filter: nil, call: call).count == 1 + 2 * 6)
        #expect(try folders.list(filter: VcenterFolderFilterSpec(type: .virtualMachine), call: call).count == 6)
        let below = VcenterFolderFilterSpec(parentFolders: [far.virtualMachineFolder.rawValue])
        #expect(try folders.list(filter: below, call: call).map(\.name) == ["Production", "Development"])
        #expect(
            try folders.list(filter: VcenterFolderFilterSpec(names: ["Production"], datacenters: [far.id.rawValue]), call: call)
                .count == 1)

        let hosts = Hosts(store: lab.store, authorization: lab.authorization)
        #expect(try hosts.list(filter: nil, call: call).map(\.name) == ["esx-1", "esx-2", "esx-3", "far-1"])
        #expect(
            try hosts.list(filter: VcenterHostFilterSpec(datacenters: [far.id.rawValue]), call: call).map(\.name) == ["far-1"])
        #expect(try hosts.list(filter: VcenterHostFilterSpec(standalone: true), call: call).isEmpty)
        #expect(try hosts.list(filter: VcenterHostFilterSpec(standalone: false), call: call).count == 4)
        #expect(try hosts.list(filter: VcenterHostFilterSpec(connectionStates: [.disconnected]), call: call).isEmpty)

        let clusters = Clusters(store: lab.store, authorization: lab.authorization)
        let cluster = try found(clusters.list(filter: VcenterClusterFilterSpec(names: ["Lab Cluster"]), call: call).first)
        #expect(cluster.haEnabled && !cluster.drsEnabled)
        #expect(await fault { try clusters.get(cluster: "x", call: call) }?.type == .notFound)

        let networks = Networks(store: lab.store, authorization: lab.authorization)
        #expect(
            try networks.list(filter: VcenterNetworkFilterSpec(types: [.distributedPortgroup]), call: call).map(\.name) == [
                "Lab Tenant", "Other Tenant",
            ])
        #expect(try networks.list(filter: VcenterNetworkFilterSpec(types: []), call: call).isEmpty)

        let datastores = DatastoreListing(store: lab.store, authorization: lab.authorization, fabric: lab.fabric)
        let rows = try datastores.list(filter: nil, call: call)
        #expect(rows.map(\.name) == ["datastore1", "datastore2", "far"])
        #expect(rows.allSatisfy { $0.capacity == 1 << 30 && $0.freeSpace ?? 0 > 900 << 20 })
        #expect(try datastores.list(filter: VcenterDatastoreFilterSpec(types: [.nfs]), call: call).isEmpty)
        let one = try datastores.get(datastore: rows[2].datastore, call: call)
        #expect(one.accessible && !one.multipleHostAccess && one.thinProvisioningSupported)
        #expect(
            await fault { try datastores.get(datastore: "x", call: call) }?.shape
                == "not_found com.vmware.api.vcenter.datastore.not_found")
        try await lab.close()
    }

    @Test func poolsKnowTheirParentsAndHosts() async throws {
        let lab = try await Laboratory.made(.two)
        let (pools, call) = (ResourcePools(store: lab.store, authorization: lab.authorization), lab.call())
        typealias Filter = VcenterResourcePoolFilterSpec
        let all = try pools.list(filter: nil, call: call)
        #expect(all.map(\.name) == ["Resources", "Development", "Resources", "Development"])
        let root = all[0].resourcePool
        #expect(
            try pools.list(filter: Filter(parentResourcePools: [root]), call: call).map(\.resourcePool) == [all[1].resourcePool]
        )
        let host = try found(lab.inventory[Host.self].all.first { $0.name == "far-1" })
        #expect(
            try pools.list(filter: Filter(hosts: [host.id.rawValue]), call: call).map(\.resourcePool) == [
                all[2].resourcePool, all[3].resourcePool,
            ])
        #expect(try pools.list(filter: Filter(hosts: ["host-0"]), call: call).isEmpty)
        #expect(try pools.get(resourcePool: root, call: call).resourcePools == [all[1].resourcePool])
        #expect(
            await fault { try pools.get(resourcePool: "x", call: call) }?.shape
                == "not_found com.vmware.api.vcenter.resourcepool.not_found")
        try await lab.close()
    }

    @Test func policiesAreListed() async throws {
        let lab = try await Laboratory.made()
        let policies = StoragePolicyListing(store: lab.store)
        #expect(try policies.list(filter: nil, call: lab.call()).count == 2)
        let one = VcenterStoragePoliciesFilterSpec(policies: [LabDescription.thinPolicy])
        #expect(try policies.list(filter: one, call: lab.call()).map(\.name) == ["Thin Provision"])
        #expect(try policies.list(filter: VcenterStoragePoliciesFilterSpec(policies: []), call: lab.call()).isEmpty)
        try await lab.close()
    }
}
