import ContractTypes
import Domain
import Persistence

/// `com.vmware.vcenter.vm.hardware.disk`
struct Disks: DiskService {
    let store: Store
    let authorization: Authorization
    let fabric: StorageFabric

    func list(vm: String, call: Call) throws(Fault) -> [VcenterVmHardwareDiskSummary] {
        try store.snapshot.machine(vm).value.hardware.disks.map { VcenterVmHardwareDiskSummary(disk: String($0.key)) }
    }

    func get(vm: String, disk: String, call: Call) throws(Fault) -> VcenterVmHardwareDiskInfo {
        let inventory = store.snapshot
        return VcenterVmHardwareDiskInfo(try Self.find(disk, in: inventory.machine(vm).value).disk, inventory)
    }

    func update(vm: String, disk: String, spec: VcenterVmHardwareDiskUpdateSpec, call: Call) async throws(Fault) {
        let inventory = store.snapshot
        let machine = try inventory.machine(vm).value
        _ = try Self.find(disk, in: machine)
        guard let backing = spec.backing else { return }
        let field = "spec.backing.vmdk_file"
        let access = authorization.access(call, inventory)
        let file = try access.file(backing.vmdkFile ?? "", field, in: machine.datacenter, inventory)
        // Its own file again is nothing that one would have to find or be given.
        if !machine.hardware.disks.contains(where: { $0.file == file }) {
            try access?.require("Datastore.Browse", "Datastore.AllocateSpace", on: ManagedObject(file.datastore), in: inventory)
        }
        guard let size = try await fabric.sizeOfDisk(file, by: machine.host, field: field, inventory) else {
            throw .invalid(field, "the file does not exist.")
        }
        try await store.commit(by: call) { (draft) throws(Fault) in
            let record = try draft.inventory.machine(vm)
            guard case .off = record.value.powerState else { throw .hardwareLocked(record.value.powerState) }
            let (index, _) = try Self.find(disk, in: record.value)
            // Its own file again is fine; the file of another disk is not, be it of this machine.
            let current = record.value.hardware.disks[index].file
            if current.key != file.key, let holder = draft[VirtualMachine.self].record(by: "file", file.key) {
                throw Fault(
                    .resourceInUse, id: "com.viaduct.disk.attached",
                    "The file '\(file.path)' is a disk of the virtual machine with identifier '\(holder.id)'.",
                    arguments: [file.path, holder.id.rawValue])
            }
            draft.audit(record.value, detail: "disk \(disk): \(file.path)")
            try draft.updateCharged(record.id) { (machine: inout VirtualMachine) throws(Fault) in
                machine.hardware.disks[index].file = file
                machine.hardware.disks[index].capacityBytes = size
            }
        }
    }

    private static func find(_ key: String, in machine: VirtualMachine) throws(Fault) -> (index: Int, disk: Disk) {
        guard let index = machine.hardware.disks.firstIndex(where: { String($0.key) == key }) else {
            throw .deviceNotFound(key, of: machine.id.rawValue)
        }
        return (index, machine.hardware.disks[index])
    }
}
