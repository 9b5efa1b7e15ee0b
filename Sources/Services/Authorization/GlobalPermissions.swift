import ContractTypes
import Domain
import Persistence

/// `com.viaduct.authorization.global_permissions`
struct GlobalPermissions: GlobalPermissionService {
    let store: Store

    func list(call: Call) throws(Fault) -> [ViaductAuthorizationGlobalPermissionsSummary] {
        store.snapshot.permissions.filter { $0.place == .everywhere }
            .map { .init(permission: $0.id.rawValue, info: ViaductAuthorizationGlobalPermissionsInfo($0)) }
    }

    func get(permission: String, call: Call) throws(Fault) -> ViaductAuthorizationGlobalPermissionsInfo {
        ViaductAuthorizationGlobalPermissionsInfo(try Self.find(permission, store.snapshot))
    }

    func create(spec: ViaductAuthorizationGlobalPermissionsCreateSpec, call: Call) async throws(Fault) -> String {
        try await store.commit(by: call) { (draft) throws(Fault) in
            let rule = try PermissionRule(
                place: .everywhere, spec.principal, role: spec.role, propagates: true, draft.inventory)
            return try rule.insert(into: &draft, by: call)
        }
    }

    func update(
        permission: String, spec: ViaductAuthorizationGlobalPermissionsUpdateSpec, call: Call
    ) async throws(Fault) {
        try await store.commit(by: call) { (draft) throws(Fault) in
            let old = try Self.changeable(permission, draft.inventory)
            try PermissionRule.change(old, role: spec.role, propagates: true, &draft, by: call)
        }
    }

    func delete(permission: String, call: Call) async throws(Fault) {
        try await store.commit(by: call) { (draft) throws(Fault) in
            try PermissionRule.remove(try Self.changeable(permission, draft.inventory), from: &draft)
        }
    }

    private static func find(_ id: String, _ inventory: Inventory) throws(Fault) -> Permission {
        if id == Permission.administrators.id.rawValue { return Permission.administrators }
        guard let found = inventory[Permission.self][Identifier(id)], found.place == .everywhere else {
            throw .permissionNotFound(id)
        }
        return found
    }

    private static func changeable(_ id: String, _ inventory: Inventory) throws(Fault) -> Permission {
        let found = try find(id, inventory)
        guard found.id != Permission.administrators.id else {
            var fault = Fault(
                .notAllowedInCurrentState, id: "com.viaduct.authorization.administrators",
                "The permission of the administrators cannot be changed.")
            fault.messages.append(
                LocalizableMessage(
                    id: "vmsg.AuthMinimumAdminPermission.summary",
                    "There would be no administrative privileges left on the root node."))
            throw fault
        }
        return found
    }
}

extension ViaductAuthorizationGlobalPermissionsInfo {
    init(_ permission: Permission) {
        self.init(
            principal: VcenterAuthorizationPermissionsPrincipal(permission.principal), role: permission.role.rawValue,
            system: permission.id == Permission.administrators.id)
    }
}
