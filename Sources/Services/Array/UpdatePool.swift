import Coordination
import Domain
import Persistence
import StorageArray

/// Sets the pool's threshold, which the array alone keeps.
struct UpdatePool: Workflow {
    typealias Dependencies = ArrayAdministration

    static let name = "update-pool"
    static let isCancelable = false
    static let steps: [WorkflowStep<UpdatePool>] = [
        WorkflowStep(
            "Setting the threshold", interruption: .goOn,
            run: { (state, context) async throws(Fault) in
                let bytes = state.softThreshold
                try await context.dependencies.perform(on: ArrayPools.only) { (pool) throws(ArrayError) in
                    try pool.setSoftThreshold(nil, usedBytes: bytes)
                }
            })
    ]

    /// `nil` for none.
    let softThreshold: UInt64?

    var target: WorkflowTarget? { .pool }

    func admit(_ draft: inout Draft) throws(Fault) -> UpdatePool {
        draft.audit(target: ArrayPools.only, detail: "threshold \(softThreshold ?? 0)")
        return self
    }
}
