import ContractTypes
import Domain
import Persistence

/// `com.vmware.vcenter.vm.hardware.memory`
struct MemorySizes: MemoryService {
    let store: Store

    func get(vm: String, call: Call) throws(Fault) -> VcenterVmHardwareMemoryInfo {
        VcenterVmHardwareMemoryInfo(try store.snapshot.machine(vm).value)
    }

    func update(vm: String, spec: VcenterVmHardwareMemoryUpdateSpec, call: Call) async throws(Fault) {
        try await store.commit(by: call) { (draft) throws(Fault) in
            let record = try draft.inventory.machine(vm)
            let old = record.value.hardware.memory
            let new = try HardwarePlanner.memory(spec, "spec", from: old)
            try MemoryRules.check(from: old, to: new, record.value.powerState)
            draft.audit(record.value, detail: "\(new.sizeMiB) MiB")
            try draft.updateCharged(record.id) { (machine: inout VirtualMachine) throws(Fault) in machine.hardware.memory = new }
        }
    }
}

/// What memory may do while the machine runs.
enum MemoryRules {
    static let hotAddIncrementMiB: Int64 = 128

    /// Source: vSphere's hot add limit: 16 times the size at power on, 16 GiB when that was 1 GiB or less.
    static func hotAddLimitMiB(_ sizeMiB: Int64) -> Int64 { sizeMiB <= 1024 ? 16_384 : min(sizeMiB * 16, 25_165_824) }

    static func check(from old: Memory, to new: Memory, _ state: PowerState) throws(Fault) {
        switch state {
        case .off: return
        case .suspended: throw .hardwareLocked(state)
        case .on:
            guard new.isHotAddEnabled == old.isHotAddEnabled else { throw .hardwareLocked(state) }
            guard new.sizeMiB != old.sizeMiB else { return }
            guard old.isHotAddEnabled, new.sizeMiB > old.sizeMiB else { throw .hardwareLocked(state) }
            guard (new.sizeMiB - old.sizeMiB) % hotAddIncrementMiB == 0, new.sizeMiB <= hotAddLimitMiB(old.sizeMiB) else {
                throw .invalid(
                    "spec.size_MiB",
                    "memory is added in steps of \(hotAddIncrementMiB) MiB up to \(hotAddLimitMiB(old.sizeMiB)) MiB.")
            }
        }
    }
}
