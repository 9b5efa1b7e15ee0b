import Contract
import ContractTypes
import Coordination
import Domain
import Persistence

/// `com.vmware.cis.tasks`: views of workflows. A user sees the own ones, an administrator all.
struct Tasks: TasksService {
    let store: Store
    let engine: WorkflowEngine

    func cancel(task: String, call: Call) async throws(Fault) {
        _ = try visible(task, call)
        try await engine.cancel(Identifier(task), by: call)
    }

    func get(task: String, spec: CisTasksGetSpec?, call: Call) throws(Fault) -> CisTaskInfo {
        try CisTaskInfo(visible(task, call), withResult: spec?.excludeResult != true)
    }

    func list(
        filterSpec filter: CisTasksFilterSpec?, resultSpec: CisTasksGetSpec?, call: Call
    ) throws(Fault) -> ValueMap<String, CisTaskInfo> {
        let withResult = resultSpec?.excludeResult != true
        let inventory = store.snapshot
        let (ids, services) = (Choice(filter?.tasks), Choice(filter?.services))
        let (operations, states) = (Choice(filter?.operations), Choice(filter?.status?.map(\.rawValue)))
        let users = Choice(filter?.users)
        var entries: [(key: String, value: CisTaskInfo)] = []
        for record in inventory[WorkflowRecord.self].all where isVisible(record, call, inventory) {
            let record = engine.current(record)
            guard
                ids.contains(record.id.rawValue), services.contains(record.caller.service),
                operations.contains(record.caller.operation), states.contains(record.status.rawValue),
                users.contains(record.caller.user), Self.targets(filter?.targets, record)
            else { continue }
            entries.append((record.id.rawValue, try CisTaskInfo(record, withResult: withResult)))
        }
        return ValueMap(try limited(entries, to: 1000, "tasks", "tasks"))
    }

    private static func targets(_ wanted: [VapiStdDynamicID]?, _ record: WorkflowRecord) -> Bool {
        guard let wanted else { return true }
        return wanted.contains { $0.type == record.target?.type && $0.id == record.target?.id }
    }

    private func visible(_ id: String, _ call: Call) throws(Fault) -> WorkflowRecord {
        guard let record = engine.current(Identifier(id)), isVisible(record, call, store.snapshot) else {
            throw Fault(
                .notFound, id: "com.vmware.vapi.tasks.task_not_found", "Task with identifier '\(id)' does not exist.",
                arguments: [id])
        }
        return record
    }

    private func isVisible(_ record: WorkflowRecord, _ call: Call, _ inventory: Inventory) -> Bool {
        guard let user = call.user else { return false }
        return record.caller.user == user
            || inventory.isAdministrator(Identifier(user))
    }
}

extension CisTaskInfo {
    /// The union on `status` decides which fields are set.
    convenience init(_ record: WorkflowRecord, withResult: Bool) throws(Fault) {
        let status = CisTaskStatus(record.status)
        let isPending = status == .pending
        var result: DataValue?
        if withResult, let text = record.result { result = try DataValue(jsonRPCText: Array(text.utf8)) }
        self.init(
            progress: isPending ? nil : CisTaskProgress(record.progress), result: result,
            description: VapiStdLocalizableMessage(
                id: "\(record.caller.service).\(record.caller.operation)",
                defaultMessage: "\(record.caller.service).\(record.caller.operation)", args: []),
            service: record.caller.service, operation: record.caller.operation,
            target: record.target.map { VapiStdDynamicID(type: $0.type, id: $0.id) }, status: status,
            cancelable: record.isCancelable && !record.isFinished,
            error: status == .failed ? record.fault.map { DataValue($0.fault) } : nil,
            startTime: isPending ? nil : record.startedAt ?? record.createdAt,
            endTime: record.isFinished ? record.endedAt : nil, user: record.caller.user)
    }
}

extension CisTaskProgress {
    init(_ progress: WorkflowProgress) {
        self.init(
            total: progress.total, completed: progress.completed,
            message: VapiStdLocalizableMessage(
                id: "com.viaduct.task.progress", defaultMessage: progress.message, args: []))
    }
}

extension CisTaskStatus {
    init(_ status: WorkflowStatus) {
        switch status {
        case .pending: self = .pending
        case .running: self = .running
        case .blocked: self = .blocked
        case .succeeded: self = .succeeded
        case .failed: self = .failed
        }
    }
}
