import Coordination
import Datastores
import Domain
import Persistence

/// Removes a virtual machine with its files.
///
/// `admit` hides the record, so that nobody uses it any more. Then it is checked that no file is in use; from there on
/// the work only goes forward, since a file that is gone cannot be brought back.
struct DeleteVirtualMachine: Workflow {
    typealias Dependencies = StorageFabric

    static let name = "delete-virtual-machine"
    static let isCancelable = false
    static let steps: [WorkflowStep<DeleteVirtualMachine>] = [
        WorkflowStep(
            "Checking files", isPointOfNoReturn: true,
            run: { (state, context) async throws(Fault) in try await state.checkFiles(context) }),
        WorkflowStep(
            "Deleting files",
            run: { (state, context) async throws(Fault) in try await state.removeFiles(context.dependencies, context.snapshot) },
            change: { (state, draft) throws(Fault) in
                try draft.removePermissions(on: ManagedObject(state.machine))
                if draft[VirtualMachine.self].contains(state.machine) { try draft.removeCharged(state.machine) }
            }),
    ]

    let machine: Identifier<VirtualMachine>

    var target: WorkflowTarget? { WorkflowTarget(type: "VirtualMachine", id: machine.rawValue) }

    func admit(_ draft: inout Draft) throws(Fault) -> DeleteVirtualMachine {
        guard let record = draft[VirtualMachine.self][machine], record.lifecycle == .ready else {
            throw .virtualMachineNotFound(machine.rawValue)
        }
        guard case .off = record.powerState else {
            throw .wrongPowerState(
                .notAllowedInCurrentState, "The virtual machine must be powered off to be deleted.",
                id: "com.viaduct.vm.delete.not_powered_off", state: record.powerState)
        }
        guard draft[VirtualMachine.self].ids(by: "cloneSource", machine.rawValue).isEmpty else { throw .busy(machine) }
        try draft.update(machine) { (record: inout VirtualMachine) throws(Fault) in record.lifecycle = .deleting }
        draft.audit(record, detail: record.name)
        return self
    }

    func release(_ draft: inout Draft) throws(Fault) {
        try draft.update(machine) { (record: inout VirtualMachine) throws(Fault) in record.lifecycle = .ready }
    }

    private func checkFiles(_ context: StepContext<StorageFabric>) async throws(Fault) {
        let inventory = context.snapshot
        guard let record = inventory[VirtualMachine.self][machine] else { return }
        let host = try ProvisionVirtualMachine.host(record, inventory)
        let storage = context.dependencies
        for disk in record.hardware.disks {
            let datastore = try ProvisionVirtualMachine.datastore(disk.file.datastore, inventory)
            try await storage.run { () throws(Fault) in
                try storage.with(datastore, on: host, changes: false) { (volume) throws(VolumeError) in
                    do throws(VolumeError) {
                        try volume.writing(disk.file.path) { (_) throws(VolumeError) in }
                    } catch .notFound {
                        // Gone already: nothing to wait for.
                    }
                }
            }
        }
    }

    /// Removes the files of the machine, those that are left.
    func removeFiles(_ storage: StorageFabric, _ inventory: Inventory) async throws(Fault) {
        guard let record = inventory[VirtualMachine.self][machine] else { return }
        let host = try ProvisionVirtualMachine.host(record, inventory)
        var files = [DatastorePath(datastore: record.home.datastore, path: record.configurationPath)]
        files += record.hardware.disks.map(\.file)
        let directories = record.datastores.map { DatastorePath(datastore: $0, path: record.home.path) }
        try await storage.remove(files, thenEmpty: directories, by: host, inventory)
    }
}
