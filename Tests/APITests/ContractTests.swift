// The same rules, over the operations that are really served.
import Contract
import ContractTypes
import Domain
import HTTP
import Testing

@testable import API

struct ServedOperationTests {
    /// Operations that answer without proof of identity. May shrink; growing it is a decision.
    static let open = [
        "com.vmware.vapi.std.introspection.operation.get", "com.vmware.vapi.std.introspection.operation.list",
        "com.vmware.vapi.std.introspection.provider.get", "com.vmware.vapi.std.introspection.service.get",
        "com.vmware.vapi.std.introspection.service.list",
    ]

    /// Answers everything with a text, so that what stops a call is authentication or authorisation alone.
    struct Anything: OperationDispatcher {
        func invoke(_ index: Int, input: inout OperationInput, call: Call, writer: inout ValueWriter) throws(Fault)
            -> Invocation
        {
            writer.string("reached")
            return .written
        }
    }

    static let application = APIApplication(
        operations: ContractTypes.operations, dispatcher: Anything(), sessions: FakeSessions(),
        world: .init(clock: FixedClock(), randomness: SeededRandomness(9)))

    static func send(_ method: Method, _ target: String, _ fields: Bench.Fields, body: String? = nil) async -> Answer {
        let request = Request(
            head: RequestHead(method, target, fields: fields), body: body.map { .bytes(Array($0.utf8)) } ?? .none,
            connection: ConnectionInfo(peer: "192.0.2.7", isSecure: true))
        switch application.respond(to: request) {
        case .now(let response): return await Answer(response, wasImmediate: true)
        case .later(let work): return await Answer(await work(), wasImmediate: false)
        }
    }

    static func target(_ root: String, _ route: Route) -> String {
        let path = route.path.map { segment in
            switch segment {
            case .literal(let name): name
            case .variable(let name): name.contains(":") ? "id:x" : "x"
            }
        }
        let query = route.selectors.map { $0.name + "=" + ($0.value ?? "x") }.joined(separator: "&")
        return root + path.joined(separator: "/") + (query.isEmpty ? "" : "?" + query)
    }

    /// What each wire answers: 401, 403, or 200 if the service was reached.
    static func verdicts(_ operation: Operation, _ fields: Bench.Fields, context: String) async -> [Int] {
        var result: [Int] = []
        for (root, route) in [("/api/", operation.clean), ("/rest/", operation.legacy)] {
            guard let route, let method = Method.all.first(where: { $0.name == route.method }) else { continue }
            let body = if case .parameter = route.body { "{}" } else if case .object = route.body { "{}" } else { String?.none }
            let answer = await send(method, target(root, route), fields + Bench.json, body: body)
            result.append(answer.text.contains("reached") ? 200 : answer.status)
        }
        let call =
            #"{"jsonrpc":"2.0","method":"invoke","params":{"serviceId":"\#(operation.service)","operationId":"\#(operation.name)","input":{"STRUCTURE":{"operation-input":{}}},"ctx":{"appCtx":{},"securityCtx":\#(context)}},"id":"0"}"#
        let answer = await send(.post, "/api", Bench.json, body: call)
        let error = answer["vapi-error"]?.split(separator: ".").last
        result.append(
            error == "unauthenticated" ? 401 : error == "unauthorized" ? 403 : answer.text.contains("reached") ? 200 : 0)
        return result
    }

    @Test func onlyTheListedOperationsAreOpen() async {
        var open: Set<String> = []
        for operation in ContractTypes.operations {
            let verdicts = await Self.verdicts(operation, [], context: "null")
            let name = operation.service + "." + operation.name
            #expect(Set(verdicts).count == 1 && [200, 401].contains(verdicts[0]), "\(name): \(verdicts)")
            if verdicts.contains(200) { open.insert(name) }
        }
        #expect(open.sorted() == Self.open)
    }

    @Test func sessionOfAnAdministratorReachesEverythingButLogin() async {
        let context =
            #"{"schemeId":"com.vmware.vapi.std.security.session_id","sessionId":"\#(FakeSessions.administratorToken)"}"#
        for operation in ContractTypes.operations {
            let verdicts = await Self.verdicts(operation, Bench.session, context: context)
            let expected = operation.authentication == .credentials ? 401 : 200
            #expect(Set(verdicts) == [expected], "\(operation.service).\(operation.name): \(verdicts)")
        }
    }

    @Test func sessionOfAnybodyElseIsRefused() async {
        let context = #"{"schemeId":"com.vmware.vapi.std.security.session_id","sessionId":"\#(FakeSessions.readerToken)"}"#
        for operation in ContractTypes.operations where operation.authentication == .session {
            let verdicts = await Self.verdicts(
                operation, [("vmware-api-session-id", FakeSessions.readerToken)], context: context)
            let expected = ["com.vmware.cis.session", "com.viaduct.sessions"].contains(operation.service) ? 200 : 403
            #expect(Set(verdicts) == [expected], "\(operation.service).\(operation.name): \(verdicts)")
        }
    }

    /// No two operations can be meant by the same request.
    @Test func routesAreUnambiguous() {
        for routes in [ContractTypes.operations.map(\.clean), ContractTypes.operations.compactMap(\.legacy)] {
            var seen: Set<String> = []
            for route in routes {
                let path = route.path.map { if case .literal(let name) = $0 { name } else { "{}" } }.joined(separator: "/")
                let selectors = route.selectors.map { $0.name + "=" + ($0.value ?? "*") }.sorted().joined(separator: "&")
                #expect(seen.insert("\(route.method) \(path)?\(selectors)").inserted, "\(route.method) \(path)?\(selectors)")
            }
        }
    }
}
