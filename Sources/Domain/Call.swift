import Synchronization

/// One request as the layers below the wires see it: who asks for what, from where, since when.
public struct Call: Sendable {
    /// The authenticated user, for example `administrator@vsphere.local`; `nil` for an open operation.
    public var user: String?
    /// The record of the session that was presented; `nil` with Basic authentication or none.
    public var session: Identifier<Session>?
    /// The user's credential version when the caller was found to be this user; see `User.credentialVersion`.
    public var credentialVersion: Int?
    /// Ours, unique per request; in the answer, the log and the audit entry.
    public var requestID: String
    /// The client's `opId` or `X-Request-ID`, cut to 128 characters; `nil` if absent.
    public var operationID: String?
    /// Canonical vAPI service name, for example `com.vmware.vcenter.VM`.
    public var service: String
    /// For example `create`, without `$task`.
    public var operation: String
    /// The client's address without port.
    public var peer: String
    public var receivedAt: Timestamp
    /// What only the audit wants to know, and whether it knows; `nil` for reads and for work that is no request.
    public var audit: AuditSlip?

    public init(
        user: String?, session: Identifier<Session>? = nil, credentialVersion: Int? = nil, requestID: String, operationID: String? = nil,
        service: String, operation: String, peer: String, receivedAt: Timestamp
    ) {
        self.user = user
        self.session = session
        self.credentialVersion = credentialVersion
        self.requestID = requestID
        self.operationID = operationID
        self.service = service
        self.operation = operation
        self.peer = peer
        self.receivedAt = receivedAt
    }
}

/// What the audit wants to know of a call. Shared by all who work for it.
public final class AuditSlip: Sendable {
    /// `nil` if nobody proved to be anybody.
    public let authentication: AuthenticationMethod?
    public let userAgent: String?
    /// What the caller gave, as JSON: secrets replaced, cut.
    public let arguments: String?
    private let marked = Atomic(false)

    public init(authentication: AuthenticationMethod?, userAgent: String?, arguments: String?) {
        self.authentication = authentication
        self.userAgent = userAgent
        self.arguments = arguments
    }

    /// A change of the call carries an audit entry.
    public func mark() { marked.store(true, ordering: .releasing) }
    public var isMarked: Bool { marked.load(ordering: .acquiring) }
}

/// How a caller proved who they are.
public enum AuthenticationMethod: String, Sendable {
    case session
    /// Name and password with the call itself.
    case password
    /// A signed token.
    case bearer
}

/// A moment of the wall clock in milliseconds since 1970-01-01T00:00:00Z.
public struct Timestamp: Hashable, Comparable, Sendable, Codable {
    public var milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }

    public static func < (left: Self, right: Self) -> Bool { left.milliseconds < right.milliseconds }

    public init(from decoder: any Decoder) throws {
        milliseconds = try decoder.singleValueContainer().decode(Int64.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(milliseconds)
    }
}
