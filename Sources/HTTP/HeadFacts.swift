/// What the fields of a head say about framing and connection, gathered while they are read.
struct HeadFacts: Sendable {
    enum ContentLength {
        case absent
        case bytes(UInt64)
        /// Not a number, too large, or said twice.
        case invalid
    }

    enum TransferCoding {
        case absent
        case chunked
        /// A list that ends in `chunked` after a coding we do not know.
        case unknown
        case invalid
    }

    enum Expectation {
        case none
        case proceed
        case unknown
    }

    private(set) var contentLength = ContentLength.absent
    private(set) var transferCoding = TransferCoding.absent
    private(set) var expectation = Expectation.none
    /// The content has a coding other than `identity`.
    private(set) var isContentCoded = false
    private(set) var hostCount = 0
    /// The value of the last `Host` field.
    private(set) var host = 0..<0
    private var saysClose = false
    private var saysKeepAlive = false

    init() {}

    /// The connection may serve another request after this one. Source: RFC 9112 §9.3.
    func isPersistent(_ version: Version) -> Bool {
        switch version {
        case .http11: !saysClose
        case .http10: saysKeepAlive && !saysClose
        }
    }

    @inline(__always)
    mutating func note(_ bytes: UnsafeRawBufferPointer, name: Range<Int>, value: Range<Int>) {
        switch name.count {
        case 4 where Characters.equalsIgnoringCase(bytes, name, "host"):
            hostCount &+= 1
            host = value
        case 6 where Characters.equalsIgnoringCase(bytes, name, "expect"): noteExpectation(bytes, value)
        case 10 where Characters.equalsIgnoringCase(bytes, name, "connection"): noteConnection(bytes, value)
        case 14 where Characters.equalsIgnoringCase(bytes, name, "content-length"): noteContentLength(bytes, value)
        case 16 where Characters.equalsIgnoringCase(bytes, name, "content-encoding"): noteContentCoding(bytes, value)
        case 17 where Characters.equalsIgnoringCase(bytes, name, "transfer-encoding"): noteTransferCoding(bytes, value)
        default: break
        }
    }

    /// What makes the complete head unacceptable.
    func conflict(in bytes: UnsafeRawBufferPointer, version: Version) -> Refusal? {
        if hostCount > 1 { return Refusal(400, "There is more than one Host field.") }
        if hostCount == 0 {
            if version == .http11 { return Refusal(400, "There is no Host field.") }
        } else if !HostName.isValid(bytes, host) {
            return Refusal(400, "The Host field is invalid.")
        }
        if let refusal = framingConflict(version) { return refusal }
        // An expectation of an HTTP/1.0 client is ignored: RFC 9110 §10.1.1.
        if version == .http11, case .unknown = expectation { return Refusal(417, "The expectation is not supported.") }
        return nil
    }

    /// Source: RFC 9112 §6.1 and §6.3. Both framings at once, which a server may repair, are refused.
    private func framingConflict(_ version: Version) -> Refusal? {
        if case .invalid = contentLength { return Refusal(400, "The Content-Length field is invalid or repeated.") }
        if case .absent = transferCoding { return nil }
        if case .bytes = contentLength {
            return Refusal(400, "Content-Length and Transfer-Encoding exclude each other.")
        }
        if version == .http10 { return Refusal(400, "HTTP/1.0 has no Transfer-Encoding.") }
        switch transferCoding {
        case .absent, .chunked: return nil
        case .invalid: return Refusal(400, "The Transfer-Encoding field is not exactly chunked.")
        case .unknown: return Refusal(501, "Only the transfer coding chunked is implemented.")
        }
    }

    /// Digits only, once. Source: RFC 9110 §8.6, which also allows repetitions of one value; we do not.
    private mutating func noteContentLength(_ bytes: UnsafeRawBufferPointer, _ value: Range<Int>) {
        guard case .absent = contentLength, !value.isEmpty else {
            contentLength = .invalid
            return
        }
        var number: UInt64 = 0
        for index in value {
            let digit = bytes[index] &- 48
            guard digit < 10, number <= (UInt64(Int64.max) - 9) / 10 else {
                contentLength = .invalid
                return
            }
            number = number &* 10 &+ UInt64(digit)
        }
        contentLength = .bytes(number)
    }

    private mutating func noteTransferCoding(_ bytes: UnsafeRawBufferPointer, _ value: Range<Int>) {
        guard case .absent = transferCoding else {
            transferCoding = .invalid
            return
        }
        if Characters.equalsIgnoringCase(bytes, value, "chunked") {
            transferCoding = .chunked
        } else {
            transferCoding = Self.isUnknownList(bytes, value) ? .unknown : .invalid
        }
    }

    /// Tokens, none of them `chunked` but the last: well formed, but beyond us. Source: RFC 9112 §6.1.
    private static func isUnknownList(_ bytes: UnsafeRawBufferPointer, _ value: Range<Int>) -> Bool {
        var codings = 0
        var chunkedAt = 0
        var isRegular = true
        var last = value.lowerBound
        for index in value.lowerBound...value.upperBound where index == value.upperBound || bytes[index] == 44 {
            let coding = Characters.trimmed(bytes, last..<index)
            last = index &+ 1
            codings &+= 1
            if coding.isEmpty || !coding.allSatisfy({ CharacterSet.token.contains(bytes[$0]) }) { isRegular = false }
            guard Characters.equalsIgnoringCase(bytes, coding, "chunked") else { continue }
            if chunkedAt != 0 { isRegular = false }
            chunkedAt = codings
        }
        return isRegular && chunkedAt == codings
    }

    private mutating func noteConnection(_ bytes: UnsafeRawBufferPointer, _ value: Range<Int>) {
        Characters.forEachElement(bytes, value) { option in
            if Characters.equalsIgnoringCase(bytes, option, "close") { saysClose = true }
            if Characters.equalsIgnoringCase(bytes, option, "keep-alive") { saysKeepAlive = true }
        }
    }

    private mutating func noteExpectation(_ bytes: UnsafeRawBufferPointer, _ value: Range<Int>) {
        guard case .none = expectation, Characters.equalsIgnoringCase(bytes, value, "100-continue") else {
            expectation = .unknown
            return
        }
        expectation = .proceed
    }

    private mutating func noteContentCoding(_ bytes: UnsafeRawBufferPointer, _ value: Range<Int>) {
        Characters.forEachElement(bytes, value) { coding in
            if !Characters.equalsIgnoringCase(bytes, coding, "identity") { isContentCoded = true }
        }
    }
}
