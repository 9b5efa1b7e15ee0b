/// A named set of privileges. `id` is a number, below zero for the roles that every installation has.
public struct Role: Resource {
    public static let kind = ResourceKind.role
    public static let indexes: [Index<Role>] = [Index("name", unique: true) { [$0.name.lowercased()] }]

    public let id: Identifier<Role>
    public var name: String
    public var summary: String
    /// Identifiers, in order.
    public private(set) var privilegeIDs: [String]

    public init(id: Identifier<Role>, name: String, summary: String, privileges: PrivilegeSet) {
        self.id = id
        self.name = name
        self.summary = summary
        privilegeIDs = privileges.ids
    }

    public var privileges: PrivilegeSet {
        get { PrivilegeSet(ids: privilegeIDs) }
        set { privilegeIDs = newValue.ids }
    }

    /// Whether it belongs to the product and cannot be changed.
    public var isSystem: Bool { id.rawValue.hasPrefix("-") }
}

extension Role {
    public static let administrator = Role(
        id: Identifier("-1"), name: "Admin", summary: "Full access rights", privileges: .all)
    public static let readOnly = Role(
        id: Identifier("-2"), name: "ReadOnly", summary: "See details of objects, but not make changes", privileges: .basic)
    /// vSphere gives it by itself to those who need to see what stands above their objects; it can be assigned too.
    public static let view = Role(
        id: Identifier("-3"), name: "View", summary: "Visibility access (cannot be granted)",
        privileges: PrivilegeSet(ids: ["System.Anonymous", "System.View"]))
    public static let anonymous = Role(
        id: Identifier("-4"), name: "Anonymous", summary: "Not logged-in user (cannot be granted)",
        privileges: PrivilegeSet(ids: ["System.Anonymous"]))
    public static let noAccess = Role(
        id: Identifier("-5"), name: "NoAccess", summary: "Used for restricting granted access", privileges: .none)
    /// Source: vSphere Security, "Prerequisites and Required Privileges for Encryption Tasks".
    public static let noCryptographyAdministrator = Role(
        id: Identifier("-6"), name: "NoCryptoAdmin", summary: "Full access without Cryptographic operations privileges",
        privileges: PrivilegeSet.all.subtracting(.cryptography).subtracting(.trustedInfrastructure))
    public static let trustedAdministrator = Role(
        id: Identifier("-7"), name: "TrustedAdmin", summary: "Setup and monitoring of Trusted Infrastructure",
        privileges: PrivilegeSet.trustedInfrastructure.union(.basic))
    public static let noTrustedAdministrator = Role(
        id: Identifier("-8"), name: "NoTrustedAdmin", summary: "Full access without Trusted Infrastructure privileges",
        privileges: PrivilegeSet.all.subtracting(.trustedInfrastructure))

    /// Every role of the product. Source: `AuthorizationManager.roleList` of vCenter.
    public static let system: [Role] = [
        administrator, readOnly, view, anonymous, noAccess, noCryptographyAdministrator, trustedAdministrator,
        noTrustedAdministrator,
    ]

    /// Roles that vSphere does not let anybody be given.
    public static let ungrantable: Set<Identifier<Role>> = [view.id, anonymous.id]

    /// Those of the product: vCenter's, and those of the members of tenants.
    public static let predefined = system + TenantRole.allCases.map(\.role)

    private static let systemByID = Dictionary(uniqueKeysWithValues: predefined.map { ($0.id, $0) })
    public static func system(_ id: Identifier<Role>) -> Role? { systemByID[id] }
}

extension PrivilegeSet {
    static let cryptography = PrivilegeSet(
        Privilege.all.filter {
            $0.group == "Cryptographer"
                || [
                    "Global.Diagnostics", "Host.Inventory.AddHostToCluster", "Host.Inventory.AddStandaloneHost",
                    "Host.Local.ManageUserGroups",
                ].contains($0.id)
        })
    static let trustedInfrastructure = PrivilegeSet(Privilege.all.filter { ["TrustedAdmin", "Host.Tpm"].contains($0.group) })
}
