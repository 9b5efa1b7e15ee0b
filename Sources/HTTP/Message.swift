/// The head of a request: one allocation holding the bytes as received, and ranges into it.
///
/// Only the parser and tests make one. Everything here was validated by the parser: the method is a token, the target
/// is in origin form (or `*` for OPTIONS) and free of control characters, field values have no outer white space.
/// Source: RFC 9112 §3, §5.
public struct RequestHead: Sendable {
    public let method: Method
    public let version: Version
    /// The bytes of request line and fields, names in lower case.
    let storage: [UInt8]
    let pathStart: UInt32
    let pathEnd: UInt32
    /// Without the question mark; empty if there is none.
    let queryStart: UInt32
    let queryEnd: UInt32
    /// In the order received.
    let fields: [FieldRange]
}

/// Where a field lies in the bytes of its message. 32 bits: a head is at most some ten thousand bytes.
struct FieldRange: Sendable {
    var nameStart: UInt32
    var nameEnd: UInt32
    var valueStart: UInt32
    var valueEnd: UInt32

    init(name: Range<Int>, value: Range<Int>) {
        nameStart = UInt32(truncatingIfNeeded: name.lowerBound)
        nameEnd = UInt32(truncatingIfNeeded: name.upperBound)
        valueStart = UInt32(truncatingIfNeeded: value.lowerBound)
        valueEnd = UInt32(truncatingIfNeeded: value.upperBound)
    }

    var name: Range<Int> { Int(nameStart)..<Int(nameEnd) }
    var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }
}

public enum Version: Sendable, Equatable {
    case http10
    case http11
}

/// Source: RFC 9110 §9, RFC 5789.
public enum Method: Sendable, Equatable {
    case get, head, post, put, patch, delete, options
}

extension RequestHead {
    /// Makes a head from parts; for tests and for tools that build requests.
    ///
    /// - Parameter target: path with optional query, already percent-encoded.
    public init(_ method: Method, _ target: String, version: Version = .http11, fields: [(name: String, value: String)] = []) {
        var storage = Array(target.utf8)
        let mark = storage.firstIndex(of: UInt8(ascii: "?")) ?? storage.count
        let end = storage.count
        var ranges: [FieldRange] = []
        for (name, value) in fields {
            let start = storage.count
            storage += name.lowercased().utf8
            let middle = storage.count
            storage += value.utf8
            ranges.append(FieldRange(name: start..<middle, value: middle..<storage.count))
        }
        self.method = method
        self.version = version
        self.storage = storage
        self.pathStart = 0
        self.pathEnd = UInt32(mark)
        self.queryStart = UInt32(min(mark + 1, end))
        self.queryEnd = UInt32(end)
        self.fields = ranges
    }

    /// The path as sent: still percent-encoded, starting with `/`.
    public var path: ArraySlice<UInt8> { storage[Int(pathStart)..<Int(pathEnd)] }
    /// The query as sent, without the question mark.
    public var query: ArraySlice<UInt8> { storage[Int(queryStart)..<Int(queryEnd)] }

    /// The value of the first field of that name.
    ///
    /// - Parameter name: in lower case.
    public func value(_ name: StaticString) -> ArraySlice<UInt8>? {
        for field in fields where matches(field.name, name) {
            return storage[field.value]
        }
        return nil
    }

