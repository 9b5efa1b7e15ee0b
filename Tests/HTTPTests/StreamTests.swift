import Testing

@testable import HTTP

// Bodies that are not collected: requests read while they arrive, with the peer held back, and responses written in
// parts.

@Suite struct StreamTests {
    static func streamingPeer(windowBytes: Int = 8) -> TestPeer {
        var limits = Limits()
        limits.streamWindowBytes = windowBytes
        limits.discardBytes = 16
        let peer = TestPeer(limits: limits)
        peer.policy = .stream
        peer.answer = nil
        return peer
    }

    static let ok = Response(status: 200, body: .bytes(Array("hi".utf8)))
    static let okText = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
    static let lastText = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"

    static func put(_ length: Int) -> String { "PUT /s HTTP/1.1\r\nHost: h\r\nContent-Length: \(length)\r\n\r\n" }
    static let putChunked = "PUT /s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

    /// Writes nothing itself: the tests play the loop.
    struct Announced: BodyWriter {
        var length: UInt64?
        func next() async throws -> [UInt8]? { nil }
    }

    // MARK: Requests

    @Test func bodyIsReadAsItArrives() {
        let peer = Self.streamingPeer()
        #expect(peer.send(Self.put(6) + "ab") == [.decide("/s"), .stream("/s")])
        #expect(peer.readText() == "ab")
        #expect(peer.readText() == "<wait>")
        #expect(peer.send("cd") == [.progress])
        #expect(peer.readText() == "cd")
        #expect(peer.send("ef") == [])
        #expect(peer.readText() == "ef")
        #expect(peer.readText() == "<end>")
        peer.respond(Self.ok)
        #expect(peer.output() == Self.okText)
        #expect(peer.send("") == [])
        #expect(peer.isIdle)
    }

    @Test func peerIsHeldBackBeyondTheWindow() {
        let peer = Self.streamingPeer(windowBytes: 8)
        peer.send(Self.put(20) + "0123456")
        #expect(peer.wantsInput)
        peer.send("789ABCDEFGHIJ")
        #expect(!peer.wantsInput)
        #expect(peer.readText() == "01234567")
        // The window is full again, so the peer is still not read from, and its time does not run.
        #expect(!peer.wantsInput)
        #expect(peer.deadline == nil)
        // What was left over waits behind the window, and comes without another read.
        #expect(peer.readText() == "89ABCDEF")
        #expect(peer.readText() == "GHIJ")
        #expect(peer.readText() == "<end>")
    }

    @Test func peerIsReadAgainOnceThereIsRoom() {
        let peer = Self.streamingPeer(windowBytes: 8)
        peer.send(Self.put(20) + "01234567")
        #expect(!peer.wantsInput)
        #expect(peer.readText() == "01234567")
        #expect(peer.wantsInput)
    }

    @Test func clockOfTheBodyStandsStillWhileThePeerIsHeldBack() {
        let peer = Self.streamingPeer(windowBytes: 8)
        peer.send(Self.put(20) + "0123456")
        peer.now += 1
        peer.send("7")
        #expect(peer.deadline == nil)
        peer.now += 100
        _ = peer.read()
        let left = peer.deadline ?? -1
        #expect(abs(left - 4) < 0.01)
    }

    @Test func heldBackPeerIsNotTooSlow() {
        let peer = Self.streamingPeer(windowBytes: 8)
        peer.send(Self.put(20) + "01234567")
        peer.now += 1000
        #expect(peer.expire() == [])
        #expect(peer.readText() == "01234567")
        #expect(peer.readText() == "<wait>")
        #expect(peer.send("89ABCDEFGHIJ") == [.progress])
    }

