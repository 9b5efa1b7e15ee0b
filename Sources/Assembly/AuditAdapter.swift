import API
import Domain
import Logging
import Persistence
import Services

/// Lets the interface write into the audit log.
struct AuditAdapter: AuditTrail {
    let store: Store
    let refusals: RefusalRecorder
    let logger: Logger

    func record(_ call: Call, _ refusal: FaultType?) async {
        do throws(Fault) {
            try await store.recordAudit(call, refusal.map { .refused($0) } ?? .unchanged)
        } catch {
            // Nothing was changed, so the answer stands.
            logger.error(
                "audit entry not stored",
                metadata: [
                    "request": .string(call.requestID), "operation": .string(call.service + "." + call.operation),
                    "reason": .string(error.detail ?? ""),
                ])
        }
    }

    func noteRefusal(_ type: FaultType, of call: Call, because reason: CallRefusal) {
        refusals.note(reason.rawValue, of: call, type, about: reason == .notPermitted ? "authorization" : "request")
    }
}
