// What stands in for the rest of the server: a small contract, services that answer from a table, and a directory with
// one administrator, one other user and one session each.
import Contract
import Domain
import HTTP
import Platform
import Synchronization

@testable import API

struct FixedClock: Clock {
    var wallMilliseconds: Int64 { 1_700_000_000_000 }
    var monotonicNanoseconds: UInt64 { 5_000_000 }
}

/// A linear congruential generator; seeded, so that a test says what it ran with.
final class SeededRandomness: Randomness {
    private let state: Mutex<UInt64>

    init(_ seed: UInt64) { state = Mutex(seed) }

    func next() -> UInt64 {
        state.withLock { state in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 11
        }
    }

    func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: next()) }
    }
}

final class FakeSessions: SessionAuthority {
    let refusals = Mutex<[String]>([])
    /// Reason and operation of each.
    var noted: [String] { refusals.withLock { $0 } }

    static let administratorToken = "s3ssion-of-the-administrator"
    static let readerToken = "session-of-a-reader"

    func session(forToken token: ArraySlice<UInt8>, at now: Timestamp) -> Principal? {
        if token.elementsEqual(Self.administratorToken.utf8) {
            return Principal(user: "administrator@vsphere.local", isAdministrator: true, session: Identifier("session-1"))
        }
        if token.elementsEqual(Self.readerToken.utf8) {
            return Principal(user: "reader@vsphere.local", isAdministrator: false, session: Identifier("session-2"))
        }
        return nil
    }

    /// `good.bearer.token` is the reader's.
    func bearer(_ token: ArraySlice<UInt8>, at now: Timestamp) -> Principal? {
        token.elementsEqual("good.bearer.token".utf8) ? Principal(user: "reader@vsphere.local", isAdministrator: false) : nil
    }

    func antiForgeryToken(of token: ArraySlice<UInt8>) -> String { "forgery-" + String(decoding: token, as: UTF8.self) }

    func noteRefusal(_ reason: AuthenticationRefusal, of call: Call) {
        refusals.withLock { $0.append(reason.rawValue + ": " + call.service + "." + call.operation) }
    }

    func authenticate(user: String, password: String, call: Call) async throws(Fault) -> Principal {
        if user == "busy" {
            throw Fault(
                .serviceUnavailable, id: "com.vmware.vapi.endpoint.failedToLoginMaxUserSessionCountReached", "Too many.")
        }
        await Task.yield()
        guard password == "s3cret" else { throw StandardFault.unauthenticated }
        return Principal(user: user, isAdministrator: user.hasPrefix("administrator"))
    }
}

extension FakeSessions: SessionMaker {
    func createSession(by call: Call) async throws(Fault) -> String {
        guard call.user != "full" else {
            throw Fault(
                .serviceUnavailable, id: "com.vmware.vapi.endpoint.failedToLoginMaxUserSessionCountReached", "Too many.")
        }
        return Self.administratorToken
    }

    func endSession(by call: Call) async throws(Fault) {
        refusals.withLock { $0.append("ended " + (call.session?.rawValue ?? "nothing")) }
    }
}

/// Answers each operation by its full name; remembers what it was asked.
final class FakeDispatcher: OperationDispatcher {
    typealias Handler = @Sendable (inout OperationInput, Call, inout ValueWriter) throws(Fault) -> Invocation

    let operations: [Operation]
    private let handlers: [String: Handler]
    private let calls = Mutex<[Call]>([])

    var seen: [Call] { calls.withLock { $0 } }

    init(_ operations: [Operation] = SmallContract.operations, _ handlers: [String: Handler] = SmallContract.handlers) {
        self.operations = operations
        self.handlers = handlers
    }

    func invoke(_ index: Int, input: inout OperationInput, call: Call, writer: inout ValueWriter) throws(Fault) -> Invocation {
        calls.withLock { $0.append(call) }
        let operation = operations[index]
        guard let handler = handlers[operation.service + "." + operation.name] else {
            throw Fault(.unsupported, id: "test", "No handler for \(operation.service).\(operation.name)")
        }
        return try handler(&input, call, &writer)
    }
}

final class RecordingLog: AccessLog {
    private let entries = Mutex<[AccessEntry]>([])
    var all: [AccessEntry] { entries.withLock { $0 } }
    func record(_ entry: AccessEntry) { entries.withLock { $0.append(entry) } }
}

/// An application over fakes, and a client that speaks to it.
struct Bench {
    let application: APIApplication
    let dispatcher: FakeDispatcher
    let sessions: FakeSessions
    let log: RecordingLog

