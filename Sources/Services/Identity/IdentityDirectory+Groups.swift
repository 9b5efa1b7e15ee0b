import Domain
import Persistence

extension IdentityDirectory {
    /// Groups that cannot be removed.
    static var predefinedGroups: [Identifier<Group>] {
        [Group.administrators]
            + PredefinedIdentities.localRoles.map { PrincipalName(name: $0, domain: EmbeddedDomain.local).group }
    }

    /// Makes an empty group of the standard domain.
    public func createGroup(_ name: String, summary: String, by call: Call) async throws(Fault) -> Identifier<Group> {
        try Self.checkName(name)
        try Self.check(Details(summary: summary))
        let group = Group(name: name, domain: EmbeddedDomain.standard, summary: summary)
        return try await store.commit(by: call) { (draft) throws(Fault) in
            guard !draft[Group.self].contains(group.id), !draft[User.self].contains(Identifier(group.id.rawValue)) else {
                throw .userExists(group.id.rawValue)
            }
            try draft.insert(group)
            draft.audit(target: group.id.rawValue, detail: "group made")
            return group.id
        }
    }

    public func describeGroup(_ id: Identifier<Group>, summary: String?, by call: Call) async throws(Fault) {
        try Self.check(Details(summary: summary))
        try await store.commit(by: call) { (draft) throws(Fault) in
            guard var group = draft[Group.self][id] else { throw .groupNotFound(id.rawValue) }
            if let summary { group.summary = summary }
            try draft.put(group)
            draft.audit(target: id.rawValue, detail: "group changed")
        }
    }

    public func removeGroup(_ id: Identifier<Group>, by call: Call) async throws(Fault) {
        guard !Self.predefinedGroups.contains(id) else { throw .protectedIdentity(id.rawValue) }
        try await store.commit(by: call) { (draft) throws(Fault) in
            guard draft[Group.self].contains(id) else { throw .groupNotFound(id.rawValue) }
            try draft.remove(id)
            try draft.forget(.group(id))
            draft.audit(target: id.rawValue, detail: "group removed")
        }
    }

    /// Adds a user or a group to a group.
    ///
    /// - Throws: `not_found` for either; `invalid_argument` if the groups would contain each other;
    ///   `already_in_desired_state`.
    public func add(_ member: GroupMember, to id: Identifier<Group>, by call: Call) async throws(Fault) {
        try await store.commit(by: call) { (draft) throws(Fault) in
            guard var group = draft[Group.self][id] else { throw .groupNotFound(id.rawValue) }
            try Self.requireExistence(of: member, in: draft.inventory)
            if case .group(let inner) = member {
                guard inner != id, !draft.inventory.groups(of: .group(id)).contains(inner) else {
                    throw .invalid("member", "the groups would contain each other")
                }
            }
            guard group.add(member) else { throw .membershipStands(member, id) }
            try draft.put(group)
            draft.audit(target: id.rawValue, detail: "member added: " + member.key)
        }
    }

    /// - Throws: `not_found` for the group; `already_in_desired_state`; `invalid_argument` for the administrator.
    public func remove(_ member: GroupMember, from id: Identifier<Group>, by call: Call) async throws(Fault) {
        guard id != Group.administrators || member != .user(User.administrator) else {
            throw .protectedIdentity(User.administrator.rawValue)
        }
        try await store.commit(by: call) { (draft) throws(Fault) in
            guard var group = draft[Group.self][id] else { throw .groupNotFound(id.rawValue) }
            guard group.remove(member) else { throw .membershipStands(member, id) }
            try draft.put(group)
            draft.audit(target: id.rawValue, detail: "member removed: " + member.key)
        }
    }

    private static func requireExistence(of member: GroupMember, in inventory: Inventory) throws(Fault) {
        switch member {
        case .user(let id): if !inventory[User.self].contains(id) { throw .userNotFound(id.rawValue) }
        case .group(let id): if !inventory[Group.self].contains(id) { throw .groupNotFound(id.rawValue) }
        }
    }
}

extension Fault {
    fileprivate static func membershipStands(_ member: GroupMember, _ group: Identifier<Group>) -> Fault {
        Fault(
            .alreadyInDesiredState, id: "com.viaduct.identity.membership_stands",
            "The membership of '\(member.key)' in '\(group)' is as wanted already.", arguments: [member.key, group.rawValue])
    }
}
