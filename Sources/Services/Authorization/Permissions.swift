import ContractTypes
import Domain
import Persistence

/// `com.vmware.vcenter.authorization.permissions`
struct Permissions: PermissionService {
    let store: Store
    let authorization: Authorization

    // MARK: - Reading

    func get(permission: String, call: Call) throws(Fault) -> VcenterAuthorizationPermissionsInfo {
        try VcenterAuthorizationPermissionsInfo(Self.find(permission, store.snapshot))
    }

    /// Those on objects that the caller may read.
    func list(
        filter: VcenterAuthorizationPermissionsFilterSpec?, iterate: VcenterAuthorizationPermissionsIterationSpec?, call: Call
    ) throws(Fault) -> VcenterAuthorizationPermissionsListResult {
        let inventory = store.snapshot
        let access = authorization.access(call, inventory)
        let (objects, roles) = (Choice(filter?.objects?.map(\.id)), Choice(filter?.roles))
        var principals: Choice = Choice(nil)
        if let wanted = filter?.principals { principals = Choice(wanted.compactMap { GroupMember($0)?.key }) }
        let rows = inventory[Permission.self].all.filter { permission in
            guard case .object(let object) = permission.place, access?.may(.read, on: object, in: inventory) ?? true else {
                return false
            }
            return objects.contains(object.id) && roles.contains(permission.role.rawValue)
                && principals.contains(permission.principal.key)
                && permission.propagates == (filter?.isPropagating ?? permission.propagates)
        }
        let page = try Page(size: iterate?.pageSize, marker: iterate?.marker).cut(rows, id: \.id.rawValue)
        var items: [VcenterAuthorizationPermissionsListItem] = []
        for row in page.items {
            items.append(.init(permission: row.id.rawValue, info: try VcenterAuthorizationPermissionsInfo(row)))
        }
        return VcenterAuthorizationPermissionsListResult(items: items, marker: page.marker)
    }

    // MARK: - Changing

    func create(spec: VcenterAuthorizationPermissionsCreateSpec, call: Call) async throws(Fault) -> String {
        guard let type = ManagedObjectType(rawValue: spec.object.type) else { throw .noObject }
        let object = ManagedObject(type, spec.object.id)
        return try await store.commit(by: call) { (draft) throws(Fault) in
            guard draft.inventory.contains(object) else { throw .noObject }
            let rule = try PermissionRule(
                place: .object(object), spec.principal, role: spec.role, propagates: spec.propagating, draft.inventory)
            return try rule.insert(into: &draft, by: call)
        }
    }

    func update(permission: String, spec: VcenterAuthorizationPermissionsUpdateSpec, call: Call) async throws(Fault) {
        try await store.commit(by: call) { (draft) throws(Fault) in
            let old = try Self.find(permission, draft.inventory)
            let role = spec.role ?? old.role.rawValue
            try PermissionRule.change(old, role: role, propagates: spec.isPropagating ?? old.propagates, &draft, by: call)
        }
    }

    func delete(permission: String, call: Call) async throws(Fault) {
        try await store.commit(by: call) { (draft) throws(Fault) in
            try PermissionRule.remove(try Self.find(permission, draft.inventory), from: &draft)
        }
    }

    private static func find(_ id: String, _ inventory: Inventory) throws(Fault) -> Permission {
        guard let found = inventory[Permission.self][Identifier(id)], case .object = found.place else {
            throw .permissionNotFound(id)
        }
        return found
    }
}

extension VcenterAuthorizationPermissionsInfo {
    init(_ permission: Permission) throws(Fault) {
        guard case .object(let object) = permission.place else { throw .permissionNotFound(permission.id.rawValue) }
        self.init(
            object: VapiStdDynamicID(type: object.type.rawValue, id: object.id),
            principal: VcenterAuthorizationPermissionsPrincipal(permission.principal), role: permission.role.rawValue,
            propagating: permission.propagates)
    }
}

extension VcenterAuthorizationPermissionsPrincipal {
    init(_ principal: GroupMember) {
        let (type, id): (VcenterAuthorizationPermissionsPrincipalType, String) =
            switch principal {
            case .user(let id): (.user, id.rawValue)
            case .group(let id): (.group, id.rawValue)
            }
        let mark = id.lastIndex(of: "@") ?? id.endIndex
        self.init(type: type, name: String(id[..<mark]), domain: String(id[mark...].dropFirst()))
    }
}

extension GroupMember {
    /// - Returns: `nil` for a type that is neither user nor group.
    init?(_ principal: VcenterAuthorizationPermissionsPrincipal) {
        let name = PrincipalName(name: principal.name, domain: principal.domain ?? EmbeddedDomain.standard)
        if principal.type == .user {
            self = .user(name.user)
        } else if principal.type == .group {
            self = .group(name.group)
        } else {
            return nil
        }
    }
}
