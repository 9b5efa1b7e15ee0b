import Contract
import ContractTypes
import Domain
import Persistence

/// `com.viaduct.sessions`: whoever has leaked sessions can see and end them; administrators those of everybody.
struct SessionAdministration: SessionAdministrationService {
    let store: Store
    let sessions: Sessions

    func list(filter: ViaductSessionsFilterSpec?, call: Call) throws(Fault) -> [ViaductSessionsSummary] {
        let own = try ownUser(call)
        let users = Set((filter?.users ?? []).map { PrincipalName($0, defaultDomain: EmbeddedDomain.standard)?.description ?? $0 })
        return sessions.all(of: own, at: call.receivedAt).filter { users.isEmpty || users.contains($0.user) }.map { session in
            ViaductSessionsSummary(
                session: session.id.rawValue, user: session.user, createdTime: session.createdAt,
                lastAccessedTime: session.lastUsedAt, expiresTime: session.expiresAt, clientAddress: session.peer,
                thisSession: session.id == call.session)
        }
    }

    /// Somebody else's session is none that the caller could know of.
    func delete(session: String, call: Call) async throws(Fault) {
        let id = Identifier<Session>(session)
        if let own = try ownUser(call), store.snapshot[Session.self].record(id)?.value.user != own { throw .sessionNotFound(session) }
        try await sessions.revoke(id, by: call)
    }

    /// The user that the caller is confined to; `nil` for an administrator.
    private func ownUser(_ call: Call) throws(Fault) -> String? {
        guard let user = call.user else { throw .unauthenticated }
        return store.snapshot.isAdministrator(Identifier(user)) ? nil : user
    }
}
