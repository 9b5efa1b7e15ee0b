import Testing

@testable import HTTP

// Every way known to us to make two parties read one request in two ways, one case each, with the status that refuses
// it (or 200 where a server has to accept); each limit at its value and one beyond.

@Suite struct StrictnessTests {
    static func request(_ line: String = "POST / HTTP/1.1", _ fields: String..., body: String = "") -> String {
        ([line] + fields + ["", ""]).joined(separator: "\r\n") + body
    }

    static let cases: [(String, Int)] =
        framing.map { (request("POST / HTTP/1.1", "Host: a", $0.0, body: $0.1), $0.2) }
        + fields.map { (request("GET / HTTP/1.1", "Host: a", $0.0), $0.1) }
        + lines.map { (request($0.0, "Host: a"), $0.1) }
        + hosts.map { ("GET / HTTP/1.1\r\n" + $0.0 + "\r\n", $0.1) }
        + targets.map { (request("GET \($0.0) HTTP/1.1", "Host: a"), $0.1) }
        + chunks.map { (request("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", body: $0.0), $0.1) }
        + raw

    static let framing: [(String, String, Int)] = [
        ("Content-Length: 2", "ab", 200),
        ("content-LENGTH:002", "ab", 200),
        ("Content-Length: 0", "", 200),
        ("Content-Length: 2\r\nTransfer-Encoding: chunked", "0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 2", "0\r\n\r\n", 400),
        ("Content-Length: 2\r\nContent-Length: 2", "ab", 400),
        ("Content-Length: 2\r\nContent-Length: 3", "abc", 400),
        ("Content-Length: 2, 2", "ab", 400),
        ("Content-Length: +2", "ab", 400),
        ("Content-Length: -2", "ab", 400),
        ("Content-Length: 0x2", "ab", 400),
        ("Content-Length: 2 2", "ab", 400),
        ("Content-Length: 2.0", "ab", 400),
        ("Content-Length: \"2\"", "ab", 400),
        ("Content-Length:", "", 400),
        ("Content-Length: 9223372036854775808", "", 400),
        ("Content-Length: 18446744073709551617", "", 400),
        ("Content-Length: 101", "", 413),
        ("Transfer-Encoding: chunked", "0\r\n\r\n", 200),
        ("Transfer-Encoding: Chunked", "0\r\n\r\n", 200),
        ("Transfer-Encoding: xchunked", "0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked, chunked", "0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked, identity", "0\r\n\r\n", 400),
        ("Transfer-Encoding: identity", "0\r\n\r\n", 400),
        ("Transfer-Encoding: gzip", "0\r\n\r\n", 400),
        ("Transfer-Encoding: gzip, chunked", "0\r\n\r\n", 501),
        ("Transfer-Encoding: , chunked", "0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked,", "0\r\n\r\n", 400),
        ("Transfer-Encoding: \"chunked\"", "0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked;q=1", "0\r\n\r\n", 400),
        ("Transfer-Encoding: \u{0B}chunked", "0\r\n\r\n", 400),
        ("Transfer-Encoding:", "0\r\n\r\n", 400),
        ("Transfer-Encoding : chunked", "0\r\n\r\n", 400),
        ("Transfer_Encoding: chunked", "", 200),
        ("Content-Encoding: gzip\r\nContent-Length: 2", "ab", 415),
        ("Content-Encoding: identity\r\nContent-Length: 2", "ab", 200),
        ("Expect: 100-continue\r\nContent-Length: 2", "ab", 200),
        ("Expect: 100-Continue\r\nContent-Length: 0", "", 200),
        ("Expect: 200-ok\r\nContent-Length: 2", "ab", 417),
        ("Expect: 100-continue, x\r\nContent-Length: 2", "ab", 417),
    ]

    static let fields: [(String, Int)] = [
        ("X: a b\tc", 200), ("X:", 200), ("X: ä", 200), ("!#$%&'*+-.^_`|~9aZ: 1", 200),
        (" X: 1", 400), ("\tX: 1", 400), ("X: 1\r\n folded", 400), ("X: 1\r\n\tfolded", 400),
        ("X : 1", 400), ("X\t: 1", 400), ("X", 400), (": 1", 400), ("X Y: 1", 400), ("Ä: 1", 400), ("(X): 1", 400),
        ("X: a\0b", 400), ("X: a\u{01}b", 400), ("X: a\u{7F}b", 400), ("X\0: 1", 400), ("X: a\rb", 400), ("X: a\nb", 400),
        ("X: a\r\r\nY: b", 400), ("X: a\n\r\nY: b", 400),
    ]

