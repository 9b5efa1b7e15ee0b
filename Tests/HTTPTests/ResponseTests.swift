import Testing

@testable import HTTP

// How answers are written: framing, fields, and the choice of a content coding.

@Suite struct ResponseTests {
    static func answer(_ response: Response, to request: String = "GET / HTTP/1.1\r\nHost: h\r\n\r\n") -> String {
        let peer = TestPeer()
        peer.answer = response
        peer.send(request)
        return peer.output()
    }

    static let head = "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"

    @Test func bodiesAreFramed() {
        let bytes = ResponseBody.bytes(Array("abc".utf8))
        #expect(Self.answer(Response(status: 201, body: bytes)) == "HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nabc")
        #expect(Self.answer(Response(status: 200)) == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(Self.answer(Response(status: 204, body: bytes)) == "HTTP/1.1 204 No Content\r\n\r\n")
        #expect(Self.answer(Response(status: 304, body: bytes)) == "HTTP/1.1 304 Not Modified\r\n\r\n")
        #expect(
            Self.answer(Response(status: 200, body: bytes), to: Self.head) == "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n")
        #expect(
            Self.answer(Response(status: 200, body: .headOnly(length: 77)), to: Self.head)
                == "HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n")
        #expect(
            Self.answer(Response(status: 200, body: .headOnly(length: 77))) == "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    }

    @Test func fieldsAreWrittenInOrder() {
        let response = Response(status: 404, fields: [("B", "x"), ("A", "ä\ty"), ("B", "")], body: .bytes([]))
        #expect(Self.answer(response) == "HTTP/1.1 404 Not Found\r\nB: x\r\nA: ä\ty\r\nB: \r\nContent-Length: 0\r\n\r\n")
    }

    @Test(arguments: ["a\rb", "a\nb", "a\r\nX: y", "a\0", "\u{7F}", "0123456789abcdef0123456789abcdef\n"])
    func valueThatCouldSplitAnAnswerIsNotSent(_ value: String) {
        let text = Self.answer(Response(status: 200, fields: [("A", "fine"), ("B", value)], body: .bytes([65])))
        #expect(text.hasPrefix("HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n"))
        #expect(!text.contains("fine"))
    }

    @Test func dateIsThatOfTheSecond() {
        let peer = TestPeer()
        peer.context.setTime(unixSeconds: 784_111_777)
        peer.send(ConnectionTests.get)
        #expect(peer.output().contains("\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"))
    }

    // MARK: Content coding

    static let long = Array(String(repeating: "{\"name\":\"vm\"},", count: 200).utf8)

    static func coded(_ accept: String, body: [UInt8] = long, _ change: (inout Response) -> Void = { _ in }) -> (
        head: String, body: [UInt8]
    ) {
        let peer = TestPeer()
        var response = Response(status: 200, body: .bytes(body), isCompressible: true)
        change(&response)
        peer.answer = response
        peer.send("GET / HTTP/1.1\r\nHost: h\r\n\(accept)\r\n")
        let bytes = Array(peer.context.output.bytes)
        let end = bytes.indices.first { bytes[$0...].starts(with: [13, 10, 13, 10]) } ?? 0
        return (String(decoding: bytes[..<end], as: UTF8.self), Array(bytes[(end + 4)...]))
    }

    @Test(arguments: [
        ("", false), ("Accept-Encoding: gzip\r\n", true), ("Accept-Encoding: GZIP, deflate\r\n", true),
        ("Accept-Encoding: x-gzip\r\n", true),
        ("Accept-Encoding: br\r\n", false), ("Accept-Encoding: *\r\n", true), ("Accept-Encoding: gzip;q=0\r\n", false),
        ("Accept-Encoding: gzip;q=0.000\r\n", false), ("Accept-Encoding: gzip ; Q=0.5\r\n", true),
        ("Accept-Encoding: *;q=0\r\n", false),
        ("Accept-Encoding: gzip;q=0.5, identity;q=1\r\n", false), ("Accept-Encoding: identity;q=0.5, gzip;q=0.6\r\n", true),
        ("Accept-Encoding: gzip;q=0, *\r\n", false), ("Accept-Encoding: gzip;q=2\r\n", false),
        ("Accept-Encoding: gzip;q=x\r\n", false),
        ("Accept-Encoding: gzip;q=0.0001\r\n", false), ("Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n", true),
        ("Accept-Encoding: identity;q=0, gzip;q=0.1\r\n", true), ("Accept-Encoding:\r\n", false),
    ])
    func codingIsNegotiated(_ accept: String, _ isCoded: Bool) {
        let (head, body) = Self.coded(accept)
        #expect(head.contains("Content-Encoding: gzip") == isCoded)
        #expect(head.contains("Vary: Accept-Encoding"))
        #expect(head.contains("Content-Length: \(body.count)"))
        #expect((isCoded ? Inflate.gunzip(body) : body) == Self.long)
    }

    @Test func preferenceOfPlainIsRead() {
        let head = RequestHead(.get, "/", fields: [("Accept-Encoding", "identity;q=0, gzip")])
        #expect(ContentNegotiation.accepts(head) == (gzip: true, identity: false))
        let star = RequestHead(.get, "/", fields: [("Accept-Encoding", "*;q=0")])
        #expect(ContentNegotiation.accepts(star) == (gzip: false, identity: false))
        let named = RequestHead(.get, "/", fields: [("Accept-Encoding", "*;q=0, identity;q=0.1")])
        #expect(ContentNegotiation.accepts(named) == (gzip: false, identity: true))
    }

    @Test(arguments: [(1023, false), (1024, true)])
    func shortBodiesStayPlain(_ bytes: Int, _ isCoded: Bool) {
        let (head, _) = Self.coded("Accept-Encoding: gzip\r\n", body: [UInt8](repeating: 65, count: bytes))
        #expect(head.contains("Content-Encoding: gzip") == isCoded)
        #expect(head.contains("Vary") == isCoded)
    }

    @Test func bodiesThatDoNotShrinkStayPlain() {
        var numbers = SeededNumbers(seed: 1)
        let noise = (0..<5000).map { _ in UInt8(numbers.below(256)) }
        let (head, body) = Self.coded("Accept-Encoding: gzip\r\n", body: noise)
        #expect(!head.contains("Content-Encoding"))
        #expect(body == noise)
    }

    @Test func whatIsCodedOrPartialAlreadyIsLeftAlone() {
        let accept = "Accept-Encoding: gzip\r\n"
        #expect(Self.coded(accept) { $0.fields = [ResponseField("Content-Encoding", "br")] }.body == Self.long)
        #expect(Self.coded(accept) { $0.fields = [ResponseField("content-range", "bytes 0-1/2")] }.body == Self.long)
        #expect(Self.coded(accept) { $0.status = 206 }.body == Self.long)
        #expect(Self.coded(accept) { $0.isCompressible = false }.body == Self.long)
    }

    @Test func entityTagOfACodedBodyIsWeak() {
        let coded = Self.coded("Accept-Encoding: gzip\r\n") { $0.fields = [ResponseField("ETag", "\"1\"")] }
        #expect(coded.head.contains("ETag: W/\"1\""))
        let weak = Self.coded("Accept-Encoding: gzip\r\n") { $0.fields = [ResponseField("ETag", "W/\"1\"")] }
        #expect(weak.head.contains("ETag: W/\"1\""))
        let plain = Self.coded("") { $0.fields = [ResponseField("ETag", "\"1\"")] }
        #expect(plain.head.contains("ETag: \"1\""))
    }

    @Test func gzipSurvivesTheRoundTrip() {
        var compressor = Compressor()
        var numbers = SeededNumbers(seed: 42)
        for size in [0, 1, 17, 100, 1000, 65_535, 65_536, 70_000, 300_000] {
            // Few letters, so that it shrinks, and long repetitions.
            var body = (0..<size).map { _ in UInt8(97 + numbers.below(4)) }
            body += body.prefix(size / 2)
            guard let form = compressor.gzip(body) else {
                #expect(body.count < 100)
                continue
            }
            #expect(form.count < body.count)
            let back = Inflate.gunzip(form)
            #expect(back == body)
        }
    }
}
