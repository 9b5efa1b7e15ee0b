import Domain
import Persistence

/// Work that outlives a request or touches what a transaction cannot: linear steps with undo over one value.
///
/// The value is saved after every step, so that a crash anywhere leaves a record from which the work goes on or is
/// undone. A step may therefore run again after it had its full effect, and so may an undo, also of a step that had none
/// or half of it: both are idempotent.
///
/// ```
/// admit ─► step 0 ─► step 1 ─►│ step 2 ─► succeeded        │ = after a point of no return: forward only
///   ▲        │ fault   │      │   │ fault
///   │        ▼         ▼      │   ▼
/// release ◄─ undo 0 ◄─ undo 1 │ blocked, tried again by `recover`
///   failed
/// ```
public protocol Workflow: Codable, Sendable {
    /// What its effects need, for example the datastores; given once, at registration.
    associatedtype Dependencies: Sendable

    /// The type's name in the log; never changed once released.
    static var name: String { get }
    /// At least one; a saved workflow counts them, so a released list only grows at its end.
    static var steps: [WorkflowStep<Self>] { get }
    static var isCancelable: Bool { get }

    /// What the start checks and reserves, in the commit that makes the task: if it throws, there is no task.
    func admit(_ draft: inout Draft) throws(Fault) -> Self
    /// Takes back what `admit` reserved, in the commit that ends an undone workflow.
    func release(_ draft: inout Draft) throws(Fault)

    /// The object it is about; shown by the task.
    var target: WorkflowTarget? { get }
    /// JSON text of the result as a vAPI value; `nil` for none. Asked when the last step is done.
    var result: String? { get }
}

extension Workflow {
    public static var isCancelable: Bool { true }
    public func admit(_ draft: inout Draft) throws(Fault) -> Self { self }
    public func release(_ draft: inout Draft) throws(Fault) {}
    public var target: WorkflowTarget? { nil }
    public var result: String? { nil }
}

/// The object a workflow is about.
public struct WorkflowTarget: Sendable, Codable, Equatable {
    /// vSphere resource type, for example `VirtualMachine`.
    public var type: String
    public var id: String

    public init(type: String, id: String) {
        self.type = type
        self.id = id
    }
}

/// One step: an effect on the world, then a change of the inventory that is saved together with the step.
public struct WorkflowStep<State: Workflow>: Sendable {
    public typealias Effect = @Sendable (inout State, StepContext<State.Dependencies>) async throws(Fault) -> Void
    public typealias Change = @Sendable (inout State, inout Draft) throws(Fault) -> Void

    /// What a start does with a workflow that a crash caught in or before this step.
    public enum Interruption: Sendable {
        case undo
        case goOn
    }

    /// Shown as progress message, for example `Copying disks`.
    public let name: String
    /// After this step is saved the workflow is never undone: what fails later is tried until it succeeds.
    public let isPointOfNoReturn: Bool
    /// Holds before the point of no return; after it a workflow always goes on.
    public let interruption: Interruption
    let run: Effect
    let change: Change
    let undo: Effect
    let undoChange: Change

    /// - Parameters:
    ///   - run: the effect; idempotent.
    ///   - change: saved in the same commit as the step; synchronous and without other effects, may run twice.
    ///   - undo: takes the effect back; idempotent, also if there was none.
    ///   - undoChange: saved in the same commit as the undo.
    public init(
        _ name: String, isPointOfNoReturn: Bool = false, interruption: Interruption = .undo,
        run: @escaping Effect = { (_, _) async throws(Fault) in },
        change: @escaping Change = { (_, _) throws(Fault) in },
        undo: @escaping Effect = { (_, _) async throws(Fault) in },
        undoChange: @escaping Change = { (_, _) throws(Fault) in }
    ) {
        self.name = name
        self.isPointOfNoReturn = isPointOfNoReturn
        self.interruption = interruption
        self.run = run
        self.change = change
        self.undo = undo
        self.undoChange = undoChange
    }
}

/// What a step has at hand.
public struct StepContext<Dependencies: Sendable>: Sendable {
    public let dependencies: Dependencies
    public let task: Identifier<WorkflowRecord>
    /// On whose behalf.
    public let call: Call
    let store: Store
    let activity: Activity

    public var snapshot: Inventory { store.snapshot }

    /// A change of its own, durable before the step is saved; for what cannot wait for the step's own `change`.
    @discardableResult
    public func commit<Success: Sendable>(
        _ body: @escaping @Sendable (inout Draft) throws(Fault) -> Success
    ) async throws(Fault) -> Success {
        try await store.commit(by: call, auditing: .onlyWithFacts, body)
    }

    /// What the task shows while the step runs; not stored by itself.
    ///
    /// - Parameter completed: 0 to `total`.
    public func report(completed: Int64, total: Int64, message: String) {
        activity.report(WorkflowProgress(total: total, completed: completed, message: message), of: task)
    }

    /// Whether someone asked to cancel the task; the workflow is undone after this step, unless it cannot be any more.
    public var isCancellationRequested: Bool {
        store.snapshot[WorkflowRecord.self].record(task)?.value.isCancellationRequested ?? false
    }

    /// - Throws: `canceled` if someone asked to cancel the task. Only for steps up to the point of no return.
    public func checkCancellation() throws(Fault) {
        if isCancellationRequested { throw .canceledByRequest }
    }
}
