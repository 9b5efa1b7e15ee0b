// Deadlines of slow clients, caps on connections, draining and stopping.
import Glibc
import HTTP
import Platform
import Logging
import Serving
import Sockets
import Testing

@Suite struct LimitTests {
    static let second: UInt64 = 1_000_000_000

    /// The usual limits but one: a busy machine must not run into the others.
    static func limits(_ limit: WritableKeyPath<Limits, UInt64>, nanoseconds: UInt64 = second / 4) -> Limits {
        var limits = Limits()
        limits[keyPath: limit] = nanoseconds
        return limits
    }

    @Test func endsWhoDoesNotShakeHands() async throws {
        let server = try TestServer(limits: LimitTests.limits(\.handshakeNanoseconds))
        try await server.run { server in
            let silent = try server.client(tls: nil)
            #expect(try silent.isAtEnd())
        }
    }

    @Test func endsWhoSendsNoRequest() async throws {
        let server = try TestServer(limits: LimitTests.limits(\.idleNanoseconds))
        try await server.run { server in
            let idle = try server.client()
            #expect(try idle.isAtEnd())
        }
    }

    @Test func endsWhoSendsNoSecondRequest() async throws {
        let server = try TestServer(limits: LimitTests.limits(\.idleNanoseconds, nanoseconds: 2 * LimitTests.second))
        try await server.run { server in
            let used = try server.client()
            _ = try used.get("/hello")
            #expect(try used.isAtEnd())
        }
    }

    @Test func tellsTheApplicationWhichRequestsHaveWaitedTooLong() async throws {
        let server = try TestServer(limits: LimitTests.limits(\.overdueNanoseconds, nanoseconds: 1_000_000))
        try await server.run { server in
            let client = try server.client()
            // Both arrive together, so the second waits for the first within one turn of the loop.
            try client.send("GET /stall HTTP/1.1\r\nHost: t\r\n\r\nGET /overdue HTTP/1.1\r\nHost: t\r\n\r\n")
            #expect(try client.receiveResponse().status == 200)
            #expect(try client.receiveResponse().status == 503)
            #expect(server.server.statistics.overdueRequests == 1)
        }
        let patient = try TestServer(limits: LimitTests.limits(\.overdueNanoseconds, nanoseconds: 60 * LimitTests.second))
        try await patient.run { server in
            let client = try server.client()
            #expect(try client.get("/overdue").status == 200)
            #expect(server.server.statistics.overdueRequests == 0)
        }
    }

    @Test func tellsWhoSendsAHeadTooSlowly() async throws {
        let server = try TestServer(limits: LimitTests.limits(\.headNanoseconds))
        try await server.run { server in
            let slow = try server.client()
            try slow.send("GET /hello HT")
            #expect(try slow.receiveResponse().status == 408)
            #expect(try slow.isAtEnd())
        }
    }

    @Test func tellsWhoSendsABodyTooSlowly() async throws {
        let server = try TestServer(limits: LimitTests.limits(\.bodyGraceNanoseconds))
        try await server.run { server in
            for path in ["/echo", "/sum"] {
                let slow = try server.client()
                try slow.send("POST \(path) HTTP/1.1\r\nHost: t\r\nContent-Length: 100000\r\n\r\nabc")
                #expect(try slow.receiveResponse().status >= 400)
                #expect(try slow.isAtEnd())
            }
        }
    }

    @Test func endsWhoDoesNotTakeTheAnswer() async throws {
        let server = try TestServer(limits: LimitTests.limits(\.sendNanoseconds))
        try await server.run { server in
            let client = try server.client()
            try client.send("GET /download?bytes=4000000000 HTTP/1.1\r\nHost: t\r\n\r\n")
            try eventually { server.server.statistics.connections == 0 }
        }
    }

    @Test func capsConnectionsInAllAndPerAddress() async throws {
        let server = try TestServer(connectionLimit: 3)
        try await server.run { server in
            var clients = try (0..<3).map { _ in try server.client() }
            #expect(throws: ClientError.self) { try server.client() }
            #expect(server.server.statistics.refusedConnections == 1)
            clients.removeLast()
            try eventually { server.server.statistics.connections == 2 }
            #expect(try server.client().get("/hello").status == 200)
        }
        let perAddress = try TestServer(perAddress: 2)
        try await perAddress.run { server in
            let clients = try (0..<2).map { _ in try server.client() }
            #expect(throws: ClientError.self) { try server.client() }
            #expect(try clients[0].get("/hello").status == 200)
        }
    }

