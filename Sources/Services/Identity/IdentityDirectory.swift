import Domain
import Persistence

/// Users and groups of the embedded directory: making, changing and taking them away.
///
/// A change that takes a login away ends the user's sessions in the same commit.
public struct IdentityDirectory: Sendable {
    let store: Store
    let hasher: PasswordHasher
    let logins: Logins

    public init(store: Store, hasher: PasswordHasher, logins: Logins) {
        self.store = store
        self.hasher = hasher
        self.logins = logins
    }

    /// What may be said about a user besides name and password; `nil` leaves it as it is.
    public struct Details: Sendable {
        public var fullName: String?
        public var email: String?
        public var summary: String?
        public var isEnabled: Bool?
        /// When the password ends, instead of what the policy says; `.some(nil)` for never.
        public var passwordExpiresAt: Timestamp??
        /// The groups of `PredefinedIdentities.localRoles` the user is to be in, by name.
        public var localRoles: [String]?

        public init(fullName: String? = nil, email: String? = nil, summary: String? = nil, isEnabled: Bool? = nil) {
            self.fullName = fullName
            self.email = email
            self.summary = summary
            self.isEnabled = isEnabled
        }
    }

    // MARK: - Users

    /// Makes a user.
    ///
    /// - Parameter password: `nil`: the user cannot log in by password.
    /// - Throws: `invalid_argument` for a name or password that may not be; `already_exists`.
    public func create(
        _ name: String, in domain: String, password: String?, details: Details, by call: Call
    ) async throws(Fault) -> Identifier<User> {
        try Self.check(name, domain)
        try Self.check(details)
        let id = PrincipalName(name: name, domain: domain).user
        guard !store.snapshot[User.self].contains(id) else { throw .userExists(id.rawValue) }
        let prepared: PreparedPassword? =
            if let password { try await prepare(password, for: nil, old: nil, by: call) } else { nil }
        return try await store.commit(by: call) { (draft) throws(Fault) in
            guard !draft[User.self].contains(id), !draft[Group.self].contains(Identifier(id.rawValue)) else {
                throw .userExists(id.rawValue)
            }
            var user = User(name: name, domain: domain, createdAt: draft.now)
            if let prepared { user.password = StoredPassword(hash: prepared.hash, changedAt: draft.now, expiresAt: draft.inventory.identityPolicy.expiry(from: draft.now)) }
            Self.apply(details, to: &user)
            try draft.insert(user)
            try Self.applyRoles(details.localRoles, of: id, in: &draft)
            draft.audit(target: id.rawValue, detail: "user made")
            return id
        }
    }

    /// Changes what is said about a user, and the password if there is a new one, in one commit.
    ///
    /// - Parameter old: the present password, where the caller must know it; a wrong one counts as a failed login.
    /// - Throws: `not_found`; `invalid_argument`; `concurrent_change` if the password was changed meanwhile.
    public func change(
        _ id: Identifier<User>, details: Details, password: String? = nil, old: String? = nil, by call: Call
    ) async throws(Fault) {
        try Self.check(details)
        guard let present = store.snapshot[User.self][id] else { throw .userNotFound(id.rawValue) }
        guard id != User.administrator || details.isEnabled != false else { throw .protectedIdentity(id.rawValue) }
        let prepared: PreparedPassword? =
            if let password { try await prepare(password, for: present, old: old, by: call) } else { nil }
        try await store.commit(by: call) { (draft) throws(Fault) in
            guard var user = draft[User.self][id] else { throw .userNotFound(id.rawValue) }
            let wasEnabled = user.isEnabled
            if let prepared { try prepared.set(on: &user, in: draft) }
            Self.apply(details, to: &user)
            try draft.put(user)
            try Self.applyRoles(details.localRoles, of: id, in: &draft)
            if prepared != nil || wasEnabled && !user.isEnabled { try draft.endSessions(of: id) }
            draft.audit(target: id.rawValue, detail: prepared == nil ? "user changed" : "user changed, new password")
        }
    }

    /// Takes a user away, with sessions, memberships, permissions and failures.
    public func remove(_ id: Identifier<User>, by call: Call) async throws(Fault) {
        guard id != User.administrator else { throw .protectedIdentity(id.rawValue) }
        try await store.commit(by: call) { (draft) throws(Fault) in
            guard draft[User.self].contains(id) else { throw .userNotFound(id.rawValue) }
            try draft.remove(id)
            try draft.endSessions(of: id)
            try draft.forget(.user(id))
            try draft.forgetFailures(of: id)
            draft.audit(target: id.rawValue, detail: "user removed")
        }
    }

    /// Forgets the failed logins of a user.
    public func unlock(_ id: Identifier<User>, by call: Call) async throws(Fault) {
        try await store.commit(by: call) { (draft) throws(Fault) in
            guard draft[User.self].contains(id) else { throw .userNotFound(id.rawValue) }
            try draft.forgetFailures(of: id)
            draft.audit(target: id.rawValue, detail: "user unlocked")
        }
    }

    // MARK: - Parts

    private static func check(_ name: String, _ domain: String) throws(Fault) {
        try checkName(name)
        guard [EmbeddedDomain.standard, EmbeddedDomain.local].contains(domain.lowercased()) else {
            throw .invalid("domain", "there is no domain '\(domain.prefix(64))' in the embedded directory")
        }
    }

    static func checkName(_ name: String) throws(Fault) {
        guard PrincipalName.isAcceptable(name) else {
            throw .invalid("name", "it must have 1 to 64 letters, digits, dots, hyphens and underscores")
        }
    }

    /// Bounds on texts, which stand in lists and in the log.
    static func check(_ details: Details) throws(Fault) {
        for (field, text) in [("full_name", details.fullName), ("email", details.email), ("description", details.summary)] {
            guard let text else { continue }
            guard text.utf8.count <= 1024, text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
                throw .invalid(field, "it must have at most 1024 bytes and no control characters")
            }
        }
    }

    private static func apply(_ details: Details, to user: inout User) {
        if let fullName = details.fullName { user.fullName = fullName }
        if let email = details.email { user.email = email }
        if let summary = details.summary { user.summary = summary }
        if let isEnabled = details.isEnabled { user.isEnabled = isEnabled }
        if let end = details.passwordExpiresAt { user.password?.expiresAt = end }
    }

    private static func applyRoles(_ roles: [String]?, of user: Identifier<User>, in draft: inout Draft) throws(Fault) {
        guard let roles else { return }
        for role in PredefinedIdentities.localRoles {
            let id = PrincipalName(name: role, domain: EmbeddedDomain.local).group
            guard var group = draft[Group.self][id] else { continue }
            let changes = roles.contains(role) ? group.add(.user(user)) : group.remove(.user(user))
            if changes { try draft.put(group) }
        }
    }
}

extension Draft {
    mutating func forgetFailures(of user: Identifier<User>) throws(Fault) {
        let id = LoginFailures.identifier(of: user)
        if self[LoginFailures.self].contains(id) { try remove(id) }
    }

    /// Takes memberships and permissions of a user or group away: whoever has the name later must not inherit them.
    mutating func forget(_ member: GroupMember) throws(Fault) {
        try removePermissions(of: member)
        for group in self[Group.self].ids(by: "member", member.key) {
            try update(group) { (group: inout Group) throws(Fault) in group.remove(member) }
        }
    }
}
