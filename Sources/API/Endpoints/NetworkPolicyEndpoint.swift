import Domain
import HTTP

/// Answers requests for policy objects whose caller is known.
public protocol NetworkPolicyResponder: Sendable {
    /// Whether the caller may read, or change, what the network policy is.
    func allows(_ principal: Principal, changes: Bool) -> Bool
    /// - Parameter path: without `/policy/api/v1`.
    func read(_ path: String, _ parameters: [String: String]) -> NetworkPolicyAnswer
    func change(
        _ method: Method, _ path: String, _ parameters: [String: String], body: [UInt8], overwrites: Bool, by call: Call
    ) async -> NetworkPolicyAnswer
}

/// Status and JSON body of an answer.
public struct NetworkPolicyAnswer: Sendable {
    public var status: Int
    public var body: [UInt8]

    public init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }
}

/// `/policy/api/v1/…`, and what clients of it ask the manager first: health and version.
public struct NetworkPolicyEndpoint: Endpoint {
    static let service = "com.vmware.nsx.policy"
    private static let root = Array("/policy/api/v1/".utf8)
    private static let health = "/api/v1/reverse-proxy/node/health"
    private static let version = "/api/v1/node/version"

    private let responder: any NetworkPolicyResponder
    private let authenticator: Authenticator
    private let productVersion: String
    private let bodyLimit: Int
    private let audit: (any AuditTrail)?

    /// - Parameter productVersion: the NSX version whose interface this is, for example `4.2.1.0.0`.
    public init(
        responder: any NetworkPolicyResponder, sessions: any SessionAuthority, audit: (any AuditTrail)? = nil,
        productVersion: String, bodyLimit: Int = 4 << 20
    ) {
        self.audit = audit
        self.responder = responder
        authenticator = Authenticator(authority: sessions, acceptsCredentialsOnEveryCall: true)
        self.productVersion = productVersion
        self.bodyLimit = bodyLimit
    }

    public func answers(_ path: ArraySlice<UInt8>) -> Bool {
        path.starts(with: Self.root) || path.elementsEqual(Self.health.utf8) || path.elementsEqual(Self.version.utf8)
    }

    public func policy(for head: RequestHead) -> BodyPolicy { .collect(limit: bodyLimit) }

    public func respond(to request: Request, in exchange: Exchange) -> Step {
        if request.head.path.elementsEqual(Self.health.utf8) { return .now(Self.json(200, "{\"healthy\":true}")) }
        switch authenticator.judgeSession(request.head, credentialsCount: true, at: exchange.receivedAt) {
        case .anyone: return .now(Self.unauthenticated)
        case .refused(let reason):
            _ = authenticator.refuse(reason, call(by: nil, request.head, exchange))
            return .now(reason == .wrongAntiForgeryToken ? Self.wrongToken : Self.unauthenticated)
        case .accepted(let principal): return serve(request, by: principal, exchange)
        case .check(let credentials):
            return .later {
                do throws(Fault) {
                    let principal = try await authenticator.check(credentials, for: call(by: nil, request.head, exchange))
                    switch serve(request, by: principal, exchange) {
                    case .now(let outcome): return outcome
                    case .later(let work): return await work()
                    }
                } catch {
                    var outcome = error.type == .serviceUnavailable ? Self.busy : Self.unauthenticated
                    outcome.fault = error
                    return outcome
                }
            }
        }
    }