    @Test func drainingFinishesWhatIsUnderWayAndClosesTheRest() async throws {
        let server = try TestServer(loops: 2)
        let address = server.address
        let (busy, idle) = try await server.onThread { () -> (Box, Box) in
            let busy = try server.client()
            try busy.send("GET /latch HTTP/1.1\r\nHost: t\r\n\r\n")
            let idle = try server.client()
            _ = try idle.get("/hello")
            try eventually { server.application.latch.waiterCount == 1 }
            return (Box(busy), Box(idle))
        }
        let draining = Task { await server.server.drain(deadlineNanoseconds: 20 * LimitTests.second) }
        try await server.onThread {
            #expect(try idle.client.isAtEnd())
            // The other loop may be a moment later.
            try eventually { (try? TestClient(address)) == nil && server.server.statistics.connections == 1 }
            server.application.latch.open()
            let response = try busy.client.receiveResponse()
            #expect(response.text == "opened")
            #expect(response["connection"] == "close")
            #expect(try busy.client.isAtEnd())
        }
        await draining.value
        #expect(server.server.statistics.connections == 0)
        server.server.stop()
    }

    @Test func drainingCutsWhoIsNotDoneInTime() async throws {
        let server = try TestServer()
        let busy = try await server.onThread { () -> Box in
            let busy = try server.client()
            try busy.send("GET /latch HTTP/1.1\r\nHost: t\r\n\r\n")
            try eventually { server.application.latch.waiterCount == 1 }
            return Box(busy)
        }
        await server.server.drain(deadlineNanoseconds: LimitTests.second / 10)
        #expect(server.server.statistics.connections == 0)
        try await server.onThread {
            _ = #expect(throws: ClientError.self) { try busy.client.receiveResponse() }
        }
        server.server.stop()
        // The handler is still there; its answer goes nowhere, on whatever executor it ends.
        server.application.latch.open()
    }

    @Test func theUnspecifiedIPv6AddressTakesIPv4PeersAsSuch() async throws {
        let application = try TestApplication()
        let everywhere = try #require(SocketAddress("[::]:0"))
        let configuration = Server.Configuration(listen: [everywhere], loops: 1, tls: nil)
        // A machine without IPv6 has nothing to show.
        guard let server = try? Server(configuration: configuration, application: application, logger: .init(label: "t")) else {
            return
        }
        try server.start()
        let pool = try WorkerPool(threads: 1)
        let address = server.boundAddresses[0]
        let answer = try await pool.run { () throws(any Error) -> String in
            try TestClient(address, tls: nil).get("/peer").text
        }
        #expect(answer == "127.0.0.1 false")
        server.stop()
    }

    @Test(arguments: ["127.0.0.1:80", "[::1]:8443", "[fe80::1]:1", "0.0.0.0:0"])
    func readsAndWritesAddresses(text: String) {
        #expect(SocketAddress(text)?.description == text)
    }

    @Test(arguments: ["", ":80", "localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "::1:80", "[127.0.0.1]:80", "127.0.0.1:8 "])
    func refusesWhatIsNoAddress(text: String) {
        #expect(SocketAddress(text) == nil)
    }

    @Test func refusesAnAddressThatIsTaken() async throws {
        let server = try TestServer(isSecure: false)
        let configuration = Server.Configuration(listen: [server.address], loops: 1, tls: nil)
        #expect(throws: SocketError.addressInUse(server.address)) {
            try Server(configuration: configuration, application: server.application, logger: .init(label: "t"))
        }
        server.server.stop()
        let again = try Server(configuration: configuration, application: server.application, logger: .init(label: "t"))
        again.stop()
    }
}

/// Hands a client from one thread to the next.
final class Box: @unchecked Sendable {
    // Used by one thread at a time: the test awaits each before the next begins.
    let client: TestClient
    init(_ client: TestClient) { self.client = client }
}
