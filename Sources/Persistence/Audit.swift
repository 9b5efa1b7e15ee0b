import Cryptography
import Domain

/// Who did, or tried to do, what to which objects. Part of the change it describes, or of its own for a call that changed
/// nothing.
public struct AuditEntry: Sendable, Equatable {
    /// Counts the entries from 1 without a gap; 0 before the entry is sealed.
    public internal(set) var number: UInt64 = 0
    /// Sequence number of the change it is part of.
    public var sequence: UInt64
    public var time: Timestamp
    /// `nil` for an anonymous call or work of the program itself.
    public var user: String?
    public var session: String?
    /// `nil` if nobody proved to be anybody, and for work of the program itself.
    public var authentication: AuthenticationMethod?
    /// Client address; empty for work of the program itself.
    public var peer: String
    /// As the client called itself, cut.
    public var userAgent: String?
    public var requestID: String
    public var operationID: String?
    /// Canonical vAPI name, for example `com.vmware.vcenter.VM`.
    public var service: String
    public var operation: String
    /// What the caller gave, as JSON: secrets replaced, cut; `nil` where nothing was kept.
    public var arguments: String?
    /// From the arrival of the request to the entry; `nil` for work of the program itself.
    public var durationMilliseconds: Int64?
    public var outcome: AuditOutcome
    public var facts: [AuditFact]
    /// `digest` of the entry before.
    public internal(set) var previousDigest = AuditHead.start.digest
    /// SHA-256 of `canonicalBytes`, as it was computed when the entry was made.
    public internal(set) var digest = AuditHead.start.digest

    public init(sequence: UInt64, time: Timestamp, call: Call?, outcome: AuditOutcome, facts: [AuditFact]) {
        self.sequence = sequence
        self.time = time
        user = call?.user
        session = call?.session?.rawValue
        authentication = call?.audit?.authentication
        peer = call?.peer ?? ""
        userAgent = call?.audit?.userAgent
        requestID = call?.requestID ?? ""
        operationID = call?.operationID
        service = call?.service ?? ""
        operation = call?.operation ?? ""
        arguments = call?.audit?.arguments
        durationMilliseconds = call.map { max(0, time.milliseconds - $0.receivedAt.milliseconds) }
        self.outcome = outcome
        self.facts = facts
    }
}

/// When a change leaves an audit entry.
public enum AuditRule: Sendable {
    /// Whenever it is made on behalf of a call, or its body adds facts.
    case always
    /// Only if its body adds facts: for the small steps of work that has its entries already.
    case onlyWithFacts
}

public enum AuditOutcome: Sendable, Equatable {
    case succeeded
    /// There was nothing to change.
    case unchanged
    case refused(FaultType)

    /// `succeeded`, `unchanged`, or the type of the error.
    public var text: String {
        switch self {
        case .succeeded: "succeeded"
        case .unchanged: "unchanged"
        case .refused(let type): type.rawValue
        }
    }

    public init?(text: String) {
        switch text {
        case "succeeded": self = .succeeded
        case "unchanged": self = .unchanged
        default:
            guard let type = FaultType(rawValue: text) else { return nil }
            self = .refused(type)
        }
    }
}

/// One object an operation touched, and what happened to it if that is not plain from the operation.
public struct AuditFact: Sendable, Equatable {
    /// Identifier, for example `vm-101`.
    public var target: String
    public var detail: String?

    public init(target: String, detail: String? = nil) {
        self.target = target
        self.detail = detail
    }
}

/// Which audit entries to read.
public struct AuditQuery: Sendable, Equatable {
    /// Only entries with a sequence number in this range.
    public var sequences: ClosedRange<UInt64>
    /// Only entries not older than this.
    public var from: Timestamp?
    /// Only entries older than this.
    public var until: Timestamp?
    public var user: String?
    public var service: String?
    /// Without its service.
    public var operation: String?
    /// Only entries with this object among their facts.
    public var target: String?
    /// As `AuditOutcome.text`.
    public var outcome: String?
    public var newestFirst: Bool
    /// At most so many entries; 1 or more.
    public var limit: Int

    public init(
        sequences: ClosedRange<UInt64> = 1...UInt64(Int64.max), from: Timestamp? = nil, until: Timestamp? = nil,
        user: String? = nil, service: String? = nil, operation: String? = nil, target: String? = nil, outcome: String? = nil,
        newestFirst: Bool = false, limit: Int
    ) {
        self.sequences = sequences
        self.from = from
        self.until = until
        self.user = user
        self.service = service
        self.operation = operation
        self.target = target
        self.outcome = outcome
        self.newestFirst = newestFirst
        self.limit = limit
    }

    /// Whether an entry is in the range, the limit aside.
    public func matches(_ entry: AuditEntry) -> Bool {
        guard sequences.contains(entry.sequence) else { return false }
        if let from, entry.time < from { return false }
        if let until, entry.time >= until { return false }
        if let user, entry.user != user { return false }
        if let service, entry.service != service { return false }
        if let operation, entry.operation != operation { return false }
        if let target, !entry.facts.contains(where: { $0.target == target }) { return false }
        if let outcome, entry.outcome.text != outcome { return false }
        return true
    }
}
