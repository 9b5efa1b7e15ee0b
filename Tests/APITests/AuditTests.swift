// What is refused before it is a call: what the audit hears of it, and when.
import Contract
import Domain
import HTTP
import Synchronization
import Testing

@testable import API

/// Remembers what it was told, as text: user, operation, type, and the reason of what was only noted.
final class RecordingAudit: AuditTrail {
    private let entries = Mutex<[String]>([])
    var all: [String] { entries.withLock { $0 } }

    private func add(_ call: Call, _ type: FaultType?, _ more: String) {
        let text = "\(call.user ?? "-") \(call.service).\(call.operation) \(type?.rawValue ?? "unchanged")\(more)"
        entries.withLock { $0.append(text) }
    }

    func record(_ call: Call, _ refusal: FaultType?) async { add(call, refusal, "") }
    func noteRefusal(_ type: FaultType, of call: Call, because reason: CallRefusal) { add(call, type, " (\(reason.rawValue))") }
}

/// Answers by the last part of the path, a status; readers may read alone.
private struct FakePolicy: NetworkPolicyResponder {
    func allows(_ principal: Principal, changes: Bool) -> Bool { principal.isAdministrator }
    func read(_ path: String, _ parameters: [String: String]) -> NetworkPolicyAnswer { Self.answer(path) }
    func change(
        _ method: Method, _ path: String, _ parameters: [String: String], body: [UInt8], overwrites: Bool, by call: Call
    ) async -> NetworkPolicyAnswer {
        if path.hasSuffix("/made") { call.audit?.mark() }
        return Self.answer(path)
    }

    private static func answer(_ path: String) -> NetworkPolicyAnswer {
        NetworkPolicyAnswer(status: path.split(separator: "/").last.flatMap { Int($0) } ?? 200, body: [])
    }
}

struct AuditTests {
    private static let administrator = "administrator@vsphere.local"
    private static let reader: Bench.Fields = [("vmware-api-session-id", FakeSessions.readerToken)]
    private let audit = RecordingAudit()

    /// The small contract, with the creation of a machine as what it is: no read.
    private static let operations = SmallContract.operations.map { operation in
        Operation(
            service: operation.service, name: operation.name, parameters: operation.parameters, output: operation.output,
            errors: operation.errors, privileges: operation.privileges, authentication: operation.authentication,
            clean: operation.clean, legacy: operation.legacy,
            isRead: operation.service != SmallContract.vm || operation.name != "create")
    }

