// Large bodies in both directions: right bytes, constant memory, back-pressure, broken peers.
import Glibc
import HTTP
import Testing

@Suite struct StreamTests {
    static let isLong = getenv("VIADUCT_LONG") != nil

    @Test(arguments: [true, false])
    func takesALargeUpload(isSecure: Bool) async throws {
        let server = try TestServer(isSecure: isSecure)
        let total = StreamTests.isLong ? 2_000_000_000 : 20_000_000
        try await server.run { server in
            let client = try server.client(tls: isSecure ? .modern : nil)
            try client.send("POST /sum HTTP/1.1\r\nHost: t\r\nContent-Length: \(total)\r\n\r\n")
            var offset = 0
            while offset < total {
                let end = min(total, offset + 1_000_000)
                try client.send(Pattern.bytes(offset..<end))
                offset = end
            }
            #expect(try client.receiveResponse().text == String(total))
            #expect(try client.get("/hello").text == "hello")
        }
    }

    @Test func takesAnUploadInChunks() async throws {
        let server = try TestServer()
        try await server.run { server in
            let client = try server.client()
            try client.send("POST /sum HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
            var offset = 0
            for index in 0..<300 {
                let count = 1 + index * 97 % 30_000
                let head = String(count, radix: 16) + "\r\n"
                try client.send(Array(head.utf8) + Pattern.bytes(offset..<(offset + count)) + [13, 10])
                offset += count
            }
            try client.send("0\r\n\r\n")
            #expect(try client.receiveResponse().text == String(offset))
        }
    }

    @Test func holdsBackAClientWhileNobodyReads() async throws {
        let server = try TestServer()
        try await server.run { server in
            let client = try server.client()
            let total = 200_000_000
            try client.send("POST /held HTTP/1.1\r\nHost: t\r\nContent-Length: \(total)\r\n\r\n")
            client.setNonBlocking()
            var sent = 0
            var idleRounds = 0
            // Until the kernel's buffers and the server's window are full for a tenth of a second.
            while idleRounds < 100, sent < total {
                let count = client.sendWhatFits(Pattern.bytes(sent..<min(total, sent + 16_000)))
                sent += count
                idleRounds = count == 0 ? idleRounds + 1 : 0
                if count == 0 { usleep(1000) }
            }
            #expect(sent < total / 2)
            // What the server has taken from the kernel: its window and one read.
            let taken = server.server.statistics.receivedBytes
            #expect(taken <= Limits().streamWindowBytes + 256 * 1024)
            server.application.readLatch.open()
            try eventually { server.application.bodyBytesRead.withLock { $0 } > taken / 2 }
        }
    }

    @Test func readsABodyFromAnotherExecutor() async throws {
        let server = try TestServer(loops: 2)
        try await server.run { server in
            let client = try server.client()
            for _ in 0..<5 {
                try client.send("POST /elsewhere HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\n")
                try client.send(Pattern.bytes(0..<1_000_000))
                #expect(try client.receiveResponse().text == "1000000")
            }
        }
    }

    @Test func tellsTheReaderThatItsClientIsGone() async throws {
        let server = try TestServer()
        try await server.run { server in
            for round in 1...3 {
                let client = try server.client()
                try client.send("POST /sum HTTP/1.1\r\nHost: t\r\nContent-Length: 1000000\r\n\r\n")
                try client.send(Pattern.bytes(0..<100_000))
                switch round {
                case 1: client.reset()
                case 2: client.close()
                default: try client.endSending()
                }
                try eventually { server.application.seenAborts.withLock { $0 } == round }
            }
        }
    }

    @Test func aReaderKeptBeyondItsRequestGetsNothingOfTheNext() async throws {
        let server = try TestServer()
        try await server.run { server in
            let client = try server.client()
            for path in ["/keep", "/kept"] {
                try client.send("POST \(path) HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nbody")
                let response = try client.receiveResponse()
                #expect(response.text == (path == "/kept" ? "aborted" : ""))
            }
            #expect(try client.get("/hello").text == "hello")
        }
    }

    @Test(arguments: ["/download", "/chunked", "/big"], [true, false])
    func sendsALargeAnswer(path: String, isSecure: Bool) async throws {
        let server = try TestServer(isSecure: isSecure)
        let total = StreamTests.isLong && path != "/big" ? 1_000_000_000 : 10_000_000
        try await server.run { server in
            let client = try server.client(tls: isSecure ? .modern : nil)
            for part in [1000, 65_536, 1_000_000] {
                let total = part == 1000 ? 1_000_001 : total
                try client.send("GET \(path)?bytes=\(total)&part=\(part) HTTP/1.1\r\nHost: t\r\n\r\n")
                let response = try client.receiveResponse()
                #expect(response.body.count == total)
                #expect(response.body == Pattern.bytes(0..<total))
            }
        }
    }

    @Test(arguments: ["/download", "/chunked"])
    func makesNoMoreThanAClientTakes(path: String) async throws {
        let server = try TestServer()
        try await server.run { server in
            let client = try server.client()
            try client.send("GET \(path)?bytes=4000000000&part=100000 HTTP/1.1\r\nHost: t\r\n\r\n")
            _ = try client.receiveSome()
            // The kernel's buffers are full when something waits; then there is time to run ahead, if it could.
            try eventually { server.server.statistics.waitingBytes > 0 }
            usleep(300_000)
            #expect(try !client.receiveSome().isEmpty)
            let statistics = server.server.statistics
            #expect(statistics.mostWaitingBytes <= 256 * 1024)
            // The kernel's buffers hold a few MB at most.
            #expect(statistics.sentBytes < 64_000_000)
        }
    }

    @Test func cutsAConnectionWhoseAnswerBreaksOff() async throws {
        let server = try TestServer()
        try await server.run { server in
            for path in ["/download", "/chunked"] {
                let client = try server.client()
                try client.send("GET \(path)?bytes=1000000&part=1000&fail=500000 HTTP/1.1\r\nHost: t\r\n\r\n")
                #expect(throws: ClientError.self) { try client.receiveResponse() }
            }
        }
    }

    @Test func aClientThatIsGoneLeavesNothingToTheNext() async throws {
        let server = try TestServer()
        try await server.run { server in
            // The reset races with the answer, so that now and then the server finds out by a failing send.
            for round in 0..<300 {
                let client = try server.client()
                let target = round % 2 == 0 ? "/later" : "/big?bytes=\(round * 100)"
                try client.send("GET \(target) HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
                usleep(UInt32(round % 10) * 20)
                client.reset()
                if round % 10 == 0 { #expect(try server.client().get("/hello").text == "hello") }
            }
        }
    }

    @Test func forgetsAnAnswerWhoseClientIsGone() async throws {
        let server = try TestServer()
        try await server.run { server in
            for _ in 0..<5 {
                let client = try server.client()
                try client.send("GET /download?bytes=4000000000 HTTP/1.1\r\nHost: t\r\n\r\n")
                _ = try client.receiveSome()
                client.reset()
            }
            try eventually { server.server.statistics.connections == 0 }
            #expect(server.server.statistics.waitingBytes == 0)
        }
    }
}
