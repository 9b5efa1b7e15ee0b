import Contract
import ContractTypes
import Domain
import HTTP

/// Takes an entry for every call that was refused or failed, and for those that succeeded without a change of their own.
/// A change that was made has its entry in its own commit.
public protocol AuditTrail: Sendable {
    /// Returns when the entry is durable, or cannot be.
    ///
    /// - Parameter refusal: `nil` for a success that changed nothing.
    func record(_ call: Call, _ refusal: FaultType?) async

    /// For what strangers and reads can cause in any number. Called on the event loop: must not block, and may leave out
    /// what comes too often.
    func noteRefusal(_ type: FaultType, of call: Call, because reason: CallRefusal)
}

/// Why a call was turned away, other than for who called.
public enum CallRefusal: String, Sendable {
    case notPermitted = "not permitted"
    case tooMany = "too many requests"
    /// No JSON, not the JSON that was asked for, or of another type of content.
    case unreadable = "not readable"
}

extension AuditSlip {
    private static let userAgentLimit = 256

    /// What a request says of itself.
    convenience init(_ head: RequestHead, _ authentication: AuthenticationMethod?, arguments: String? = nil) {
        let agent = head.text("user-agent").map { $0.utf8.count <= Self.userAgentLimit ? $0 : String($0.prefix(Self.userAgentLimit)) }
        self.init(authentication: authentication, userAgent: agent, arguments: arguments)
    }
}

/// Which fields of inputs the audit must not repeat.
struct SecretFields: Sendable {
    /// Every field that the contract says is secret, whichever structure it stands in, and what sounds like one.
    let names: Set<String>

    init(_ operations: [Operation]) {
        var names: Set<String> = ["password", "secret", "token", "private_key", "passphrase", "credentials"]
        for field in typeTable.structures.flatMap(\.fields) + operations.flatMap(\.parameters) {
            if Self.isSecret(field.type) { names.insert(field.name) }
        }
        self.names = names
    }

    private static func isSecret(_ type: TypeExpression) -> Bool {
        switch type {
        case .secret: true
        case .optional(let inner), .list(let inner), .set(let inner): isSecret(inner)
        case .map(let key, let value): isSecret(key) || isSecret(value)
        default: false
        }
    }
}

extension FaultType {
    /// What the audit calls a refusal of which no more is known than its status; `nil` for what was no refusal.
    init?(ofStatus status: Int) {
        switch status {
        case ..<400: return nil
        case 401: self = .unauthenticated
        case 403: self = .unauthorized
        case 404: self = .notFound
        case 405: self = .unsupported
        case 409: self = .notAllowedInCurrentState
        case 412: self = .concurrentChange
        case 429, 503: self = .serviceUnavailable
        case 507: self = .unableToAllocateResource
        case 500...: self = .error
        default: self = .invalidArgument
        }
    }
}
