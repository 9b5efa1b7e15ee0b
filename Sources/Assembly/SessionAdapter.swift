import API
import Domain
import Services

/// Lets the interface ask the services who is calling.
struct SessionAdapter: SessionAuthority, SessionMaker {
    let product: Product
    /// `nil`: signed tokens are not accepted.
    let tokens: BearerTokens?

    func session(forToken token: ArraySlice<UInt8>, at now: Timestamp) -> Principal? {
        guard let session = product.sessions.session(forToken: token, at: now) else { return nil }
        return Principal(user: session.user, isAdministrator: session.isAdministrator, session: session.id)
    }

    func bearer(_ token: ArraySlice<UInt8>, at now: Timestamp) -> Principal? {
        guard let name = tokens?.user(of: token, at: now) else { return nil }
        let inventory = product.store.snapshot
        guard let user = inventory[User.self].record(name.user)?.value, user.isEnabled else { return nil }
        return principal(user, .bearer)
    }

    func antiForgeryToken(of token: ArraySlice<UInt8>) -> String { Sessions.antiForgeryToken(of: token) }

    func authenticate(user: String, password: String, call: Call) async throws(Fault) -> Principal {
        principal(try await product.logins.authenticate(user: user, password: password, call: call), .password)
    }

    func noteRefusal(_ reason: AuthenticationRefusal, of call: Call) { product.refusals.note(reason.rawValue, of: call) }

    func createSession(by call: Call) async throws(Fault) -> String { try await product.sessions.create(by: call) }

    func endSession(by call: Call) async throws(Fault) { try await product.sessions.end(by: call) }

    private func principal(_ user: User, _ method: AuthenticationMethod) -> Principal {
        Principal(
            user: user.id.rawValue, isAdministrator: product.store.snapshot.isAdministrator(user.id),
            credentialVersion: user.credentialVersion, authentication: method)
    }
}
