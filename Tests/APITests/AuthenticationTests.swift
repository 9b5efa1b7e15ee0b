// Who is let in, who is not, and what they are told.
import Contract
import Domain
import HTTP
import Testing

@testable import API

struct AuthenticationTests {
    let bench = Bench()

    /// Operations that answer without proof of identity. May shrink; growing it is a decision.
    static let open = ["com.vmware.vapi.std.introspection.service.list"]

    @Test func everyOtherOperationWantsProofOnEveryWire() async {
        var answered: Set<String> = []
        for operation in SmallContract.operations {
            let name = operation.service + "." + operation.name
            var statuses: [Int] = []
            for (root, route) in [("/api/", operation.clean), ("/rest/", operation.legacy)] {
                guard let route, let method = Method.all.first(where: { $0.name == route.method }) else { continue }
                let answer = await bench.send(method, root + Self.target(of: route))
                statuses.append(answer.status)
                if answer.status == 401 { #expect(answer["WWW-Authenticate"] == "Basic realm=\"VAPI endpoint\"") }
            }
            let rpc = await bench.invoke(operation.service, operation.name, session: false)
            statuses.append(rpc["vapi-error"] == "com.vmware.vapi.std.errors.unauthenticated" ? 401 : rpc.status)
            #expect(Set(statuses).count == 1, "\(name): \(statuses)")
            if statuses.first != 401 { answered.insert(name) }
        }
        #expect(answered.sorted() == Self.open)
    }

    static func target(of route: Route) -> String {
        let path = route.path.map { if case .literal(let name) = $0 { name } else { "x" } }.joined(separator: "/")
        let query = route.selectors.map { $0.name + "=" + ($0.value ?? "x") }.joined(separator: "&")
        return query.isEmpty ? path : path + "?" + query
    }

    @Test func unauthenticatedBodyIsTheOneClientsKnow() async {
        let answer = await bench.send(.get, "/api/vcenter/vm")
        #expect(
            canonical(answer.text)
                == canonical(
                    #"{"error_type":"UNAUTHENTICATED","messages":[{"id":"com.vmware.vapi.endpoint.method.authentication.required","default_message":"Authentication required.","args":[]}],"challenge":"Basic realm=\"VAPI endpoint\""}"#
                ))
    }

    @Test(arguments: [
        ("vmware-api-session-id", FakeSessions.administratorToken, 200), ("vmware-api-session-id", "wrong", 401),
        ("vmware-api-session-id", "", 401), ("cookie", "vmware-api-session-id=\(FakeSessions.administratorToken)", 200),
        ("cookie", "a=b; vmware-api-session-id=\(FakeSessions.administratorToken); c=d", 200),
        ("cookie", "vmware-api-session-id=", 401), ("cookie", "xvmware-api-session-id=\(FakeSessions.administratorToken)", 401),
        ("cookie", "a=b", 401), ("authorization", "Basic YWRtaW5pc3RyYXRvckB2c3BoZXJlLmxvY2FsOnMzY3JldA==", 401),
        ("authorization", "Bearer \(FakeSessions.administratorToken)", 401),
    ])
    func callWantsASession(name: String, value: String, status: Int) async {
        for target in ["/api/session", "/rest/vcenter/vm"] {
            let answer = await bench.send(.get, target, [(name, value)])
            #expect(answer.status == status)
            #expect(answer.wasImmediate)
        }
    }

    @Test func headerWinsOverCookie() async {
        let cookie = (name: "cookie", value: "vmware-api-session-id=\(FakeSessions.readerToken)")
        let answer = await bench.send(.get, "/api/session", Bench.session + [cookie])
        #expect(answer.json?["user"]?.text == "administrator@vsphere.local")
        let wrong = await bench.send(.get, "/api/session", [("vmware-api-session-id", "wrong"), cookie])
        #expect(wrong.status == 401)
    }

    @Test(arguments: [("cross-site", 401), ("same-site", 401), ("same-origin", 200), ("none", 200)])
    func cookieOfAForeignPageDoesNotCount(site: String, status: Int) async {
        let cookie = (name: "cookie", value: "vmware-api-session-id=\(FakeSessions.administratorToken)")
        let answer = await bench.send(.get, "/api/session", [cookie, ("sec-fetch-site", site)])
        #expect(answer.status == status)
        let withHeader = await bench.send(.get, "/api/session", Bench.session + [("sec-fetch-site", site)])
        #expect(withHeader.status == 200)
    }