    @Test func chunkedStreamEndsAndTheNextRequestFollows() {
        let peer = Self.streamingPeer(windowBytes: 100)
        peer.send(Self.putChunked + "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\nGET /next HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(peer.readText() == "abcde")
        #expect(peer.readText() == "<end>")
        peer.respond(Self.ok)
        #expect(peer.send("") == [.respond("/next", "")])
    }

    @Test func emptyStreamEndsAtOnce() {
        let peer = Self.streamingPeer()
        peer.send(Self.putChunked)
        #expect(peer.readText() == "<wait>")
        #expect(peer.send("0\r\n\r\n") == [.progress])
        #expect(peer.readText() == "<end>")
    }

    @Test func brokenFramingIsAnsweredForTheApplication() {
        let peer = Self.streamingPeer()
        peer.send(Self.putChunked + "3\r\nabc\r\n")
        #expect(peer.readText() == "abc")
        #expect(peer.readText() == "<wait>")
        #expect(peer.send("x\r\n") == [.progress])
        #expect(peer.readText() == "<aborted>")
        peer.respond(Self.ok)
        #expect(peer.send("") == [.halfClose])
        #expect(peer.output().hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
    }

    @Test func slowStreamIsAnswered408() {
        let peer = Self.streamingPeer()
        peer.send(Self.put(20) + "a")
        #expect(peer.readText() == "a")
        #expect(peer.readText() == "<wait>")
        peer.now += 6
        #expect(peer.expire() == [.progress])
        #expect(peer.readText() == "<aborted>")
        peer.respond(Self.ok)
        #expect(peer.send("") == [.halfClose])
        #expect(peer.output().hasPrefix("HTTP/1.1 408 "))
    }

    @Test func peerThatLeavesAbortsItsStream() {
        let peer = Self.streamingPeer()
        peer.send(Self.put(20) + "a")
        #expect(peer.readText() == "a")
        #expect(peer.readText() == "<wait>")
        #expect(peer.endInput() == [.progress])
        #expect(peer.readText() == "<aborted>")
    }

    @Test func shortRestIsReadPast() {
        let peer = Self.streamingPeer()
        peer.send(Self.put(20) + "0123")
        peer.respond(Self.ok)
        #expect(peer.output() == Self.okText)
        #expect(peer.send("456789ABCDEFGHIJGET /next HTTP/1.1\r\nHost: h\r\n\r\n") == [.respond("/next", "")])
    }

    @Test func longRestEndsTheConnection() {
        let peer = Self.streamingPeer()
        peer.send(Self.put(21) + "0123")
        peer.respond(Self.ok)
        #expect(peer.output() == Self.lastText)
        #expect(peer.send("45678") == [.halfClose])
        #expect(peer.send("9ABCDEFGHIJKLMNO") == [])
    }

    @Test func unreadChunkedBodyEndsTheConnection() {
        let peer = Self.streamingPeer()
        peer.send(Self.putChunked)
        peer.respond(Self.ok)
        #expect(peer.output() == Self.lastText)
        #expect(peer.send("") == [.halfClose])
    }

    @Test func contentOfAnyLengthPassesThroughAConstantWindow() {
        let peer = Self.streamingPeer(windowBytes: 4096)
        let total = 1_000_000
        peer.send(Self.put(total))
        var numbers = SeededNumbers(seed: 7)
        var sent = 0
        var read = 0
        while read < total {
            if sent < total, peer.wantsInput {
                let count = min(total - sent, 1 + numbers.below(6000))
                peer.send([UInt8](repeating: 7, count: count))
                sent += count
            }
            if case .bytes(let bytes) = peer.read() {
                #expect(bytes.count <= 4096)
                read += bytes.count
            }
            #expect(peer.heldBytes <= 6000)
        }
        #expect(peer.readText() == "<end>")
    }

    // MARK: Responses

    @Test func partsAreSentAsChunks() {
        let peer = TestPeer()
        peer.answer = Response(status: 200, body: .stream(Announced(length: nil)))
        peer.send(ConnectionTests.get)
        #expect(peer.output() == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        #expect(peer.write("hello, world: 18 b"))
        #expect(peer.output() == "12\r\nhello, world: 18 b\r\n")
        #expect(peer.write(""))
        #expect(peer.output() == "")
        #expect(peer.endBody() == [])
        #expect(peer.output() == "0\r\n\r\n")
        #expect(peer.isIdle)
    }

    @Test func partsOfKnownLengthAreSentPlain() {
        let peer = TestPeer()
        peer.answer = Response(status: 200, body: .stream(Announced(length: 4)))
        peer.send(ConnectionTests.get)
        #expect(peer.write("ab"))
        #expect(peer.write("cd"))
        #expect(peer.endBody() == [])
        #expect(peer.output() == "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd")
    }

    @Test func partMayBeSentByTheLoop() {
        let peer = TestPeer()
        peer.answer = Response(status: 200, body: .stream(Announced(length: nil)))
        peer.send(ConnectionTests.get)
        _ = peer.output()
        #expect(peer.connection.openPart(bytes: 255, &peer.context))
        #expect(peer.output() == "ff\r\n")
        peer.connection.closePart(&peer.context)
        #expect(peer.output() == "\r\n")
    }

    @Test func tooManyBytesCutTheConnection() {
        let peer = TestPeer()
        peer.answer = Response(status: 200, body: .stream(Announced(length: 3)))
        peer.send(ConnectionTests.get)
        #expect(!peer.write("abcd"))
        #expect(peer.send("") == [.abort])
    }

    @Test func tooFewBytesCutTheConnection() {
        let peer = TestPeer()
        peer.answer = Response(status: 200, body: .stream(Announced(length: 3)))
        peer.send(ConnectionTests.get)
        #expect(peer.write("ab"))
        #expect(peer.endBody() == [.abort])
    }

    @Test func failedWriterCutsTheConnection() {
        let peer = TestPeer()
        peer.answer = Response(status: 200, body: .stream(Announced(length: nil)))
        peer.send(ConnectionTests.get)
        peer.connection.abortBody()
        #expect(peer.send("") == [.abort])
        #expect(!peer.write("late"))
    }

    @Test func oldClientGetsAStreamUntilTheEnd() {
        let peer = TestPeer()
        peer.answer = Response(status: 200, body: .stream(Announced(length: nil)))
        peer.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        #expect(peer.write("ab"))
        #expect(peer.endBody() == [.close])
        #expect(peer.output() == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nab")
    }

    @Test func headOfAStreamHasNoBody() {
        let peer = TestPeer()
        peer.answer = Response(status: 200, body: .stream(Announced(length: 9)))
        #expect(
            peer.send("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n" + ConnectionTests.get) == [.respond("/", ""), .respond("/a", "")])
        #expect(peer.output() == "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n")
    }

    @Test func nextRequestWaitsForTheEndOfAStream() {
        let peer = TestPeer()
        peer.answer = Response(status: 200, body: .stream(Announced(length: nil)))
        #expect(peer.send(ConnectionTests.get + ConnectionTests.get) == [.respond("/a", "")])
        #expect(peer.endBody() == [.respond("/a", "")])
    }
}