    static let lines: [(String, Int)] = [
        ("GET / HTTP/1.1", 200), ("HEAD / HTTP/1.1", 200), ("OPTIONS * HTTP/1.1", 200), ("DELETE / HTTP/1.0", 200),
        ("PATCH / HTTP/1.9", 200), ("PUT / HTTP/1.1", 200), ("POST / HTTP/1.1", 200),
        ("get / HTTP/1.1", 501), ("BREW / HTTP/1.1", 501), ("TRACE / HTTP/1.1", 501), ("CONNECT a:443 HTTP/1.1", 501),
        ("GET / HTTP/2.0", 505), ("GET / HTTP/0.9", 505), ("GET / HTTP/3.0", 505), ("PRI * HTTP/2.0", 505),
        ("GET /", 400), ("GET", 400), ("GET / ", 400), ("GET / HTTP/1", 400), ("GET / HTTP/1.10", 400), ("GET / http/1.1", 400),
        ("GET / HTTP/1.1 ", 400), (" GET / HTTP/1.1", 400), ("GET  / HTTP/1.1", 400), ("GET /  HTTP/1.1", 400),
        ("GET\t/ HTTP/1.1", 400), ("GET / HTTP/1,1", 400), ("GET / HTTP /1.1", 400), ("GET / XTTP/1.1", 400),
        ("G@T / HTTP/1.1", 400),
        ("GET * HTTP/1.1", 400), ("OPTIONS ** HTTP/1.1", 400), ("GET a HTTP/1.1", 400), ("GET a:443 HTTP/1.1", 400),
        ("GET /a b HTTP/1.1", 400), ("GET /\u{01} HTTP/1.1", 400), ("GET /ä HTTP/1.1", 400), ("GET /#a HTTP/1.1", 400),
    ]

    static let hosts: [(String, Int)] = [
        ("Host: a\r\n", 200), ("Host: a:8443\r\n", 200), ("Host: [::1]\r\n", 200), ("Host: [2001:db8::1]:443\r\n", 200),
        ("Host: 127.0.0.1:80\r\n", 200), ("Host: a-b_c.example.\r\n", 200), ("Host: a:\r\n", 200),
        ("", 400), ("Host:\r\n", 400), ("Host: a\r\nHost: a\r\n", 400), ("Host: a\r\nhost: b\r\n", 400), ("Host: a b\r\n", 400),
        ("Host: a, b\r\n", 400), ("Host: a/b\r\n", 400), ("Host: u@a\r\n", 400), ("Host: a:b\r\n", 400),
        ("Host: a:123456\r\n", 400),
        ("Host: [::1\r\n", 400), ("Host: [::g]\r\n", 400), ("Host: []\r\n", 400), ("Host: a:1:2\r\n", 400),
        ("Host: ä\r\n", 400),
    ]

    static let targets: [(String, Int)] = [
        ("/", 200), ("/a/b", 200), ("/a/", 200), ("/a%20b", 200), ("/%C3%a4", 200), ("/a+b:@!$&'()*,;=~_.-", 200),
        ("/...", 200),
        ("/.a", 200), ("/a..", 200), ("/a?b=/../%00%zz", 200), ("/?", 200), ("http://h/a", 200), ("HTTPS://h:1/", 200),
        ("http://h", 200),
        ("//", 400), ("//a", 400), ("/a//b", 400), ("/.", 400), ("/..", 400), ("/a/./b", 400), ("/a/../b", 400), ("/a/..", 400),
        ("/%2e", 400), ("/%2E%2e", 400), ("/.%2e/a", 400), ("/a%2fb", 400), ("/a%2Fb", 400), ("/a%5cb", 400), ("/a\\b", 400),
        ("/%00", 400), ("/%", 400), ("/%a", 400), ("/%zz", 400), ("/%2", 400), ("/%ff", 400), ("/%c0%af", 400),
        ("/%ed%a0%80", 400),
        ("http://", 400), ("http:///a", 400), ("http://u@h/", 400), ("http://u:p@h/", 400), ("ftp://h/", 400), ("http:/a", 400),
        ("http://h/../a", 400), ("http://h:x/", 400), ("http://[::1]/", 200), ("?a", 400),
    ]

