import Domain

// The faults of workflows, in one place for their message identifiers.
extension Fault {
    static var canceledByRequest: Fault {
        Fault(.canceled, id: "com.viaduct.workflow.canceled", "The operation was canceled.")
    }

    static var interrupted: Fault {
        Fault(
            .error, id: "com.viaduct.workflow.interrupted", "The server stopped during the operation, which was undone.")
    }

    static var stopping: Fault {
        Fault(
            .serviceUnavailable, id: "com.viaduct.workflow.stopping",
            "The server is stopping. The operation is completed or undone when it is back.")
    }

    static func unfinished(_ id: Identifier<WorkflowRecord>) -> Fault {
        Fault(
            .serviceUnavailable, id: "com.viaduct.workflow.unfinished",
            "The task \(id) did not end yet. It is completed or undone later.", arguments: [id.rawValue])
    }

    static func taskNotFound(_ id: Identifier<WorkflowRecord>) -> Fault {
        Fault(
            .notFound, id: "com.viaduct.workflow.task_not_found", "The task \(id) was not found.",
            arguments: [id.rawValue])
    }

    static func notCancelable(_ id: Identifier<WorkflowRecord>) -> Fault {
        Fault(
            .unsupported, id: "com.viaduct.workflow.not_cancelable", "The task \(id) cannot be canceled.",
            arguments: [id.rawValue])
    }

    static func tooLateToCancel(_ id: Identifier<WorkflowRecord>) -> Fault {
        Fault(
            .notAllowedInCurrentState, id: "com.viaduct.workflow.too_late_to_cancel",
            "The task \(id) can no longer be canceled.", arguments: [id.rawValue])
    }

    static func overtaken(_ id: Identifier<WorkflowRecord>) -> Fault {
        Fault(
            .concurrentChange, id: "com.viaduct.workflow.overtaken", "The task \(id) was changed by someone else meanwhile.",
            arguments: [id.rawValue])
    }

    static func unreadable(_ id: Identifier<WorkflowRecord>, _ reason: String) -> Fault {
        Fault(
            .internalServerError, id: "com.viaduct.workflow.unreadable", "The task \(id) cannot be continued.",
            arguments: [id.rawValue], detail: reason)
    }
}
