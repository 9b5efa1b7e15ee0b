import Domain
import Persistence

/// The types of workflow a program knows, each with what its steps need.
public struct WorkflowRegistry: Sendable {
    private(set) var runners: [String: any WorkflowRunner] = [:]

    public init() {}

    /// No two types may share a name.
    public mutating func register<State: Workflow>(_ type: State.Type, dependencies: State.Dependencies) {
        precondition(!State.steps.isEmpty, "The workflow \(State.name) has no steps.")
        precondition(runners[State.name] == nil, "Two workflows have the name \(State.name).")
        runners[State.name] = TypedRunner<State>(dependencies: dependencies)
    }
}

/// Runs workflows of one type from their records.
protocol WorkflowRunner: Sendable {
    func isPastPointOfNoReturn(next: Int) -> Bool
    func run(_ record: WorkflowRecord, isRecovered: Bool, store: Store, activity: Activity) async
}

private struct TypedRunner<State: Workflow>: WorkflowRunner {
    let dependencies: State.Dependencies

    func isPastPointOfNoReturn(next: Int) -> Bool { State.steps.prefix(next).contains(where: \.isPointOfNoReturn) }

    func run(_ record: WorkflowRecord, isRecovered: Bool, store: Store, activity: Activity) async {
        let context = StepContext(
            dependencies: dependencies, task: record.id, call: record.caller.call, store: store, activity: activity)
        do throws(Fault) {
            let state = try StateText.decode(State.self, from: record.state, of: record.id)
            var run = WorkflowRun(record, state: state, context: context, steps: State.steps)
            await run.proceed(isRecovered: isRecovered)
        } catch {
            await noteUnreadable(record, error, store, activity)
        }
    }

    private func noteUnreadable(_ record: WorkflowRecord, _ fault: Fault, _ store: Store, _ activity: Activity) async {
        do throws(Fault) {
            try await store.commit(by: nil) { (draft) throws(Fault) in
                try draft.update(record.id) { (record: inout WorkflowRecord) throws(Fault) in
                    record.obstacle = RecordedFault(fault)
                }
            }
        } catch {
            activity.note(error, of: record.id)
        }
    }
}
