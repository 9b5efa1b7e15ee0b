import Coordination
import Domain
import Persistence
import StorageArray

/// Makes a LUN hold what one of its snapshots holds.
///
/// Initiators do not reach the LUN meanwhile, and after a crash not before the work has ended: so going back a second time
/// loses nothing that anybody was told is written.
struct RevertLUN: Workflow {
    typealias Dependencies = ArrayAdministration

    static let name = "revert-lun"
    static let isCancelable = false
    static let steps: [WorkflowStep<RevertLUN>] = [
        WorkflowStep(
            "Taking the LUN offline",
            run: { (state, context) async throws(Fault) in try await context.setOnline(false, state.lun) },
            undo: { (state, context) async throws(Fault) in try await context.setOnline(true, state.lun) }),
        WorkflowStep(
            "Reverting the LUN", isPointOfNoReturn: true, interruption: .goOn,
            run: { (state, context) async throws(Fault) in try await state.revert(context) }),
        WorkflowStep(
            "Taking the LUN online",
            run: { (state, context) async throws(Fault) in
                try await context.setOnline(true, state.lun)
                guard let identifier = LUNIdentifier(state.lun) else { return }
                context.dependencies.exposure.noteChange(of: identifier, hasOtherContents: true)
            }),
    ]

    let lun: Identifier<ArrayLUN>
    let snapshot: Identifier<ArrayLUN>

    var target: WorkflowTarget? { .lun(lun) }

    func admit(_ draft: inout Draft) throws(Fault) -> RevertLUN {
        let record = try draft.idleLUN(lun)
        _ = try draft.idleLUN(snapshot)
        if let datastore = draft.inventory.datastore(on: record) {
            throw .carriesDatastore(.notAllowedInCurrentState, lun.rawValue, datastore)
        }
        draft.audit(target: lun.rawValue, detail: "to \(snapshot)")
        return self
    }

    private func revert(_ context: StepContext<ArrayAdministration>) async throws(Fault) {
        guard let identifier = LUNIdentifier(lun), let snapshot = LUNIdentifier(snapshot) else { return }
        try await context.dependencies.perform(on: self.snapshot.rawValue) { (pool) throws(ArrayError) in
            try pool.revert(identifier, to: snapshot)
        }
    }
}
