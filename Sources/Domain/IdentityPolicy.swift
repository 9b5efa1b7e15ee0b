/// What passwords must be like, and when failed logins lock an account. One record for the whole directory.
///
/// Defaults are vCenter's, but that a password may be long and does not expire: forced changes make passwords worse.
/// Source: `com.vmware.appliance.local_accounts.policy.info`; NIST SP 800-63B §5.1.1.2 on length and expiry.
public struct IdentityPolicy: Resource, Equatable {
    public static let kind = ResourceKind.identityPolicy
    public static let indexes: [Index<IdentityPolicy>] = []
    public static let identifier = Identifier<IdentityPolicy>("policy")

    public var id: Identifier<IdentityPolicy> { Self.identifier }
    /// In characters.
    public var minimumLength = 8
    public var maximumLength = 128
    public var minimumUppercase = 1
    public var minimumLowercase = 1
    public var minimumDigits = 1
    /// Of characters that are neither letters nor digits.
    public var minimumSpecial = 1
    public var maximumIdenticalAdjacent = 3
    /// How many earlier passwords may not come back.
    public var rememberedPasswords = 5
    /// 0: passwords do not expire.
    public var maximumDays = 0
    /// How long a password must be kept; 0: not at all. Whoever sets another one's password is not bound.
    public var minimumDays = 0
    public var warningDays = 7
    /// So many failures within `failureWindowSeconds` lock an account; 0: never.
    public var failuresBeforeLockout = 5
    public var failureWindowSeconds = 180
    /// 0: until an administrator unlocks.
    public var lockoutSeconds = 300

    public init() {}

    private enum CodingKeys: String, CodingKey {
        case minimumLength, maximumLength, minimumUppercase, minimumLowercase, minimumDigits, minimumSpecial
        case maximumIdenticalAdjacent, rememberedPasswords, maximumDays, minimumDays, warningDays, failuresBeforeLockout
        case failureWindowSeconds, lockoutSeconds
    }
}

/// Failed logins of one user. A record of its own, so that a guess does not touch the user.
public struct LoginFailures: Resource {
    public static let kind = ResourceKind.loginFailures
    public static let indexes: [Index<LoginFailures>] = []

    /// That of the user.
    public let id: Identifier<LoginFailures>
    /// Of the failures that still count, oldest first.
    public private(set) var times: [Timestamp]
    public private(set) var lockedUntil: Timestamp?

    public init(of user: Identifier<User>) {
        id = Self.identifier(of: user)
        times = []
    }

    public static func identifier(of user: Identifier<User>) -> Identifier<LoginFailures> { Identifier(user.rawValue) }

    /// A clock that was set back must not lock for longer than the rule says: a lock that ends too far off has ended.
    public func isLocked(at now: Timestamp, under policy: IdentityPolicy) -> Bool {
        guard let lockedUntil else { return false }
        if policy.lockoutSeconds == 0 { return true }
        return now < lockedUntil && lockedUntil.milliseconds - now.milliseconds <= Int64(policy.lockoutSeconds) * 1000
    }

    /// Counts one more failure.
    ///
    /// - Returns: whether it locked the account.
    public mutating func fail(at now: Timestamp, under policy: IdentityPolicy) -> Bool {
        guard policy.failuresBeforeLockout > 0 else { return false }
        let window = Int64(policy.failureWindowSeconds) * 1000
        times.removeAll { abs(now.milliseconds - $0.milliseconds) >= window }
        times.append(now)
        guard times.count >= policy.failuresBeforeLockout else { return false }
        times = []
        let lockSeconds = policy.lockoutSeconds == 0 ? Int64(Int32.max) : Int64(policy.lockoutSeconds)
        lockedUntil = Timestamp(milliseconds: now.milliseconds + lockSeconds * 1000)
        return true
    }
}
