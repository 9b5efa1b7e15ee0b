// Paths, methods and fixed query items lead to the right operation, and everything else to the right refusal.
import Contract
import HTTP
import Testing

@testable import API

struct RoutingTests {
    let bench = Bench()

    @Test(arguments: [
        (Method.get, "/api/session", 200, "com.vmware.cis.session.get"),
        (.post, "/api/vcenter/vm?action=clone", 200, "com.vmware.vcenter.VM.clone"),
        (.post, "/api/vcenter/vm?action=clone&vmw-task=true", 202, "com.vmware.vcenter.VM.clone$task"),
        (.post, "/api/vcenter/vm?vmw-task=true&action=clone", 202, "com.vmware.vcenter.VM.clone$task"),
        (.post, "/api/vcenter/vm?%61ction=cl%6Fne", 200, "com.vmware.vcenter.VM.clone"),
        (.post, "/api/vcenter/vm", 201, "com.vmware.vcenter.VM.create"),
        (.get, "/api/vcenter/vm", 200, "com.vmware.vcenter.VM.list"),
        (.get, "/api/vcenter/vm/vm-1", 200, "com.vmware.vcenter.VM.get"),
        (.get, "/api/v%63enter/v%6d/vm%2D1", 200, "com.vmware.vcenter.VM.get"),
        (.head, "/api/vcenter/vm/vm-1", 200, "com.vmware.vcenter.VM.get"),
        (.delete, "/api/vcenter/vm/vm-1", 204, "com.vmware.vcenter.VM.delete"),
        (.get, "/api/vcenter/vm/policy", 200, "com.vmware.vcenter.vm.guest.policy"),
        (.delete, "/api/vcenter/vm/policy", 204, "com.vmware.vcenter.VM.delete"),
        (.post, "/api/vcenter/vm/policy/power?action=start", 204, "com.vmware.vcenter.vm.power.start"),
        (.get, "/api/content/library/item", 200, "com.vmware.content.library.item.names"),
        (.get, "/api/content/library/item?library_id=l", 200, "com.vmware.content.library.item.list"),
        (.post, "/rest/com/vmware/cis/session?~action=get", 200, "com.vmware.cis.session.get"),
        (.post, "/rest/com/vmware/cis/session?%7Eaction=get", 200, "com.vmware.cis.session.get"),
        (.post, "/rest/vcenter/vm/vm-1/power/start", 200, "com.vmware.vcenter.vm.power.start"),
    ])
    func requestFindsItsOperation(method: Method, target: String, status: Int, operation: String) async {
        let isRest = target.hasPrefix("/rest")
        let body = method == .post && target.contains("vm?") || target.hasSuffix("/vm") && method == .post
        let answer = await bench.send(
            method, target, Bench.session + Bench.json,
            body: body ? (isRest ? #"{"spec":{"name":"a"}}"# : #"{"name":"a"}"#) : nil)
        #expect(answer.status == status, "\(answer.text)")
        #expect(bench.log.all.last?.operation == operation)
    }

    @Test(arguments: [
        "/api/vcenter/nothing", "/api/vcenter", "/api/vcenter/vm/vm-1/nothing", "/api/vcenter/vm/", "/apix", "/", "/rest",
        "/rest/vcenter/vm/vm-1/nothing", "/nothing", "/api/session/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18",
    ])
    func unknownPathIsNotFoundWithoutASession(target: String) async {
        let answer = await bench.send(.get, target)
        #expect(answer.status == 404)
        #expect(answer.text.contains("com.vmware.vapi.rest.httpNotFound"))
        #expect(answer["WWW-Authenticate"] == nil)
        #expect(answer["Content-Type"] == "application/json")
    }

    @Test(arguments: [
        "/api//vcenter/vm", "/api/./vcenter/vm", "/api/vcenter/../vcenter/vm", "/api/vcenter/%2e%2e/vm", "/api/vcenter/%2E/vm",
        "/api/vcenter%2Fvm", "/api/vcenter%2fvm", "/api/vcenter/vm/a%00b", "/api/vcenter/vm/a\\b", "/api/vcenter/vm/a%5Cb",
        "/api/vcenter/vm/%zz", "/api/vcenter/vm/%4", "/api/vcenter/vm/%", "/api/vcenter/vm/%ff", "/api/vcenter/vm/%C3%28",
        "/rest//vcenter/vm", "/api/vcenter/vm/%0d%0a",
    ])
    func pathThatCanBeReadInTwoWaysIsRefused(target: String) async {
        for method in [Method.get, .post, .options] {
            let answer = await bench.send(method, target, Bench.session)
            #expect(answer.status == 400)
            #expect(bench.dispatcher.seen.isEmpty)
        }
    }

    @Test(arguments: [
        ("/api/vcenter/vm/a%20b", "a b"), ("/api/vcenter/vm/%C3%A9", "é"), ("/api/vcenter/vm/a+b", "a+b"),
        ("/api/vcenter/vm/%252F", "%2F"), ("/api/vcenter/vm/urn:vmomi:x:1:GLOBAL", "urn:vmomi:x:1:GLOBAL"),
        ("/api/vcenter/vm/...", "..."),
    ])
    func variableIsDecodedOnce(target: String, value: String) async {
        let answer = await bench.send(.get, target, Bench.session)
        #expect(answer.json?.text == value)
    }

    @Test(arguments: [
        (Method.put, "/api/vcenter/vm", "GET, HEAD, POST, OPTIONS"), (.get, "/api/vcenter/vm/vm-1/power", "POST, OPTIONS"),
        (.patch, "/api/session", "GET, HEAD, POST, DELETE, OPTIONS"), (.get, "/api", "POST, OPTIONS"),
        (.delete, "/api/", "POST, OPTIONS"), (.patch, "/api/vcenter/vm/policy", "GET, HEAD, DELETE, OPTIONS"),
    ])
    func knownPathWithAnotherMethodNamesTheRightOnes(method: Method, target: String, allowed: String) async {
        let answer = await bench.send(method, target)
        #expect(answer.status == 405)
        #expect(answer["Allow"] == allowed)
        let options = await bench.send(.options, target)
        #expect(options.status == 204)
        #expect(options["Allow"] == allowed)
    }

    @Test(arguments: [
        (Method.post, "/api/vcenter/vm?action=fly", 404), (.post, "/api/vcenter/vm/vm-1/power", 404),
        (.post, "/api/vcenter/vm/vm-1/power?action=", 404), (.post, "/api/vcenter/vm/vm-1/power?action=Start", 404),
        (.get, "/api/vcenter/vm?action=list", 404), (.post, "/api/vcenter/vm?~action=clone", 404),
        (.post, "/api/vcenter/vm?action=clone&vmw-task=false", 400), (.post, "/api/vcenter/vm?action=clone&vmw-task", 400),
        (.get, "/api/vcenter/vm?vmw-task=TRUE", 400), (.post, "/rest/com/vmware/cis/session?~action=fly", 404),
    ])
    func wrongFixedQueryIsRefusedWithoutASession(method: Method, target: String, status: Int) async {
        let answer = await bench.send(method, target)
        #expect(answer.status == status, "\(answer.text)")
    }

    @Test(arguments: ["/api/vcenter/vm?nonsense=1", "/api/vcenter/vm?vmw-task=true", "/api/session?names=x"])
    func unknownQueryParameterIsNamed(target: String) async {
        let answer = await bench.send(.get, target, Bench.session)
        #expect(answer.status == 400)
        #expect(answer.messageID == "com.vmware.vapi.rest.unsupported_property")
    }

    @Test(arguments: ["/api/vcenter/vm?names=%zz", "/api/vcenter/vm?names=%ff", "/api/vcenter/vm?%=1"])
    func malformedQueryIsRefused(target: String) async {
        let answer = await bench.send(.get, target, Bench.session)
        #expect(answer.status == 400)
    }

    @Test(arguments: [
        ("/api/vcenter/vm?names=a&names=web+b", #"[{"name":"a"},{"name":"web b","cpu_count":4}]"#),
        ("/api/vcenter/vm?names=a%26b", #"[{"name":"a&b"}]"#),
        ("/rest/vcenter/vm?filter.names=a", #"{"value":[{"name":"a"}]}"#),
        ("/rest/vcenter/vm?filter.names.1=a&filter.names.2=b", #"{"value":[{"name":"a"},{"name":"b"}]}"#),
    ])
    func listsInQueriesComeInEveryForm(target: String, body: String) async {
        let answer = await bench.send(.get, target, Bench.session)
        #expect(canonical(answer.text) == canonical(body))
    }

    @Test func everyPrefixAndMutationOfAPathIsAnswered() async {
        let seed: UInt64 = 0x5EED_0001
        let random = SeededRandomness(seed)
        let path = Array("/api/vcenter/vm/vm-1/power?action=start&vmw-task=true".utf8)
        for end in 1...path.count {
            let target = String(decoding: path[..<end], as: UTF8.self)
            let answer = await bench.send(.post, target)
            // JSON-RPC answers everything with 200.
            #expect((400...405).contains(answer.status) || target == "/api" || target == "/api/", "\(target)")
        }
        for _ in 0..<3000 {
            var mutant = path
            for _ in 0...random.below(3) { mutant[1 + random.below(path.count - 1)] = UInt8(random.below(256)) }
            let target = String(decoding: mutant, as: UTF8.self)
            let answer = await bench.send(.post, target)
            #expect((400...415).contains(answer.status), "seed \(seed): \(target)")
        }
    }
}

struct RoutingTableTests {
    /// The tree against a search through all routes, over random tables and paths.
    @Test func treeFindsWhatASearchFinds() throws {
        let seed: UInt64 = 0x5EED_0002
        let random = SeededRandomness(seed)
        let words = ["a", "b", "vm", "id:x"]
        for round in 0..<200 {
            var routes: [Route] = []
            for _ in 0..<12 {
                let parts = (0...random.below(4)).map { _ in [0: "{v}", 1: "{id:v}"][random.below(5)] ?? words[random.below(4)]
                }
                let method = ["GET", "POST"][random.below(2)]
                let known = routes.contains { $0.method == method && $0.path.count == parts.count }
                if known, random.below(2) == 0 { continue }
                routes.append(SmallContract.route(method, parts.joined(separator: "/")))
            }
            let table = RoutingTable(routes.enumerated().map { ($0.offset, $0.element) }, wire: .clean)
            for _ in 0..<40 {
                let parts = (0...random.below(5)).map { _ in (words + ["x", "id:"])[random.below(6)] }
                let path = try PathSegments(Array("/api/\(parts.joined(separator: "/"))".utf8)[...])
                for method in [Method.get, .post] {
                    let found = table.place(of: path, from: 1).flatMap { table.candidates(at: $0, method) } ?? []
                    let expected = routes.indices.filter { routes[$0].method == method.name && fits(routes[$0], parts) }
                    #expect(Set(found.map(\.operation)) == Set(expected), "seed \(seed), round \(round): \(parts)")
                    let counts = found.map(\.variables.count)
                    #expect(counts == counts.sorted(), "the more literal route comes first")
                }
            }
        }
    }

    private func fits(_ route: Route, _ parts: [String]) -> Bool {
        guard route.path.count == parts.count else { return false }
        return zip(route.path, parts).allSatisfy { segment, part in
            switch segment {
            case .literal(let name): name == part
            case .variable(let name): !name.contains(":") || part.hasPrefix("id:")
            }
        }
    }
}
