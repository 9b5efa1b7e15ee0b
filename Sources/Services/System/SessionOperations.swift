import Contract
import ContractTypes
import Domain

/// `com.vmware.cis.session`
struct SessionOperations: SessionService {
    let sessions: Sessions

    func create(call: Call) async throws(Fault) -> Secret { Secret(try await sessions.create(by: call)) }

    func delete(call: Call) async throws(Fault) { try await sessions.end(by: call) }

    func get(call: Call) throws(Fault) -> CisSessionInfo {
        guard let session = sessions.current(call) else { throw .unauthenticated }
        return CisSessionInfo(
            user: session.user, createdTime: session.createdAt, lastAccessedTime: session.lastUsedAt)
    }
}
