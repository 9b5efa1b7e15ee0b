import Contract
import ContractTypes
import Domain
import Persistence

/// `com.viaduct.identity.users`
struct IdentityUsers: IdentityUsersService {
    let directory: IdentityDirectory

    func list(filter: ViaductIdentityUsersFilterSpec?, call: Call) throws(Fault) -> [ViaductIdentityUsersSummary] {
        let inventory = directory.store.snapshot
        let domains = Set((filter?.domains ?? []).map { $0.lowercased() })
        let users = inventory[User.self].all.filter { domains.isEmpty || domains.contains($0.domain) }
        return users.sorted { $0.id.rawValue < $1.id.rawValue }.map { user in
            ViaductIdentityUsersSummary(
                user: user.id.rawValue, fullName: user.fullName, enabled: user.isEnabled,
                locked: inventory.isLocked(user.id, at: call.receivedAt))
        }
    }

    func get(user name: String, call: Call) throws(Fault) -> ViaductIdentityUsersInfo {
        let inventory = directory.store.snapshot
        let user = try inventory.user(named: name)
        return ViaductIdentityUsersInfo(
            name: user.name, domain: user.domain, fullName: user.fullName, email: user.email, description: user.summary,
            enabled: user.isEnabled, locked: inventory.isLocked(user.id, at: call.receivedAt), hasPassword: user.password != nil,
            created: user.createdAt, lastPasswordChange: user.password?.changedAt, passwordExpiresAt: user.password?.expiresAt,
            groups: inventory.groups(of: user.id).map(\.rawValue))
    }

    func create(spec: ViaductIdentityUsersCreateSpec, call: Call) async throws(Fault) -> String {
        let details = IdentityDirectory.Details(
            fullName: spec.fullName, email: spec.email, summary: spec.description, isEnabled: spec.enabled)
        return try await directory.create(
            spec.name, in: spec.domain ?? EmbeddedDomain.standard, password: spec.password?.value, details: details, by: call
        ).rawValue
    }

    func update(user name: String, spec: ViaductIdentityUsersUpdateSpec, call: Call) async throws(Fault) {
        let details = IdentityDirectory.Details(
            fullName: spec.fullName, email: spec.email, summary: spec.description, isEnabled: spec.enabled)
        try await directory.change(try id(name), details: details, by: call)
    }

    func setPassword(user name: String, spec: ViaductIdentityUsersPasswordSpec, call: Call) async throws(Fault) {
        try await directory.change(
            try id(name), details: .init(), password: spec.password.value, old: spec.oldPassword?.value, by: call)
    }

    func delete(user name: String, call: Call) async throws(Fault) { try await directory.remove(try id(name), by: call) }

    func unlock(user name: String, call: Call) async throws(Fault) { try await directory.unlock(try id(name), by: call) }

    private func id(_ name: String) throws(Fault) -> Identifier<User> { try directory.store.snapshot.user(named: name).id }
}

/// `com.viaduct.identity.groups`
struct IdentityGroups: IdentityGroupsService {
    let directory: IdentityDirectory

    func list(call: Call) throws(Fault) -> [ViaductIdentityGroupsSummary] {
        directory.store.snapshot[Group.self].all.sorted { $0.id.rawValue < $1.id.rawValue }
            .map { ViaductIdentityGroupsSummary(group: $0.id.rawValue, description: $0.summary) }
    }

    func get(group name: String, call: Call) throws(Fault) -> ViaductIdentityGroupsInfo {
        let inventory = directory.store.snapshot
        let group = try inventory.group(named: name)
        let members = group.members.map { member in
            switch member {
            case .user(let id): ViaductIdentityGroupsMember(type: .user, name: id.rawValue)
            case .group(let id): ViaductIdentityGroupsMember(type: .group, name: id.rawValue)
            }
        }
        return ViaductIdentityGroupsInfo(
            name: group.name, domain: group.domain, description: group.summary, members: members,
            groups: inventory.groups(of: .group(group.id)).map(\.rawValue))
    }

    func create(spec: ViaductIdentityGroupsCreateSpec, call: Call) async throws(Fault) -> String {
        try await directory.createGroup(spec.name, summary: spec.description ?? "", by: call).rawValue
    }

    func update(group name: String, spec: ViaductIdentityGroupsUpdateSpec, call: Call) async throws(Fault) {
        try await directory.describeGroup(try id(name), summary: spec.description, by: call)
    }

    func delete(group name: String, call: Call) async throws(Fault) { try await directory.removeGroup(try id(name), by: call) }

    func addMember(group name: String, member: ViaductIdentityGroupsMember, call: Call) async throws(Fault) {
        try await directory.add(try self.member(member), to: try id(name), by: call)
    }

    func removeMember(group name: String, member: ViaductIdentityGroupsMember, call: Call) async throws(Fault) {
        try await directory.remove(try self.member(member), from: try id(name), by: call)
    }

    private func id(_ name: String) throws(Fault) -> Identifier<Group> { try directory.store.snapshot.group(named: name).id }

    private func member(_ member: ViaductIdentityGroupsMember) throws(Fault) -> GroupMember {
        guard let name = PrincipalName(member.name, defaultDomain: EmbeddedDomain.standard) else {
            throw .invalid("member.name", "it is no name of a user or group")
        }
        switch member.type {
        case .user: return .user(name.user)
        case .group: return .group(name.group)
        }
    }
}

extension Inventory {
    /// - Parameter text: `user@domain`, `DOMAIN\user`, or a name of the standard domain.
    func user(named text: String) throws(Fault) -> User {
        guard let name = PrincipalName(text, defaultDomain: EmbeddedDomain.standard), let user = self[User.self][name.user] else {
            throw .userNotFound(text)
        }
        return user
    }

    func group(named text: String) throws(Fault) -> Group {
        guard let name = PrincipalName(text, defaultDomain: EmbeddedDomain.standard), let group = self[Group.self][name.group] else {
            throw .groupNotFound(text)
        }
        return group
    }

    func isLocked(_ user: Identifier<User>, at now: Timestamp) -> Bool {
        self[LoginFailures.self].record(LoginFailures.identifier(of: user))?.value.isLocked(at: now, under: identityPolicy) ?? false
    }
}
