import Domain

/// Who stands behind a request.
public struct Principal: Sendable, Equatable {
    /// Full name, for example `administrator@vsphere.local`.
    public let user: String
    public let isAdministrator: Bool
    /// The session that was presented; `nil` with Basic authentication.
    public let session: Identifier<Session>?
    /// See `Call.credentialVersion`; `nil` with a session, which keeps its own.
    public let credentialVersion: Int?
    public let authentication: AuthenticationMethod

    /// - Parameter authentication: `nil` for a session if there is one, for a password otherwise.
    public init(
        user: String, isAdministrator: Bool, session: Identifier<Session>? = nil, credentialVersion: Int? = nil,
        authentication: AuthenticationMethod? = nil
    ) {
        self.authentication = authentication ?? (session == nil ? .password : .session)
        self.user = user
        self.isAdministrator = isAdministrator
        self.session = session
        self.credentialVersion = credentialVersion
    }
}

/// Why a caller was not let in. The answer says next to nothing of it; the audit log has the reason.
public enum AuthenticationRefusal: String, Sendable, Equatable {
    case nothingPresented = "no proof of identity"
    case malformed = "malformed proof of identity"
    case unknownSession = "unknown or ended session"
    case invalidToken = "invalid bearer token"
    /// A scheme this server does not speak, for example SAML.
    case unsupportedScheme = "unsupported authentication scheme"
    /// A cookie that a browser sent on behalf of another site.
    case foreignPage = "session cookie sent for another site"
    case wrongAntiForgeryToken = "session cookie without its anti-forgery token"
    /// Name and password where a session is wanted, or the reverse.
    case notAcceptedHere = "proof of identity of a kind not accepted here"
}

/// Knows sessions and users. The services implement it over the inventory.
public protocol SessionAuthority: Sendable {
    /// The live session of a token, or `nil` if there is none or it has expired; marks it as used.
    ///
    /// Called on the event loop for nearly every request: it must neither block nor allocate more than it needs, and it
    /// must compare by digest, so that the time it takes says nothing about the tokens that exist.
    ///
    /// - Parameter token: as the client sent it; any bytes.
    func session(forToken token: ArraySlice<UInt8>, at now: Timestamp) -> Principal?

    /// Whoever a signed token (JWT) names; `nil` if it does not hold. Called on the event loop; must not block.
    func bearer(_ token: ArraySlice<UInt8>, at now: Timestamp) -> Principal?

    /// What must come in a header with a session token that comes in the cookie `JSESSIONID`.
    func antiForgeryToken(of token: ArraySlice<UInt8>) -> String

    /// Checks a user's password. Takes tens of milliseconds of another thread: a password hash is slow by design.
    ///
    /// Records refusals itself.
    ///
    /// - Parameter call: what is asked for, still without a user.
    /// - Throws: `.unauthenticated` for an unknown user, a wrong password or a locked account alike, so that nothing
    ///   tells them apart; `.serviceUnavailable` when too many are waiting.
    func authenticate(user: String, password: String, call: Call) async throws(Fault) -> Principal

    /// Records that a caller was not let in, without waiting.
    func noteRefusal(_ reason: AuthenticationRefusal, of call: Call)
}
