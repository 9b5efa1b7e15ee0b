// What all answers share: identifiers, fields, the access log, body limits and content types, the small endpoints.
import Contract
import Domain
import HTTP
import Platform
import Testing

@testable import API

struct ExchangeTests {
    let bench = Bench(
        endpoints: [
            HealthEndpoint(isReady: { false }),
            DocumentEndpoint(path: "/openapi.json", contentType: "application/json", version: "v1", bytes: Array("{}".utf8)),
        ])

    @Test func requestIdentifiersAreDistinctAndShort() {
        let ids = RequestIDs(SeededRandomness(1))
        var seen: Set<String> = []
        for _ in 0..<20_000 { seen.insert(ids.next()) }
        #expect(seen.count == 20_000)
        #expect(seen.allSatisfy { $0.utf8.count == 15 && $0.allSatisfy(\.isHexDigit) })
    }

    @Test func permutationKeepsNumbersApart() {
        let random = SeededRandomness(3)
        let numbers = Set((0..<5000).map { UInt64($0) } + (0..<5000).map { _ in random.next() & ((1 << 60) - 1) })
        #expect(Set(numbers.map(RequestIDs.permuted)).count == numbers.count)
    }

    @Test(arguments: ["/api/session", "/rest/vcenter/vm", "/api", "/nothing", "/health/live", "/openapi.json", "/api//x"])
    func everyAnswerCarriesTheCommonFields(target: String) async {
        for method in Method.all {
            let answer = await bench.send(method, target)
            let names = answer.fields.map { $0.name.lowercased() }
            #expect(Set(names).count == names.count, "no field twice: \(names)")
            #expect(answer["X-Content-Type-Options"] == "nosniff")
            #expect(answer["Strict-Transport-Security"] == "max-age=31536000")
            #expect(answer["X-Request-Id"]?.utf8.count == 15)
            #expect(
                answer["Cache-Control"]
                    == (target == "/openapi.json" && [.get, .head].contains(method) ? "no-cache" : "no-store"))
            #expect(!names.contains { $0.hasPrefix("access-control") })
        }
    }

    @Test func accessLogSaysWhatHappened() async {
        _ = await bench.send(
            .get, "/api/vcenter/vm/vm-1?secret=1", Bench.session + [("x-request-id", String(repeating: "é", count: 300))])
        _ = await bench.send(.get, "/api/vcenter/vm/vm-999", Bench.session)
        _ = await bench.send(.get, "/api/vcenter/vm/vm-1")
        _ = await bench.send(.head, "/api/vcenter/vm/vm-1", Bench.session)
        let entries = bench.log.all
        #expect(entries.map(\.method) == ["GET", "GET", "GET", "HEAD"])
        #expect(entries.map(\.path).prefix(2) == ["/api/vcenter/vm/vm-1", "/api/vcenter/vm/vm-999"])
        #expect(entries.map(\.status) == [400, 404, 401, 200])
        #expect(
            entries.map(\.user) == [
                "administrator@vsphere.local", "administrator@vsphere.local", nil, "administrator@vsphere.local",
            ])
        #expect(entries.map(\.operation) == Array(repeating: "com.vmware.vcenter.VM.get", count: 4))
        #expect(entries[0].operationID == String(repeating: "é", count: 128))
        #expect(entries[3].bytes == 0)
        #expect(entries[1].fault?.detail == "looked in the inventory")
    }

    @Test(arguments: [
        ("application/json", 201), ("application/json;charset=utf-8", 201), ("text/json", 415), ("application/xml", 415),
        ("application\u{0F}json", 415),
    ])
    func bodyHasToSayThatItIsJSON(type: String, status: Int) async {
        let answer = await bench.send(.post, "/api/vcenter/vm", Bench.session + [("content-type", type)], body: "{}")
        #expect(answer.status == status)
        #expect(bench.dispatcher.seen.count == (status == 201 ? 1 : 0))
    }

    @Test func bodyWithoutTypeIsNotRead() async {
        let answer = await bench.send(.post, "/api/vcenter/vm", Bench.session, body: "{}")
        #expect(answer.status == 415)
        #expect(answer.messageID == "com.vmware.vapi.rest.unsupported_media_type")
        let unauthenticated = await bench.send(.post, "/api/vcenter/vm", [], body: "{}")
        #expect(unauthenticated.status == 401)
    }

    @Test(arguments: ["{", "[]", "7", #"{"name":"a","name":"b"}"#, #"{"nonsense":1}"#])
    func badBodyIsRefused(body: String) async {
        let answer = await bench.send(.post, "/api/vcenter/vm", Bench.session + Bench.json, body: body)
        #expect(answer.status == 400)
        #expect(["INVALID_ARGUMENT", "UNEXPECTED_INPUT"].contains(answer.json?["error_type"]?.text))
    }

    @Test func bodiesAreLimited() {
        #expect(bench.application.policy(for: RequestHead(.post, "/api")) == .collect(limit: 1 << 20))
        #expect(bench.application.policy(for: RequestHead(.post, "/rest/vcenter/vm")) == .collect(limit: 1 << 20))
        #expect(bench.application.policy(for: RequestHead(.get, "/health/live")) == .collect(limit: 64 * 1024))
    }

    @Test func healthNeedsNoSession() async {
        let live = await bench.send(.get, "/health/live")
        #expect(live.status == 200)
        let ready = await bench.send(.get, "/health/ready")
        #expect(ready.status == 503)
        let post = await bench.send(.post, "/health/live")
        #expect(post.status == 405)
        #expect(post["Allow"] == "GET, HEAD")
    }

    @Test(arguments: [("\"v1\"", 304), ("W/\"v1\", \"x\"", 304), ("*", 304), ("\"v2\"", 200)])
    func documentIsNotSentTwice(known: String, status: Int) async {
        let answer = await bench.send(.get, "/openapi.json", [("if-none-match", known)])
        #expect(answer.status == status)
        #expect(answer["ETag"] == "\"v1\"")
        #expect(answer.text == (status == 200 ? "{}" : ""))
    }

    @Test func readIsAnsweredOnTheSpot() async {
        let read = await bench.send(.get, "/api/vcenter/vm/vm-1", Bench.session)
        #expect(read.wasImmediate)
        let write = await bench.send(.delete, "/api/vcenter/vm/vm-1", Bench.session)
        #expect(!write.wasImmediate)
    }
}