    /// The value of the first field of that name as text; `nil` if absent or not UTF-8.
    public func text(_ name: StaticString) -> String? {
        value(name).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// All fields, names in lower case.
    public var allFields: [(name: ArraySlice<UInt8>, value: ArraySlice<UInt8>)] {
        fields.map { (storage[$0.name], storage[$0.value]) }
    }

    private func matches(_ range: Range<Int>, _ name: StaticString) -> Bool {
        guard range.count == name.utf8CodeUnitCount else { return false }
        let start = name.utf8Start
        for offset in 0..<range.count where storage[range.lowerBound + offset] != start[offset] {
            return false
        }
        return true
    }
}

/// What arrives with a request.
public enum RequestBody: Sendable {
    case none
    /// Complete, within the limit that the application named.
    case bytes([UInt8])
    /// Arrives while it is read.
    case stream(any BodyReader)
}

/// The source of a streamed request body. One reader at a time.
public protocol BodyReader: Sendable {
    /// From `Content-Length`; `nil` with chunked coding.
    var length: UInt64? { get }
    /// The next bytes, at most about 256 KiB; `nil` at the end. The peer is held back while nobody reads.
    func next() async throws(BodyError) -> [UInt8]?
}

public enum BodyError: Error, Sendable, Equatable {
    /// The connection ended, timed out or broke the framing before the end of the body.
    case aborted
    case tooLarge
}

/// Facts about the connection a request came by.
public struct ConnectionInfo: Sendable {
    /// Address without port.
    public let peer: String
    public let isSecure: Bool
    public init(peer: String, isSecure: Bool) {
        self.peer = peer
        self.isSecure = isSecure
    }
}

public struct Request: Sendable {
    public let head: RequestHead
    public let body: RequestBody
    public let connection: ConnectionInfo
    /// It has waited so long for its turn that the server is overloaded; the answer should cost little.
    public let isOverdue: Bool

    public init(head: RequestHead, body: RequestBody = .none, connection: ConnectionInfo, isOverdue: Bool = false) {
        self.head = head
        self.body = body
        self.connection = connection
        self.isOverdue = isOverdue
    }
}

/// An answer. The connection adds `Date`, `Content-Length` or `Transfer-Encoding`, and `Connection`, and drops the
/// body for HEAD, 204 and 304.
public struct Response: Sendable {
    /// 200 to 599.
    public var status: Int
    /// Names in canonical case. Values are free of control characters; a response with others is answered 500 instead.
    public var fields: [ResponseField]
    public var body: ResponseBody
    /// The body may be compressed when the client accepts gzip and it is large enough.
    public var isCompressible: Bool

    public init(
        status: Int, fields: [ResponseField] = [], body: ResponseBody = .none, isCompressible: Bool = false
    ) {
        self.status = status
        self.fields = fields
        self.body = body
        self.isCompressible = isCompressible
    }

    /// The same from pairs, for places where speed does not matter.
    public init(
        status: Int, fields: [(name: StaticString, value: String)], body: ResponseBody = .none, isCompressible: Bool = false
    ) {
        self.init(
            status: status, fields: fields.map { ResponseField($0.name, $0.value) }, body: body, isCompressible: isCompressible)
    }
}

/// One field of an answer.
public struct ResponseField: Sendable {
    /// In canonical case.
    public let name: StaticString
    public let value: String

    public init(_ name: StaticString, _ value: String) {
        self.name = name
        self.value = value
    }
}

public enum ResponseBody: Sendable {
    case none
    case bytes([UInt8])
    /// No body is sent, but `Content-Length` says how long one would be: the answer to HEAD.
    case headOnly(length: UInt64)
    case stream(any BodyWriter)
}

/// The source of a streamed response body; asked for the next bytes when the peer has taken the last.
public protocol BodyWriter: Sendable {
    /// Sent as `Content-Length`; `nil` means chunked.
    var length: UInt64? { get }
    /// The next bytes, best 64 to 256 KiB; `nil` at the end. An error ends the connection without a proper end.
    func next() async throws -> [UInt8]?
}

/// How the body of a request is to arrive; decided from its head alone.
public enum BodyPolicy: Sendable, Equatable {
    /// Collected up to so many bytes before `respond` is called; more is answered 413.
    case collect(limit: Int)
    case stream
}

/// What an application answers on the event loop.
public enum Reply: Sendable {
    case now(Response)
    /// The closure is started at once on the loop and may suspend; it resumes on the loop.
    case later(@Sendable () async -> Response)
}

/// The one closure between bytes and meaning. Called on event-loop threads; must not block.
public protocol Application: Sendable {
    func policy(for head: RequestHead) -> BodyPolicy
    func respond(to request: Request) -> Reply
}
