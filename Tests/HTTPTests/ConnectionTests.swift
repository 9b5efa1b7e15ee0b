import Testing

@testable import HTTP

// The life of a connection: who closes it and when, requests in a row, leave to send a body, draining, deadlines.
// The clock is set by hand.

@Suite struct ConnectionTests {
    static let get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
    static let plainAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    static let lastAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"

    @Test func requestsFollowEachOther() {
        let peer = TestPeer()
        for _ in 0..<3 {
            #expect(peer.send(Self.get) == [.respond("/a", "")])
            #expect(peer.output() == Self.plainAnswer)
        }
        #expect(peer.isIdle)
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: h\r\n\r\n", "", true),
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "close", false),
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: x, CLOSE\r\n\r\n", "close", false),
        ("GET / HTTP/1.1\r\nHost: h\r\nConnection: x\r\nConnection: close\r\n\r\n", "close", false),
        ("GET / HTTP/1.0\r\n\r\n", "close", false), ("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "keep-alive", true),
        ("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n", "close", false),
    ])
    func connectionFieldDecides(_ request: String, _ field: String, _ staysOpen: Bool) {
        let peer = TestPeer()
        let events = peer.send(request)
        #expect(events == (staysOpen ? [.respond("/", "")] : [.respond("/", ""), .close]))
        let line = field.isEmpty ? "" : "Connection: \(field)\r\n"
        #expect(peer.output() == "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\(line)\r\nhi")
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() {
        let peer = TestPeer()
        let events = peer.send(
            "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\nxGET /3 HTTP/1.1\r\nHost: h\r\n\r\n"
        )
        #expect(events == [.respond("/1", ""), .decide("/2"), .respond("/2", "x"), .respond("/3", "")])
        #expect(peer.output() == Self.plainAnswer + Self.plainAnswer + Self.plainAnswer)
    }

    @Test func pipelinedRequestsWaitForASlowAnswer() {
        let peer = TestPeer()
        peer.answer = nil
        #expect(peer.send(Self.get + Self.get) == [.respond("/a", "")])
        #expect(!peer.wantsInput)
        #expect(peer.send("") == [])
        peer.respond(Response(status: 204))
        #expect(peer.send("") == [.respond("/a", "")])
        #expect(peer.output() == "HTTP/1.1 204 No Content\r\n\r\n")
    }

    @Test func pipeliningPausesAtItsDepth() {
        var limits = Limits()
        limits.pipelineDepth = 64
        let peer = TestPeer(limits: limits)
        let events = peer.send(String(repeating: Self.get, count: 65))
        #expect(events.count == 65)
        #expect(events.last == .flush)
        #expect(peer.output() == String(repeating: Self.plainAnswer, count: 64))
        #expect(peer.send("") == [.respond("/a", "")])
    }

    @Test func nothingIsTakenWhileAnswersWait() {
        let peer = TestPeer()
        peer.send(Self.get)
        peer.connection.noteOutput(waitingBytes: 10, peer.context, at: peer.nanoseconds)
        #expect(!peer.wantsInput)
        #expect(peer.send(Self.get) == [])
        peer.connection.noteOutput(waitingBytes: 0, peer.context, at: peer.nanoseconds)
        #expect(peer.send("") == [.respond("/a", "")])
    }

    @Test func inputAfterTheLastRequestIsReadPast() {
        let peer = TestPeer()
        let events = peer.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\nGET /never HTTP/1.1\r\n")
        #expect(events == [.respond("/", ""), .halfClose])
        #expect(peer.wantsInput)
        #expect(peer.send("more") == [])
        #expect(peer.endInput() == [.close])
    }

    @Test func refusedPeerMayGoOnSendingForAWhile() {
        var limits = Limits()
        limits.lingerBytes = 10
        let peer = TestPeer(limits: limits)
        #expect(peer.send("GET / HTTP/1.1\r\n\r\n") == [.halfClose])
        #expect(peer.output().hasSuffix("{\"status\":400,\"reason\":\"Bad Request\",\"detail\":\"There is no Host field.\"}"))
        #expect(peer.deadline == 2)
        #expect(peer.send("0123456789") == [])
        #expect(peer.send("x") == [.close])
        let silent = TestPeer(limits: limits)
        silent.send("\0")
        silent.now += 2
        #expect(silent.expire() == [.close])
    }

    @Test func refusalsSayHowLongTheyAre() {
        for text in ["\0", "BREW / HTTP/1.1\r\n", "GET / HTTP/9.0\r\n", "GET / HTTP/1.1\r\nHost: h\r\nExpect: x\r\n\r\n"] {
            let peer = TestPeer()
            peer.send(text)
            let parts = peer.output().split(separator: "\r\n\r\n", maxSplits: 1)
            let length = parts[0].split(separator: "\r\n").first { $0.hasPrefix("Content-Length: ") }
            #expect(length == "Content-Length: \(parts[1].utf8.count)")
        }
    }

    // MARK: Leave to send a body

    @Test func leaveIsGivenOnceTheBodyIsWanted() {
        let peer = TestPeer()
        #expect(peer.send("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n") == [.decide("/")])
        #expect(peer.output() == "HTTP/1.1 100 Continue\r\n\r\n")
        #expect(peer.send("abc") == [.respond("/", "abc")])
        #expect(peer.output() == Self.plainAnswer)
    }

    @Test func leaveIsNotGivenForABodyThatIsTooLarge() {
        let peer = TestPeer()
        let events = peer.send("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 101\r\n\r\n")
        #expect(events == [.decide("/"), .halfClose])
        #expect(peer.output().hasPrefix("HTTP/1.1 413 "))
    }

    @Test func leaveIsGivenWhenAStreamIsFirstRead() {
        let peer = TestPeer()
        peer.policy = .stream
        peer.answer = nil
        peer.send("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        #expect(peer.output() == "")
        #expect(peer.deadline == nil)
        #expect(peer.readText() == "<wait>")
        #expect(peer.output() == "HTTP/1.1 100 Continue\r\n\r\n")
        #expect(peer.send("abc") == [.progress])
        #expect(peer.readText() == "abc")
        #expect(peer.readText() == "<end>")
    }

    @Test func answerWithoutLeaveEndsTheConnection() {
        let peer = TestPeer()
        peer.policy = .stream
        let events = peer.send("PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        #expect(events == [.decide("/"), .stream("/"), .halfClose])
        #expect(peer.output() == Self.lastAnswer)
    }

    @Test func oldClientsGetNoLeave() {
        let peer = TestPeer()
        peer.send("PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n")
        #expect(peer.output() == "")
    }

    // MARK: Draining and ends

    @Test func drainingEndsTheConnectionWithTheNextAnswer() {
        let peer = TestPeer()
        peer.send(Self.get)
        #expect(peer.output() == Self.plainAnswer)
        peer.connection.drain()
        #expect(peer.send("") == [])
        #expect(peer.send(Self.get) == [.respond("/a", ""), .close])
        #expect(peer.output() == Self.lastAnswer)
    }

    @Test func peerThatEndsBetweenRequestsIsLetGo() {
        let peer = TestPeer()
        peer.send(Self.get)
        #expect(peer.endInput() == [.close])
        let early = TestPeer()
        early.send("GET / HT")
        #expect(early.endInput() == [.close])
        #expect(early.output() == "")
    }

    @Test func peerThatEndsItsSideStillGetsItsAnswer() {
        let peer = TestPeer()
        peer.answer = nil
        peer.send(Self.get)
        #expect(peer.endInput() == [])
        peer.respond(Response(status: 200, body: .bytes(Array("hi".utf8))))
        #expect(peer.send("") == [.close])
        #expect(peer.output() == Self.lastAnswer)
    }

    @Test func answerAfterTheEndIsDropped() {
        let peer = TestPeer()
        peer.answer = nil
        peer.send(Self.get)
        peer.connection.noteOutput(waitingBytes: 1, peer.context, at: peer.nanoseconds)
        peer.now += 30
        #expect(peer.expire() == [.abort])
        peer.respond(Response(status: 200))
        #expect(peer.output() == "")
    }

    // MARK: Deadlines

    @Test func handshakeHasADeadline() {
        let peer = TestPeer(isSecure: true)
        #expect(peer.deadline == 10)
        peer.now += 10
        #expect(peer.expire() == [.close])
        let quick = TestPeer(isSecure: true)
        quick.connection.handshakeCompleted(quick.context, at: quick.nanoseconds)
        #expect(quick.deadline == 75)
        #expect(quick.send(Self.get) == [.respond("/a", "")])
    }

    @Test func headDeadlineDoesNotMoveWithItsBytes() {
        let peer = TestPeer()
        #expect(peer.deadline == 75)
        for byte in "GET / HTTP".utf8 {
            peer.send([byte])
            peer.now += 0.9
        }
        let left = peer.deadline ?? -1
        #expect(abs(left - 1) < 0.001)
        peer.now += 1
        #expect(peer.expire() == [.halfClose])
        #expect(peer.output().hasPrefix("HTTP/1.1 408 Request Timeout\r\n"))
    }

    @Test func idleConnectionEndsQuietly() {
        let peer = TestPeer()
        peer.now += 50
        peer.send(Self.get)
        #expect(peer.output() == Self.plainAnswer)
        #expect(peer.deadline == 75)
        peer.now += 74
        #expect(peer.expire() == [])
        peer.now += 1
        #expect(peer.expire() == [.close])
        #expect(peer.output() == "")
    }

    @Test func requestInWorkHasNoDeadline() {
        let peer = TestPeer()
        peer.answer = nil
        peer.send(Self.get)
        #expect(peer.deadline == nil)
    }

    @Test func bodyHasALeastRate() {
        let peer = TestPeer()
        peer.policy = .collect(limit: 1 << 20)
        peer.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n")
        #expect(peer.deadline == 5)
        peer.send(String(repeating: "x", count: 2048))
        let left = peer.deadline ?? -1
        #expect(abs(left - 7) < 0.01)
        peer.now += 7
        #expect(peer.expire() == [.halfClose])
        #expect(peer.output().hasPrefix("HTTP/1.1 408 "))
    }

    @Test func fastBodyMayNotPauseForLong() {
        let peer = TestPeer()
        peer.policy = .collect(limit: 1 << 20)
        peer.send("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n" + String(repeating: "x", count: 500_000))
        #expect(peer.deadline == 30)
    }

    @Test func peerThatTakesNothingIsCutOff() {
        let peer = TestPeer()
        peer.send(Self.get)
        peer.connection.noteOutput(waitingBytes: 100, peer.context, at: peer.nanoseconds)
        peer.now += 20
        peer.connection.noteOutput(waitingBytes: 100, peer.context, at: peer.nanoseconds)
        #expect(peer.deadline == 10)
        peer.connection.noteOutput(waitingBytes: 99, peer.context, at: peer.nanoseconds)
        #expect(peer.deadline == 30)
        peer.now += 30
        #expect(peer.expire() == [.abort])
    }
}
