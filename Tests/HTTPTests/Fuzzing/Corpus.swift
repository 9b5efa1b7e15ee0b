/// Requests of many shapes, right and wrong, that prefixes, cuts and mutations are made from.
enum Corpus {
    static let messages: [[UInt8]] =
        texts.map { Array($0.utf8) } + [Array("GET /".utf8) + [0xC3, 0xA4] + Array(" HTTP/1.1\r\nHost: a\r\n\r\n".utf8)]

    private static let texts: [String] = [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "\r\nGET /api/vcenter/vm?names=a%20b&power_states=POWERED_ON HTTP/1.1\r\nHost: localhost:8443\r\nAccept: */*\r\n\r\n",
        "HEAD /folder/a%c3%a4/b.vmdk?dcPath=dc&dsName=x HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
        "POST /api HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET / HTTP/1.1\r\n",
        "PUT /x HTTP/1.1\r\nHOST: [::1]:443\r\nTransfer-Encoding: chunked\r\n\r\n4;a=\"b\"\r\nwiki\r\n0a\r\n0123456789\r\n0\r\nX: y\r\n\r\nrest",
        "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
        "OPTIONS https://h.example HTTP/1.1\r\nHost: other\r\nConnection: close, te\r\n\r\n",
        "GET http://user@h/ HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET HTTP://h:80?q HTTP/1.1\r\nA: b\r\nHost: other\r\n\r\n",
        "DELETE /a/../b HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /a%2fb HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /%e4 HTTP/1.1\r\nHost: a\r\n\r\n",
        "PATCH /a/ HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "BREW / HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        "GET / HTTP/1.1\nHost: a\n\n",
        "GET / HTTP/1.1\r\nHost: a\r\nX:\t y \t\r\nConnection:,close,\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Encoding: identity\r\n\r\n1 ;x\r\na\r\n00\r\n\r\n",
    ]

    /// Pieces that make trouble where they are put.
    static let pieces: [[UInt8]] =
        [
            "\r\n", "\n", "\r", "\0", " ", "\t", ":", "%", "%2e", "%00", "/", "//", "..", "?", "#", ",", ";", "\u{7F}", "0",
            "ffffffffffffffff",
            "7fffffffffffffff", "\r\n\r\n", "Host: b\r\n", "Content-Length: 3\r\n", "Content-Length: +3\r\n",
            "Content-Length: 03\r\n",
            "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: identity\r\n", "Connection: close\r\n",
            "Expect: 100-continue\r\n",
            "Content-Length: 9223372036854775807\r\n", "Content-Encoding: br\r\n", "HTTP/1.1", "HTTP/1.0", "http://",
            "0\r\n\r\n", "1\r\nx\r\n",
        ].map { Array($0.utf8) } + [[0x80], [0xFF], [0xC3, 0xA4]]
}

/// SplitMix64: the same numbers for the same seed, everywhere.
struct SeededNumbers: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    /// 0 up to `bound`, without it; 0 for 0.
    mutating func below(_ bound: Int) -> Int {
        bound < 2 ? 0 : Int(next() % UInt64(bound))
    }
}
