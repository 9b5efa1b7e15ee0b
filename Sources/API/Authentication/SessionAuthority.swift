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

    public init(
        user: String, isAdministrator: Bool, session: Identifier<Session>? = nil, credentialVersion: Int? = nil
    ) {
        self.user = user
        self.isAdministrator = isAdministrator
        self.session = session
        self.credentialVersion = credentialVersion
    }
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

    /// Checks a user's password. Takes tens of milliseconds of another thread: a password hash is slow by design.
    ///
    /// - Throws: `.unauthenticated` for an unknown user, a wrong password or a locked account alike, so that nothing
    ///   tells them apart; `.serviceUnavailable` when too many are waiting.
    func authenticate(user: String, password: String, peer: String, at now: Timestamp) async throws(Fault) -> Principal
}
