/// A login. The token itself is known to the client alone.
public struct Session: Resource {
    public static let kind = ResourceKind.session
    public static let indexes: [Index<Session>] = [
        Index("digest", unique: true) { [$0.tokenDigest] },
        Index("user") { [$0.user] },
    ]

    public let id: Identifier<Session>
    /// Lower-case hexadecimal SHA-256 of the token.
    public let tokenDigest: String
    public let user: String
    /// The user's credential version at login; the session ends when it is another.
    public let credentialVersion: Int
    /// The address it was made from.
    public let peer: String
    public let createdAt: Timestamp
    /// Written coarsely: it lags real use by up to a minute.
    public var lastUsedAt: Timestamp
    /// Idle limit, counted from the last use.
    public let idleMilliseconds: Int64
    /// Absolute end.
    public let expiresAt: Timestamp

    public init(
        id: Identifier<Session>, tokenDigest: String, user: String, credentialVersion: Int, peer: String,
        createdAt: Timestamp, idleMilliseconds: Int64, expiresAt: Timestamp
    ) {
        self.id = id
        self.tokenDigest = tokenDigest
        self.user = user
        self.credentialVersion = credentialVersion
        self.peer = peer
        self.createdAt = createdAt
        self.lastUsedAt = createdAt
        self.idleMilliseconds = idleMilliseconds
        self.expiresAt = expiresAt
    }

    public func isExpired(at now: Timestamp, lastUsedAt: Timestamp) -> Bool {
        now >= expiresAt || now.milliseconds - lastUsedAt.milliseconds >= idleMilliseconds
    }
}
