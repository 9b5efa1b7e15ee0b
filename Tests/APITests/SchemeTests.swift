// Every kind of proof on every wire: taken where it is spoken, refused in the right words where it is not, and every
// refusal recorded with its reason.
import Contract
import Domain
import HTTP
import Testing

@testable import API

struct SchemeTests {
    let bench = Bench()

    static let form: Bench.Fields = [
        ("cookie", "a=b; JSESSIONID=\(FakeSessions.administratorToken)"),
        ("x-xsrf-token", "forgery-\(FakeSessions.administratorToken)"),
    ]

    // MARK: - Bearer

    @Test func aBearerTokenCountsForLoginAndForCalls() async {
        let good: Bench.Fields = [("authorization", "Bearer good.bearer.token")]
        let login = await bench.send(.post, "/api/session", good)
        #expect(login.status == 201)
        let own = await bench.send(.get, "/api/session", good)
        #expect(own.json?["user"]?.text == "reader@vsphere.local" && own.wasImmediate)
        let other = await bench.send(.get, "/api/session", [("authorization", "bearer  good.bearer.token")])
        #expect(other.status == 200)
        for value in ["Bearer", "Bearer ", "Bearer x", "Bearer good.bearer.token.", "Bearergood.bearer.token"] {
            let answer = await bench.send(.get, "/api/session", [("authorization", value)])
            #expect(answer.status == 401, "\(value)")
        }
    }

    @Test func aSessionThatIsPresentedIsWhatCounts() async {
        let answer = await bench.send(
            .get, "/api/session", [("vmware-api-session-id", "wrong"), ("authorization", "Bearer good.bearer.token")])
        #expect(answer.status == 401)
    }

    // MARK: - Cookie of the form login

    @Test func theFormCookieCountsWithItsAntiForgeryTokenAlone() async {
        #expect(await bench.send(.get, "/api/session", Self.form).status == 200)
        #expect(await bench.send(.get, "/rest/vcenter/vm", Self.form).status == 200)
        let cookie = [Self.form[0]]
        let foreign = [(name: "x-xsrf-token", value: "forgery-x")]
        let swapped = [(name: "x-xsrf-token", value: "forgery-\(FakeSessions.readerToken)")]
        for fields in [cookie, cookie + foreign, cookie + swapped, cookie + [("x-xsrf-token", "")]] {
            #expect(await bench.send(.get, "/api/session", fields).status == 401)
        }
        let wrong: Bench.Fields = [("cookie", "JSESSIONID=x"), ("x-xsrf-token", "forgery-x")]
        #expect(await bench.send(.get, "/api/session", wrong).status == 401)
        #expect(await bench.send(.get, "/api/session", [("cookie", "JSESSIONID=")]).status == 401)
        let reasons = Set(bench.sessions.noted.map { String($0.prefix { $0 != ":" }) })
        #expect(
            reasons == [
                "session cookie without its anti-forgery token", "unknown or ended session", "malformed proof of identity",
            ])
    }

    // MARK: - Security contexts

    private func invoke(_ context: String, _ service: String = SmallContract.session, _ operation: String = "get") async -> Answer {
        let body =
            "{\"jsonrpc\":\"2.0\",\"method\":\"invoke\",\"params\":{\"serviceId\":\"\(service)\",\"operationId\":\"\(operation)\","
            + "\"input\":{\"STRUCTURE\":{\"operation-input\":{}}},\"ctx\":{\"securityCtx\":\(context)}},\"id\":\"9\"}"
        return await bench.send(.post, "/api", Bench.json, body: body)
    }

    private static func context(_ scheme: String, _ fields: String = "") -> String {
        "{\"schemeId\":\"com.vmware.vapi.std.security.\(scheme)\"\(fields.isEmpty ? "" : ",")\(fields)}"
    }

    @Test func everySecurityContextThatIsSpokenIsTaken() async {
        let session = await invoke(Self.context("session_id", "\"sessionId\":\"\(FakeSessions.administratorToken)\""))
        #expect(session["vapi-error"] == nil)
        let token = await invoke(Self.context("oauth", "\"accessToken\":\"good.bearer.token\""))
        #expect(token["vapi-error"] == nil && token.text.contains("reader@vsphere.local"))
        let login = await invoke(
            Self.context("user_pass", "\"userName\":\"administrator@vsphere.local\",\"password\":\"s3cret\""),
            SmallContract.session, "create")
        #expect(login["vapi-error"] == nil)
        let byToken = await invoke(
            Self.context("oauth", "\"accessToken\":\"good.bearer.token\""), SmallContract.session, "create")
        #expect(byToken["vapi-error"] == nil)
    }

    @Test(arguments: [
        ("null", "no proof"), (context("no_authentication"), "no proof"), (context("session_id"), "malformed"),
        (context("session_id", "\"sessionId\":7"), "malformed"), (context("session_id", "\"sessionId\":\"x\""), "unknown"),
        (context("oauth"), "malformed"), (context("oauth", "\"accessToken\":\"x\""), "invalid"),
        (context("user_pass", "\"userName\":\"u\""), "malformed"), (context("user_pass", "\"password\":\"p\""), "malformed"),
        (context("user_pass", "\"userName\":\"u\",\"password\":\"s3cret\""), "proof of identity of a kind"),
        ("{}", "malformed"), ("{\"schemeId\":7}", "malformed"), ("[]", "malformed"), ("\"x\"", "malformed"),
    ])
    func othersAreRefusedAlike(context: String, reason: String) async {
        let answer = await invoke(context)
        #expect(answer["vapi-error"] == "com.vmware.vapi.std.errors.unauthenticated")
        #expect(answer.text.contains("com.vmware.vapi.endpoint.method.authentication.required"))
        #expect(bench.sessions.noted.count == 1)
        #expect(bench.sessions.noted.first?.hasPrefix(reason) == true)
    }

    @Test(arguments: [
        context("saml_bearer_token", "\"samlToken\":\"<saml2:Assertion/>\""),
        context("saml_hok_token", "\"signatureAlgorithm\":\"RS256\",\"signature\":{\"samlToken\":\"x\",\"value\":\"eA==\"}"),
        context("made_up"),
    ])
    func schemesNotSpokenAreNamedAsSuch(context: String) async {
        for operation in ["get", "create"] {
            let answer = await invoke(context, SmallContract.session, operation)
            #expect(answer["vapi-error"] == "com.vmware.vapi.std.errors.unauthenticated")
            #expect(answer.text.contains("vapi.security.authentication.invalid") && answer.text.contains("not supported"))
        }
        let rest = await bench.send(.post, "/api/session", [("authorization", "SIGN token=\"x\"")])
        #expect(rest.status == 401 && rest.messageID == "vapi.security.authentication.invalid")
        #expect(bench.sessions.noted.count == 3)
        #expect(bench.sessions.noted.allSatisfy { $0.hasPrefix("unsupported authentication scheme: com.vmware.cis.session.") })
    }

    @Test func whoPresentsNothingIsRecordedToo() async {
        _ = await bench.send(.get, "/api/session")
        _ = await bench.send(.post, "/api/session")
        #expect(bench.sessions.noted.count == 2)
        #expect(bench.sessions.noted.allSatisfy { $0.hasPrefix("no proof of identity: com.vmware.cis.session.") })
        _ = await bench.send(.get, "/api/session", Bench.basic)
        #expect(bench.sessions.noted.suffix(1) == ["proof of identity of a kind not accepted here: com.vmware.cis.session.get"])
    }
}

