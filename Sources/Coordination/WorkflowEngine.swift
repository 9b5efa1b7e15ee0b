import Domain
import Persistence
import Platform

/// Starts workflows, runs them side by side, and takes them up again after a crash.
///
/// A step must not wait for another workflow: both would hold a place, and all places may be held by those who wait.
public final class WorkflowEngine: Sendable {
    /// Runs work in the background, for example `{ work in Task { await work() } }`.
    public typealias Spawn = @Sendable (@escaping @Sendable () async -> Void) -> Void

    private let store: Store
    private let world: World
    private let runners: [String: any WorkflowRunner]
    private let activity: Activity
    private let spawn: Spawn

    /// - Parameter concurrencyLimit: how many workflows run at once; 1 or more. Others wait as `PENDING`.
    public init(
        store: Store, world: World, registry: WorkflowRegistry, concurrencyLimit: Int = 32, spawn: @escaping Spawn
    ) {
        precondition(concurrencyLimit > 0, "An engine that runs nothing would never answer.")
        self.store = store
        self.world = world
        self.runners = registry.runners
        self.activity = Activity(concurrencyLimit: concurrencyLimit)
        self.spawn = spawn
    }

    /// Makes a task and runs it in the background; returns when the task is durable.
    ///
    /// - Throws: what `admit` throws, and then there is no task; `serviceUnavailable` if it cannot be stored.
    public func start<State: Workflow>(
        _ workflow: State, by call: Call
    ) async throws(Fault) -> Identifier<WorkflowRecord> {
        guard let runner = runners[State.name] else {
            preconditionFailure("The workflow \(State.name) is not registered.")
        }
        let id = Identifier<WorkflowRecord>("\(world.randomness.uuid()):\(call.service)")
        // Before the record can be seen: a recovery at the same time must not take it for one that was interrupted.
        guard activity.enter(id) else { throw .stopping }
        do throws(Fault) {
            try await store.commit(by: call) { (draft) throws(Fault) in
                let admitted = try workflow.admit(&draft)
                let record = try WorkflowRecord(id, admitted, call: call, at: draft.now)
                try draft.insert(record)
                draft.audit(target: admitted.target?.id ?? id.rawValue, detail: "task \(id)")
            }
        } catch {
            activity.leave(id)
            throw error
        }
        spawn { await self.execute(id, runner, isRecovered: false) }
        return id
    }

    /// Starts a workflow and waits for its end.
    ///
    /// - Returns: its value after the last step.
    /// - Throws: as `start`; why it failed, when it is undone; `serviceUnavailable` if it has to go on later.
    public func run<State: Workflow>(_ workflow: State, by call: Call) async throws(Fault) -> State {
        let id = try await start(workflow, by: call)
        let record = try await waitForEnd(of: id)
        return try StateText.decode(State.self, from: record.state, of: id)
    }

    /// Waits until a task has succeeded.
    ///
    /// - Throws: `notFound`; why it failed or is stuck; `serviceUnavailable` if it has to go on later.
    @discardableResult
    public func waitForEnd(of id: Identifier<WorkflowRecord>) async throws(Fault) -> WorkflowRecord {
        let failure = await activity.waitUntilLeft(id)
        guard let record = store.snapshot[WorkflowRecord.self][id] else { throw .taskNotFound(id) }
        if let fault = record.fault { throw fault.fault }
        guard record.isFinished else { throw failure ?? (activity.isStopping ? .stopping : .unfinished(id)) }
        return record
    }

    /// The record of a task with what its current run has to say.
    public func current(_ id: Identifier<WorkflowRecord>) -> WorkflowRecord? {
        store.snapshot[WorkflowRecord.self][id].map(current)
    }

    /// As `current(_:)`, for a record at hand, for example from a list.
    public func current(_ record: WorkflowRecord) -> WorkflowRecord {
        guard !record.isFinished else { return record }
        var record = record
        if record.startedAt == nil { record.startedAt = activity.startedAt(record.id) }
        if let progress = activity.progress(of: record.id) { record.progress = progress }
        return record
    }

