import Contract
import Domain
import HTTP

/// How one wire frames the answer of one call.
protocol Presentation: Sendable {
    var wire: Wire { get }
    /// Writes what stands before the value.
    func begin(_ writer: inout ValueWriter)
    /// Writes what stands behind the value.
    func end(_ writer: inout ValueWriter)
    /// The answer whose text is complete.
    func success(_ bytes: [UInt8], of entry: OperationEntry) -> Outcome
    func failure(_ fault: Fault) -> Outcome
}

/// The standard fields of answers in JSON. Exactly this spelling: some clients compare it as a text.
enum JSONAnswer {
    static let contentType = ResponseField("Content-Type", "application/json")
    /// Made once: most answers have no other.
    static let fields = [contentType]

    static func fields(of fault: Fault) -> [ResponseField] {
        var fields = [contentType]
        if let challenge = fault.challenge { fields.append(ResponseField("WWW-Authenticate", challenge)) }
        if fault.type == .serviceUnavailable { fields.append(ResponseField("Retry-After", "10")) }
        return fields
    }
}

/// `/api`: the bare value, or nothing.
struct CleanPresentation: Presentation {
    /// Of a success.
    let status: Int

    var wire: Wire { .clean }

    func begin(_ writer: inout ValueWriter) {}

    func end(_ writer: inout ValueWriter) {}

    func success(_ bytes: [UInt8], of entry: OperationEntry) -> Outcome {
        if bytes.isEmpty { return Outcome(status: status) }
        return Outcome(status: status, fields: JSONAnswer.fields, body: .bytes(bytes), isCompressible: true)
    }

    func failure(_ fault: Fault) -> Outcome { Self.failure(fault, status: CleanStatus.status(of: fault)) }

    static func failure(_ fault: Fault, status: Int) -> Outcome {
        let fault = StandardFault.challenging(fault)
        var writer = ValueWriter(.clean)
        writer.fault(fault)
        return Outcome(
            status: status, fields: JSONAnswer.fields(of: fault), body: .bytes(writer.take()), isCompressible: true,
            fault: fault)
    }
}

/// `/rest`: the value in an envelope, or nothing; always 200.
struct LegacyPresentation: Presentation {
    /// Whether a session token is handed out as a cookie as well.
    let setsCookie: Bool
    let isSecure: Bool

    var wire: Wire { .legacy }

    private static let opening: StaticString = "{\"value\":"

    func begin(_ writer: inout ValueWriter) { writer.raw(Self.opening) }

    func end(_ writer: inout ValueWriter) { if writer.count > Self.opening.utf8CodeUnitCount { writer.raw("}") } }

    func success(_ bytes: [UInt8], of entry: OperationEntry) -> Outcome {
        guard bytes.count > Self.opening.utf8CodeUnitCount else { return Outcome(status: 200) }
        var fields = JSONAnswer.fields
        if setsCookie, entry.isLogin, let cookie = cookie(answer: bytes) { fields.append(ResponseField("Set-Cookie", cookie)) }
        return Outcome(status: 200, fields: fields, body: .bytes(bytes), isCompressible: true)
    }

    func failure(_ fault: Fault) -> Outcome { Self.failure(fault, status: LegacyStatus.status(of: fault.type)) }

    static func failure(_ fault: Fault, status: Int) -> Outcome {
        let fault = StandardFault.challenging(fault)
        var writer = ValueWriter(.legacy)
        writer.fault(fault)
        return Outcome(
            status: status, fields: JSONAnswer.fields(of: fault), body: .bytes(writer.take()), isCompressible: true,
            fault: fault)
    }

    /// The token stands in the answer as a JSON string; one with characters that would have to be escaped is no token.
    private func cookie(answer: [UInt8]) -> String? {
        let token = answer.dropFirst(Self.opening.utf8CodeUnitCount + 1).dropLast(2)
        let isToken = token.allSatisfy { byte in
            (byte | 0x20 >= UInt8(ascii: "a") && byte | 0x20 <= UInt8(ascii: "z"))
                || (byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")) || byte == UInt8(ascii: "-")
                || byte == UInt8(ascii: "_")
        }
        guard isToken, !token.isEmpty else { return nil }
        return "vmware-api-session-id=" + String(decoding: token, as: UTF8.self) + "; Path=/rest; HttpOnly; SameSite=Strict"
            + (isSecure ? "; Secure" : "")
    }
}

/// JSON-RPC: always 200, the envelope with the request's identifier.
struct JSONRPCPresentation: Presentation {
    /// The request's `id` as JSON.
    let id: ArraySlice<UInt8>

    var wire: Wire { .jsonRPC }

    func begin(_ writer: inout ValueWriter) {
        head(&writer)
        writer.raw(",\"result\":{\"output\":")
    }

    func end(_ writer: inout ValueWriter) { writer.raw("}}") }

    func success(_ bytes: [UInt8], of entry: OperationEntry) -> Outcome {
        Outcome(status: 200, fields: JSONAnswer.fields, body: .bytes(bytes), isCompressible: true)
    }

    func failure(_ fault: Fault) -> Outcome {
        let fault = StandardFault.challenging(fault)
        var writer = ValueWriter(.jsonRPC)
        head(&writer)
        writer.raw(",\"result\":{\"error\":")
        writer.fault(fault)
        writer.raw("}}")
        return Outcome(
            status: 200, fields: [JSONAnswer.contentType, ResponseField("vapi-error", fault.type.canonicalName)],
            body: .bytes(writer.take()),
            isCompressible: true, fault: fault)
    }

    private func head(_ writer: inout ValueWriter) {
        writer.raw("{\"jsonrpc\":\"2.0\",\"id\":")
        writer.raw(id)
    }
}