    init(
        _ dispatcher: FakeDispatcher = FakeDispatcher(), endpoints: [any Endpoint] = [],
        configuration: APIConfiguration = APIConfiguration(), sessions: FakeSessions = FakeSessions(),
        audit: (any AuditTrail)? = nil
    ) {
        self.dispatcher = dispatcher
        log = RecordingLog()
        self.sessions = sessions
        application = APIApplication(
            operations: dispatcher.operations, dispatcher: dispatcher, sessions: sessions, audit: audit, endpoints: endpoints,
            accessLog: log, world: World(clock: FixedClock(), randomness: SeededRandomness(7)), configuration: configuration)
    }

    typealias Fields = [(name: String, value: String)]

    /// A session of the administrator.
    static let session: Fields = [("vmware-api-session-id", FakeSessions.administratorToken)]
    static let json: Fields = [("content-type", "application/json")]
    /// `administrator@vsphere.local:s3cret`.
    static let basic: Fields = [("authorization", "Basic YWRtaW5pc3RyYXRvckB2c3BoZXJlLmxvY2FsOnMzY3JldA==")]

    func send(_ method: Method, _ target: String, _ fields: Fields = [], body: String? = nil) async -> Answer {
        await send(method, target, fields, body: body.map { .bytes(Array($0.utf8)) } ?? .none)
    }

    func send(_ method: Method, _ target: String, _ fields: Fields, body: RequestBody) async -> Answer {
        let request = Request(
            head: RequestHead(method, target, fields: fields), body: body,
            connection: ConnectionInfo(peer: "192.0.2.7", isSecure: true))
        switch application.respond(to: request) {
        case .now(let response): return await Answer(response, wasImmediate: true)
        case .later(let work): return await Answer(await work(), wasImmediate: false)
        }
    }

    /// A JSON-RPC call with the administrator's session.
    func invoke(_ service: String, _ operation: String, input: String = "{}", session: Bool = true) async -> Answer {
        let security =
            session
            ? ",\"securityCtx\":{\"schemeId\":\"com.vmware.vapi.std.security.session_id\",\"sessionId\":\"\(FakeSessions.administratorToken)\"}"
            : ""
        let body =
            "{\"jsonrpc\":\"2.0\",\"method\":\"invoke\",\"params\":{\"serviceId\":\"\(service)\",\"operationId\":\"\(operation)\","
            + "\"input\":{\"STRUCTURE\":{\"operation-input\":\(input)}},\"ctx\":{\"appCtx\":{\"opId\":\"op-1\"}\(security)}},\"id\":\"9\"}"
        return await send(.post, "/api", Bench.json, body: body)
    }
}

/// A response with its body collected.
struct Answer: Sendable {
    let status: Int
    let fields: [(name: String, value: String)]
    let body: [UInt8]
    let wasImmediate: Bool
    /// Whether a streamed body ended in an error.
    let wasCut: Bool

    init(_ response: Response, wasImmediate: Bool) async {
        status = response.status
        fields = response.fields.map { ($0.name.description, $0.value) }
        self.wasImmediate = wasImmediate
        var body: [UInt8] = []
        var wasCut = false
        switch response.body {
        case .none, .headOnly: break
        case .bytes(let bytes): body = bytes
        case .stream(let writer):
            do {
                while let bytes = try await writer.next() { body += bytes }
            } catch {
                wasCut = true
            }
        }
        self.body = body
        self.wasCut = wasCut
    }

    var text: String { String(decoding: body, as: UTF8.self) }
    subscript(name: String) -> String? { fields.first { $0.name.lowercased() == name.lowercased() }?.value }
    /// `messages[0].id` of a clean fault.
    var messageID: String? { json?["messages"]?.elements.first { _ in true }?["id"]?.text }
    var json: JSONValue? { try? JSONDocument(parsing: body).root }
}

/// A JSON text with sorted members, for comparing two that mean the same.
func canonical(_ value: JSONValue) -> String {
    if value.isObject {
        let members = value.members.map { "\"\($0.name.text ?? "")\":" + canonical($0.value) }
        return "{" + members.sorted().joined(separator: ",") + "}"
    }
    if value.isArray { return "[" + value.elements.map(canonical).joined(separator: ",") + "]" }
    if let text = value.text { return "\"\(text)\"" }
    if value.isNumber { return String(decoding: value.rawBytes, as: UTF8.self) }
    if value.isNull { return "null" }
    return (try? ValueReader(value, wire: .clean).boolean()) == true ? "true" : "false"
}

func canonical(_ text: String) -> String {
    guard let root = try? JSONDocument(parsing: Array(text.utf8)).root else { return "not JSON: \(text)" }
    return canonical(root)
}
