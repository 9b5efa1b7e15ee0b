import Domain
import HTTP

/// What belongs to one request whatever answers it.
public struct Exchange: Sendable {
    /// Ours; in the answer's `X-Request-Id`, the log and the audit.
    public let requestID: String
    /// The client's `X-Request-ID`, cut to 128 characters; a JSON-RPC call may name another.
    public let operationID: String?
    /// The client's address without port.
    public let peer: String
    public let receivedAt: Timestamp

    public init(requestID: String, operationID: String?, peer: String, receivedAt: Timestamp) {
        self.requestID = requestID
        self.operationID = operationID
        self.peer = peer
        self.receivedAt = receivedAt
    }
}

/// An answer before the fields that all answers share, with what the access log wants to know.
public struct Outcome: Sendable {
    public var status: Int
    public var fields: [ResponseField]
    public var body: ResponseBody
    public var isCompressible: Bool
    /// Who asked, once that is known.
    public var user: String?
    /// Service and operation.
    public var operation: String?
    /// The client's identifier where the body named it; otherwise that of the exchange counts.
    public var operationID: String?
    public var fault: Fault?

    public init(
        status: Int, fields: [ResponseField] = [], body: ResponseBody = .none,
        isCompressible: Bool = false,
        user: String? = nil, operation: String? = nil, fault: Fault? = nil
    ) {
        self.status = status
        self.fields = fields
        self.body = body
        self.isCompressible = isCompressible
        self.user = user
        self.operation = operation
        self.fault = fault
    }
}

/// An outcome that is there, or the work that brings it. Like `HTTP.Reply`.
public enum Step: Sendable {
    case now(Outcome)
    case later(@Sendable () async -> Outcome)
}

extension Exchange {
    func with(operationID: String?) -> Exchange {
        Exchange(requestID: requestID, operationID: operationID, peer: peer, receivedAt: receivedAt)
    }

    /// Longest operation identifier of a client that is kept, in characters.
    static let operationIDLimit = 128

    /// A client's identifier, cut; `nil` if it is empty.
    static func trimmed(_ text: String?) -> String? {
        guard let text, !text.isEmpty else { return nil }
        return text.utf8.count <= operationIDLimit ? text : String(text.prefix(operationIDLimit))
    }
}
