// Versions, names, tickets, reload: what a client sees of TLS.
import COpenSSL
import Cryptography
import Platform
import Testing

@Suite struct TLSTests {
    @Test func speaksBothVersionsAndNoOlder() async throws {
        let server = try TestServer()
        try await server.run { server in
            for (version, name) in [(TLS1_2_VERSION, "TLSv1.2"), (TLS1_3_VERSION, "TLSv1.3")] {
                let client = try server.client(tls: ClientTLS(minimum: version, maximum: version))
                #expect(client.version == name)
                #expect(try client.get("/hello").text == "hello")
            }
            #expect(throws: ClientError.self) {
                try server.client(tls: ClientTLS(minimum: TLS1_VERSION, maximum: TLS1_1_VERSION))
            }
            #expect(server.server.statistics.failedHandshakes == 1)
        }
    }

    @Test func refusesWeakCiphers() async throws {
        let server = try TestServer()
        try await server.run { server in
            for ciphers in ["ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "AES128-GCM-SHA256"] {
                let tls = ClientTLS(minimum: TLS1_2_VERSION, maximum: TLS1_2_VERSION, ciphers: ciphers)
                #expect(throws: ClientError.self) { try server.client(tls: tls) }
            }
        }
    }

    @Test func choosesHTTP11ByALPNAndRefusesOthers() async throws {
        let server = try TestServer()
        try await server.run { server in
            let both = try server.client(tls: ClientTLS(protocols: [2, 104, 50, 8] + Array("http/1.1".utf8)))
            #expect(both.chosenProtocol == "http/1.1")
            #expect(try both.get("/hello").status == 200)
            let none = try server.client()
            #expect(none.chosenProtocol == "")
            #expect(throws: ClientError.self) { try server.client(tls: ClientTLS(protocols: [2, 104, 50])) }
        }
    }

    @Test(arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func resumesWithTicketsUntilTheKeyIsTwoRotationsOld(version: Int32) async throws {
        let server = try TestServer()
        try await server.run { server in
            let tls = ClientTLS(minimum: version, maximum: version)
            let first = try server.client(tls: tls)
            _ = try first.get("/hello")
            #expect(!first.isResumed)
            var resuming = tls
            resuming.session = first.session
            let second = try server.client(tls: resuming)
            _ = try second.get("/hello")
            #expect(second.isResumed)
            server.tickets.rotate()
            let third = try server.client(tls: resuming)
            _ = try third.get("/hello")
            #expect(third.isResumed)
            var renewed = tls
            renewed.session = third.session
            server.tickets.rotate()
            let old = try server.client(tls: resuming)
            _ = try old.get("/hello")
            #expect(!old.isResumed)
            let fresh = try server.client(tls: renewed)
            _ = try fresh.get("/hello")
            #expect(fresh.isResumed)
        }
        #expect(server.server.statistics.resumedHandshakes == 3)
    }

    @Test func choosesTheCertificateByServerName() async throws {
        let server = try TestServer(hosts: [["one.example"], ["two.example", "three.example"]])
        try await server.run { server in
            let prints = server.identities.map(\.fingerprint)
            let cases = [("one.example", 0), ("two.example", 1), ("THREE.example", 1), ("unknown.example", 0)]
            for (name, index) in cases {
                let client = try server.client(tls: ClientTLS(serverName: name))
                #expect(client.certificateFingerprint == prints[index])
                #expect(try client.get("/hello").status == 200)
            }
            let unnamed = try server.client()
            #expect(unnamed.certificateFingerprint == prints[0])
        }
    }

    @Test func aReloadKeepsOldConnectionsAndTheirTickets() async throws {
        let server = try TestServer()
        let renewed = try Identity.selfSigned(hosts: ["localhost"], days: 5, world: .system)
        let context = try TLSContext(identities: [renewed], tickets: server.tickets)
        try await server.run { server in
            let old = try server.client()
            _ = try old.get("/hello")
            server.server.reload(tls: context)
            try eventually {
                guard let client = try? server.client() else { return false }
                return client.certificateFingerprint == renewed.fingerprint
            }
            #expect(try old.get("/hello").text == "hello")
            let resumed = try server.client(tls: ClientTLS(session: old.session))
            #expect(resumed.isResumed)
        }
    }

    @Test func answersAnythingThatIsNotTLSByClosing() async throws {
        let server = try TestServer()
        try await server.run { server in
            for bytes in [Array("GET / HTTP/1.1\r\n\r\n".utf8), [UInt8](repeating: 0, count: 5000), [22, 3, 1, 255, 255, 1]] {
                let client = try server.client(tls: nil)
                try client.send(bytes)
                try client.endSending()
                _ = try? client.receiveAll()
            }
            try eventually { server.server.statistics.connections == 0 }
            #expect(try server.client().get("/hello").status == 200)
        }
    }

    @Test func answersACloseNotifyWithOne() async throws {
        let server = try TestServer()
        try await server.run { server in
            let client = try server.client()
            _ = try client.get("/hello")
            try client.endSending()
            #expect(try client.isAtEnd())
        }
    }

    @Test func survivesRequestsInSingleBytes() async throws {
        let server = try TestServer()
        try await server.run { server in
            let client = try server.client()
            for byte in "GET /hello HTTP/1.1\r\nHost: t\r\n\r\n".utf8 { try client.send([byte]) }
            #expect(try client.receiveResponse().text == "hello")
        }
    }
}
