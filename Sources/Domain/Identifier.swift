/// Names one resource of type `Owner`, for example `vm-101`. Never reused.
public struct Identifier<Owner>: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    public let rawValue: String

    public init(_ rawValue: String) { self.rawValue = rawValue }

    public init(from decoder: any Decoder) throws {
        rawValue = try decoder.singleValueContainer().decode(String.self)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }

    public var description: String { rawValue }

    /// Shorter first, then by code unit: `vm-9` before `vm-10`.
    public static func < (left: Self, right: Self) -> Bool {
        let (a, b) = (left.rawValue.utf8.count, right.rawValue.utf8.count)
        return a == b ? left.rawValue < right.rawValue : a < b
    }
}

/// A record of the inventory: a value with an identifier that the log keeps whole.
public protocol Resource: Codable, Sendable {
    /// The name of its kind in the log, for example `vm`; never changed once released.
    static var kind: ResourceKind { get }
    /// Secondary keys, maintained by the inventory.
    static var indexes: [Index<Self>] { get }
    var id: Identifier<Self> { get }
}

/// Every kind of record, with its name in the log. Order is the order of tables in memory; raw values are on disk.
public enum ResourceKind: String, Sendable, CaseIterable, Codable {
    case datacenter, folder, cluster, host, resourcePool, network, datastore, virtualMachine
    case user, session, workflow, setting, storagePolicy
    case group, loginFailures, identityPolicy
    case lun, role, permission
    case policyObject
    case tenant, tenantDatacenter, tenancyUsage

    /// The place of the kind's table in the inventory.
    public var slot: Int {
        switch self {
        case .datacenter: 0
        case .folder: 1
        case .cluster: 2
        case .host: 3
        case .resourcePool: 4
        case .network: 5
        case .datastore: 6
        case .virtualMachine: 7
        case .user: 8
        case .session: 9
        case .workflow: 10
        case .setting: 11
        case .storagePolicy: 12
        case .group: 13
        case .loginFailures: 14
        case .identityPolicy: 15
        case .lun: 16
        case .role: 17
        case .permission: 18
        case .policyObject: 19
        case .tenant: 20
        case .tenantDatacenter: 21
        case .tenancyUsage: 22
        }
    }
}

/// A secondary key of a resource: maps a record to the keys under which it is found.
public struct Index<Owner>: Sendable {
    /// Unique among the indexes of one resource.
    public let name: StaticString
    /// At most one record per key; the inventory refuses a second.
    public let isUnique: Bool
    public let keys: @Sendable (Owner) -> [String]

    public init(_ name: StaticString, unique: Bool = false, keys: @escaping @Sendable (Owner) -> [String]) {
        self.name = name
        self.isUnique = unique
        self.keys = keys
    }
}
