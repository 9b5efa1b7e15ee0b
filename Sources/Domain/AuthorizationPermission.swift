/// A role for a user or a group on an object and perhaps on everything below it. One per object and user or group.
public struct Permission: Resource {
    public static let kind = ResourceKind.permission
    public static let indexes: [Index<Permission>] = [
        Index("holder", unique: true) { [Permission.holderKey($0.place, $0.principal)] },
        Index("place") { [$0.place.key] },
        Index("principal") { [$0.principal.key] },
        Index("role") { [$0.role.rawValue] },
    ]

    public let id: Identifier<Permission>
    public let place: PermissionPlace
    public let principal: GroupMember
    public var role: Identifier<Role>
    public var propagates: Bool

    public init(
        id: Identifier<Permission>, place: PermissionPlace, principal: GroupMember, role: Identifier<Role>, propagates: Bool
    ) {
        self.id = id
        self.place = place
        self.principal = principal
        self.role = role
        self.propagates = propagates
    }

    /// The key of the unique index `holder`.
    public static func holderKey(_ place: PermissionPlace, _ principal: GroupMember) -> String {
        place.key + " " + principal.key
    }

    /// What makes the administrators administrators. It is no record: it can be neither changed nor lost.
    public static let administrators = Permission(
        id: Identifier("permission-1"), place: .everywhere, principal: .group(Group.administrators),
        role: Role.administrator.id, propagates: true)
}

/// What a permission is set on.
public enum PermissionPlace: Hashable, Sendable, Codable {
    /// Above the root folder: a global permission.
    case everywhere
    case object(ManagedObject)

    /// Under which permissions of a place are found.
    public var key: String {
        switch self {
        case .everywhere: "*"
        case .object(let object): object.id
        }
    }
}

/// An object of the inventory. Identifiers differ between types, so that one is enough to find the object.
public struct ManagedObject: Hashable, Sendable, Codable {
    public let type: ManagedObjectType
    public let id: String

    public init(_ type: ManagedObjectType, _ id: String) {
        self.type = type
        self.id = id
    }

    public init(_ id: Identifier<Datacenter>) { self.init(.datacenter, id.rawValue) }
    public init(_ id: Identifier<Folder>) { self.init(.folder, id.rawValue) }
    public init(_ id: Identifier<Cluster>) { self.init(.cluster, id.rawValue) }
    public init(_ id: Identifier<Host>) { self.init(.host, id.rawValue) }
    public init(_ id: Identifier<ResourcePool>) { self.init(.resourcePool, id.rawValue) }
    public init(_ id: Identifier<Network>) { self.init(.network, id.rawValue) }
    public init(_ id: Identifier<Datastore>) { self.init(.datastore, id.rawValue) }
    public init(_ id: Identifier<VirtualMachine>) { self.init(.virtualMachine, id.rawValue) }
    public init(_ id: Identifier<Tenant>) { self.init(.tenant, id.rawValue) }
    public init(_ id: Identifier<TenantDatacenter>) { self.init(.tenantDatacenter, id.rawValue) }

    /// What an operation is judged by that names no object.
    public static let root = ManagedObject(Folder.root)
}

/// The types of object that can have permissions. Raw value: vSphere's name, or ours for what vSphere does not have.
public enum ManagedObjectType: String, Sendable, Codable, CaseIterable {
    case folder = "Folder"
    case datacenter = "Datacenter"
    case cluster = "ClusterComputeResource"
    case host = "HostSystem"
    case resourcePool = "ResourcePool"
    case network = "Network"
    case datastore = "Datastore"
    case virtualMachine = "VirtualMachine"
    case tenant = "Tenant"
    case tenantDatacenter = "TenantVdc"
}
