/// Method, target and version. Source: RFC 9112 §3.
struct RequestLine: Sendable {
    var method = Method.get
    var version = Version.http11
    /// Empty if the target was absolute without a path.
    var path = 0..<0
    var query = 0..<0
    /// Of an absolute target; empty otherwise.
    var authority = 0..<0

    init() {}

    /// - Parameter line: without its line end; free of control characters, not empty.
    /// - Throws: 400; 501 for a method that is not served; 505 for another major version.
    init(_ bytes: UnsafeRawBufferPointer, _ line: Range<Int>) throws(Refusal) {
        var space = line.lowerBound
        while space < line.upperBound, CharacterSet.token.contains(bytes[space]) { space &+= 1 }
        guard space > line.lowerBound, space < line.upperBound, bytes[space] == Characters.space else {
            throw Refusal(400, "The method is not a token.")
        }
        let start = space &+ 1
        var end = start
        while end < line.upperBound, CharacterSet.target.contains(bytes[end]) { end &+= 1 }
        guard end > start, end < line.upperBound, bytes[end] == Characters.space else {
            throw Refusal(400, "The request target is missing or holds an invalid character.")
        }
        version = try Version(bytes, (end &+ 1)..<line.upperBound)
        guard let method = Method(bytes, line.lowerBound..<space) else {
            throw Refusal(501, "The method is not implemented.")
        }
        self.method = method
        try takeTarget(bytes, start..<end)
    }

    /// Source: RFC 9112 §3.2.
    private mutating func takeTarget(_ bytes: UnsafeRawBufferPointer, _ target: Range<Int>) throws(Refusal) {
        let first = bytes[target.lowerBound]
        if first == UInt8(ascii: "/") { return try takePath(bytes, target) }
        if first == UInt8(ascii: "*"), target.count == 1, method == .options {
            path = target
            query = target.upperBound..<target.upperBound
            return
        }
        guard let start = Self.authorityStart(bytes, target) else {
            throw Refusal(400, "The request target is neither a path nor an absolute URI.")
        }
        var end = start
        while end < target.upperBound, bytes[end] != UInt8(ascii: "/"), bytes[end] != UInt8(ascii: "?") { end &+= 1 }
        guard HostName.isValid(bytes, start..<end) else { throw Refusal(400, "The authority of the target is invalid.") }
        authority = start..<end
        try takePath(bytes, end..<target.upperBound)
    }

    private mutating func takePath(_ bytes: UnsafeRawBufferPointer, _ target: Range<Int>) throws(Refusal) {
        var end = target.lowerBound
        while end < target.upperBound, bytes[end] != UInt8(ascii: "?") { end &+= 1 }
        path = target.lowerBound..<end
        query = min(end &+ 1, target.upperBound)..<target.upperBound
        guard path.isEmpty || PathRule.accepts(bytes, path) else {
            throw Refusal(400, "The path holds an empty or dot segment, or an invalid escape.")
        }
    }

    /// After `http://` or `https://`; a user name before the host is an attempt to mislead and fails as a host.
    private static func authorityStart(_ bytes: UnsafeRawBufferPointer, _ target: Range<Int>) -> Int? {
        for scheme in ["http://", "https://"] as [StaticString] where target.count > scheme.utf8CodeUnitCount {
            let end = target.lowerBound &+ scheme.utf8CodeUnitCount
            if Characters.equalsIgnoringCase(bytes, target.lowerBound..<end, scheme) { return end }
        }
        return nil
    }
}

extension Version {
    /// A higher minor version is served as 1.1. Source: RFC 9110 §2.5.
    init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) throws(Refusal) {
        guard range.count == 8, Characters.equals(bytes, range.lowerBound..<(range.lowerBound &+ 5), "HTTP/"),
            Characters.isDigit(bytes[range.lowerBound &+ 5]), bytes[range.lowerBound &+ 6] == UInt8(ascii: "."),
            Characters.isDigit(bytes[range.lowerBound &+ 7])
        else { throw Refusal(400, "The request line does not end in an HTTP version.") }
        guard bytes[range.lowerBound &+ 5] == UInt8(ascii: "1") else {
            throw Refusal(505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.")
        }
        self = bytes[range.lowerBound &+ 7] == UInt8(ascii: "0") ? .http10 : .http11
    }
}

extension Method {
    init?(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
        switch range.count {
        case 3 where Characters.equals(bytes, range, "GET"): self = .get
        case 3 where Characters.equals(bytes, range, "PUT"): self = .put
        case 4 where Characters.equals(bytes, range, "POST"): self = .post
        case 4 where Characters.equals(bytes, range, "HEAD"): self = .head
        case 5 where Characters.equals(bytes, range, "PATCH"): self = .patch
        case 6 where Characters.equals(bytes, range, "DELETE"): self = .delete
        case 7 where Characters.equals(bytes, range, "OPTIONS"): self = .options
        default: return nil
        }
    }
}

/// `host [":" port]`. Source: RFC 9110 §7.2, RFC 3986 §3.2.2; an empty host is not one (RFC 9110 §4.2.1).
enum HostName {
    static func isValid(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) -> Bool {
        var index = range.lowerBound
        if index < range.upperBound, bytes[index] == UInt8(ascii: "[") {
            index &+= 1
            let start = index
            while index < range.upperBound, CharacterSet.addressLiteral.contains(bytes[index]) { index &+= 1 }
            guard index &- start >= 2, index < range.upperBound, bytes[index] == UInt8(ascii: "]") else { return false }
            index &+= 1
        } else {
            while index < range.upperBound, CharacterSet.registeredName.contains(bytes[index]) { index &+= 1 }
            guard index > range.lowerBound else { return false }
        }
        if index == range.upperBound { return true }
        guard bytes[index] == UInt8(ascii: ":"), range.upperBound &- index <= 6 else { return false }
        index &+= 1
        while index < range.upperBound, Characters.isDigit(bytes[index]) { index &+= 1 }
        return index == range.upperBound
    }
}
