import Contract
import ContractTypes
import Domain
import Persistence

/// `com.vmware.appliance.local_accounts`: the users of the domain `localos`, named without it.
struct LocalAccounts: LocalAccountsService {
    let directory: IdentityDirectory

    func list(call: Call) throws(Fault) -> [String] {
        let inventory = directory.store.snapshot
        return inventory[User.self].records(by: "domain", EmbeddedDomain.local).map(\.value.name).sorted()
    }

    func get(username: String, call: Call) throws(Fault) -> ApplianceLocalAccountsInfo {
        let inventory = directory.store.snapshot
        let user = try account(username, inventory)
        let groups = Set(inventory[Group.self].ids(by: "member", GroupMember.user(user.id).key))
        return ApplianceLocalAccountsInfo(
            fullname: user.fullName, email: user.email,
            roles: PredefinedIdentities.localRoles.filter { groups.contains(PrincipalName(name: $0, domain: EmbeddedDomain.local).group) },
            enabled: user.isEnabled, hasPassword: user.password != nil, lastPasswordChange: user.password?.changedAt,
            passwordExpiresAt: user.password?.expiresAt)
    }

    func create(username: String, config: ApplianceLocalAccountsConfig, call: Call) async throws(Fault) {
        let settings = Settings(config)
        _ = try await directory.create(
            username, in: EmbeddedDomain.local, password: settings.password, details: try settings.details(at: call.receivedAt),
            by: call)
    }

    /// All of the account is given: what is unset becomes what it is for a new one.
    func set(username: String, config: ApplianceLocalAccountsConfig, call: Call) async throws(Fault) {
        let settings = Settings(config)
        var details = try settings.details(at: call.receivedAt)
        details.fullName = details.fullName ?? ""
        details.email = details.email ?? ""
        details.isEnabled = details.isEnabled ?? true
        try await change(username, settings, details, call)
    }

    func update(username: String, config: ApplianceLocalAccountsUpdateConfig, call: Call) async throws(Fault) {
        let settings = Settings(config)
        try await change(username, settings, try settings.details(at: call.receivedAt), call)
    }

    func delete(username: String, call: Call) async throws(Fault) {
        try await directory.remove(try account(username, directory.store.snapshot).id, by: call)
    }

    private func change(
        _ username: String, _ settings: Settings, _ details: IdentityDirectory.Details, _ call: Call
    ) async throws(Fault) {
        let id = try account(username, directory.store.snapshot).id
        try await directory.change(id, details: details, password: settings.password, old: settings.oldPassword, by: call)
    }

    private func account(_ username: String, _ inventory: Inventory) throws(Fault) -> User {
        guard let user = inventory[User.self][PrincipalName(name: username, domain: EmbeddedDomain.local).user] else {
            throw .userNotFound(username)
        }
        return user
    }
}

/// What the two structures of an account's configuration have in common.
private struct Settings {
    let password: String?
    let oldPassword: String?
    private let fullName: String?
    private let email: String?
    private let roles: [String]?
    private let isEnabled: Bool?
    private let expires: Bool?
    private let expiresAt: Timestamp?
    private let maximumDays: Int64?
    /// Names of what is set but not kept.
    private let unsupported: [String]

    init(_ config: ApplianceLocalAccountsConfig) {
        password = config.password.value
        oldPassword = config.oldPassword?.value
        fullName = config.fullName
        email = config.email
        roles = config.roles
        isEnabled = config.enabled
        expires = config.passwordExpires
        expiresAt = config.passwordExpiresAt
        maximumDays = config.maxDaysBetweenPasswordChange
        unsupported = Self.unsupported(
            config.inactiveAfterPasswordExpiration, config.daysAfterPasswordExpiration, config.minDaysBetweenPasswordChange,
            config.warnDaysBeforePasswordExpiration)
    }

    init(_ config: ApplianceLocalAccountsUpdateConfig) {
        password = config.password?.value
        oldPassword = config.oldPassword?.value
        fullName = config.fullName
        email = config.email
        roles = config.roles
        isEnabled = config.enabled
        expires = config.passwordExpires
        expiresAt = config.passwordExpiresAt
        maximumDays = config.maxDaysBetweenPasswordChange
        unsupported = Self.unsupported(
            config.inactiveAfterPasswordExpiration, config.daysAfterPasswordExpiration, config.minDaysBetweenPasswordChange,
            config.warnDaysBeforePasswordExpiration)
    }

    private static func unsupported(_ inactive: Bool?, _ days: Int64?, _ minimum: Int64?, _ warning: Int64?) -> [String] {
        var names: [String] = []
        if inactive == true { names.append("inactive_after_password_expiration") }
        if days != nil { names.append("days_after_password_expiration") }
        if minimum != nil { names.append("min_days_between_password_change") }
        if warning != nil { names.append("warn_days_before_password_expiration") }
        return names
    }

    /// - Throws: `unsupported` for what would have no effect; `invalid_argument` for an unknown role or contradictory times.
    func details(at now: Timestamp) throws(Fault) -> IdentityDirectory.Details {
        if let name = unsupported.first { throw .unsupported("config." + name, "accounts have no such rule of their own") }
        for role in roles ?? [] where !PredefinedIdentities.localRoles.contains(role) {
            throw .invalid("config.roles", "there is no role '\(role.prefix(64))'")
        }
        var details = IdentityDirectory.Details(fullName: fullName, email: email, isEnabled: isEnabled)
        details.localRoles = roles
        switch (expires, expiresAt, maximumDays) {
        case (false, nil, nil): details.passwordExpiresAt = .some(nil)
        case (false, _, _): throw .invalid("config.password_expires", "there is a time at which it expires")
        case (_, let end?, _): details.passwordExpiresAt = end
        case (_, nil, let days?):
            guard (1...36_500).contains(days) else { throw .invalid("config.max_days_between_password_change", "it must be 1 to 36500") }
            details.passwordExpiresAt = Timestamp(milliseconds: now.milliseconds + days * 86_400_000)
        case (true, nil, nil): throw .invalid("config.password_expires", "there is no time at which it expires")
        case (nil, nil, nil): break
        }
        return details
    }
}
