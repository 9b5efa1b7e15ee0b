import Domain

/// A workflow as the inventory keeps it. A vAPI task is a view of this record.
public struct WorkflowRecord: Resource {
    public static let kind = ResourceKind.workflow
    public static let indexes: [Index<WorkflowRecord>] = [
        Index("open") { $0.isFinished ? [] : [""] },
        Index("user") { $0.caller.user.map { [$0] } ?? [] },
        Index("target") { $0.target.map { [$0.id] } ?? [] },
    ]

    /// `<uuid>:<service>`, for example `5c1f…:com.vmware.vcenter.VM`.
    public let id: Identifier<WorkflowRecord>
    /// `Workflow.name`.
    public let type: String
    public let caller: WorkflowCaller
    public let isCancelable: Bool
    public let createdAt: Timestamp
    /// JSON of the workflow value after the last saved step.
    public var state: String
    public var phase: WorkflowPhase
    /// Why the last attempt to go on failed; `nil` unless it waits for the next one.
    public var obstacle: RecordedFault?
    public var isCancellationRequested: Bool
    public var progress: WorkflowProgress
    public var target: WorkflowTarget?
    /// When the first step began; `nil` while it waits for its turn.
    public var startedAt: Timestamp?
    public var endedAt: Timestamp?

    /// The state of the task in the words of `com.vmware.cis.task.Status`.
    public var status: WorkflowStatus {
        switch phase {
        case .succeeded: .succeeded
        case .failed: .failed
        case .forward, .undoing: obstacle != nil ? .blocked : startedAt == nil ? .pending : .running
        }
    }

    public var isFinished: Bool {
        switch phase {
        case .succeeded, .failed: true
        case .forward, .undoing: false
        }
    }

    /// Why it failed, or why it is being undone or stuck.
    public var fault: RecordedFault? {
        switch phase {
        case .failed(let fault): fault
        case .undoing(_, let fault): obstacle ?? fault
        case .forward: obstacle
        case .succeeded: nil
        }
    }

    /// JSON text of the result as a vAPI value.
    public var result: String? {
        guard case .succeeded(let result) = phase else { return nil }
        return result
    }
}

/// How far a workflow is. Indices count the steps of its type from 0.
public enum WorkflowPhase: Sendable, Codable, Equatable {
    /// Everything before `next` is done.
    case forward(next: Int)
    /// Everything after `next` is undone; -1 when all is.
    case undoing(next: Int, because: RecordedFault)
    case succeeded(result: String?)
    case failed(RecordedFault)
}

/// Raw values: `com.vmware.cis.task.Status`.
public enum WorkflowStatus: String, Sendable, CaseIterable {
    case pending = "PENDING"
    case running = "RUNNING"
    case blocked = "BLOCKED"
    case succeeded = "SUCCEEDED"
    case failed = "FAILED"
}

/// Source: `com.vmware.cis.task.progress`.
public struct WorkflowProgress: Sendable, Codable, Equatable {
    /// More than 0.
    public var total: Int64
    /// 0 to `total`.
    public var completed: Int64
    public var message: String

    public init(total: Int64, completed: Int64, message: String) {
        self.total = total
        self.completed = completed
        self.message = message
    }
}

/// A fault as it is stored: what the client is told.
public struct RecordedFault: Sendable, Codable, Equatable {
    public var type: FaultType
    public var messages: [LocalizableMessage]

    public init(_ fault: Fault) {
        self.type = fault.type
        self.messages = fault.messages
    }

    /// To throw it again.
    public var fault: Fault {
        let first = messages.first ?? LocalizableMessage(id: "com.viaduct.workflow.failed", "The operation failed.")
        var fault = Fault(type, first)
        fault.messages = messages.isEmpty ? [first] : messages
        return fault
    }
}

/// The call that started a workflow, as it is stored.
public struct WorkflowCaller: Sendable, Codable, Equatable {
    public var user: String?
    public var session: Identifier<Session>?
    public var requestID: String
    public var operationID: String?
    public var service: String
    public var operation: String
    public var peer: String
    public var receivedAt: Timestamp

    public init(_ call: Call) {
        user = call.user
        session = call.session
        requestID = call.requestID
        operationID = call.operationID
        service = call.service
        operation = call.operation
        peer = call.peer
        receivedAt = call.receivedAt
    }

    public var call: Call {
        Call(
            user: user, session: session, requestID: requestID, operationID: operationID, service: service,
            operation: operation, peer: peer, receivedAt: receivedAt)
    }
}
