import ContractTypes
import Domain
import Persistence

/// `com.viaduct.tenancy.members`: permissions on a tenant, by the names that roles have there.
///
/// Operators bring members in; a tenant's administrator says what each of them may do, and lets them go. An administrator
/// who could name anybody would learn from the answers who else is a user.
struct TenantMembers: TenantMembersService {
    let store: Store

    func list(tenant: String, call: Call) throws(Fault) -> [ViaductTenancyMembersSummary] {
        let inventory = store.snapshot
        _ = try Tenants.find(tenant, inventory)
        let rows = inventory[Permission.self].records(by: "place", tenant).map(\.value).sorted { $0.id < $1.id }
        return rows.compactMap { permission in
            TenantRole(permission.role).map {
                ViaductTenancyMembersSummary(
                    member: permission.id.rawValue,
                    principal: VcenterAuthorizationPermissionsPrincipal(permission.principal), role: ViaductTenancyRole($0))
            }
        }
    }

    func get(tenant: String, member: String, call: Call) throws(Fault) -> ViaductTenancyMembersInfo {
        let (permission, role) = try Self.find(member, of: tenant, store.snapshot)
        return ViaductTenancyMembersInfo(
            principal: VcenterAuthorizationPermissionsPrincipal(permission.principal), role: ViaductTenancyRole(role))
    }

    func create(tenant: String, spec: ViaductTenancyMembersCreateSpec, call: Call) async throws(Fault) -> String {
        let role = TenantRole(spec.role)
        return try await store.commit(by: call) { (draft) throws(Fault) in
            _ = try Tenants.find(tenant, draft.inventory)
            guard let principal = GroupMember(spec.principal), draft.inventory.contains(principal) else {
                throw .invalid("spec.principal", "there is no such user or group.")
            }
            // The nearer permission counts: an operator would be locked out of the tenant.
            guard call.user.map({ GroupMember.user(Identifier($0)) }) != principal else {
                throw .invalid("spec.principal", "it is the caller, who would keep no other rights on the tenant than a member's.")
            }
            let place = PermissionPlace.object(ManagedObject(.tenant, tenant))
            guard draft[Permission.self].record(by: "holder", Permission.holderKey(place, principal)) == nil else {
                throw .tenancy(.alreadyExists, "member_exists", "The user or group is a member already.")
            }
            let permission = Permission(
                id: draft.nextIdentifier(prefix: "permission-"), place: place, principal: principal, role: role.role.id,
                propagates: true)
            try draft.insert(permission)
            draft.audit(target: tenant, detail: "member \(principal.key), \(role.rawValue)")
            return permission.id.rawValue
        }
    }

    func update(tenant: String, member: String, spec: ViaductTenancyMembersUpdateSpec, call: Call) async throws(Fault) {
        let role = TenantRole(spec.role)
        try await store.commit(by: call) { (draft) throws(Fault) in
            let old = try Self.find(member, of: tenant, draft.inventory).permission
            try draft.update(old.id) { (permission: inout Permission) throws(Fault) in permission.role = role.role.id }
            draft.audit(target: tenant, detail: "member \(old.principal.key), \(role.rawValue)")
        }
    }

    func delete(tenant: String, member: String, call: Call) async throws(Fault) {
        try await store.commit(by: call) { (draft) throws(Fault) in
            let old = try Self.find(member, of: tenant, draft.inventory).permission
            try draft.remove(old.id)
            draft.audit(target: tenant, detail: "member \(old.principal.key) removed")
        }
    }

    private static func find(
        _ id: String, of tenant: String, _ inventory: Inventory
    ) throws(Fault) -> (permission: Permission, role: TenantRole) {
        _ = try Tenants.find(tenant, inventory)
        guard let found = inventory[Permission.self][Identifier(id)], found.place == .object(ManagedObject(.tenant, tenant)),
            let role = TenantRole(found.role)
        else { throw .memberNotFound(id) }
        return (found, role)
    }
}

extension TenantRole {
    init(_ role: ViaductTenancyRole) {
        switch role {
        case .tenantAdmin: self = .administrator
        case .tenantOperator: self = .machineOperator
        case .tenantNetwork: self = .network
        case .tenantSecurity: self = .security
        case .tenantAuditor: self = .auditor
        }
    }
}

extension ViaductTenancyRole {
    init(_ role: TenantRole) {
        switch role {
        case .administrator: self = .tenantAdmin
        case .machineOperator: self = .tenantOperator
        case .network: self = .tenantNetwork
        case .security: self = .tenantSecurity
        case .auditor: self = .tenantAuditor
        }
    }
}
