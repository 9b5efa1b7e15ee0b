import Coordination
import Domain
import Persistence
import StorageArray

/// Sets the capacity of a LUN that carries no datastore. The array alone knows the capacity, so a crash leaves nothing to
/// agree on: what was interrupted is done again.
struct ResizeLUN: Workflow {
    typealias Dependencies = ArrayAdministration

    static let name = "resize-lun"
    static let isCancelable = false
    static let steps: [WorkflowStep<ResizeLUN>] = [
        WorkflowStep(
            "Resizing the LUN", interruption: .goOn,
            run: { (state, context) async throws(Fault) in try await state.resize(context) })
    ]

    let lun: Identifier<ArrayLUN>
    let sizeBytes: UInt64
    /// Whether what lies beyond a smaller capacity may be lost.
    let discardsData: Bool

    var target: WorkflowTarget? { .lun(lun) }

    func admit(_ draft: inout Draft) throws(Fault) -> ResizeLUN {
        let record = try draft.idleLUN(lun)
        if let datastore = draft.inventory.datastore(on: record) {
            throw .carriesDatastore(.notAllowedInCurrentState, lun.rawValue, datastore)
        }
        draft.audit(target: lun.rawValue, detail: "\(sizeBytes) bytes")
        return self
    }

    private func resize(_ context: StepContext<ArrayAdministration>) async throws(Fault) {
        guard let identifier = LUNIdentifier(lun) else { return }
        let (sizeBytes, discardsData) = (sizeBytes, discardsData)
        try await context.dependencies.perform(on: lun.rawValue) { (pool) throws(ArrayError) in
            try pool.resizeLUN(identifier, sizeBytes: sizeBytes, discarding: discardsData)
        }
        context.dependencies.exposure.noteChange(of: identifier)
    }
}
