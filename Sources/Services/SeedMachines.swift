import ContractTypes
import Coordination
import Domain
import Persistence

extension Product {
    /// How many machines of a seed file are made at once: their waits for the disk overlap.
    private static let seedConcurrency = 16

    /// Makes the virtual machines of a seed file that do not exist yet.
    ///
    /// They are begun in order, so that the same file always gives the same identifiers.
    /// - Throws: what creating or starting one throws; the others that were begun are completed.
    public func makeMachines(_ groups: [LabDescription.VirtualMachines]) async throws(Fault) {
        let call = Call(
            user: nil, requestID: "seed", service: "com.vmware.vcenter.VM", operation: "create", peer: "",
            receivedAt: Timestamp(milliseconds: world.clock.wallMilliseconds))
        var begun: [(task: Identifier<WorkflowRecord>, isPoweredOn: Bool)] = []
        var failure: Fault?
        for (name, group) in groups.flatMap({ group in group.names.map { ($0, group) } }) where failure == nil {
            do throws(Fault) {
                if begun.count >= Self.seedConcurrency { try await complete(begun.removeFirst(), call) }
                if let task = try await begin(name, of: group, call) { begun.append((task, group.isPoweredOn)) }
            } catch {
                failure = error
            }
        }
        for machine in begun {
            do throws(Fault) {
                try await complete(machine, call)
            } catch {
                failure = failure ?? error
            }
        }
        if let failure { throw failure }
    }

    private func complete(_ machine: (task: Identifier<WorkflowRecord>, isPoweredOn: Bool), _ call: Call) async throws(Fault) {
        let record = try await engine.waitForEnd(of: machine.task)
        guard machine.isPoweredOn, let id = record.target?.id else { return }
        try await Power(store: store).start(vm: id, call: call)
    }

    /// - Returns: the task that makes the machine; `nil` if it is there already.
    private func begin(
        _ name: String, of group: LabDescription.VirtualMachines, _ call: Call
    ) async throws(Fault) -> Identifier<WorkflowRecord>? {
        let inventory = store.snapshot
        guard let datacenter = inventory[Datacenter.self].all.first(where: { group.datacenter.isEmpty || $0.name == group.datacenter })
        else { throw .invalid("virtual_machines", "there is no datacenter.") }
        var folder = datacenter.virtualMachineFolder
        if !group.folder.isEmpty {
            folder = inventory[Folder.self].record(by: "name", "\(folder)/\(group.folder)")?.value.id ?? folder
        }
        let existing = inventory[VirtualMachine.self].record(by: "name", VirtualMachine.nameKey(name, in: folder))
        guard existing == nil else { return nil }
        guard let guest = VcenterVmGuestOS(rawValue: group.guestOS) else {
            throw .invalid("virtual_machines.guest_os", "there is no guest operating system '\(group.guestOS)'.")
        }
        let datastore = inventory[Datastore.self].record(by: "name", "\(datacenter.id)/\(group.datastore)")?.value.id
        let spec = VcenterVMCreateSpec(
            guestOS: guest, name: name,
            placement: VcenterVMPlacementSpec(folder: folder.rawValue, datastore: datastore?.rawValue),
            cpu: VcenterVmHardwareCpuUpdateSpec(count: Int64(group.cpuCount)),
            memory: VcenterVmHardwareMemoryUpdateSpec(sizeMiB: Int64(group.memoryMiB)),
            disks: group.disks.map { Self.disk($0, inventory) },
            nics: group.networks.compactMap { Self.nic($0, datacenter, inventory) })
        let planner = MachinePlanner(store: store, fabric: fabric, world: world)
        return try await engine.start(try await planner.plan(spec), by: call)
    }

    private static func disk(_ disk: LabDescription.Disk, _ inventory: Inventory) -> VcenterVmHardwareDiskCreateSpec {
        let policy = inventory[StoragePolicy.self].record(by: "name", disk.policy)?.value.id.rawValue
        return VcenterVmHardwareDiskCreateSpec(
            newVmdk: VcenterVmHardwareDiskVmdkCreateSpec(
                capacity: Int64(disk.capacityGiB) << 30,
                storagePolicy: policy.map { VcenterVmHardwareDiskStoragePolicySpec(policy: $0) }))
    }

    private static func nic(
        _ name: String, _ datacenter: Datacenter, _ inventory: Inventory
    ) -> VcenterVmHardwareEthernetCreateSpec? {
        guard let network = inventory[Network.self].record(by: "name", "\(datacenter.networkFolder)/\(name)")?.value else {
            return nil
        }
        let type: VcenterVmHardwareEthernetBackingType =
            network.type == .distributedPortGroup ? .distributedPortgroup : .standardPortgroup
        return VcenterVmHardwareEthernetCreateSpec(
            backing: VcenterVmHardwareEthernetBackingSpec(type: type, network: network.id.rawValue), startConnected: true)
    }
}
