import Contract

/// What is wrong with a JSON-RPC request before it is a call. Source: JSON-RPC 2.0 §5.1; -31001 is vAPI's own.
enum JSONRPCError: Int {
    case parseError = -32700
    case invalidRequest = -32600
    case methodNotFound = -32601
    case invalidParameters = -32602
    case mismatchingOperation = -31001

    /// The texts of VMware's runtime.
    var message: String {
        switch self {
        case .parseError: "Parse error."
        case .invalidRequest: "Invalid Request."
        case .methodNotFound: "Method not found."
        case .invalidParameters: "Invalid params."
        case .mismatchingOperation: "Mismatching operation identifier in HTTP header and payload"
        }
    }
}

/// The answer to something that is no call.
struct JSONRPCRefusal: Error {
    let error: JSONRPCError
    /// As JSON; `null` where the request's could not be read, which clients insist on for -32700 and -32600.
    let id: ArraySlice<UInt8>
    let data: String?

    static let noID = Array("null".utf8)[...]

    init(_ error: JSONRPCError, id: ArraySlice<UInt8> = noID, data: String? = nil) {
        self.error = error
        self.id = id
        self.data = data
    }

    var outcome: Outcome {
        var writer = ValueWriter(.clean)
        writer.raw("{\"jsonrpc\":\"2.0\",\"id\":")
        writer.raw(id)
        writer.raw(",\"error\":{\"code\":")
        writer.long(Int64(error.rawValue))
        writer.field(",\"message\":", error.message)
        writer.optional(",\"data\":", data)
        writer.raw("}}")
        return Outcome(status: 200, fields: [JSONAnswer.contentType], body: .bytes(writer.take()))
    }
}
