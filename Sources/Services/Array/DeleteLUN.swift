import Coordination
import Domain
import Persistence
import StorageArray

/// Deletes a LUN and its record. Once nobody reaches it any more the work only goes forward, since what the array has freed
/// cannot be brought back.
struct DeleteLUN: Workflow {
    typealias Dependencies = ArrayAdministration

    static let name = "delete-lun"
    static let isCancelable = false
    static let steps: [WorkflowStep<DeleteLUN>] = [
        WorkflowStep(
            "Taking the LUN offline", isPointOfNoReturn: true,
            run: { (state, context) async throws(Fault) in
                try await state.checkSnapshots(context)
                try await context.setOnline(false, state.lun)
            },
            undo: { (state, context) async throws(Fault) in try await context.setOnline(true, state.lun) }),
        WorkflowStep(
            "Deleting the LUN",
            run: { (state, context) async throws(Fault) in try await state.delete(context) },
            change: { (state, draft) throws(Fault) in
                if draft[ArrayLUN.self].contains(state.lun) { try draft.remove(state.lun) }
            }),
    ]

    let lun: Identifier<ArrayLUN>
    /// The LUN that it is a snapshot of; nothing else may be done with that one meanwhile.
    var parent: Identifier<ArrayLUN>?

    var target: WorkflowTarget? { .lun(lun) }

    func admit(_ draft: inout Draft) throws(Fault) -> DeleteLUN {
        let record = try draft.idleLUN(lun)
        if let parent, draft.isBusy(.lun(parent)) { throw .arrayBusy(parent.rawValue) }
        if let datastore = draft.inventory.datastore(on: record) {
            throw .carriesDatastore(.resourceInUse, lun.rawValue, datastore)
        }
        if let initiator = record.initiators.first {
            throw .array(
                .resourceInUse, "has_access", "The initiator '\(initiator)' has access to the LUN '\(lun)'.", lun.rawValue,
                initiator.rawValue)
        }
        draft.audit(target: lun.rawValue)
        return self
    }

    private func checkSnapshots(_ context: StepContext<ArrayAdministration>) async throws(Fault) {
        guard let identifier = LUNIdentifier(lun) else { return }
        try await context.dependencies.perform(on: lun.rawValue) { (pool) throws(ArrayError) in
            guard try pool.snapshots(of: identifier).isEmpty else { throw .hasSnapshots }
        }
    }

    private func delete(_ context: StepContext<ArrayAdministration>) async throws(Fault) {
        guard let identifier = LUNIdentifier(lun) else { return }
        try await context.dependencies.perform(on: lun.rawValue) { (pool) throws(ArrayError) in
            do throws(ArrayError) {
                try pool.deleteLUN(identifier)
            } catch .noSuchLUN {
                // Deleted before a crash.
                return
            }
        }
    }
}
