import Domain
import Synchronization

/// Lets the logins of one name go one after the other.
///
/// So the failures that count are all known when the next guess is judged: guesses sent at once are no more than guesses
/// sent in turn. Names that nobody has queue like the others, or waiting would tell them apart.
final class LoginLanes: Sendable {
    private typealias Turn = UnsafeContinuation<Bool, Never>

    private struct State {
        /// Who waits per busy lane, first in, first out.
        var lanes: [String: [Turn]] = [:]
        var waitingCount = 0
    }

    private let state = Mutex(State())
    private let limit: Int
    private let limitPerLane: Int

    /// - Parameters:
    ///   - limit: how many logins may wait in all.
    ///   - limitPerLane: how many may wait for one lane, so that one name does not take all the room.
    init(limit: Int, limitPerLane: Int) {
        self.limit = limit
        self.limitPerLane = limitPerLane
    }

    var waitingCount: Int { state.withLock { $0.waitingCount } }

    /// Runs `body` when nobody else is in the lane.
    ///
    /// - Throws: `service_unavailable` if too many wait; what `body` throws.
    func run<Success>(in lane: String, _ body: () async throws(Fault) -> Success) async throws(Fault) -> Success {
        guard await enter(lane) else { throw .tooManyLogins }
        defer { leave(lane) }
        return try await body()
    }

    /// - Returns: `false`, at once, if there is no room.
    private func enter(_ lane: String) async -> Bool {
        await withUnsafeContinuation { (turn: Turn) in
            let answer: Bool? = state.withLock { state in
                guard let waiting = state.lanes[lane] else {
                    state.lanes[lane] = []
                    return true
                }
                guard waiting.count < limitPerLane, state.waitingCount < limit else { return false }
                state.lanes[lane, default: []].append(turn)
                state.waitingCount += 1
                return nil
            }
            if let answer { turn.resume(returning: answer) }
        }
    }

    private func leave(_ lane: String) {
        let next: Turn? = state.withLock { state in
            guard var waiting = state.lanes[lane], !waiting.isEmpty else {
                state.lanes[lane] = nil
                return nil
            }
            let next = waiting.removeFirst()
            state.lanes[lane] = waiting
            state.waitingCount -= 1
            return next
        }
        next?.resume(returning: true)
    }
}
