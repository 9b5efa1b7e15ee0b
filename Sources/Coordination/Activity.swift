import Domain
import Synchronization

/// What is going on right now: which workflows run or wait for their turn, what they report, and who waits for them.
///
/// None of it is stored; after a crash the records say all there is to know.
final class Activity: Sendable {
    private struct Entry {
        /// `nil` until it has its turn.
        var startedAt: Timestamp?
        var progress: WorkflowProgress?
        var hasTurn = false
        /// Why its run could not save where it stands.
        var failure: Fault?
        var waiters: [UnsafeContinuation<Fault?, Never>] = []
    }

    private struct State {
        var entries: [Identifier<WorkflowRecord>: Entry] = [:]
        var runningCount = 0
        /// In the order they came.
        var turns: [UnsafeContinuation<Void, Never>] = []
        var isStopping = false
        var idleWaiters: [UnsafeContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())
    private let concurrencyLimit: Int

    init(concurrencyLimit: Int) { self.concurrencyLimit = concurrencyLimit }

    /// Enters a workflow; `false` if it is in already or nothing may start any more.
    func enter(_ id: Identifier<WorkflowRecord>) -> Bool {
        state.withLock { state in
            guard !state.isStopping, state.entries[id] == nil else { return false }
            state.entries[id] = Entry()
            return true
        }
    }

    /// Suspends until fewer than the limit run.
    func takeTurn(_ id: Identifier<WorkflowRecord>) async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let isFree = state.withLock { state in
                guard state.runningCount < concurrencyLimit else {
                    state.turns.append(continuation)
                    return false
                }
                state.runningCount += 1
                return true
            }
            if isFree { continuation.resume() }
        }
        state.withLock { $0.entries[id]?.hasTurn = true }
    }

    func began(_ id: Identifier<WorkflowRecord>, at now: Timestamp) {
        state.withLock { $0.entries[id]?.startedAt = now }
    }

    func report(_ progress: WorkflowProgress, of id: Identifier<WorkflowRecord>) {
        state.withLock { $0.entries[id]?.progress = progress }
    }

    func progress(of id: Identifier<WorkflowRecord>) -> WorkflowProgress? {
        state.withLock { $0.entries[id]?.progress }
    }

    func startedAt(_ id: Identifier<WorkflowRecord>) -> Timestamp? {
        state.withLock { $0.entries[id]?.startedAt }
    }

    func note(_ failure: Fault, of id: Identifier<WorkflowRecord>) {
        state.withLock { $0.entries[id]?.failure = failure }
    }

    /// Gives the turn to the next one and wakes whoever waits for this workflow.
    func leave(_ id: Identifier<WorkflowRecord>) {
        let (entry, woken) = state.withLock { state in
            let entry = state.entries.removeValue(forKey: id)
            var woken: [UnsafeContinuation<Void, Never>] = []
            switch (entry?.hasTurn, state.turns.isEmpty) {
            case (true, true): state.runningCount -= 1
            case (true, false): woken.append(state.turns.removeFirst())
            case (false, _), (nil, _): break
            }
            if state.entries.isEmpty {
                woken += state.idleWaiters
                state.idleWaiters = []
            }
            return (entry, woken)
        }
        for continuation in woken { continuation.resume() }
        for waiter in entry?.waiters ?? [] { waiter.resume(returning: entry?.failure) }
    }

    /// Suspends until the workflow has left; returns at once if it is not in.
    ///
    /// - Returns: why its run could not save where it stands.
    func waitUntilLeft(_ id: Identifier<WorkflowRecord>) async -> Fault? {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Fault?, Never>) in
            let isIn = state.withLock { state in
                guard state.entries[id] != nil else { return false }
                state.entries[id]?.waiters.append(continuation)
                return true
            }
            if !isIn { continuation.resume(returning: nil) }
        }
    }

    var isStopping: Bool { state.withLock { $0.isStopping } }

    func stop() { state.withLock { $0.isStopping = true } }

    func waitUntilIdle() async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let isIdle = state.withLock { state in
                if state.entries.isEmpty { return true }
                state.idleWaiters.append(continuation)
                return false
            }
            if isIdle { continuation.resume() }
        }
    }
}
