/// What a member of a tenant may do in the tenant's virtual datacenters. Raw value: the wire name.
///
/// Roles like all others, given on the tenant and handed down from there; none reaches the tenant's own limits.
public enum TenantRole: String, Sendable, CaseIterable {
    case administrator = "TENANT_ADMIN"
    case machineOperator = "TENANT_OPERATOR"
    case network = "TENANT_NETWORK"
    case security = "TENANT_SECURITY"
    case auditor = "TENANT_AUDITOR"

    public var role: Role {
        switch self {
        case .administrator: Self.administratorRole
        case .machineOperator: Self.operatorRole
        case .network: Self.networkRole
        case .security: Self.securityRole
        case .auditor: Self.auditorRole
        }
    }

    /// - Returns: `nil` for a role that is not one of these.
    public init?(_ role: Identifier<Role>) {
        guard let found = Self.allCases.first(where: { $0.role.id == role }) else { return nil }
        self = found
    }

    private static let auditorRole = Role(
        id: Identifier("-25"), name: "TenantAuditor", summary: "See what is in the virtual datacenters of a tenant",
        privileges: PrivilegeSet.basic.union(PrivilegeSet(ids: ["TenantManager.Query"])))
    private static let networkRole = Role(
        id: Identifier("-23"), name: "TenantNetwork", summary: "Connect the virtual machines of a tenant",
        privileges: auditorRole.privileges.union(
            PrivilegeSet(ids: ["Network.Assign", "VirtualMachine.Config.EditDevice", "VirtualMachine.Config.AddRemoveDevice"])))
    private static let securityRole = Role(
        id: Identifier("-24"), name: "TenantSecurity", summary: "Look after the security of the networks of a tenant",
        privileges: auditorRole.privileges.union(PrivilegeSet(ids: ["Nsx.Read"])))
    private static let operatorRole = Role(
        id: Identifier("-22"), name: "TenantOperator", summary: "Make and run the virtual machines of a tenant",
        privileges: auditorRole.privileges.union(
            PrivilegeSet(
                Privilege.all.filter { privilege in
                    ["VirtualMachine.Config", "VirtualMachine.Interact", "VirtualMachine.State"].contains(privilege.group)
                })
        ).union(
            PrivilegeSet(ids: [
                "VirtualMachine.Inventory.Create", "VirtualMachine.Inventory.CreateFromExisting",
                "VirtualMachine.Inventory.Delete", "VirtualMachine.Provisioning.Clone", "Resource.AssignVMToPool",
                "Datastore.AllocateSpace", "Network.Assign",
            ])))
    /// With the right to say what the other members may do, not with that to bring in new ones.
    private static let administratorRole = Role(
        id: Identifier("-21"), name: "TenantAdministrator", summary: "Everything in the virtual datacenters of a tenant but limits",
        privileges: [operatorRole, networkRole, securityRole].reduce(
            PrivilegeSet(ids: ["Authorization.ReassignRolePermissions"])
        ) { $0.union($1.privileges) })
}

extension PrivilegeSet {
    /// What members of a tenant may do at most with datastores and networks, which other tenants use too: take from them.
    public static let sharedResource = PrivilegeSet(
        ids: ["System.Anonymous", "System.View", "Datastore.AllocateSpace", "Network.Assign"])
}
