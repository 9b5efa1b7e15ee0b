import Domain
import Persistence
import Platform
import Synchronization

/// One run of one workflow, from where its record stands to its end or to where it cannot go on now.
struct WorkflowRun<State: Workflow> {
    let id: Identifier<WorkflowRecord>
    let context: StepContext<State.Dependencies>
    let steps: [WorkflowStep<State>]
    private var state: State
    private var phase: WorkflowPhase

    init(
        _ record: WorkflowRecord, state: State, context: StepContext<State.Dependencies>, steps: [WorkflowStep<State>]
    ) {
        self.id = record.id
        self.state = state
        self.phase = record.phase
        self.context = context
        self.steps = steps
    }

    /// Takes steps until the workflow has ended, or something keeps it from going on; a later run takes it up then.
    ///
    /// - Parameter isRecovered: whether an earlier run may have begun the step that is next.
    mutating func proceed(isRecovered: Bool) async {
        var canGoOn = true
        if isRecovered, case .forward(let next) = phase, mayTurnBack(before: next) {
            canGoOn = await turnBackIfInterrupted(in: next)
        }
        while canGoOn && !context.activity.isStopping {
            switch phase {
            case .forward(let next): canGoOn = await takeStep(next)
            case .undoing(let next, let reason): canGoOn = await undoStep(next, because: reason)
            case .succeeded, .failed: return
            }
        }
    }

    private func mayTurnBack(before next: Int) -> Bool { !steps.prefix(next).contains(where: \.isPointOfNoReturn) }

    /// An interrupted step may have had its effect, so it is the first one to undo.
    private mutating func turnBackIfInterrupted(in next: Int) async -> Bool {
        if context.isCancellationRequested { return await turnBack(from: next, because: .canceledByRequest) }
        switch steps[next].interruption {
        case .undo: return await turnBack(from: next, because: .interrupted)
        case .goOn: return true
        }
    }

    private mutating func takeStep(_ next: Int) async -> Bool {
        let step = steps[next]
        let mayTurnBack = mayTurnBack(before: next)
        if mayTurnBack && context.isCancellationRequested {
            return await turnBack(from: next - 1, because: .canceledByRequest)
        }
        context.report(completed: Int64(next), total: Int64(steps.count), message: step.name)
        var attempt = state
        do throws(Fault) {
            try await step.run(&attempt, context)
        } catch {
            return await stepFailed(next, error)
        }
        let isLast = next + 1 == steps.count
        let saved = await save(attempt, unlessCanceled: mayTurnBack) { (state, draft) throws(Fault) in
            try step.change(&state, &draft)
            return isLast ? .succeeded(result: state.result) : .forward(next: next + 1)
        }
        switch saved {
        case .saved: return true
        case .refused(let fault): return await stepFailed(next, fault)
        case .lost: return false
        }
    }

    private mutating func stepFailed(_ next: Int, _ fault: Fault) async -> Bool {
        guard mayTurnBack(before: next) else { return await stop(at: fault) }
        return await turnBack(from: next, because: fault)
    }

    /// Begins to undo, first of all the step `index`; saved before anything is undone, so that a crash cannot make the
    /// workflow go forward over a step that is half undone.
    private mutating func turnBack(from index: Int, because fault: Fault) async -> Bool {
        let reason = RecordedFault(fault)
        let saved = await save(state) { (state, draft) throws(Fault) in
            try WorkflowRun.undone(downTo: index + 1, because: reason, &state, &draft)
        }
        switch saved {
        case .saved: return true
        case .refused(let fault): return await stop(at: fault)
        case .lost: return false
        }
    }

    private mutating func undoStep(_ index: Int, because reason: RecordedFault) async -> Bool {
        let step = steps[index]
        context.report(completed: Int64(index), total: Int64(steps.count), message: "Undoing: \(step.name)")
        var attempt = state
        do throws(Fault) {
            try await step.undo(&attempt, context)
        } catch {
            return await stop(at: error)
        }
        let saved = await save(attempt) { (state, draft) throws(Fault) in
            try step.undoChange(&state, &draft)
            return try WorkflowRun.undone(downTo: index, because: reason, &state, &draft)
        }
        switch saved {
        case .saved: return true
        case .refused(let fault): return await stop(at: fault)
        case .lost: return false
        }
    }

    /// The phase when the steps from `index` on are undone; when all are, what the start reserved is released.
    private static func undone(
        downTo index: Int, because reason: RecordedFault, _ state: inout State, _ draft: inout Draft
    ) throws(Fault) -> WorkflowPhase {
        guard index == 0 else { return .undoing(next: index - 1, because: reason) }
        try state.release(&draft)
        return .failed(reason)
    }

