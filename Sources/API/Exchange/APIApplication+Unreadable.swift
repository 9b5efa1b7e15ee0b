import Contract
import Domain
import HTTP

// Requests that were turned away before they were calls: what the audit hears of them.
extension APIApplication {
    /// What `/api` itself and the rate of an address are called in `Call.service`, the audit and the log.
    private static let service = "com.viaduct.http"

    /// An outcome for somebody known whose input could not be read: of a change it leaves an entry that is durable, like
    /// that of every change that failed; of a read none, like that of every read that failed.
    @inline(never)
    func unreadable(
        _ outcome: Outcome, _ fault: Fault, _ entry: OperationEntry, by principal: Principal?, from head: RequestHead,
        in exchange: Exchange
    ) -> Step {
        guard let audit, !entry.operation.isRead else { return .now(outcome) }
        var call = entry.call(by: principal, in: exchange)
        call.audit = AuditSlip(head, principal?.authentication)
        guard principal != nil else {
            audit.noteRefusal(fault.type, of: call, because: .unreadable)
            return .now(outcome)
        }
        let known = call
        return .later {
            await audit.record(known, fault.type)
            return outcome
        }
    }

    /// Nobody knows who sent it nor what was wanted.
    @inline(never)
    func note(_ type: FaultType, of request: Request, in exchange: Exchange, because reason: CallRefusal) {
        guard let audit else { return }
        var call = Call(
            user: nil, requestID: exchange.requestID, operationID: exchange.operationID, service: Self.service,
            operation: request.head.method.name.lowercased(), peer: exchange.peer, receivedAt: exchange.receivedAt)
        call.audit = AuditSlip(request.head, nil)
        audit.noteRefusal(type, of: call, because: reason)
    }
}
