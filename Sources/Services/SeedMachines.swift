import ContractTypes
import Domain
import Persistence

extension Product {
    /// How many machines of a seed file are made at once: their waits for the disk overlap.
    private static let seedConcurrency = 16

    /// Makes the virtual machines of a seed file that do not exist yet.
    ///
    /// - Throws: what creating or starting one throws; the others that were begun are completed.
    public func makeMachines(_ groups: [LabDescription.VirtualMachines]) async throws(Fault) {
        let call = Call(
            user: nil, requestID: "seed", service: "com.vmware.vcenter.VM", operation: "create", peer: "",
            receivedAt: Timestamp(milliseconds: world.clock.wallMilliseconds))
        let wanted = groups.flatMap { group in group.names.map { (name: $0, group: group) } }
        let failure = await withTaskGroup(of: Fault?.self) { tasks in
            var failure: Fault?
            for (index, machine) in wanted.enumerated() {
                if index >= Self.seedConcurrency, let result = await tasks.next(), let fault = result {
                    failure = failure ?? fault
                }
                guard failure == nil else { break }
                tasks.addTask { await self.outcome(machine.name, of: machine.group, call) }
            }
            for await result in tasks { failure = failure ?? result }
            return failure
        }
        if let failure { throw failure }
    }

    private func outcome(_ name: String, of group: LabDescription.VirtualMachines, _ call: Call) async -> Fault? {
        do throws(Fault) {
            try await make(name, of: group, call)
            return nil
        } catch {
            return error
        }
    }

    private func make(_ name: String, of group: LabDescription.VirtualMachines, _ call: Call) async throws(Fault) {
        let inventory = store.snapshot
        guard
            let datacenter = inventory[Datacenter.self].all.first(where: {
                group.datacenter.isEmpty || $0.name == group.datacenter
            })
        else { throw .invalid("virtual_machines", "there is no datacenter.") }
        var folder = datacenter.virtualMachineFolder
        if !group.folder.isEmpty {
            folder = inventory[Folder.self].record(by: "name", "\(folder)/\(group.folder)")?.value.id ?? folder
        }
        let existing = inventory[VirtualMachine.self].record(by: "name", VirtualMachine.nameKey(name, in: folder))
        guard existing == nil else { return }
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
        let services = services
        let id = try await services.virtualMachine.create(spec: spec, call: call)
        if group.isPoweredOn { try await services.power.start(vm: id, call: call) }
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