    /// Notes why the workflow cannot go on now. Always answers that it cannot.
    private func stop(at fault: Fault) async -> Bool {
        let (id, expected) = (id, phase)
        do throws(Fault) {
            try await context.store.commit(by: nil) { (draft) throws(Fault) in
                try draft.update(id) { (record: inout WorkflowRecord) throws(Fault) in
                    guard record.phase == expected else { throw .overtaken(id) }
                    record.obstacle = RecordedFault(fault)
                }
            }
        } catch {
            context.activity.note(error, of: id)
        }
        return false
    }
}

extension WorkflowRun {
    private enum Saved {
        case saved
        /// The change of the inventory that belongs to the step cannot be made.
        case refused(Fault)
        /// Nobody knows, or somebody else was faster.
        case lost
    }

    /// Saves the workflow's value and where `advance` leads, together with what `advance` changes in the inventory.
    private mutating func save(
        _ attempt: State, unlessCanceled: Bool = false,
        _ advance: @escaping @Sendable (inout State, inout Draft) throws(Fault) -> WorkflowPhase
    ) async -> Saved {
        let (id, expected, stepCount) = (id, phase, steps.count)
        let refusal = Refusal()
        do throws(Fault) {
            (state, phase) = try await context.store.commit(by: context.call, auditing: .onlyWithFacts) {
                (draft) throws(Fault) -> (State, WorkflowPhase) in
                guard var record = draft[WorkflowRecord.self][id], record.phase == expected else {
                    throw .overtaken(id)
                }
                var state = attempt
                try refusal.watching { () throws(Fault) in
                    if unlessCanceled && record.isCancellationRequested { throw .canceledByRequest }
                    record.phase = try advance(&state, &draft)
                    record.state = try StateText.encode(state, of: id)
                }
                record.advanced(target: state.target, stepCount: stepCount, at: draft.now)
                try draft.put(record)
                if let outcome = record.outcomeText {
                    draft.audit(target: record.target?.id ?? id.rawValue, detail: "task \(id) \(outcome)")
                }
                return (state, record.phase)
            }
            return .saved
        } catch {
            if let fault = refusal.fault { return .refused(fault) }
            context.activity.note(error, of: id)
            return .lost
        }
    }
}

/// Tells a fault of the body of a commit from one of the store.
private final class Refusal: Sendable {
    private let thrown = Mutex<Fault?>(nil)

    var fault: Fault? { thrown.withLock { $0 } }

    /// Runs part of a body; the body may run again, and only the last time counts.
    func watching(_ body: () throws(Fault) -> Void) throws(Fault) {
        thrown.withLock { $0 = nil }
        do throws(Fault) {
            try body()
        } catch {
            thrown.withLock { $0 = error }
            throw error
        }
    }
}

extension WorkflowRecord {
    /// Brings the fields that follow from the phase up to date.
    fileprivate mutating func advanced(target: WorkflowTarget?, stepCount: Int, at now: Timestamp) {
        self.target = target ?? self.target
        obstacle = nil
        if startedAt == nil { startedAt = now }
        progress.total = Int64(stepCount)
        switch phase {
        case .forward(let next): progress.completed = Int64(next)
        case .undoing(let next, _): progress.completed = Int64(next + 1)
        case .succeeded:
            progress = WorkflowProgress(total: Int64(stepCount), completed: Int64(stepCount), message: "Completed")
        case .failed: progress.message = "Failed"
        }
        if isFinished { endedAt = now }
    }

    /// For the audit log; `nil` while it is going on.
    fileprivate var outcomeText: String? {
        switch phase {
        case .forward, .undoing: nil
        case .succeeded: "succeeded"
        case .failed(let fault): "failed: \(fault.type.rawValue)"
        }
    }
}

/// The stored form of a workflow's value.
enum StateText {
    static func encode<State: Workflow>(_ state: State, of id: Identifier<WorkflowRecord>) throws(Fault) -> String {
        do throws(RecordCodingError) {
            return String(decoding: try RecordCoder().encode(state), as: UTF8.self)
        } catch {
            throw .unreadable(id, error.reason)
        }
    }

    static func decode<State: Workflow>(
        _ type: State.Type, from text: String, of id: Identifier<WorkflowRecord>
    ) throws(Fault) -> State {
        do throws(RecordCodingError) {
            return try RecordCoder().decode(type, from: Array(text.utf8))
        } catch {
            throw .unreadable(id, error.reason)
        }
    }
}
