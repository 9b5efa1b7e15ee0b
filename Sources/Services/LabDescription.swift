import Domain

/// A lab as a seed file describes it: what a first start makes.
public struct LabDescription: Sendable, Equatable {
    public var storagePolicies: [Policy] = []
    public var datacenters: [Datacenter] = []
    public var virtualMachines: [VirtualMachines] = []

    public init() {}

    public struct Policy: Sendable, Equatable {
        public var id: String
        public var name: String
        public var summary: String
        public var provisioning: Provisioning

        public init(id: String, name: String, summary: String, provisioning: Provisioning) {
            self.id = id
            self.name = name
            self.summary = summary
            self.provisioning = provisioning
        }
    }

    public struct Datacenter: Sendable, Equatable {
        public var name: String
        /// Names of folders below `vm`.
        public var virtualMachineFolders: [String] = []
        public var networks: [Network] = []
        public var datastores: [Datastore] = []
        public var clusters: [Cluster] = []

        public init(name: String) { self.name = name }
    }

    public struct Network: Sendable, Equatable {
        public var name: String
        public var type: NetworkType

        public init(name: String, type: NetworkType) {
            self.name = name
            self.type = type
        }
    }

    public struct Datastore: Sendable, Equatable {
        public var name: String
        public var capacityGiB: Int

        public init(name: String, capacityGiB: Int) {
            self.name = name
            self.capacityGiB = capacityGiB
        }
    }

    public struct Cluster: Sendable, Equatable {
        public var name: String
        public var isHAEnabled: Bool
        public var isDRSEnabled: Bool
        /// Names of all hosts.
        public var hosts: [String]
        public var cpuCores: Int
        /// MHz of one core.
        public var coreSpeedMHz = Host.usualCoreSpeedMHz
        public var memoryGiB: Int
        /// Names of pools below the root pool.
        public var resourcePools: [String]

        public init(
            name: String, isHAEnabled: Bool, isDRSEnabled: Bool, hosts: [String], cpuCores: Int, memoryGiB: Int,
            resourcePools: [String]
        ) {
            self.name = name
            self.isHAEnabled = isHAEnabled
            self.isDRSEnabled = isDRSEnabled
            self.hosts = hosts
            self.cpuCores = cpuCores
            self.memoryGiB = memoryGiB
            self.resourcePools = resourcePools
        }
    }

    /// Several virtual machines that differ only in their number.
    public struct VirtualMachines: Sendable, Equatable {
        /// Names of all of them.
        public var names: [String]
        /// Name of the datacenter; empty means the first.
        public var datacenter: String
        /// Name of a folder below `vm`; empty means `vm` itself.
        public var folder: String
        /// Name of the datastore; empty means the one with most room.
        public var datastore: String
        public var guestOS: String
        public var cpuCount: Int
        public var memoryMiB: Int
        /// Capacity and name of a storage policy (empty: thin) of each disk.
        public var disks: [Disk]
        /// Names of networks.
        public var networks: [String]
        public var isPoweredOn: Bool

        public init(
            names: [String], datacenter: String, folder: String, datastore: String, guestOS: String, cpuCount: Int,
            memoryMiB: Int, disks: [Disk], networks: [String], isPoweredOn: Bool
        ) {
            self.names = names
            self.datacenter = datacenter
            self.folder = folder
            self.datastore = datastore
            self.guestOS = guestOS
            self.cpuCount = cpuCount
            self.memoryMiB = memoryMiB
            self.disks = disks
            self.networks = networks
            self.isPoweredOn = isPoweredOn
        }
    }

    public struct Disk: Sendable, Equatable {
        public var capacityGiB: Int
        public var policy: String

        public init(capacityGiB: Int, policy: String) {
            self.capacityGiB = capacityGiB
            self.policy = policy
        }
    }
}
