// JSON-RPC: malformed requests are answered as VMware's own runtime answers them, and what the official client sends is
// answered as it demands.
import Contract
import Domain
import HTTP
import Testing

@testable import API

struct JSONRPCTests {
    let bench = Bench()

    /// Requests that are no calls, with the answers of VMware's runtime; only `data` is in our own words.
    @Test(arguments: [
        (#"{"#, -32700, "null", "Parse error."), ("", -32700, "null", "Parse error."),
        (#"{"jsonrpc":"2.0"}x"#, -32700, "null", "Parse error."), ("\"a\"", -32600, "null", "Invalid Request."),
        (#"{"method":"invoke","params":{},"id":"9"}"#, -32600, "null", "Invalid Request."),
        (#"{"jsonrpc":"1.0","method":"invoke","params":{},"id":"9"}"#, -32600, "null", "Invalid Request."),
        (#"{"jsonrpc":2.0,"method":"invoke","params":{},"id":"9"}"#, -32600, "null", "Invalid Request."),
        (#"[{"jsonrpc":"2.0","method":"invoke","params":{},"id":"9"}]"#, -32600, "null", "Invalid Request."),
        (#"{"jsonrpc":"2.0","method":"invoke","params":{}}"#, -32600, "null", "Invalid Request."),
        (#"{"jsonrpc":"2.0","method":"invoke","params":{},"id":[1]}"#, -32600, "null", "Invalid Request."),
        (#"{"jsonrpc":"2.0","method":"invoke","params":{},"id":true}"#, -32600, "null", "Invalid Request."),
        (#"{"jsonrpc":"2.0","method":"invoke","params":{},"id":1.5}"#, -32600, "null", "Invalid Request."),
        (#"{"jsonrpc":"2.0","method":7,"params":{},"id":"9"}"#, -32600, "null", "Invalid Request."),
        (#"{"jsonrpc":"2.0","method":"get","params":{},"id":"9"}"#, -32601, "\"9\"", "Method not found."),
        (#"{"jsonrpc":"2.0","method":"invoke","id":"9"}"#, -32602, "\"9\"", "Invalid params."),
        (#"{"jsonrpc":"2.0","method":"invoke","params":[],"id":"9"}"#, -32602, "\"9\"", "Invalid params."),
        (
            #"{"jsonrpc":"2.0","method":"invoke","params":{"serviceId":"a","operationId":"b","input":{}},"id":"9"}"#, -32602,
            "\"9\"",
            "Invalid params."
        ),
        (#"{"jsonrpc":"2.0","method":"invoke","params":{"ctx":7},"id":9}"#, -32602, "9", "Invalid params."),
    ])
    func requestThatIsNoCall(body: String, code: Int, id: String, message: String) async {
        let answer = await bench.send(.post, "/api", Bench.json, body: body)
        #expect(answer.status == 200)
        #expect(
            answer.text.hasPrefix(#"{"jsonrpc":"2.0","id":\#(id),"error":{"code":\#(code),"message":"\#(message)""#),
            "\(answer.text)")
        #expect(answer["Content-Type"] == "application/json")
        #expect(answer["vapi-error"] == nil)
    }

    /// Inputs that are wrong, with the answers of VMware's runtime.
    @Test(arguments: [
        (
            "com.vmware.vcenter.Nope", "get", "{}", "operation_not_found", "vapi.method.input.invalid.interface",
            "Invalid interface com.vmware.vcenter.Nope"
        ),
        (
            "com.vmware.vcenter.VM", "nope", "{}", "operation_not_found", "vapi.method.input.invalid.method",
            "Invalid method nope"
        ),
        (
            "com.vmware.vcenter.vm", "get", "{}", "operation_not_found", "vapi.method.input.invalid.interface",
            "Invalid interface com.vmware.vcenter.vm"
        ),
        (
            "com.vmware.vcenter.VM", "get$task", "{}", "operation_not_found", "vapi.method.input.invalid.method",
            "Invalid method get$task"
        ),
        (
            "com.vmware.vcenter.VM", "get", "{}", "invalid_argument", "vapi.data.structure.field.missing",
            #"Structure operation-input is missing a field \"vm\""#
        ),
        (
            "com.vmware.vcenter.VM", "get", #"{"vm":7}"#, "invalid_argument", "vapi.data.structure.field.invalid",
            #"Found invalid field \"vm\" in structure \"operation-input\"."#
        ),
        (
            "com.vmware.vcenter.VM", "get", #"{"vm":"vm-1","zz":"1"}"#, "unexpected_input",
            "vapi.data.structure.field.unexpected",
            #"Found unexpected field \"{'zz'}\" in structure \"operation-input\""#
        ),
        (
            "com.vmware.vcenter.VM", "list", #"{"filter":{"OPTIONAL":{"STRUCTURE":{"com.vmware.vcenter.VM.wrong":{}}}}}"#,
            "invalid_argument", "vapi.data.structure.field.invalid",
            #"Found invalid field \"filter\" in structure \"operation-input\"."#
        ),
    ])
    func wrongInput(service: String, operation: String, input: String, error: String, id: String, message: String) async {
        let answer = await bench.invoke(service, operation, input: input)
        #expect(answer.status == 200)
        #expect(answer["vapi-error"] == "com.vmware.vapi.std.errors.\(error)")
        let head =
            #"{"jsonrpc":"2.0","id":"9","result":{"error":{"ERROR":{"com.vmware.vapi.std.errors.\#(error)":{"messages":[{"STRUCTURE":{"com.vmware.vapi.std.localizable_message":{"id":"\#(id)","default_message":"\#(message)""#
        #expect(answer.text.hasPrefix(head), "\(answer.text)")
    }

    @Test(arguments: [#""input":"x","#, #""input":null,"#, ""])
    func missingInputIsInvalid(input: String) async {
        let body =
            #"{"jsonrpc":"2.0","method":"invoke","params":{"serviceId":"com.vmware.vcenter.VM","operationId":"list",\#(input)"ctx":{"securityCtx":{"schemeId":"com.vmware.vapi.std.security.session_id","sessionId":"\#(FakeSessions.administratorToken)"}}},"id":"9"}"#
        let answer = await bench.send(.post, "/api", Bench.json, body: body)
        #expect(answer.text.contains("vapi.method.input.invalid"))
        #expect(answer["vapi-error"] == "com.vmware.vapi.std.errors.invalid_argument")
    }

    @Test(arguments: [
        (#"{"vm":"vm-1"}"#), #"{"vm":"vm-1","zz":{"OPTIONAL":null}}"#,
    ])
    func unsetUnknownFieldIsIgnored(input: String) async {
        let answer = await bench.invoke(SmallContract.vm, "get", input: input)
        #expect(answer.text == #"{"jsonrpc":"2.0","id":"9","result":{"output":"vm-1"}}"#)
    }

    @Test(arguments: ["{}", #"{"filter":{"OPTIONAL":null}}"#])
    func optionalMayBeAbsent(input: String) async {
        let answer = await bench.invoke(SmallContract.vm, "list", input: input)
        #expect(
            answer.text.contains(
                #"{"STRUCTURE":{"com.vmware.vcenter.VM.summary":{"name":"web-01","cpu_count":{"OPTIONAL":4}}}}"#))
    }

    @Test(arguments: [
        (#""0""#, #""0""#), (#""a\"bé😀""#, #""a\"bé😀""#), (#""""#, #""""#), ("9", "9"), ("-1", "-1"), ("null", "null"),
        ("9007199254740993", "9007199254740993"),
    ])
    func identifierComesBackAsItWasSent(id: String, expected: String) async {
        let body =
            #"{"id":\#(id),"params":{"ctx":{},"input":{"STRUCTURE":{"operation-input":{}}},"operationId":"list","serviceId":"com.vmware.vapi.std.introspection.service"},"method":"invoke","jsonrpc":"2.0","extra":[1,{}]}"#
        let answer = await bench.send(.post, "/api", Bench.json, body: body)
        #expect(answer.text == #"{"jsonrpc":"2.0","id":\#(expected),"result":{"output":["nobody"]}}"#)
    }

    private static let fieldCases: [(service: String?, operation: String?, code: Int)] = [
        ("com.vmware.vcenter.host", "get", -31001), ("com.vmware.vcenter.VM", nil, -31001), (nil, "get", -31001),
        ("com.vmware.vcenter.VM", "list", -31001), ("com.vmware.vcenter.VM", "get", 0),
    ]

    @Test(arguments: fieldCases)
    func fieldsMustNameTheOperationOfTheBody(service: String?, operation: String?, code: Int) async {
        var fields = Bench.json
        if let service { fields.append(("vapi-service", service)) }
        if let operation { fields.append(("vapi-operation", operation)) }
        let body =
            #"{"jsonrpc":"2.0","method":"invoke","params":{"serviceId":"com.vmware.vcenter.VM","operationId":"get","input":{"STRUCTURE":{"operation-input":{"vm":"vm-1"}}},"ctx":{"appCtx":{},"securityCtx":{"schemeId":"com.vmware.vapi.std.security.session_id","sessionId":"\#(FakeSessions.administratorToken)"}}},"id":"9"}"#
        let answer = await bench.send(.post, "/api", fields, body: body)
        if code == 0 {
            #expect(answer.text.hasSuffix(#""result":{"output":"vm-1"}}"#))
        } else {
            #expect(
                answer.text
                    == #"{"jsonrpc":"2.0","id":"9","error":{"code":-31001,"message":"Mismatching operation identifier in HTTP header and payload"}}"#
            )
        }
    }

    /// Security contexts for a call and for login: `nil` where an unauthenticated fault is the answer.
    @Test(arguments: [
        (
            #"{"schemeId":"com.vmware.vapi.std.security.session_id","sessionId":"\#(FakeSessions.administratorToken)"}"#, true,
            false
        ),
        (#"{"schemeId":"com.vmware.vapi.std.security.session_id","sessionId":"x"}"#, false, false),
        (#"{"schemeId":"com.vmware.vapi.std.security.session_id","sessionId":7}"#, false, false),
        (#"{"schemeId":"com.vmware.vapi.std.security.session_id"}"#, false, false),
        (
            #"{"schemeId":"com.vmware.vapi.std.security.user_pass","userName":"administrator@vsphere.local","password":"s3cret"}"#,
            false, true
        ),
        (
            #"{"schemeId":"com.vmware.vapi.std.security.user_pass","userName":"administrator@vsphere.local","password":"x"}"#,
            false, false
        ),
        (#"{"schemeId":"com.vmware.vapi.std.security.user_pass","userName":"administrator@vsphere.local"}"#, false, false),
        (#"{"schemeId":"com.vmware.vapi.std.security.user_pass","userName":"","password":"s3cret"}"#, false, false),
        (#"{"schemeId":"com.vmware.vapi.std.security.no_authentication"}"#, false, false),
        (#"{"schemeId":"com.vmware.vapi.std.security.oauth","accessToken":"eyJhbGciOi"}"#, false, false),
        (#"{"schemeId":"com.vmware.vapi.std.security.saml_bearer_token","samlToken":"<saml2:Assertion/>"}"#, false, false),
        (#"{"schemeId":"com.vmware.vapi.std.security.saml_hok_token","signature":{"value":"x"}}"#, false, false),
        (#"{"schemeId":7}"#, false, false), ("{}", false, false), ("null", false, false), (#""x""#, false, false),
        ("[]", false, false),
    ])
    func securityContext(context: String, isCall: Bool, isLogin: Bool) async {
        for (operation, works) in [("get", isCall), ("create", isLogin)] {
            let body =
                #"{"jsonrpc":"2.0","method":"invoke","params":{"serviceId":"com.vmware.cis.session","operationId":"\#(operation)","input":{"STRUCTURE":{"operation-input":{}}},"ctx":{"appCtx":null,"securityCtx":\#(context)}},"id":"0"}"#
            let answer = await bench.send(.post, "/api", Bench.json, body: body)
            #expect(answer["vapi-error"] == (works ? nil : "com.vmware.vapi.std.errors.unauthenticated"))
            if !works { #expect(answer.text.contains(#""challenge":{"OPTIONAL":"Basic realm=\"VAPI endpoint\""}"#)) }
        }
    }

    @Test func sessionFieldReplacesTheContextOfACall() async {
        let body =
            #"{"jsonrpc":"2.0","method":"invoke","params":{"serviceId":"com.vmware.cis.session","operationId":"get","input":{"STRUCTURE":{"operation-input":{}}},"ctx":{"appCtx":{"opId":"1"}}},"id":"0"}"#
        let answer = await bench.send(.post, "/api", Bench.json + Bench.session, body: body)
        #expect(answer.text.contains("administrator@vsphere.local"))
        let wrong = await bench.send(.post, "/api", Bench.json + [("vmware-api-session-id", "x")], body: body)
        #expect(wrong["vapi-error"] == "com.vmware.vapi.std.errors.unauthenticated")
        let cookie = (name: "cookie", value: "vmware-api-session-id=\(FakeSessions.administratorToken)")
        let withCookie = await bench.send(.post, "/api", Bench.json + [cookie], body: body)
        #expect(withCookie["vapi-error"] == "com.vmware.vapi.std.errors.unauthenticated")
    }

    @Test func voidIsNullAndTaskFormGivesItsTask() async {
        let void = await bench.invoke(SmallContract.vm, "delete", input: #"{"vm":"vm-1"}"#)
        #expect(void.text == #"{"jsonrpc":"2.0","id":"9","result":{"output":null}}"#)
        let spec = #"{"spec":{"STRUCTURE":{"com.vmware.vcenter.VM.create_spec":{"name":{"OPTIONAL":"a"}}}}}"#
        let task = await bench.invoke(SmallContract.vm, "clone$task", input: spec)
        #expect(task.text == #"{"jsonrpc":"2.0","id":"9","result":{"output":"task-1:com.vmware.vcenter.VM"}}"#)
    }

    @Test(arguments: [
        ("application/json", 200), ("application/json; charset=UTF-8", 200), ("Application/JSON", 200), ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415), ("application/jsonx", 415), ("", 415),
    ])
    func bodyHasToBeJSON(type: String, status: Int) async {
        let answer = await bench.send(.post, "/api/", [("content-type", type)], body: "{")
        #expect(answer.status == status)
    }

    @Test func everyPrefixOfACallIsAnswered() async {
        let whole = Array(
            CapturedRequests.exchanges[0].request.split(separator: "\n", omittingEmptySubsequences: false).last!.utf8)
        for end in 0..<whole.count {
            let answer = await bench.send(.post, "/api", Bench.json, body: .bytes(Array(whole[..<end])))
            #expect(answer.text.hasPrefix(#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700"#))
        }
    }

    @Test func mutatedCallsAreAnswered() async {
        let seed: UInt64 = 0x5EED_0003
        let random = SeededRandomness(seed)
        for exchange in CapturedRequests.exchanges {
            let whole = Array(exchange.request.split(separator: "\n", omittingEmptySubsequences: false).last!.utf8)
            for _ in 0..<400 {
                var mutant = whole
                for _ in 0...random.below(4) {
                    switch random.below(3) {
                    case 0: mutant[random.below(mutant.count)] = UInt8(random.below(256))
                    case 1: mutant.remove(at: random.below(mutant.count))
                    default: mutant.insert(Array("{}[]\",:\\0".utf8)[random.below(9)], at: random.below(mutant.count))
                    }
                }
                let answer = await bench.send(.post, "/api", Bench.json, body: .bytes(mutant))
                #expect(answer.status == 200 && answer.json != nil, "seed \(seed): \(String(decoding: mutant, as: UTF8.self))")
            }
        }
    }
}

struct CapturedRequestTests {
    @Test(arguments: CapturedRequests.exchanges.indices)
    func officialClientIsAnswered(index: Int) async {
        let (request, expected, error) = CapturedRequests.exchanges[index]
        let bench = Bench()
        var lines = request.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let body = lines.removeLast()
        let fields = lines.dropFirst().filter { !$0.isEmpty }.map { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            return (name: String(parts[0]), value: parts[1].trimmingPrefix(while: { $0 == " " }).description)
        }
        #expect(lines[0] == "POST /api HTTP/1.1")
        let answer = await bench.send(.post, "/api", fields, body: body)
        #expect(answer.status == 200)
        #expect(answer["Content-Type"] == "application/json")
        #expect(answer["vapi-error"] == error)
        #expect(canonical(answer.text) == canonical(expected))
        let opID = fields.first { $0.name == "vapi-ctx-opid" }?.value
        #expect(bench.log.all.first?.operationID == opID)
    }
}
