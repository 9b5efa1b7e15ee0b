import Coordination
import Domain
import Persistence

// What the workflows of the array have in common.

extension WorkflowTarget {
    static let lunType = "com.viaduct.array.lun"
    /// The one pool.
    static let pool = WorkflowTarget(type: "com.viaduct.array.pool", id: ArrayPools.only)

    static func lun(_ id: Identifier<ArrayLUN>) -> WorkflowTarget { WorkflowTarget(type: lunType, id: id.rawValue) }
}

extension Draft {
    /// A LUN that nothing else is being done with. Works on LUNs exclude one another: one that a crash interrupted may be
    /// taken up again later and must find things as it left them.
    ///
    /// - Throws: `not_found`; `resource_busy`.
    func idleLUN(_ id: Identifier<ArrayLUN>) throws(Fault) -> ArrayLUN {
        let lun = try inventory.lun(id.rawValue)
        guard !isBusy(.lun(id)) else { throw .arrayBusy(id.rawValue) }
        return lun
    }

    /// Whether a task about something has not ended.
    func isBusy(_ target: WorkflowTarget) -> Bool {
        self[WorkflowRecord.self].records(by: "target", target.id).contains {
            $0.value.target == target && !$0.value.isFinished
        }
    }
}

extension StepContext<ArrayAdministration> {
    /// Lets initiators reach a LUN, or not; done already if it is so.
    func setOnline(_ isOnline: Bool, _ id: Identifier<ArrayLUN>) async throws(Fault) {
        try await commit { (draft) throws(Fault) in
            guard draft[ArrayLUN.self].contains(id) else { return }
            try draft.update(id) { (lun: inout ArrayLUN) throws(Fault) in lun.isOnline = isOnline }
        }
        dependencies.exposure.refresh(id)
    }
}