    static let chunks: [(String, Int)] = [
        ("5\r\nhello\r\n0\r\n\r\n", 200), ("05\r\nhello\r\n000\r\n\r\n", 200),
        ("A;x=y\r\n0123456789\r\n0;z\r\nT: v\r\n\r\n", 200),
        ("1 ;x\r\na\r\n0\r\n\r\n", 200),
        ("5\nhello\r\n0\r\n\r\n", 400), ("5\r\nhello\n0\r\n\r\n", 400), ("5\r\nhello0\r\n\r\n", 400),
        ("5\r\nhello!\r\n0\r\n\r\n", 400),
        ("0x5\r\nhello\r\n0\r\n\r\n", 400), ("+5\r\nhello\r\n0\r\n\r\n", 400), ("-1\r\n\r\n", 400),
        (" 5\r\nhello\r\n0\r\n\r\n", 400),
        ("5 \r\nhello\r\n0\r\n\r\n", 400), ("\r\n5\r\nhello\r\n0\r\n\r\n", 400), (";x\r\n", 400), ("g\r\n", 400),
        ("5;a\nb\r\nhello\r\n0\r\n\r\n", 400), ("5;a\rb\r\nhello\r\n0\r\n\r\n", 400), ("5;a\0\r\nhello\r\n0\r\n\r\n", 400),
        ("8000000000000000\r\n", 400), ("00000000000000001\r\n", 400), ("ffffffffffffffff1\r\n", 400),
        ("0\r\nT : v\r\n\r\n", 400), ("0\r\n T: v\r\n\r\n", 400), ("0\r\nT: v\n\r\n", 400), ("0\r\nT\r\n\r\n", 400),
        ("0\r\n: v\r\n\r\n", 400),
        ("0\r\nT: v\r\n w\r\n\r\n", 400), ("0\n\n", 400), ("0\r\n\n", 400),
        ("65\r\n" + String(repeating: "x", count: 101) + "\r\n", 413),
    ]

    static let raw: [(String, Int)] = [
        ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 200), ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400), ("GET / HTTP/1.1\nHost: a\n\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
        ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400), ("GET / HTTP/1.0\r\n\r\n", 200),
        ("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.0\r\nExpect: x\r\nContent-Length: 0\r\n\r\n", 200),
        ("\u{16}\u{03}\u{01}", 400), ("GET / HTTP/1.1\r\nHost: a\r\n\r\r\n", 400), ("\0", 400),
    ]

    @Test(arguments: 0..<cases.count)
    func requestIsAnsweredWith(_ index: Int) {
        let (text, expected) = Self.cases[index]
        let peer = TestPeer()
        let events = peer.send(text)
        let status = peer.status()
        #expect(status == expected, "\(text.debugDescription)")
        let isClosed = events.contains(.halfClose)
        #expect(isClosed == (expected != 200), "\(text.debugDescription)")
    }

    @Test(arguments: [(8192, 200), (8193, 414)])
    func requestLineLimit(_ bytes: Int, _ expected: Int) {
        let path = String(repeating: "a", count: bytes - "GET / HTTP/1.1".utf8.count)
        let peer = TestPeer()
        peer.send("GET /\(path) HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(peer.status() == expected)
    }

    @Test(arguments: [(32768, 200), (32769, 431)])
    func fieldSectionLimit(_ bytes: Int, _ expected: Int) {
        let filler = String(repeating: "a", count: bytes - "Host: a\r\nX: \r\n".utf8.count)
        let peer = TestPeer()
        peer.send("GET / HTTP/1.1\r\nHost: a\r\nX: \(filler)\r\n\r\n")
        #expect(peer.status() == expected)
    }

    @Test(arguments: [(100, 200), (101, 431)])
    func fieldCountLimit(_ count: Int, _ expected: Int) {
        let others = (1..<count).map { "X-\($0): a\r\n" }.joined()
        let peer = TestPeer()
        peer.send("GET / HTTP/1.1\r\nHost: a\r\n\(others)\r\n")
        #expect(peer.status() == expected)
    }

    @Test func limitsAreNoticedBeforeALineEnds() {
        let line = TestPeer()
        #expect(line.send("GET /" + String(repeating: "a", count: 8187)) == [])
        #expect(line.send("aa") == [.halfClose])
        #expect(line.status() == 414)
        let section = TestPeer()
        #expect(section.send("GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 32763)) == [])
        #expect(section.send("a") == [.halfClose])
        #expect(section.status() == 431)
    }

    /// Extension and trailer bytes count with all but their line feeds: `;x` and CR are 3, `T:` and CR are 3.
    @Test(arguments: [(4090, 200), (4091, 431)])
    func chunkOverheadLimit(_ bytes: Int, _ expected: Int) {
        let filler = String(repeating: "v", count: bytes)
        let peer = TestPeer()
        peer.send("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n0\r\nT:\(filler)\r\n\r\n")
        #expect(peer.status() == expected)
    }

    @Test(arguments: [(100, 200), (101, 413)])
    func collectedBodyLimit(_ bytes: Int, _ expected: Int) {
        let body = String(repeating: "b", count: bytes)
        let plain = TestPeer()
        plain.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: \(bytes)\r\n\r\n\(body)")
        #expect(plain.status() == expected)
        let chunked = TestPeer()
        chunked.send(
            "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\(String(bytes, radix: 16))\r\n\(body)\r\n0\r\n\r\n"
        )
        #expect(chunked.status() == expected)
    }
}