struct FormLoginTests {
    let bench: Bench

    init() {
        let sessions = FakeSessions()
        bench = Bench(endpoints: [FormLoginEndpoint(sessions: sessions, maker: sessions)], sessions: sessions)
    }

    private static let formType: Bench.Fields = [("content-type", "application/x-www-form-urlencoded")]

    private func login(_ body: String) async -> Answer { await bench.send(.post, "/api/session/create", Self.formType, body: body) }

    @Test func aFormOpensASession() async throws {
        let answer = await login("j_username=administrator%40vsphere.local&j_password=s3cret")
        #expect(answer.status == 200 && answer.body.isEmpty)
        let token = FakeSessions.administratorToken
        #expect(answer["Set-Cookie"] == "JSESSIONID=\(token); Path=/; Secure; HttpOnly; SameSite=Lax")
        #expect(answer["X-XSRF-TOKEN"] == "forgery-\(token)")
        #expect(await bench.send(.get, "/api/session", SchemeTests.form).status == 200)
    }

    @Test func aFormIsReadAsBrowsersAndOthersWriteIt() {
        func fields(_ text: String) -> String? {
            FormBody(Array(text.utf8)[...]).map { ($0["a"] ?? "-") + "|" + ($0["b"] ?? "-") }
        }
        #expect(fields("a=1&b=2") == "1|2")
        #expect(fields("a=%26%3D%2b+x&b=p%") == "&=+ x|p%")
        #expect(fields("a=100%zz&b=%4") == "100%zz|%4")
        #expect(fields("a=x=y&&c&b=") == "x=y|")
        #expect(fields("%61=%C3%A4") == "ä|-")
        #expect(fields("") == "-|-")
        #expect(fields("a=%ff") == nil && fields("a=1&a=2") == nil)
        #expect(fields(String(repeating: "x&", count: 17)) == nil)
    }

    @Test(arguments: [
        "j_username=administrator&j_password=wrong", "j_username=administrator", "j_password=s3cret", "", "j_username=&j_password=s3cret",
        "j_username=a&j_username=b&j_password=s3cret", "{\"j_username\":\"a\"}",
    ])
    func aRefusalIsInTheWordsOfNSX(body: String) async {
        let answer = await login(body)
        #expect(answer.status == 403)
        #expect(answer["Content-Type"] == "application/json" && answer["Set-Cookie"] == nil)
        #expect(
            answer.text
                == #"{"module_name":"common-services","error_message":"The credentials were incorrect or the account specified has been locked.","error_code":403}"#
        )
    }

    @Test func tooManyLoginsOrSessionsAreNoRefusal() async {
        for user in ["busy", "full"] {
            let answer = await login("j_username=\(user)&j_password=s3cret")
            #expect(answer.status == 503 && answer["Retry-After"] == "10" && answer.text.contains("Too many."))
        }
    }

    @Test func leavingWantsTheCookieAndItsToken() async {
        let refused = await bench.send(.post, "/api/session/destroy", [SchemeTests.form[0]])
        #expect(refused.status == 403)
        let header = await bench.send(.post, "/api/session/destroy", Bench.session)
        #expect(header.status == 403)
        #expect(!bench.sessions.noted.contains { $0.hasPrefix("ended") })
        let answer = await bench.send(.post, "/api/session/destroy", SchemeTests.form)
        #expect(answer.status == 200 && answer["Set-Cookie"]?.hasPrefix("JSESSIONID=; ") == true)
        #expect(bench.sessions.noted.last == "ended session-1")
    }

    @Test func onlyPostIsAnswered() async {
        for path in ["/api/session/create", "/api/session/destroy"] {
            let answer = await bench.send(.get, path)
            #expect(answer.status == 405 && answer["Allow"] == "POST")
        }
        #expect(await bench.send(.post, "/api/session/other").status == 404)
        // Without the endpoint there is no such path.
        #expect(await Bench().send(.post, "/api/session/create").status == 404)
    }
}
