// Requests and answers over real sockets, with TLS and without.
import Testing

@Suite struct ExchangeTests {
    @Test(arguments: [true, false])
    func answersManyRequestsOnOneConnection(isSecure: Bool) async throws {
        let server = try TestServer(isSecure: isSecure)
        try await server.run { server in
            let client = try server.client(tls: isSecure ? .modern : nil)
            for _ in 0..<50 {
                let response = try client.get("/hello")
                #expect(response.status == 200)
                #expect(response.text == "hello")
                #expect(response["date"] != nil)
            }
            let peer = try client.get("/peer")
            #expect(peer.text == "127.0.0.1 \(isSecure)")
        }
        #expect(server.server.statistics.requests == 51)
        #expect(server.server.statistics.acceptedConnections == 1)
        #expect(server.server.statistics.connections == 0)
    }

    @Test func answersPipelinedRequestsInOrder() async throws {
        let server = try TestServer()
        try await server.run { server in
            let client = try server.client()
            var requests = ""
            for index in 0..<200 {
                let target = index % 3 == 0 ? "/later" : "/big?bytes=\(index)"
                requests += "GET \(target) HTTP/1.1\r\nHost: t\r\n\r\n"
            }
            try client.send(requests)
            for index in 0..<200 {
                let response = try client.receiveResponse()
                if index % 3 == 0 {
                    #expect(response.text == "from the pool")
                } else {
                    #expect(response.body == Pattern.bytes(0..<index))
                }
            }
        }
    }

    @Test func comesBackToTheLoopAfterSuspension() async throws {
        let server = try TestServer(loops: 2)
        try await server.run { server in
            let clients = try (0..<8).map { _ in try server.client() }
            for _ in 0..<20 {
                for client in clients { try client.send("GET /later HTTP/1.1\r\nHost: t\r\n\r\n") }
                for client in clients { #expect(try client.receiveResponse().text == "from the pool") }
            }
        }
    }

    @Test func headIsAnsweredWithoutABody() async throws {
        let server = try TestServer()
        try await server.run { server in
            let client = try server.client()
            try client.send("HEAD /hello HTTP/1.1\r\nHost: t\r\n\r\n")
            let head = try client.receiveResponse(hasBody: false)
            #expect(head["content-length"] == "5")
            try client.send("HEAD /download?bytes=1000000 HTTP/1.1\r\nHost: t\r\n\r\n")
            let stream = try client.receiveResponse(hasBody: false)
            #expect(stream["content-length"] == "1000000")
            #expect(try client.get("/hello").text == "hello")
        }
    }

    @Test func echoesBodiesWithLengthAndInChunks() async throws {
        let server = try TestServer()
        try await server.run { server in
            let client = try server.client()
            for count in [0, 1, 16_384, 16_385, 300_000] {
                try client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: \(count)\r\n\r\n")
                try client.send(Pattern.bytes(0..<count))
                let response = try client.receiveResponse()
                #expect(response.status == (count == 0 ? 400 : 200))
                #expect(response.body == Pattern.bytes(0..<count))
            }
            try client.send("POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
            for text in ["5\r\nabcde\r\n", "A;x=y\r\n0123456789\r\n", "0\r\n\r\n"] { try client.send(text) }
            #expect(try client.receiveResponse().text == "abcde0123456789")
        }
    }

    @Test func sendsContinueBeforeABodyThatWaitsForIt() async throws {
        let server = try TestServer()
        try await server.run { server in
            let client = try server.client()
            for path in ["/echo", "/sum"] {
                try client.send("POST \(path) HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
                #expect(try client.receiveHead().status == 100)
                try client.send(Pattern.bytes(0..<5))
                #expect(try client.receiveResponse().status == 200)
            }
        }
    }

    @Test func anEarlyAnswerNeedsNoBody() async throws {
        let server = try TestServer()
        try await server.run { server in
            let client = try server.client()
            try client.send("POST /ignore HTTP/1.1\r\nHost: t\r\nContent-Length: 5000000\r\nExpect: 100-continue\r\n\r\n")
            let response = try client.receiveResponse()
            #expect(response.text == "ignored")
            #expect(response["connection"] == "close")
            #expect(try client.isAtEnd())
        }
    }

    @Test func refusalsReachTheClientAlthoughItGoesOnSending() async throws {
        let server = try TestServer()
        try await server.run { server in
            let client = try server.client()
            try client.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 90000000\r\n\r\n")
            try client.send(Pattern.bytes(0..<200_000))
            #expect(try client.receiveResponse().status == 413)
            #expect(try client.isAtEnd())
            let broken = try server.client()
            try broken.send("GET / HTTP/1.1\r\nHost: t\r\nbad header\r\n\r\n")
            #expect(try broken.receiveResponse().status == 400)
            #expect(try broken.isAtEnd())
        }
    }

    @Test func connectionCloseEndsWithCloseNotify() async throws {
        let server = try TestServer()
        try await server.run { server in
            for target in ["/hello", "/big?bytes=3000000", "/download?bytes=3000000", "/chunked?bytes=3000000"] {
                let client = try server.client()
                try client.send("GET \(target) HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n")
                let response = try client.receiveResponse()
                #expect(response["connection"] == "close")
                // `isAtEnd` throws on an end without close_notify.
                #expect(try client.isAtEnd())
            }
        }
    }

    @Test func answersAClientThatHasEndedItsSide() async throws {
        let server = try TestServer()
        try await server.run { server in
            for target in ["/big?bytes=200000", "/later"] {
                let client = try server.client()
                try client.send("GET \(target) HTTP/1.1\r\nHost: t\r\n\r\n")
                try client.endSending()
                #expect(try client.receiveResponse().status == 200)
                #expect(try client.isAtEnd())
            }
        }
    }

    @Test func aHandlerOutlivesItsClient() async throws {
        let server = try TestServer()
        try await server.run { server in
            let client = try server.client()
            try client.send("GET /latch HTTP/1.1\r\nHost: t\r\n\r\n")
            try eventually { server.application.latch.waiterCount == 1 }
            client.reset()
            try eventually { server.server.statistics.connections == 0 }
            server.application.latch.open()
            #expect(try server.client().get("/hello").text == "hello")
        }
    }
}
