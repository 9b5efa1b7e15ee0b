import ContractTypes
import Domain
import Persistence

/// `com.vmware.vcenter.authorization.roles`
///
/// A role is a promise to all who have it or will have it: only who has a privilege may put it into one.
struct Roles: RoleService {
    let store: Store

    // MARK: - Reading

    func get(role: String, call: Call) throws(Fault) -> VcenterAuthorizationRolesInfo {
        guard let found = store.snapshot.role(Identifier(role)) else { throw .roleNotFound(role) }
        return VcenterAuthorizationRolesInfo(found)
    }

    func list(
        filter: VcenterAuthorizationRolesFilterSpec?, iterate: VcenterAuthorizationRolesIterationSpec?, call: Call
    ) throws(Fault) -> VcenterAuthorizationRolesListResult {
        let names = Choice(filter?.names)
        let wanted = PrivilegeSet(ids: filter?.privileges ?? [])
        guard filter?.privileges?.allSatisfy({ Privilege($0) != nil }) ?? true else { return .init(items: []) }
        let rows = (Role.predefined + store.snapshot[Role.self].all).filter {
            names.contains($0.name) && $0.privileges.isSuperset(of: wanted) && $0.isSystem == (filter?.isSystem ?? $0.isSystem)
        }
        let page = try Page(size: iterate?.pageSize, marker: iterate?.marker).cut(rows, id: \.id.rawValue)
        return VcenterAuthorizationRolesListResult(
            items: page.items.map {
                VcenterAuthorizationRolesListItem(role: $0.id.rawValue, info: VcenterAuthorizationRolesInfo($0))
            }, marker: page.marker)
    }

    // MARK: - Changing

    func create(spec: VcenterAuthorizationRolesCreateSpec, call: Call) async throws(Fault) -> String {
        let privileges = try Self.privileges(spec.privileges)
        try Self.check(name: spec.name, description: spec.description)
        return try await store.commit(by: call) { (draft) throws(Fault) in
            try Self.requireFree(spec.name, draft.inventory)
            guard draft.caller(call)?.may(privileges, on: .root, in: draft.inventory) ?? true else { throw .unauthorized }
            let id = draft.nextIdentifier(Role.self, prefix: "")
            try draft.insert(Role(id: id, name: spec.name, summary: spec.description, privileges: privileges))
            draft.audit(target: "role \(id)", detail: spec.name)
            return id.rawValue
        }
    }

    func update(role: String, spec: VcenterAuthorizationRolesUpdateSpec, call: Call) async throws(Fault) {
        let privileges = try spec.privileges.map { list throws(Fault) in try Self.privileges(list) }
        try Self.check(name: spec.name, description: spec.description)
        let id = Identifier<Role>(role)
        try await store.commit(by: call) { (draft) throws(Fault) in
            let inventory = draft.inventory
            let old = try Self.changeable(id, inventory)
            if let name = spec.name, name.lowercased() != old.name.lowercased() { try Self.requireFree(name, inventory) }
            if let privileges, let access = draft.caller(call) {
                try Self.requireHolding(privileges, of: id, access, inventory)
            }
            try draft.update(id) { (role: inout Role) throws(Fault) in
                role.name = spec.name ?? role.name
                role.summary = spec.description ?? role.summary
                role.privileges = privileges ?? role.privileges
            }
            draft.audit(target: "role \(id)", detail: spec.name ?? old.name)
        }
    }

    func delete(role: String, call: Call) async throws(Fault) {
        let id = Identifier<Role>(role)
        try await store.commit(by: call) { (draft) throws(Fault) in
            let old = try Self.changeable(id, draft.inventory)
            guard draft[Permission.self].ids(by: "role", role).isEmpty else {
                throw Fault(
                    .resourceInUse, id: "com.vmware.api.vcenter.authorization.role.in_use",
                    "The role '\(old.name)' is used by permissions.", arguments: [old.name])
            }
            try draft.remove(id)
            draft.audit(target: "role \(id)", detail: old.name)
        }
    }

    // MARK: - Rules

    /// What a role is to consist of must be the caller's wherever the role counts already.
    private static func requireHolding(
        _ privileges: PrivilegeSet, of role: Identifier<Role>, _ access: Access, _ inventory: Inventory
    ) throws(Fault) {
        guard access.may(privileges, on: .root, in: inventory) else { throw .unauthorized }
        for permission in inventory[Permission.self].records(by: "role", role.rawValue).map(\.value) {
            guard access.holds(privileges, on: permission.place, andBelow: permission.propagates, in: inventory) else {
                throw .unauthorized
            }
        }
    }

    private static func changeable(_ id: Identifier<Role>, _ inventory: Inventory) throws(Fault) -> Role {
        guard let role = inventory.role(id) else { throw .roleNotFound(id.rawValue) }
        guard !role.isSystem else {
            throw Fault(
                .unsupported, id: "com.vmware.api.vcenter.authorization.role.system",
                "The role '\(role.name)' came with the product and cannot be changed.", arguments: [role.name])
        }
        return role
    }

    /// With what lets an object be seen, which every role has that allows anything.
    private static func privileges(_ ids: [String]) throws(Fault) -> PrivilegeSet {
        for id in ids where Privilege(id) == nil { throw .invalid("spec.privileges", "there is no privilege '\(id)'.") }
        return PrivilegeSet(ids: ids).union(.basic)
    }

    private static func check(name: String?, description: String?) throws(Fault) {
        if let name {
            let isPlain = name.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
            guard isPlain, !name.isEmpty, name.utf8.count <= 255 else {
                throw .invalid("spec.name", "a name has 1 to 255 bytes and no control characters.")
            }
        }
        if let description, description.utf8.count > 1024 { throw .invalid("spec.description", "it has more than 1024 bytes.") }
    }

    private static func requireFree(_ name: String, _ inventory: Inventory) throws(Fault) {
        let key = name.lowercased()
        let isSystem = Role.predefined.contains { $0.name.lowercased() == key }
        guard !isSystem, inventory[Role.self].record(by: "name", key) == nil else { throw .duplicateName("Role", name) }
    }
}

extension Draft {
    /// What the caller of a change may do, as of the change itself; `nil` for the program.
    func caller(_ call: Call) -> Access? { call.user.map { Access(of: Identifier($0), in: inventory) } }
}

extension VcenterAuthorizationRolesInfo {
    init(_ role: Role) {
        self.init(name: role.name, description: role.summary, privileges: role.privilegeIDs, system: role.isSystem)
    }
}

extension Fault {
    static func roleNotFound(_ id: String) -> Fault { .notFound("authorization.role", "Role", id) }
}
