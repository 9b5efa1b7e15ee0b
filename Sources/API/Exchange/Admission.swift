import Domain
import HTTP
import Platform
import Synchronization

/// How many requests are taken, from whom and at once.
public struct AdmissionLimits: Sendable {
    /// Average rate for one client address; twice that never comes through within a second. 0: no limit.
    public var requestsPerSecondPerAddress = 0
    /// The same for one user, by whatever addresses. 0: no limit.
    public var requestsPerSecondPerUser = 0
    /// Requests that wait for something (a commit, a password check, a transfer) at once.
    public var waitingRequests = 4096

    public init() {}
}

/// Turns requests away that are too many, before they cost anything.
///
/// Too many from one address or user is answered 429, more than the server can do at all 503, both with `Retry-After`.
/// Source: RFC 6585 §4, RFC 9110 §15.6.4. A request that the event loop reports as overdue has waited so long that
/// answering it in full would make all behind it wait longer still; the few microseconds of a refusal let the loop catch
/// up, and the rest of its time goes to requests whose clients are still there.
final class Admission: Sendable {
    enum Refusal: Equatable {
        case overloaded
        case rate(afterSeconds: Int)
    }

    private let addresses: RateLimiter?
    private let users: RateLimiter?
    private let clock: any Clock
    private let waitingLimit: Int
    private let waiting = Atomic(0)

    init(_ limits: AdmissionLimits, clock: any Clock) {
        addresses = RateLimiter(perSecond: limits.requestsPerSecondPerAddress)
        users = RateLimiter(perSecond: limits.requestsPerSecondPerUser)
        waitingLimit = limits.waitingRequests
        self.clock = clock
    }

    /// Before anything of the request is looked at.
    func refusal(of request: Request) -> Refusal? {
        if request.isOverdue { return .overloaded }
        return addresses.flatMap { limiter in rate(limiter, request.connection.peer) }
    }

    /// When it is known who asks.
    func refusal(ofUser user: String) -> Refusal? {
        users.flatMap { limiter in rate(limiter, user) }
    }

    private func rate(_ limiter: RateLimiter, _ name: String) -> Refusal? {
        limiter.take(name, at: clock.monotonicNanoseconds).map { .rate(afterSeconds: $0) }
    }

    /// Begins to wait; `false` if too many do. Whoever got `true` calls `leave`.
    func enter() -> Bool {
        guard waiting.add(1, ordering: .relaxed).newValue <= waitingLimit else {
            leave()
            return false
        }
        return true
    }

    func leave() { waiting.subtract(1, ordering: .relaxed) }
}

extension Admission.Refusal {
    var status: Int { self == .overloaded ? 503 : 429 }

    var retryAfterSeconds: Int {
        switch self {
        case .overloaded: 1
        case .rate(let seconds): seconds
        }
    }

    var fault: Fault {
        switch self {
        case .overloaded:
            Fault(
                .serviceUnavailable, id: "com.viaduct.server.overloaded",
                "The server has more requests than it can answer. Try again in a second.")
        case .rate(let seconds):
            Fault(
                .serviceUnavailable, id: "com.viaduct.server.rate",
                "Too many requests. The next one is answered in \(seconds) s.", arguments: ["\(seconds)"])
        }
    }

    /// The refusal in the form of the wire; JSON-RPC gets that of REST, since no call was read yet.
    func outcome(_ root: RESTRoot) -> Outcome { marked(root.failure(fault, status: status)) }

    func marked(_ outcome: Outcome) -> Outcome {
        var outcome = outcome
        outcome.fields.removeAll { "\($0.name)" == "Retry-After" }
        outcome.fields.append(ResponseField("Retry-After", "\(retryAfterSeconds)"))
        return outcome
    }
}