    private func serve(_ request: Request, by principal: Principal, _ exchange: Exchange) -> Step {
        let head = request.head
        let call = call(by: principal, head, exchange)
        let isRead = head.method == .get || head.method == .head
        guard responder.allows(principal, changes: !isRead) else { return refused(marked(Self.forbidden, call), call, isRead) }
        if head.path.elementsEqual(Self.version.utf8) {
            let body = "{\"node_version\":\"\(productVersion)\",\"product_version\":\"\(productVersion).24000000\"}"
            return .now(marked(Self.json(200, body), call))
        }
        var parameters: [String: String] = [:]
        let path: String
        do {
            for item in try QueryItems.all(head.query) { parameters[item.name] = item.value }
            path = String(decoding: try PathSegments.decoded(head.path), as: UTF8.self)
        } catch {
            let outcome = Self.failure(400, "BAD_REQUEST", 220, "The path or the query is not well formed.")
            return isRead ? .now(marked(outcome, call)) : refused(marked(outcome, call), call, isRead)
        }
        let policyPath = String(path.utf8.dropFirst(Self.root.count - 1)) ?? path
        let known = parameters
        switch head.method {
        case .get, .head: return .now(outcome(responder.read(policyPath, known), call))
        case .patch, .put, .delete:
            let body: [UInt8] = if case .bytes(let bytes) = request.body { bytes } else { [] }
            let overwrites = head.text("x-allow-overwrite")?.lowercased() == "true"
            return .later {
                let answer = await responder.change(head.method, policyPath, known, body: body, overwrites: overwrites, by: call)
                // A change that was made has its entry.
                if let slip = call.audit, !slip.isMarked { await audit?.record(call, FaultType(ofStatus: answer.status)) }
                return outcome(answer, call)
            }
        case .post, .options:
            return refused(marked(Self.failure(405, "METHOD_NOT_ALLOWED", 405, "Method not allowed."), call), call, isRead)
        }
    }

    /// What is refused before the tree is asked: of a read the audit is told, of a change it has an entry first.
    private func refused(_ outcome: Outcome, _ call: Call, _ isRead: Bool) -> Step {
        guard let audit, let type = FaultType(ofStatus: outcome.status) else { return .now(outcome) }
        if isRead {
            audit.noteRefusal(type, of: call, because: .notPermitted)
            return .now(outcome)
        }
        return .later {
            await audit.record(call, type)
            return outcome
        }
    }

    /// The path stands in the entry as its argument, as far as it can be told from what the client sent.
    private func call(by principal: Principal?, _ head: RequestHead, _ exchange: Exchange) -> Call {
        var call = Call(
            user: principal?.user, session: principal?.session, credentialVersion: principal?.credentialVersion,
            requestID: exchange.requestID, operationID: exchange.operationID, service: Self.service,
            operation: head.method.name.lowercased(), peer: exchange.peer, receivedAt: exchange.receivedAt)
        let isPlain = head.path.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        let path = String(decoding: head.path.prefix(Self.pathLimit), as: UTF8.self)
        call.audit = AuditSlip(head, principal?.authentication, arguments: isPlain ? "{\"path\":\"\(path)\"}" : nil)
        return call
    }

    /// Longest part of a path that an audit entry repeats, in bytes.
    private static let pathLimit = 512

    private func outcome(_ answer: NetworkPolicyAnswer, _ call: Call) -> Outcome {
        var outcome = Outcome(status: answer.status, fields: JSONAnswer.fields, body: .bytes(answer.body), isCompressible: true)
        if answer.status == 503 { outcome.fields.append(ResponseField("Retry-After", "10")) }
        return marked(outcome, call)
    }

    private func marked(_ outcome: Outcome, _ call: Call) -> Outcome {
        var outcome = outcome
        outcome.user = call.user
        outcome.operation = Self.service + "." + call.operation
        return outcome
    }

    private static let unauthenticated = json(
        403,
        "{\"module_name\":\"common-services\",\"error_message\":\"The credentials were incorrect or the account specified has been locked.\",\"error_code\":403}")
    private static let wrongToken = failure(403, "FORBIDDEN", 98, "The anti-forgery token is missing or wrong.")
    private static let forbidden = failure(403, "FORBIDDEN", 289, "The user has no role that allows this.")
    private static let busy: Outcome = {
        var outcome = failure(503, "SERVICE_UNAVAILABLE", 98, "The server is busy. Try again later.")
        outcome.fields.append(ResponseField("Retry-After", "10"))
        return outcome
    }()

    private static func failure(_ status: Int, _ name: String, _ code: Int, _ text: String) -> Outcome {
        json(
            status,
            "{\"httpStatus\":\"\(name)\",\"error_code\":\(code),\"module_name\":\"policy\",\"error_message\":\"\(text)\"}")
    }

    private static func json(_ status: Int, _ body: String) -> Outcome {
        Outcome(status: status, fields: JSONAnswer.fields, body: .bytes(Array(body.utf8)))
    }
}