    @Test(arguments: ["/api/vcenter/vm", "/rest/vcenter/vm"])
    func aChangeThatCannotBeReadHasAnEntryBeforeItsAnswer(_ path: String) async {
        let bench = Bench(FakeDispatcher(Self.operations), audit: audit)
        let json = Bench.session + Bench.json
        for body in ["{", "[1]", "{\"spec\":{\"a\":1,\"a\":2}}x"] {
            let answer = await bench.send(.post, path, json, body: body)
            #expect(answer.status == 400 && !answer.wasImmediate, "\(body)")
        }
        let other = await bench.send(.post, path, Bench.session + [("content-type", "text/plain")], body: "{}")
        #expect(other.status == 415 && !other.wasImmediate)
        #expect(audit.all.count == 4)
        for entry in audit.all { #expect(entry.hasPrefix("\(Self.administrator) com.vmware.vcenter.VM.create "), "\(entry)") }
    }

    @Test func aReadThatCannotBeReadHasNone() async {
        let bench = Bench(audit: audit)
        #expect(await bench.send(.get, "/api/vcenter/vm?names=%", Bench.session).status == 400)
        #expect(audit.all.isEmpty)
    }

    @Test func whatIsNoJSONRPCIsNotedWithoutAUser() async {
        let bench = Bench(audit: audit)
        for body in ["{", "[]", "{\"jsonrpc\":\"1.0\"}"] {
            let answer = await bench.send(.post, "/api", Bench.session + Bench.json, body: body)
            #expect(answer.wasImmediate, "\(body)")
        }
        #expect(await bench.send(.post, "/api", [("content-type", "text/xml")], body: "<a/>").status == 415)
        let wanted = "- com.viaduct.http.post \(FaultType.invalidRequest.rawValue) (not readable)"
        #expect(audit.all == Array(repeating: wanted, count: 4))
    }

    @Test func tooManyRequestsAreNoted() async {
        var configuration = APIConfiguration()
        configuration.admission.requestsPerSecondPerUser = 1
        configuration.admission.requestsPerSecondPerAddress = 3
        let bench = Bench(configuration: configuration, audit: audit)
        let path = "/api/vcenter/vm/vm-1"
        for status in [200, 429, 429, 429] { #expect(await bench.send(.get, path, Bench.session).status == status) }
        let unavailable = FaultType.serviceUnavailable.rawValue
        let ofUser = "\(Self.administrator) com.vmware.vcenter.VM.get \(unavailable) (too many requests)"
        #expect(audit.all == [ofUser, ofUser, "- com.viaduct.http.get \(unavailable) (too many requests)"])
    }

    @Test func overloadCostsNoEntry() {
        let bench = Bench(audit: audit)
        let request = Request(
            head: RequestHead(.post, "/api/vcenter/vm", fields: Bench.session),
            connection: ConnectionInfo(peer: "192.0.2.1", isSecure: true), isOverdue: true)
        guard case .now(let response) = bench.application.respond(to: request) else {
            Issue.record("not answered at once")
            return
        }
        #expect(response.status == 503 && audit.all.isEmpty)
    }

    // MARK: - Network policy

    private func policyBench() -> Bench {
        let sessions = FakeSessions()
        let endpoint = NetworkPolicyEndpoint(
            responder: FakePolicy(), sessions: sessions, audit: audit, productVersion: "4.2.1.0.0")
        return Bench(endpoints: [endpoint], sessions: sessions, audit: audit)
    }

    @Test(arguments: [("400", FaultType.invalidArgument), ("404", .notFound), ("409", .notAllowedInCurrentState), ("412", .concurrentChange), ("503", .serviceUnavailable)])
    func aChangeOfPolicyThatFailedHasAnEntry(_ status: String, _ type: FaultType) async {
        let bench = policyBench()
        for method in [Method.patch, .put, .delete] {
            let answer = await bench.send(method, "/policy/api/v1/infra/\(status)", Bench.session, body: "{}")
            #expect("\(answer.status)" == status)
        }
        let wanted = ["patch", "put", "delete"].map { "\(Self.administrator) com.vmware.nsx.policy.\($0) \(type.rawValue)" }
        #expect(audit.all == wanted)
    }

    @Test func aChangeOfPolicyThatWasMadeHasItsOwnAndOneThatChangedNothingSaysSo() async {
        let bench = policyBench()
        #expect(await bench.send(.patch, "/policy/api/v1/infra/made", Bench.session, body: "{}").status == 200)
        #expect(audit.all.isEmpty)
        #expect(await bench.send(.patch, "/policy/api/v1/infra/same", Bench.session, body: "{}").status == 200)
        #expect(audit.all == ["\(Self.administrator) com.vmware.nsx.policy.patch unchanged"])
    }

    @Test func whoMayNotTouchThePolicyIsRecorded() async {
        let bench = policyBench()
        let unauthorized = FaultType.unauthorized.rawValue
        #expect(await bench.send(.get, "/policy/api/v1/infra", Self.reader).status == 403)
        #expect(await bench.send(.patch, "/policy/api/v1/infra", Self.reader, body: "{}").status == 403)
        #expect(await bench.send(.post, "/policy/api/v1/infra", Bench.session, body: "{}").status == 405)
        let user = "reader@vsphere.local com.vmware.nsx.policy"
        #expect(
            audit.all == [
                "\(user).get \(unauthorized) (not permitted)", "\(user).patch \(unauthorized)",
                "\(Self.administrator) com.vmware.nsx.policy.post \(FaultType.unsupported.rawValue)",
            ])
    }
}