    @Test(arguments: [
        ("Basic YWRtaW5pc3RyYXRvckB2c3BoZXJlLmxvY2FsOnMzY3JldA==", 201),
        ("basic YWRtaW5pc3RyYXRvckB2c3BoZXJlLmxvY2FsOnMzY3JldA==", 201),
        ("Basic  YWRtaW5pc3RyYXRvckB2c3BoZXJlLmxvY2FsOnMzY3JldA==", 201), ("Basic YTpi", 401), ("Basic", 401), ("Basic ", 401),
        ("Basic !!!!", 401), ("Basic YTpiYw", 401), ("Basic YWI=", 401), ("Basic OnMzY3JldA==", 401),
        ("Basic YQA6czNjcmV0", 401),
        ("Basic /zpzM2NyZXQ=", 401), ("Basic YnVzeTpzM2NyZXQ=", 503), ("Bearer x", 401),
    ])
    func loginChecksNameAndPassword(authorization: String, status: Int) async {
        let api = await bench.send(.post, "/api/session", [("authorization", authorization)])
        #expect(api.status == status)
        let rest = await bench.send(.post, "/rest/com/vmware/cis/session", [("authorization", authorization)])
        #expect(rest.status == (status == 201 ? 200 : status))
        if status == 401 { #expect(api.messageID == "com.vmware.vapi.endpoint.method.authentication.required") }
    }

    @Test func loginIgnoresAnOldSession() async {
        let stale: Bench.Fields = [("vmware-api-session-id", "stale"), ("cookie", "vmware-api-session-id=stale")]
        let answer = await bench.send(.post, "/api/session", stale + Bench.basic)
        #expect(answer.status == 201)
        let session = await bench.send(.post, "/api/session", Bench.session)
        #expect(session.status == 401)
    }

    @Test func loginTakesAnEmptyBodyOfAnyType() async {
        let answer = await bench.send(
            .post, "/rest/com/vmware/cis/session", Bench.basic + [("content-type", "application/octet-stream")],
            body: .bytes([]))
        #expect(answer.status == 200)
        #expect(answer.text == #"{"value":"token-of-admin"}"#)
        #expect(answer["Content-Type"] == "application/json")
    }

    @Test func legacyLoginSetsACookieUnlessTheClientUsesTheHeader() async {
        let plain = await bench.send(.post, "/rest/com/vmware/cis/session", Bench.basic)
        #expect(plain["Set-Cookie"] == "vmware-api-session-id=token-of-admin; Path=/rest; HttpOnly; SameSite=Strict; Secure")
        for (value, isSet) in [("true", false), ("test", false), ("false", true)] {
            let header = (name: "vmware-use-header-authn", value: value)
            let answer = await bench.send(.post, "/rest/com/vmware/cis/session", Bench.basic + [header])
            #expect((answer["Set-Cookie"] != nil) == isSet)
        }
        let clean = await bench.send(.post, "/api/session", Bench.basic)
        #expect(clean["Set-Cookie"] == nil)
    }

    @Test func credentialsCountOnEveryCallIfSoConfigured() async {
        var configuration = APIConfiguration()
        configuration.acceptsCredentialsOnEveryCall = true
        let bench = Bench(configuration: configuration)
        let answer = await bench.send(.get, "/api/session", Bench.basic)
        #expect(answer.json?["user"]?.text == "administrator@vsphere.local")
        #expect(!answer.wasImmediate)
    }

    @Test func userWithoutPrivilegesIsRefusedOnEveryWire() async {
        let reader: Bench.Fields = [("vmware-api-session-id", FakeSessions.readerToken)]
        let api = await bench.send(.get, "/api/vcenter/vm", reader)
        let rest = await bench.send(.get, "/rest/vcenter/vm", reader)
        #expect([api.status, rest.status] == [403, 403])
        let own = await bench.send(.get, "/api/session", reader)
        #expect(own.status == 200)
        #expect(bench.dispatcher.seen.map(\.service) == [SmallContract.session])
    }

    @Test func callCarriesWhoAndWhat() async {
        _ = await bench.send(.get, "/api/vcenter/vm", Bench.session + [("x-request-id", "mine")])
        _ = await bench.invoke(SmallContract.vm, "clone$task", input: "{}")
        let calls = bench.dispatcher.seen
        #expect(calls.map(\.user) == ["administrator@vsphere.local", "administrator@vsphere.local"])
        #expect(calls.map(\.session?.rawValue) == ["session-1", "session-1"])
        #expect(calls.map(\.operationID) == ["mine", "op-1"])
        #expect(calls.map(\.operation) == ["list", "clone"])
        #expect(calls.map(\.peer) == ["192.0.2.7", "192.0.2.7"])
        #expect(Set(calls.map(\.requestID)).count == 2)
    }
}

struct Base64Tests {
    @Test(arguments: [
        ("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYg==", "foob"), ("Zm9vYmE=", "fooba"),
        ("Zm9vYmFy", "foobar"),
    ])
    func vectorsOfTheStandard(coded: String, plain: String) {
        #expect(Base64.decoded(Array(coded.utf8)[...]) == Array(plain.utf8))
    }

    @Test(arguments: ["Z", "Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Zm9v\n", "Zm-_", "=m9v", "Zm=v"])
    func othersAreRefused(coded: String) {
        #expect(Base64.decoded(Array(coded.utf8)[...]) == nil)
    }
}
