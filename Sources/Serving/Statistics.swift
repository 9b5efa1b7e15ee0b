import Synchronization

/// What a server has done and what it has at hand.
public struct ServerStatistics: Sendable, Equatable {
    /// Open now.
    public var connections = 0
    public var acceptedConnections = 0
    /// Turned away by a limit.
    public var refusedConnections = 0
    public var requests = 0
    /// Requests among them that came to the application as overdue.
    public var overdueRequests = 0
    public var handshakes = 0
    /// Handshakes with a ticket; counted in `handshakes` too.
    public var resumedHandshakes = 0
    public var failedHandshakes = 0
    public var receivedBytes = 0
    public var sentBytes = 0
    /// Output that peers have not taken yet, and the most there ever was on any one loop.
    public var waitingBytes = 0
    public var mostWaitingBytes = 0
}

/// The counters of one loop. Only the loop's thread writes, so that no atomic addition is needed.
final class LoopCounters: Sendable {
    let connections = Counter()
    let accepted = Counter()
    let refused = Counter()
    let requests = Counter()
    let overdue = Counter()
    let handshakes = Counter()
    let resumed = Counter()
    let failedHandshakes = Counter()
    let receivedBytes = Counter()
    let sentBytes = Counter()
    let waitingBytes = Counter()
    let mostWaitingBytes = Counter()

    func add(to total: inout ServerStatistics) {
        total.connections += connections.value
        total.acceptedConnections += accepted.value
        total.refusedConnections += refused.value
        total.requests += requests.value
        total.overdueRequests += overdue.value
        total.handshakes += handshakes.value
        total.resumedHandshakes += resumed.value
        total.failedHandshakes += failedHandshakes.value
        total.receivedBytes += receivedBytes.value
        total.sentBytes += sentBytes.value
        total.waitingBytes += waitingBytes.value
        total.mostWaitingBytes = max(total.mostWaitingBytes, mostWaitingBytes.value)
    }
}

/// A number written by one thread and read by any.
struct Counter: ~Copyable, Sendable {
    private let storage = Atomic(0)

    var value: Int { storage.load(ordering: .relaxed) }
    func set(_ value: Int) { storage.store(value, ordering: .relaxed) }
    func add(_ amount: Int) { storage.store(storage.load(ordering: .relaxed) &+ amount, ordering: .relaxed) }
}
