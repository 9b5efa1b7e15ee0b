/// A customer of the operator. Its limits bind the sum of its virtual datacenters.
public struct Tenant: Resource {
    public static let kind = ResourceKind.tenant
    public static let indexes: [Index<Tenant>] = [
        Index("name", unique: true) { [$0.name.lowercased()] },
        Index("project", unique: true) { [$0.projectID] },
    ]

    public let id: Identifier<Tenant>
    public var name: String
    /// The name that another system has for it, for example the UUID of an OpenStack project.
    public let projectID: String
    public var isEnabled: Bool
    /// -1 is no limit.
    public var limits: TenancyAmounts

    public init(id: Identifier<Tenant>, name: String, projectID: String, isEnabled: Bool, limits: TenancyAmounts) {
        self.id = id
        self.name = name
        self.projectID = projectID
        self.isEnabled = isEnabled
        self.limits = limits
    }
}

/// A promise of capacity in one cluster to one tenant, kept by a resource pool of its own.
public struct TenantDatacenter: Resource {
    public static let kind = ResourceKind.tenantDatacenter
    public static let indexes: [Index<TenantDatacenter>] = [
        Index("name", unique: true) { ["\($0.tenant)/\($0.name.lowercased())"] },
        Index("tenant") { [$0.tenant.rawValue] },
        Index("cluster") { [$0.cluster.rawValue] },
        Index("pool", unique: true) { [$0.pool.rawValue] },
        Index("folder", unique: true) { [$0.folder.rawValue] },
    ]

    public let id: Identifier<TenantDatacenter>
    public let tenant: Identifier<Tenant>
    public var name: String
    public var summary: String
    public var cluster: Identifier<Cluster>
    public var pool: Identifier<ResourcePool>
    /// Of its virtual machines.
    public var folder: Identifier<Folder>
    public let model: AllocationModel
    /// MHz charged for each virtual processor.
    public let processorSpeedMHz: Int64
    /// Guaranteed MHz.
    public var cpuReserve: Int64
    /// Guaranteed MB.
    public var memoryReserve: Int64
    /// -1 is no limit.
    public var limits: TenancyAmounts
    public var allowed: Allowance
    public var state: State

    /// What a tenant may choose; `nil` is no restriction.
    public struct Allowance: Sendable, Codable, Equatable {
        public var datastores: [Identifier<Datastore>]?
        public var networks: [Identifier<Network>]?
        /// Virtual processors of one machine.
        public var processorsPerMachine: Int64?
        /// MB of one machine.
        public var memoryPerMachine: Int64?

        public init(
            datastores: [Identifier<Datastore>]? = nil, networks: [Identifier<Network>]? = nil,
            processorsPerMachine: Int64? = nil, memoryPerMachine: Int64? = nil
        ) {
            self.datastores = datastores
            self.networks = networks
            self.processorsPerMachine = processorsPerMachine
            self.memoryPerMachine = memoryPerMachine
        }
    }

    /// When processor and memory are charged. Raw value: the wire name.
    public enum AllocationModel: String, Sendable, Codable {
        /// While the machine runs.
        case flex = "FLEX"
        /// From its creation.
        case reservation = "RESERVATION"
    }

    /// Whether more may be consumed. Raw value: the wire name.
    public enum State: String, Sendable, Codable {
        case enabled = "ENABLED"
        case disabled = "DISABLED"
        case suspended = "SUSPENDED"
        /// Its machines are being deleted, then it goes itself.
        case deleting = "DELETING"
    }

    public init(
        id: Identifier<TenantDatacenter>, tenant: Identifier<Tenant>, name: String, summary: String,
        cluster: Identifier<Cluster>, pool: Identifier<ResourcePool>, folder: Identifier<Folder>, model: AllocationModel,
        processorSpeedMHz: Int64, cpuReserve: Int64, memoryReserve: Int64, limits: TenancyAmounts
    ) {
        self.id = id
        self.tenant = tenant
        self.name = name
        self.summary = summary
        self.cluster = cluster
        self.pool = pool
        self.folder = folder
        self.model = model
        self.processorSpeedMHz = processorSpeedMHz
        self.cpuReserve = cpuReserve
        self.memoryReserve = memoryReserve
        self.limits = limits
        self.allowed = Allowance()
        self.state = .enabled
    }

    /// What a virtual machine in it is charged.
    ///
    /// Counts, disks and adapters from its creation to its end; processor and memory as the model says.
    public func charge(of machine: VirtualMachine) -> TenancyAmounts {
        let hardware = machine.hardware
        let bytes = hardware.disks.reduce(UInt64(0)) { $0 + $1.capacityBytes }
        var amounts = TenancyAmounts(
            machines: 1, storage: Int64(clamping: (bytes + (1 << 20) - 1) >> 20), nics: Int64(hardware.nics.count))
        if model == .reservation || machine.powerState == .on {
            amounts.cpu = hardware.cpu.count * processorSpeedMHz
            amounts.memory = hardware.memory.sizeMiB
        }
        return amounts
    }
}

/// What a virtual datacenter or a tenant consumes: sums that every commit keeps which changes what they count.
///
/// The identifier is that of the virtual datacenter or tenant.
public struct TenancyUsage: Resource {
    public static let kind = ResourceKind.tenancyUsage
    public static let indexes: [Index<TenancyUsage>] = []

    public let id: Identifier<TenancyUsage>
    public var used: TenancyAmounts
    /// Of machines that are being made.
    public var claimed: TenancyAmounts

    public init(id: Identifier<TenancyUsage>, used: TenancyAmounts = .none, claimed: TenancyAmounts = .none) {
        self.id = id
        self.used = used
        self.claimed = claimed
    }

    public var total: TenancyAmounts { used + claimed }
}
