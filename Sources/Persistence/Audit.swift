import Domain

/// Who did, or tried to do, what to which objects. Part of the change it describes, or of its own for a refused call.
public struct AuditEntry: Sendable, Equatable, Codable {
    /// Sequence number of the change it is part of.
    public var sequence: UInt64
    public var time: Timestamp
    /// `nil` for an anonymous call or work of the program itself.
    public var user: String?
    public var session: String?
    /// Client address; empty for work of the program itself.
    public var peer: String
    public var requestID: String
    public var operationID: String?
    /// Canonical vAPI name, for example `com.vmware.vcenter.VM`.
    public var service: String
    public var operation: String
    public var outcome: AuditOutcome
    public var facts: [AuditFact]

    public init(sequence: UInt64, time: Timestamp, call: Call?, outcome: AuditOutcome, facts: [AuditFact]) {
        self.sequence = sequence
        self.time = time
        self.user = call?.user
        self.session = call?.session?.rawValue
        self.peer = call?.peer ?? ""
        self.requestID = call?.requestID ?? ""
        self.operationID = call?.operationID
        self.service = call?.service ?? ""
        self.operation = call?.operation ?? ""
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

public enum AuditOutcome: Sendable, Equatable, Codable {
    case succeeded
    case refused(FaultType)

    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        self = text == "succeeded" ? .succeeded : .refused(FaultType(rawValue: text) ?? .error)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .succeeded: try container.encode("succeeded")
        case .refused(let type): try container.encode(type.rawValue)
        }
    }
}

/// One object an operation touched, and what happened to it if that is not plain from the operation.
public struct AuditFact: Sendable, Equatable, Codable {
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
    public var newestFirst: Bool
    /// At most so many entries; 1 or more.
    public var limit: Int

    public init(
        sequences: ClosedRange<UInt64> = 1...UInt64(Int64.max), from: Timestamp? = nil, until: Timestamp? = nil,
        user: String? = nil, newestFirst: Bool = false, limit: Int
    ) {
        self.sequences = sequences
        self.from = from
        self.until = until
        self.user = user
        self.newestFirst = newestFirst
        self.limit = limit
    }

    /// Whether an entry is in the range, the limit aside.
    public func matches(_ entry: AuditEntry) -> Bool {
        guard sequences.contains(entry.sequence) else { return false }
        if let from, entry.time < from { return false }
        if let until, entry.time >= until { return false }
        if let user, entry.user != user { return false }
        return true
    }
}
