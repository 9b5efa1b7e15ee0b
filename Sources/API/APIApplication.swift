import Contract
import Domain
import HTTP
import Platform

/// What may be set about the interface as a whole.
public struct APIConfiguration: Sendable {
    /// Largest JSON body, in bytes.
    public var bodyLimit = 1024 * 1024
    /// Whether name and password count on every call, not at login only as with vCenter.
    public var acceptsCredentialsOnEveryCall = false
    public var admission = AdmissionLimits()

    public init() {}
}

/// Turns requests into calls and results into answers.
///
/// `/api` and `/rest` and the JSON-RPC at `POST /api` are presentations of one table of operations; whatever else is
/// served stands in the list of endpoints. A read is answered on the spot; what has to wait is handed back as work.
public final class APIApplication: Application {
    /// Segments of a path that belong to the root: `api` or `rest`.
    static let rootSegments = 1

    let entries: [OperationEntry]
    let index: OperationIndex
    let cleanRoutes: RoutingTable
    let legacyRoutes: RoutingTable
    let authenticator: Authenticator
    let dispatcher: any OperationDispatcher
    let authorizer: any Authorizer
    let audit: (any AuditTrail)?
    let secrets: SecretFields
    let configuration: APIConfiguration
    let admission: Admission
    private let endpoints: [any Endpoint]
    private let accessLog: (any AccessLog)?
    private let clock: any Clock
    private let ids: RequestIDs

    /// - Parameters:
    ///   - operations: the table whose indexes `dispatcher` understands.
    ///   - endpoints: asked in order, after the vAPI roots; below those for paths that no operation has.
    ///   - audit: `nil` for none.
    ///   - accessLog: `nil` for none, which then costs nothing.
    public init(
        operations: [Operation], dispatcher: any OperationDispatcher, sessions: any SessionAuthority,
        authorizer: any Authorizer = AdministratorsOnly(), audit: (any AuditTrail)? = nil, endpoints: [any Endpoint] = [],
        accessLog: (any AccessLog)? = nil, world: World, configuration: APIConfiguration = APIConfiguration()
    ) {
        entries = operations.enumerated().map { OperationEntry(index: $0.offset, operation: $0.element) }
        index = OperationIndex(operations)
        cleanRoutes = RoutingTable(operations.enumerated().map { ($0.offset, $0.element.clean) }, wire: .clean)
        legacyRoutes = RoutingTable(
            operations.enumerated().compactMap { place, operation in operation.legacy.map { (place, $0) } }, wire: .legacy)
        authenticator = Authenticator(
            authority: sessions, acceptsCredentialsOnEveryCall: configuration.acceptsCredentialsOnEveryCall)
        self.dispatcher = dispatcher
        self.authorizer = authorizer
        self.audit = audit
        secrets = SecretFields(operations)
        self.endpoints = endpoints
        self.accessLog = accessLog
        self.configuration = configuration
        admission = Admission(configuration.admission, clock: world.clock)
        clock = world.clock
        ids = RequestIDs(world.randomness)
    }

    public func policy(for head: RequestHead) -> BodyPolicy {
        if case .other = Root(head.path), let endpoint = endpoint(for: head.path) { return endpoint.policy(for: head) }
        return .collect(limit: configuration.bodyLimit)
    }

    public func respond(to request: Request) -> Reply {
        let started = accessLog == nil ? 0 : clock.monotonicNanoseconds
        let exchange = Exchange(
            requestID: ids.next(), operationID: Exchange.trimmed(request.head.text("x-request-id")),
            peer: request.connection.peer, receivedAt: Timestamp(milliseconds: clock.wallMilliseconds))
        if let refusal = admission.refusal(of: request), !isAnsweredAlways(request) {
            if refusal != .overloaded { note(refusal.fault.type, of: request, in: exchange, because: .tooMany) }
            return .now(finish(refuse(refusal, request), request, exchange, started))
        }
        switch route(request, in: exchange) {
        case .now(let outcome): return .now(finish(outcome, request, exchange, started))
        case .later(let work):
            guard admission.enter() else { return .now(finish(refuse(.overloaded, request), request, exchange, started)) }
            return later(work, request, exchange, started)
        }
    }

    private func refuse(_ refusal: Admission.Refusal, _ request: Request) -> Outcome {
        if case .legacy = Root(request.head.path) { return refusal.outcome(.legacy) }
        return refusal.outcome(.clean)
    }

    /// Whoever watches over the server must not be told that it is unwell because it is busy.
    private func isAnsweredAlways(_ request: Request) -> Bool {
        guard case .other = Root(request.head.path) else { return false }
        return endpoint(for: request.head.path) is HealthEndpoint
    }

    /// By itself, so that an answer that is there does not copy into a closure what only the others need.
    @inline(never)
    private func later(
        _ work: @escaping @Sendable () async -> Outcome, _ request: Request, _ exchange: Exchange, _ started: UInt64
    ) -> Reply {
        .later { [self] in
            defer { admission.leave() }
            return finish(await work(), request, exchange, started)
        }
    }

    private func route(_ request: Request, in exchange: Exchange) -> Step {
        switch Root(request.head.path) {
        case .jsonRPC: respondJSONRPC(to: request, in: exchange)
        case .clean: respondREST(.clean, to: request, in: exchange)
        case .legacy: respondREST(.legacy, to: request, in: exchange)
        case .other:
            endpoint(for: request.head.path)?.respond(to: request, in: exchange)
                ?? .now(RESTRoot.clean.failure(StandardFault.pathNotFound, status: 404))
        }
    }

    func endpoint(for path: ArraySlice<UInt8>) -> (any Endpoint)? {
        endpoints.first { $0.answers(path) }
    }

    private func finish(_ outcome: Outcome, _ request: Request, _ exchange: Exchange, _ started: UInt64) -> Response {
        if let accessLog {
            let bytes: UInt64? =
                switch outcome.body {
                case .none, .headOnly: 0
                case .bytes(let bytes): request.head.method == .head ? 0 : UInt64(bytes.count)
                case .stream(let writer): writer.length
                }
            accessLog.record(
                AccessEntry(
                    method: request.head.method.name, path: String(decoding: request.head.path, as: UTF8.self),
                    status: outcome.status, bytes: bytes, durationMicroseconds: (clock.monotonicNanoseconds - started) / 1000,
                    user: outcome.user, peer: exchange.peer, requestID: exchange.requestID,
                    operationID: outcome.operationID ?? exchange.operationID, operation: outcome.operation,
                    fault: outcome.fault))
        }
        return Response(
            status: outcome.status,
            fields: CommonFields.added(
                to: outcome.fields, requestID: exchange.requestID, isSecure: request.connection.isSecure),
            body: outcome.body, isCompressible: outcome.isCompressible)
    }
}

/// Which part of the server a path belongs to; the roots are recognised in their plain spelling only.
private enum Root {
    /// `/api` itself.
    case jsonRPC
    case clean
    case legacy
    case other

    init(_ path: ArraySlice<UInt8>) {
        self = path.withUnsafeBytes { memory in
            if Self.begins(memory, with: "/api") {
                if memory.count == 4 { return .jsonRPC }
                return memory[4] != UInt8(ascii: "/") ? .other : memory.count == 5 ? .jsonRPC : .clean
            }
            return Self.begins(memory, with: "/rest/") ? .legacy : .other
        }
    }

    private static func begins(_ path: UnsafeRawBufferPointer, with text: StaticString) -> Bool {
        guard path.count >= text.utf8CodeUnitCount else { return false }
        for offset in 0..<text.utf8CodeUnitCount where path[offset] != text.utf8Start[offset] { return false }
        return true
    }
}
