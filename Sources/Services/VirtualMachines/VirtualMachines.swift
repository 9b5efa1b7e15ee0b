import Contract
import ContractTypes
import Coordination
import Datastores
import Domain
import Persistence
import Platform

/// `com.vmware.vcenter.VM`
struct VirtualMachines: VirtualMachineService {
    let store: Store
    let fabric: StorageFabric
    let engine: WorkflowEngine
    let world: World
    let views: MachineViews
    let authorization: Authorization

    static let listLimit = 4000

    // MARK: - Reading

    func get(vm: String, call: Call) throws(Fault) -> VcenterVMInfo {
        let inventory = store.snapshot
        return views.info(try inventory.machine(vm), inventory)
    }

    func list(filter: VcenterVMFilterSpec?, call: Call) throws(Fault) -> [VcenterVMSummary] {
        let inventory = store.snapshot
        let table = inventory[VirtualMachine.self]
        let access = authorization.access(call, inventory)
        let match = MachineFilter(filter, access, inventory)
        var rows: [VcenterVMSummary] = []
        func consider(_ record: Record<VirtualMachine>) {
            guard match.accepts(record.value), access.shows(ManagedObject(record.id), inventory) else { return }
            rows.append(VcenterVMSummary(record.value))
        }
        if let ids = filter?.vms {
            for id in ids.map({ Identifier<VirtualMachine>($0) }).sorted() { table.record(id).map(consider) }
        } else if let names = filter?.names {
            let records = names.flatMap { table.records(by: "label", $0) }
            for record in records.sorted(by: { $0.id < $1.id }) { consider(record) }
        } else {
            rows.reserveCapacity(min(table.count, Self.listLimit + 1))
            for record in table.records {
                consider(record)
                if rows.count > Self.listLimit { break }
            }
        }
        return try limited(rows, to: Self.listLimit, "vm", "virtual machines")
    }

    // MARK: - Making

    func create(spec: VcenterVMCreateSpec, call: Call) async throws(Fault) -> String {
        let workflow = try await planner(call).plan(spec)
        return try await engine.run(workflow, by: call).machine.id.rawValue
    }

    func clone(spec: VcenterVMCloneSpec, call: Call) async throws(Fault) -> String {
        let workflow = try await planner(call).plan(spec)
        return try await engine.run(workflow, by: call).machine.id.rawValue
    }

    func cloneTask(spec: VcenterVMCloneSpec, call: Call) async throws(Fault) -> String {
        let workflow = try await planner(call).plan(spec)
        return try await engine.start(workflow, by: call).rawValue
    }

    private func planner(_ call: Call) -> MachinePlanner {
        MachinePlanner(store: store, fabric: fabric, world: world, access: authorization.access(call, store.snapshot))
    }

    func delete(vm: String, call: Call) async throws(Fault) {
        _ = try store.snapshot.machine(vm)
        _ = try await engine.run(DeleteVirtualMachine(machine: Identifier(vm)), by: call)
    }
}

/// Which machines a list shows: those that are ready and pass every set of the filter.
private struct MachineFilter {
    private let folders: Choice
    private let datacenters: Choice
    private let hosts: Choice
    private let clusters: Choice
    private let pools: Choice
    private let names: Choice
    private let powerStates: [VcenterVmPowerState]?
    private let isOpen: Bool

    init(_ filter: VcenterVMFilterSpec?, _ access: Access?, _ inventory: Inventory) {
        folders = Choice(access.known(filter?.folders, .folder, inventory))
        datacenters = Choice(access.known(filter?.datacenters, .datacenter, inventory))
        hosts = Choice(access.known(filter?.hosts, .host, inventory))
        clusters = Choice(access.known(filter?.clusters, .cluster, inventory))
        pools = Choice(access.known(filter?.resourcePools, .resourcePool, inventory))
        names = Choice(filter?.names)
        powerStates = filter?.powerStates
        isOpen = [folders, datacenters, hosts, clusters, pools, names].allSatisfy(\.isOpen) && powerStates == nil
    }

    func accepts(_ machine: VirtualMachine) -> Bool {
        guard machine.lifecycle == .ready else { return false }
        if isOpen { return true }
        return folders.contains(machine.folder.rawValue) && datacenters.contains(machine.datacenter.rawValue)
            && hosts.contains(machine.host.rawValue) && clusters.contains(machine.cluster?.rawValue)
            && pools.contains(machine.resourcePool.rawValue) && names.contains(machine.name)
            && (powerStates?.contains(VcenterVmPowerState(machine.powerState)) ?? true)
    }
}

extension VcenterVMSummary {
    init(_ machine: VirtualMachine) {
        self.init(
            vm: machine.id.rawValue, name: machine.name, powerState: VcenterVmPowerState(machine.powerState),
            cpuCount: machine.hardware.cpu.count, memorySizeMiB: machine.hardware.memory.sizeMiB)
    }
}

extension Inventory {
    /// A machine that can be seen.
    ///
    /// - Throws: `not_found`, also while it is being made or deleted.
    func machine(_ id: String) throws(Fault) -> Record<VirtualMachine> {
        guard let record = self[VirtualMachine.self].record(Identifier(id)), record.value.lifecycle == .ready else {
            throw .virtualMachineNotFound(id)
        }
        return record
    }
}
