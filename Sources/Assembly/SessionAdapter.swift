import API
import Domain
import Services

/// Lets the interface ask the services who is calling.
struct SessionAdapter: SessionAuthority {
    let sessions: Sessions

    func session(forToken token: ArraySlice<UInt8>, at now: Timestamp) -> Principal? {
        guard let session = sessions.session(forToken: token, at: now) else { return nil }
        return Principal(user: session.user, isAdministrator: session.isAdministrator, session: session.id)
    }

    func authenticate(user: String, password: String, peer: String, at now: Timestamp) async throws(Fault) -> Principal {
        let found = try await sessions.authenticate(user: user, password: password)
        return Principal(
            user: found.id.rawValue, isAdministrator: sessions.isAdministrator(found.id), credentialVersion: found.credentialVersion)
    }
}