    /// Asks to cancel a task; it is undone after the step it is in.
    ///
    /// - Throws: `notFound`; `unsupported` if its kind cannot be canceled; `notAllowedInCurrentState` if it has ended, is
    ///   being undone or is past its point of no return.
    public func cancel(_ id: Identifier<WorkflowRecord>, by call: Call) async throws(Fault) {
        let runners = runners
        try await store.commit(by: call) { (draft) throws(Fault) in
            guard let record = draft[WorkflowRecord.self][id] else { throw .taskNotFound(id) }
            guard record.isCancelable else { throw .notCancelable(id) }
            guard case .forward(let next) = record.phase, let runner = runners[record.type],
                !runner.isPastPointOfNoReturn(next: next)
            else { throw .tooLateToCancel(id) }
            try draft.update(id) { (record: inout WorkflowRecord) throws(Fault) in
                record.isCancellationRequested = true
            }
            draft.audit(target: id.rawValue)
        }
    }

    /// What a recovery found.
    public struct Recovery: Sendable, Equatable {
        /// Tasks that go on or are undone now.
        public var resumed: [Identifier<WorkflowRecord>]
        /// Tasks of a type this program does not know; they stay as they are.
        public var unknown: [Identifier<WorkflowRecord>]

        public init(resumed: [Identifier<WorkflowRecord>] = [], unknown: [Identifier<WorkflowRecord>] = []) {
            self.resumed = resumed
            self.unknown = unknown
        }
    }

    /// Takes up every unfinished task that does not run: at the start, and from time to time for those that are stuck.
    public func recover() -> Recovery {
        var recovery = Recovery()
        for record in store.snapshot[WorkflowRecord.self].records(by: "open", "") {
            guard let runner = runners[record.value.type] else {
                recovery.unknown.append(record.id)
                continue
            }
            guard activity.enter(record.id) else { continue }
            recovery.resumed.append(record.id)
            let id = record.id
            spawn { await self.execute(id, runner, isRecovered: true) }
        }
        return recovery
    }

    /// Lets nothing start and no further step begin, and returns when the steps under way are saved.
    public func stop() async {
        activity.stop()
        await activity.waitUntilIdle()
    }

    /// Forgets tasks that ended before a moment, at most `limit`.
    ///
    /// - Returns: how many.
    public func trim(endedBefore moment: Timestamp, limit: Int = 1000) async throws(Fault) -> Int {
        try await store.commit(by: nil) { (draft) throws(Fault) in
            let old = draft[WorkflowRecord.self].records.lazy
                .filter { $0.value.endedAt.map { $0 < moment } ?? false }
                .prefix(limit)
            let ids = old.map(\.id)
            for id in ids { try draft.remove(id) }
            return ids.count
        }
    }

    private func execute(_ id: Identifier<WorkflowRecord>, _ runner: any WorkflowRunner, isRecovered: Bool) async {
        await activity.takeTurn(id)
        defer { activity.leave(id) }
        guard let record = store.snapshot[WorkflowRecord.self][id], !record.isFinished else { return }
        activity.began(id, at: Timestamp(milliseconds: world.clock.wallMilliseconds))
        await runner.run(record, isRecovered: isRecovered, store: store, activity: activity)
    }
}

extension WorkflowRecord {
    fileprivate init<State: Workflow>(
        _ id: Identifier<WorkflowRecord>, _ workflow: State, call: Call, at now: Timestamp
    ) throws(Fault) {
        self.id = id
        self.type = State.name
        self.caller = WorkflowCaller(call)
        self.isCancelable = State.isCancelable
        self.createdAt = now
        self.state = try StateText.encode(workflow, of: id)
        self.phase = .forward(next: 0)
        self.obstacle = nil
        self.isCancellationRequested = false
        self.progress = WorkflowProgress(total: Int64(State.steps.count), completed: 0, message: "Queued")
        self.target = workflow.target
        self.startedAt = nil
        self.endedAt = nil
    }
}

extension Randomness {
    /// A random UUID in lower case. Source: RFC 9562 section 5.4 (version 4).
    func uuid() -> String {
        var bytes = [UInt8](repeating: 0, count: 16)
        bytes.withUnsafeMutableBytes { fill($0) }
        bytes[6] = bytes[6] & 0x0f | 0x40
        bytes[8] = bytes[8] & 0x3f | 0x80
        var text = ""
        for (position, byte) in bytes.enumerated() {
            if [4, 6, 8, 10].contains(position) { text += "-" }
            text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        return text
    }
}
