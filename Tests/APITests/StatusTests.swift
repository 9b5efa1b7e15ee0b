// Every standard error on every wire: its status, its envelope, its fields.
import Contract
import Domain
import HTTP
import Testing

@testable import API

/// The published tables, written down once more by hand.
private let table: [(type: FaultType, clean: Int, legacy: Int)] = [
    (.alreadyExists, 400, 400), (.alreadyInDesiredState, 400, 400), (.canceled, 500, 500), (.concurrentChange, 409, 400),
    (.error, 500, 400), (.featureInUse, 400, 400), (.internalServerError, 500, 500), (.invalidArgument, 400, 400),
    (.invalidElementConfiguration, 400, 400), (.invalidElementType, 400, 400), (.invalidRequest, 400, 400),
    (.notAllowedInCurrentState, 400, 400), (.notFound, 404, 404), (.operationNotFound, 404, 404), (.resourceBusy, 500, 400),
    (.resourceInUse, 400, 400), (.resourceInaccessible, 500, 400), (.serviceUnavailable, 503, 503), (.timedOut, 500, 504),
    (.unableToAllocateResource, 500, 400), (.unauthenticated, 401, 401), (.unauthorized, 403, 403),
    (.unexpectedInput, 400, 400),
    (.unsupported, 400, 400), (.unverifiedPeer, 400, 400),
]

struct StatusTests {
    @Test func tableIsComplete() {
        #expect(table.map(\.type) == FaultType.allCases)
    }

    @Test(arguments: table.indices, [false, true])
    func faultIsFramedByEachWire(row: Int, isPending: Bool) async {
        let (type, clean, legacy) = table[row]
        let hasChallenge = type == .unauthenticated
        let fault = Fault(
            type, LocalizableMessage(id: "test.\"id\"", "It did \\not\n work.", arguments: ["a", "b"]), detail: "secret detail",
            challenge: hasChallenge ? "Basic realm=\"x\"" : nil)
        let bench = Bench(
            FakeDispatcher(
                SmallContract.operations,
                [
                    SmallContract.session + ".get": { input, call, writer throws(Fault) in
                        // An answer that was begun must leave no trace.
                        writer.raw("[1,2")
                        if isPending { return .pending { () async throws(Fault) in throw fault } }
                        throw fault
                    }
                ]))
        let challenge = type == .unauthenticated ? #","challenge":"Basic realm=\"x\"""# : ""
        let messages = #""messages":[{"id":"test.\"id\"","default_message":"It did \\not\n work.","args":["a","b"]}]"#
        let bare = #"{"error_type":"\#(type.errorType)",\#(messages)\#(challenge)}"#

        let api = await bench.send(.get, "/api/session", Bench.session)
        #expect(api.status == clean)
        #expect(canonical(api.text) == canonical(bare))
        #expect(api["Content-Type"] == "application/json")
        #expect(api["WWW-Authenticate"] == fault.challenge)
        #expect((api["Retry-After"] != nil) == (type == .serviceUnavailable))

        let rest = await bench.send(.post, "/rest/com/vmware/cis/session?~action=get", Bench.session)
        #expect(rest.status == legacy)
        #expect(canonical(rest.text) == canonical(#"{"type":"\#(type.canonicalName)","value":{\#(messages)\#(challenge)}}"#))

        let rpc = await bench.invoke(SmallContract.session, "get")
        let knowsChallenge = type == .unauthenticated || type == .unauthorized
        let value = type == .unauthenticated ? #""Basic realm=\"x\"""# : "null"
        let error =
            #"{"ERROR":{"\#(type.canonicalName)":{"messages":[{"STRUCTURE":{"com.vmware.vapi.std.localizable_message":{"#
            + #""id":"test.\"id\"","default_message":"It did \\not\n work.","args":["a","b"],"params":{"OPTIONAL":null},"localized":{"OPTIONAL":null}}}}],"#
            + #""data":{"OPTIONAL":null},"error_type":{"OPTIONAL":"\#(type.errorType)"}\#(knowsChallenge ? #","challenge":{"OPTIONAL":\#(value)}"# : "")}}}"#
        #expect(rpc.status == 200)
        #expect(rpc["vapi-error"] == type.canonicalName)
        #expect(canonical(rpc.text) == canonical(#"{"jsonrpc":"2.0","id":"9","result":{"error":\#(error)}}"#))
        for answer in [api, rest, rpc] { #expect(!answer.text.contains("secret detail")) }
        let logged = bench.log.all.map(\.fault?.detail)
        #expect(logged == ["secret detail", "secret detail", "secret detail"])
    }

    @Test func refusalByAServiceCarriesTheChallenge() async {
        let bench = Bench(
            FakeDispatcher(
                SmallContract.operations,
                [
                    SmallContract.session + ".get": { input, call, writer throws(Fault) in
                        throw Fault(.unauthenticated, id: "test", "The session has just ended.")
                    }
                ]))
        let api = await bench.send(.get, "/api/session", Bench.session)
        #expect(api["WWW-Authenticate"] == StandardFault.challenge)
        #expect(api.json?["challenge"]?.text == StandardFault.challenge)
        let rpc = await bench.invoke(SmallContract.session, "get")
        #expect(rpc.text.contains(#""challenge":{"OPTIONAL":"Basic realm"#))
    }

    @Test(arguments: [
        (Method.post, "/api/session", 201, #""token-of-admin""#),
        (.get, "/api/session", 200, #"{"user":"administrator@vsphere.local"}"#),
        (.delete, "/api/session", 204, ""), (.post, "/api/vcenter/vm", 201, #""vm-103""#),
        (.post, "/api/vcenter/vm?action=clone", 200, #""vm-104""#),
        (.post, "/api/vcenter/vm?action=clone&vmw-task=true", 202, #""task-1:com.vmware.vcenter.VM""#),
        (.post, "/rest/com/vmware/cis/session", 200, #"{"value":"token-of-admin"}"#),
        (.delete, "/rest/com/vmware/cis/session", 200, ""), (.post, "/rest/vcenter/vm", 200, #"{"value":"vm-103"}"#),
    ])
    func successHasItsStatusAndBody(method: Method, target: String, status: Int, body: String) async {
        let bench = Bench()
        let text = target.contains("/vcenter/vm") ? (target.hasPrefix("/rest") ? #"{"spec":{}}"# : "{}") : nil
        let login = target.hasSuffix("session") && method == .post
        let answer = await bench.send(method, target, (login ? Bench.basic : Bench.session) + Bench.json, body: text)
        #expect(answer.status == status)
        #expect(answer.text == body)
        #expect(answer["Content-Type"] == (body.isEmpty ? nil : "application/json"))
    }
}
