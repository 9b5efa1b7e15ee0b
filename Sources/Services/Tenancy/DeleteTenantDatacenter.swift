import Coordination
import Domain
import Persistence

/// Removes a virtual datacenter, if asked with its virtual machines.
///
/// `admit` closes it and hides and powers off its machines in one commit, so that nothing new comes and nobody uses them;
/// from there on the work only goes forward. Each machine goes in a commit of its own, so that a start after a crash finds
/// those that are left.
struct DeleteTenantDatacenter: Workflow {
    typealias Dependencies = StorageFabric

    static let name = "delete-tenant-datacenter"
    static let isCancelable = false
    static let steps: [WorkflowStep<DeleteTenantDatacenter>] = [
        WorkflowStep("Closing the virtual datacenter", isPointOfNoReturn: true, interruption: .goOn),
        WorkflowStep(
            "Deleting virtual machines",
            run: { (state, context) async throws(Fault) in try await state.removeMachines(context) },
            change: { (state, draft) throws(Fault) in
                guard let datacenter = draft[TenantDatacenter.self][state.datacenter] else { return }
                try draft.inventory.requireEmpty(datacenter)
                try draft.removeDatacenter(datacenter)
            }),
    ]

    let datacenter: Identifier<TenantDatacenter>
    let isRecursive: Bool
    let isForced: Bool

    var target: WorkflowTarget? { WorkflowTarget(type: "TenantVdc", id: datacenter.rawValue) }

    func admit(_ draft: inout Draft) throws(Fault) -> DeleteTenantDatacenter {
        var record = try draft.inventory.tenantDatacenter(datacenter.rawValue).value
        let isOpen = record.state == .enabled || record.state == .suspended
        guard record.state != .deleting, isForced || !isOpen else {
            throw .tenancy(
                .notAllowedInCurrentState, "not_disabled", "The virtual datacenter '\(record.name)' must be disabled first.",
                datacenter.rawValue)
        }
        if !isRecursive { try draft.inventory.requireEmpty(record) }
        for id in draft[VirtualMachine.self].ids(by: "resourcePool", record.pool.rawValue) {
            let isReady = draft[VirtualMachine.self].record(id)?.value.lifecycle == .ready
            guard isReady, draft[VirtualMachine.self].ids(by: "cloneSource", id.rawValue).isEmpty else { throw .busy(id) }
            try draft.updateCharged(id) { (machine: inout VirtualMachine) throws(Fault) in
                machine.lifecycle = .deleting
                machine.powerState = .off(clean: false)
            }
        }
        record.state = .deleting
        try draft.put(record)
        draft.audit(record, detail: record.name)
        return self
    }

    private func removeMachines(_ context: StepContext<StorageFabric>) async throws(Fault) {
        let inventory = context.snapshot
        guard let record = inventory[TenantDatacenter.self][datacenter] else { return }
        let ids = inventory[VirtualMachine.self].ids(by: "resourcePool", record.pool.rawValue)
        for (index, id) in ids.enumerated() {
            context.report(completed: Int64(index), total: Int64(ids.count), message: "Deleting \(id)")
            try await DeleteVirtualMachine(machine: id).removeFiles(context.dependencies, inventory)
            try await context.commit { (draft) throws(Fault) in
                guard draft[VirtualMachine.self].contains(id) else { return }
                try draft.removePermissions(on: ManagedObject(id))
                if let machine = draft[VirtualMachine.self][id] { draft.audit(machine, detail: machine.name) }
                try draft.removeCharged(id)
            }
        }
    }
}
