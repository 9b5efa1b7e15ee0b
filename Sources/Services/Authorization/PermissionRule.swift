import ContractTypes
import Domain
import Persistence

/// Changes of permissions: whoever they are for must exist, and nobody gives what they do not have.
///
/// What a permission gives counts on its place and, if it propagates, on everything below. The caller must have it on all
/// of that, also where another permission of the caller's says less: else a helper could be given what its maker lacks.
struct PermissionRule {
    let place: PermissionPlace
    let principal: GroupMember
    let role: Identifier<Role>
    let propagates: Bool

    /// - Throws: `invalid_argument` for a user, group or role that does not exist or cannot be given.
    init(
        place: PermissionPlace, _ principal: VcenterAuthorizationPermissionsPrincipal, role: String, propagates: Bool,
        _ inventory: Inventory
    ) throws(Fault) {
        self.place = place
        guard let member = GroupMember(principal), inventory.contains(member) else {
            throw .invalid("spec.principal", "there is no such user or group.")
        }
        self.principal = member
        self.role = try Self.grantable(role, inventory).id
        self.propagates = propagates
    }

    func insert(into draft: inout Draft, by call: Call) throws(Fault) -> String {
        let key = Permission.holderKey(place, principal)
        let isAdministrators = place == .everywhere && principal == Permission.administrators.principal
        guard draft[Permission.self].record(by: "holder", key) == nil, !isAdministrators else {
            throw Fault(
                .alreadyExists, id: "com.vmware.api.vcenter.authorization.permission.already_exists",
                "The user or group has a permission on the object already.")
        }
        try Self.require(role, on: place, propagates, draft, by: call)
        let id = draft.nextIdentifier(Permission.self, prefix: "permission-")
        let permission = Permission(id: id, place: place, principal: principal, role: role, propagates: propagates)
        try draft.insert(permission)
        Self.note(permission, &draft)
        return id.rawValue
    }

    static func change(_ old: Permission, role: String, propagates: Bool, _ draft: inout Draft, by call: Call) throws(Fault) {
        let role = try grantable(role, draft.inventory).id
        try require(role, on: old.place, propagates, draft, by: call)
        let changed = try draft.update(old.id) { (permission: inout Permission) throws(Fault) -> Permission in
            permission.role = role
            permission.propagates = propagates
            return permission
        }
        note(changed, &draft)
    }

    static func remove(_ permission: Permission, from draft: inout Draft) throws(Fault) {
        try draft.remove(permission.id)
        draft.audit(target: permission.place.key, detail: "removed \(permission.principal.key) role \(permission.role)")
    }

    private static func note(_ permission: Permission, _ draft: inout Draft) {
        let reach = permission.propagates ? "and below" : "alone"
        draft.audit(
            target: permission.place.key, detail: "\(permission.id) \(permission.principal.key) role \(permission.role) \(reach)")
    }

    private static func require(
        _ role: Identifier<Role>, on place: PermissionPlace, _ propagates: Bool, _ draft: Draft, by call: Call
    ) throws(Fault) {
        guard let access = draft.caller(call) else { return }
        let needed = (draft.inventory.role(role)?.privileges ?? .none).union(PrivilegeSet(ids: ["Authorization.ModifyPermissions"]))
        let may = access.holds(needed, on: place, andBelow: propagates, in: draft.inventory)
        guard may else { throw .unauthorized }
    }

    private static func grantable(_ id: String, _ inventory: Inventory) throws(Fault) -> Role {
        guard let role = inventory.role(Identifier(id)) else { throw .invalid("spec.role", "there is no such role.") }
        guard !Role.ungrantable.contains(role.id) else { throw .invalid("spec.role", "the role '\(role.name)' cannot be given.") }
        return role
    }
}

extension Inventory {
    func contains(_ member: GroupMember) -> Bool {
        switch member {
        case .user(let id): self[User.self].contains(id)
        case .group(let id): self[Group.self].contains(id)
        }
    }
}

extension Draft {
    /// Forgets the permissions on an object that goes, so that nothing is left of them.
    mutating func removePermissions(on object: ManagedObject) throws(Fault) {
        for id in self[Permission.self].ids(by: "place", object.id) { try remove(id) }
    }

    /// Forgets the permissions of a user or group that goes: who gets the name later must not get them too.
    public mutating func removePermissions(of member: GroupMember) throws(Fault) {
        for id in self[Permission.self].ids(by: "principal", member.key) { try remove(id) }
    }
}
