/// A user of the embedded directory. `id` is the full name in lower case, for example `administrator@vsphere.local`.
public struct User: Resource {
    public static let kind = ResourceKind.user
    public static let indexes: [Index<User>] = [Index("domain") { [$0.domain] }]

    public let id: Identifier<User>
    /// As it was written when the user was made, without domain.
    public let name: String
    /// Lower case.
    public let domain: String
    public var fullName: String
    public var email: String
    public var summary: String
    public var isEnabled: Bool
    /// `nil`: the user cannot log in by password.
    public var password: StoredPassword?
    /// Grows whenever the password is set or taken away; sessions and logins that began before end with it.
    public var credentialVersion: Int
    public let createdAt: Timestamp

    public init(
        name: String, domain: String, fullName: String = "", email: String = "", summary: String = "", isEnabled: Bool = true,
        password: StoredPassword? = nil, createdAt: Timestamp
    ) {
        id = PrincipalName(name: name, domain: domain).user
        self.name = name
        self.domain = domain.lowercased()
        self.fullName = fullName
        self.email = email
        self.summary = summary
        self.isEnabled = isEnabled
        self.password = password
        credentialVersion = 1
        self.createdAt = createdAt
    }

    public var principal: PrincipalName { PrincipalName(name: name, domain: domain) }

    /// The administrator that every installation has. It cannot be deleted, disabled, or locked out.
    public static let administrator = PrincipalName(name: "administrator", domain: EmbeddedDomain.standard).user
}

/// A password as it may be kept, and those before it.
public struct StoredPassword: Sendable, Equatable, Codable {
    /// PHC string; see `Cryptography.PasswordHash`.
    public var hash: String
    public var changedAt: Timestamp
    /// `nil`: it does not expire.
    public var expiresAt: Timestamp?
    /// PHC strings of earlier passwords, the latest first; as many as the policy remembers.
    public var earlierHashes: [String]

    public init(hash: String, changedAt: Timestamp, expiresAt: Timestamp? = nil, earlierHashes: [String] = []) {
        self.hash = hash
        self.changedAt = changedAt
        self.expiresAt = expiresAt
        self.earlierHashes = earlierHashes
    }

    public func isExpired(at now: Timestamp) -> Bool { expiresAt.map { now >= $0 } ?? false }
}
