import ContractTypes
import Domain
import Persistence

/// `com.vmware.vcenter.vm.power`: each change is one transaction.
struct Power: PowerService {
    let store: Store

    func get(vm: String, call: Call) throws(Fault) -> VcenterVmPowerInfo {
        let state = try store.snapshot.machine(vm).value.powerState
        var clean: Bool?
        if case .off(let wasClean) = state { clean = wasClean }
        return VcenterVmPowerInfo(state: VcenterVmPowerState(state), cleanPowerOff: clean)
    }

    func start(vm: String, call: Call) async throws(Fault) {
        try await change(vm, call) { (state) throws(Fault) in
            switch state {
            case .on: throw .already("on", state)
            case .off, .suspended: return .on
            }
        }
    }

    func stop(vm: String, call: Call) async throws(Fault) {
        try await change(vm, call) { (state) throws(Fault) in
            switch state {
            case .off: throw .already("off", state)
            // Power is cut: the guest had no chance to shut down.
            case .on, .suspended: return .off(clean: false)
            }
        }
    }

    func suspend(vm: String, call: Call) async throws(Fault) {
        try await change(vm, call) { (state) throws(Fault) in
            switch state {
            case .suspended:
                throw .wrongPowerState(
                    .alreadyInDesiredState, "Virtual machine is already suspended.",
                    id: "com.vmware.api.vcenter.vm.power.already_suspended", state: state)
            case .off: throw .notOn("suspended", state)
            case .on: return .suspended
            }
        }
    }

    func reset(vm: String, call: Call) async throws(Fault) {
        try await change(vm, call) { (state) throws(Fault) in
            guard state == .on else { throw .notOn("reset", state) }
            return .on
        }
    }

    private func change(
        _ vm: String, _ call: Call, _ next: @escaping @Sendable (PowerState) throws(Fault) -> PowerState
    ) async throws(Fault) {
        try await store.commit(by: call) { (draft) throws(Fault) in
            let record = try draft.inventory.machine(vm)
            let state = try next(record.value.powerState)
            draft.audit(record.value, detail: state.label)
            try draft.updateCharged(record.id) { (machine: inout VirtualMachine) throws(Fault) in machine.powerState = state }
        }
    }
}

extension Fault {
    fileprivate static func already(_ word: String, _ state: PowerState) -> Fault {
        .wrongPowerState(
            .alreadyInDesiredState, "Virtual machine is already powered \(word).",
            id: "com.vmware.api.vcenter.vm.power.already_powered_\(word)", state: state)
    }

    fileprivate static func notOn(_ verb: String, _ state: PowerState) -> Fault {
        .wrongPowerState(
            .notAllowedInCurrentState, "A virtual machine can be \(verb) only while it is powered on.",
            id: "com.viaduct.vm.power.not_powered_on", state: state)
    }
}
