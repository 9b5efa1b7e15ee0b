import Coordination
import Domain
import Persistence
import StorageArray

/// Changes a LUN's name, its threshold and how it presents itself.
///
/// Name and threshold are the array's, guise is the record's. Setting either twice is setting it once, so what was
/// interrupted is done again.
struct UpdateLUN: Workflow {
    typealias Dependencies = ArrayAdministration

    /// A threshold to set.
    struct Threshold: Codable {
        /// `nil` for none.
        let bytes: UInt64?
    }

    static let name = "update-lun"
    static let isCancelable = false
    static let steps: [WorkflowStep<UpdateLUN>] = [
        WorkflowStep(
            "Changing the LUN", isPointOfNoReturn: true, interruption: .goOn,
            run: { (state, context) async throws(Fault) in try await state.changeArray(context) },
            change: { (state, draft) throws(Fault) in try state.changeRecord(&draft) }),
        WorkflowStep(
            "Exposing the LUN",
            run: { (state, context) async throws(Fault) in context.dependencies.exposure.refresh(state.lun) }),
    ]

    let lun: Identifier<ArrayLUN>
    // `nil` leaves things as they are.
    var newName: String?
    var softThreshold: Threshold?
    var isRemovable: Bool?
    var isReadOnly: Bool?

    var target: WorkflowTarget? { .lun(lun) }

    func admit(_ draft: inout Draft) throws(Fault) -> UpdateLUN {
        _ = try draft.idleLUN(lun)
        if let newName, draft[Setting.self].contains(MakeLUN.reservation(of: newName)) { throw .duplicateName("LUN", newName) }
        draft.audit(target: lun.rawValue)
        return self
    }

    private func changeArray(_ context: StepContext<ArrayAdministration>) async throws(Fault) {
        guard let identifier = LUNIdentifier(lun) else { return }
        let (name, threshold) = (newName, softThreshold)
        if let name {
            try await context.dependencies.perform(on: name) { (pool) throws(ArrayError) in
                try pool.renameLUN(identifier, name: name)
            }
        }
        if let threshold {
            try await context.dependencies.perform(on: lun.rawValue) { (pool) throws(ArrayError) in
                try pool.setSoftThreshold(identifier, usedBytes: threshold.bytes)
            }
        }
    }

    private func changeRecord(_ draft: inout Draft) throws(Fault) {
        try draft.update(lun) { (lun: inout ArrayLUN) throws(Fault) in
            lun.isRemovable = isRemovable ?? lun.isRemovable
            lun.isReadOnly = isReadOnly ?? lun.isReadOnly
        }
    }
}
