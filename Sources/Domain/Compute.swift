/// A cluster of hosts. Its root resource pool has an identifier of its own.
public struct Cluster: Resource {
    public static let kind = ResourceKind.cluster
    public static let indexes: [Index<Cluster>] = [
        Index("name", unique: true) { ["\($0.folder)/\($0.name)"] }
    ]

    public let id: Identifier<Cluster>
    public var name: String
    public let folder: Identifier<Folder>
    public let datacenter: Identifier<Datacenter>
    public let resourcePool: Identifier<ResourcePool>
    public var isHAEnabled: Bool
    public var isDRSEnabled: Bool

    public init(
        id: Identifier<Cluster>, name: String, folder: Identifier<Folder>, datacenter: Identifier<Datacenter>,
        resourcePool: Identifier<ResourcePool>, isHAEnabled: Bool, isDRSEnabled: Bool
    ) {
        self.id = id
        self.name = name
        self.folder = folder
        self.datacenter = datacenter
        self.resourcePool = resourcePool
        self.isHAEnabled = isHAEnabled
        self.isDRSEnabled = isDRSEnabled
    }
}

/// A simulated ESXi host: an initiator of the array.
public struct Host: Resource {
    public static let kind = ResourceKind.host
    public static let indexes: [Index<Host>] = [
        Index("name", unique: true) { [$0.name] },
        Index("cluster") { $0.cluster.map { [$0.rawValue] } ?? [] },
    ]

    public let id: Identifier<Host>
    public var name: String
    /// `nil` for a standalone host.
    public let cluster: Identifier<Cluster>?
    public let folder: Identifier<Folder>
    public let datacenter: Identifier<Datacenter>
    public let uuid: String
    /// iSCSI name of its initiator.
    public let initiatorName: String
    public let cpuCores: Int
    /// MHz of one core.
    public let coreSpeedMHz: Int
    public let memoryBytes: UInt64
    public var acceleration: HostAcceleration

    public init(
        id: Identifier<Host>, name: String, cluster: Identifier<Cluster>?, folder: Identifier<Folder>,
        datacenter: Identifier<Datacenter>, uuid: String, initiatorName: String, cpuCores: Int,
        coreSpeedMHz: Int = Host.usualCoreSpeedMHz, memoryBytes: UInt64,
        acceleration: HostAcceleration = HostAcceleration()
    ) {
        self.id = id
        self.name = name
        self.cluster = cluster
        self.folder = folder
        self.datacenter = datacenter
        self.uuid = uuid
        self.initiatorName = initiatorName
        self.cpuCores = cpuCores
        self.coreSpeedMHz = coreSpeedMHz
        self.memoryBytes = memoryBytes
        self.acceleration = acceleration
    }
}

extension Host {
    /// Where a lab does not say another.
    public static let usualCoreSpeedMHz = 2_000
}

/// The three advanced options that switch a host's use of array offloads, as ESXi names them.
public struct HostAcceleration: Sendable, Codable, Equatable {
    /// `DataMover.HardwareAcceleratedMove`.
    public var move: Bool
    /// `DataMover.HardwareAcceleratedInit`.
    public var initialize: Bool
    /// `VMFS3.HardwareAcceleratedLocking`.
    public var locking: Bool

    public init(move: Bool = true, initialize: Bool = true, locking: Bool = true) {
        self.move = move
        self.initialize = initialize
        self.locking = locking
    }
}

/// A pool of compute resources in a cluster.
public struct ResourcePool: Resource {
    public static let kind = ResourceKind.resourcePool
    public static let indexes: [Index<ResourcePool>] = [
        Index("parent") { $0.parent.map { [$0.rawValue] } ?? [] }
    ]

    public let id: Identifier<ResourcePool>
    public var name: String
    /// `nil` for the root pool of a cluster.
    public let parent: Identifier<ResourcePool>?
    public let cluster: Identifier<Cluster>
    public let datacenter: Identifier<Datacenter>
    /// CPU in MHz.
    public var cpu: ResourceAllocation
    /// Memory in MiB.
    public var memory: ResourceAllocation

    public init(
        id: Identifier<ResourcePool>, name: String, parent: Identifier<ResourcePool>?, cluster: Identifier<Cluster>,
        datacenter: Identifier<Datacenter>, cpu: ResourceAllocation, memory: ResourceAllocation
    ) {
        self.id = id
        self.name = name
        self.parent = parent
        self.cluster = cluster
        self.datacenter = datacenter
        self.cpu = cpu
        self.memory = memory
    }
}

/// Source: `com.vmware.vcenter.resource_pool.resource_allocation_info`. Units: MHz or MiB.
public struct ResourceAllocation: Sendable, Codable, Equatable {
    public var reservation: Int64
    public var isReservationExpandable: Bool
    /// -1 means no limit.
    public var limit: Int64
    public var shares: Shares

    public init(reservation: Int64, isReservationExpandable: Bool, limit: Int64, shares: Shares) {
        self.reservation = reservation
        self.isReservationExpandable = isReservationExpandable
        self.limit = limit
        self.shares = shares
    }

    public static let unlimited = ResourceAllocation(
        reservation: 0, isReservationExpandable: true, limit: -1, shares: .normal)
}

public enum Shares: Sendable, Codable, Equatable {
    case low, normal, high
    case custom(Int64)
}
