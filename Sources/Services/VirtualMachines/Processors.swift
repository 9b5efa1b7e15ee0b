import ContractTypes
import Domain
import Persistence

/// `com.vmware.vcenter.vm.hardware.cpu`
struct Processors: ProcessorService {
    let store: Store

    func get(vm: String, call: Call) throws(Fault) -> VcenterVmHardwareCpuInfo {
        VcenterVmHardwareCpuInfo(try store.snapshot.machine(vm).value.hardware.cpu)
    }

    func update(vm: String, spec: VcenterVmHardwareCpuUpdateSpec, call: Call) async throws(Fault) {
        try await store.commit(by: call) { (draft) throws(Fault) in
            let record = try draft.inventory.machine(vm)
            let old = record.value.hardware.cpu
            let new = try HardwarePlanner.cpu(spec, "spec", from: old)
            try Self.checkState(from: old, to: new, record.value.powerState)
            draft.audit(record.value, detail: "\(new.count) processors")
            try draft.updateCharged(record.id) { (machine: inout VirtualMachine) throws(Fault) in machine.hardware.cpu = new }
        }
    }

    /// What may change while the machine runs: the count, if hot add or hot remove is enabled.
    private static func checkState(from old: CPU, to new: CPU, _ state: PowerState) throws(Fault) {
        switch state {
        case .off: return
        case .suspended: throw .hardwareLocked(state)
        case .on:
            let mayAdd = new.count <= old.count || old.isHotAddEnabled
            let mayRemove = new.count >= old.count || old.isHotRemoveEnabled
            let restIsEqual =
                new.coresPerSocket == old.coresPerSocket && new.isHotAddEnabled == old.isHotAddEnabled
                && new.isHotRemoveEnabled == old.isHotRemoveEnabled
            guard mayAdd, mayRemove, restIsEqual else { throw .hardwareLocked(state) }
        }
    }
}

extension Fault {
    /// The hardware cannot be changed in this way now.
    static func hardwareLocked(_ state: PowerState) -> Fault {
        .wrongPowerState(
            .notAllowedInCurrentState, "This hardware setting cannot be changed in the current power state.",
            id: "com.viaduct.vm.hardware.not_allowed_in_power_state", state: state)
    }
}
