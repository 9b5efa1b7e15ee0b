import Contract
import Domain
import HTTP
import Synchronization

/// An operation with what is prepared once for all its calls. A class, so that passing it on costs one reference.
final class OperationEntry: Sendable {
    /// Place in the operation table.
    let index: Int
    let operation: Operation
    /// The name without `$task`, as a `Call` carries it.
    let plainName: String
    /// Service and operation, for the access log.
    let fullName: String
    /// Whether success hands out a session token.
    let isLogin: Bool
    /// A good capacity for the next answer: the largest of late, forgotten slowly.
    private let answerBytes = Atomic<Int>(256)

    init(index: Int, operation: Operation) {
        self.index = index
        self.operation = operation
        plainName = operation.name.hasSuffix("$task") ? String(operation.name.dropLast(5)) : operation.name
        fullName = operation.service + "." + operation.name
        isLogin = operation.authentication == .credentials && operation.output == .secret
    }

    /// The capacity that the next answer will probably fit into.
    var expectedBytes: Int { answerBytes.load(ordering: .relaxed) }

    func noteAnswer(bytes: Int) {
        let expected = answerBytes.load(ordering: .relaxed)
        // Not for lists of millions: such a buffer would be reserved for the next short answer too.
        let next = max(min(bytes + 32, 256 * 1024), expected - expected / 16)
        if next > expected || next < expected - expected / 32 { answerBytes.store(next, ordering: .relaxed) }
    }

    /// A call by somebody who is not known, or not yet.
    func call(from head: RequestHead, _ authentication: AuthenticationMethod?, in exchange: Exchange) -> Call {
        var call = call(by: nil, in: exchange)
        call.audit = AuditSlip(head, authentication)
        return call
    }

    func call(by principal: Principal?, in exchange: Exchange) -> Call {
        Call(
            user: principal?.user, session: principal?.session, credentialVersion: principal?.credentialVersion,
            requestID: exchange.requestID, operationID: exchange.operationID,
            service: operation.service, operation: plainName, peer: exchange.peer, receivedAt: exchange.receivedAt)
    }
}

/// Finds an operation by its two names.
struct OperationIndex: Sendable {
    private let byHash: [UInt64: [Int]]
    private let services: Set<String>
    private let names: [(service: String, operation: String)]

    init(_ operations: [Operation]) {
        names = operations.map { ($0.service, $0.name) }
        services = Set(operations.map(\.service))
        var byHash: [UInt64: [Int]] = [:]
        for (index, name) in names.enumerated() {
            byHash[Self.hash(name.service, name.operation), default: []].append(index)
        }
        self.byHash = byHash
    }

    func index(service: String, operation: String) -> Int? {
        byHash[Self.hash(service, operation)]?.first { names[$0] == (service, operation) }
    }

    func hasService(_ name: String) -> Bool { services.contains(name) }

    private static func hash(_ service: String, _ operation: String) -> UInt64 {
        var hash = SegmentHash()
        for byte in service.utf8 { hash.add(byte) }
        hash.add(0)
        for byte in operation.utf8 { hash.add(byte) }
        return hash.value
    }
}
