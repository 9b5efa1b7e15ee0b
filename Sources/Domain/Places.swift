/// A datacenter: the root of four folder trees.
public struct Datacenter: Resource {
    public static let kind = ResourceKind.datacenter
    public static let indexes: [Index<Datacenter>] = [
        Index("name", unique: true) { ["\($0.parent)/\($0.name)"] }
    ]

    public let id: Identifier<Datacenter>
    public var name: String
    /// A folder of type `.datacenter`.
    public var parent: Identifier<Folder>
    public let datastoreFolder: Identifier<Folder>
    public let hostFolder: Identifier<Folder>
    public let networkFolder: Identifier<Folder>
    public let virtualMachineFolder: Identifier<Folder>

    public init(
        id: Identifier<Datacenter>, name: String, parent: Identifier<Folder>, datastoreFolder: Identifier<Folder>,
        hostFolder: Identifier<Folder>, networkFolder: Identifier<Folder>, virtualMachineFolder: Identifier<Folder>
    ) {
        self.id = id
        self.name = name
        self.parent = parent
        self.datastoreFolder = datastoreFolder
        self.hostFolder = hostFolder
        self.networkFolder = networkFolder
        self.virtualMachineFolder = virtualMachineFolder
    }
}

/// What a folder may hold. Raw value: the wire name.
public enum FolderType: String, Sendable, Codable, CaseIterable {
    case datacenter = "DATACENTER"
    case datastore = "DATASTORE"
    case host = "HOST"
    case network = "NETWORK"
    case virtualMachine = "VIRTUAL_MACHINE"
}

/// A folder. The root folder is `group-d1`.
public struct Folder: Resource {
    public static let kind = ResourceKind.folder
    public static let indexes: [Index<Folder>] = [
        Index("name", unique: true) { ["\($0.container)/\($0.name)"] },
        Index("parent") { $0.parent.map { [$0.rawValue] } ?? [] },
    ]
    /// The folder above all; made at first start.
    public static let root = Identifier<Folder>("group-d1")

    public let id: Identifier<Folder>
    public var name: String
    public let type: FolderType
    /// `nil` for the root folder and for the four folders that stand directly below a datacenter.
    public var parent: Identifier<Folder>?
    /// `nil` for folders of datacenters.
    public let datacenter: Identifier<Datacenter>?

    public init(
        id: Identifier<Folder>, name: String, type: FolderType, parent: Identifier<Folder>?,
        datacenter: Identifier<Datacenter>?
    ) {
        self.id = id
        self.name = name
        self.type = type
        self.parent = parent
        self.datacenter = datacenter
    }

    /// What names are unique within.
    private var container: String { parent?.rawValue ?? datacenter?.rawValue ?? "" }
}

/// A network that virtual NICs connect to.
public struct Network: Resource {
    public static let kind = ResourceKind.network
    public static let indexes: [Index<Network>] = [
        Index("name", unique: true) { ["\($0.folder)/\($0.name)"] }
    ]

    public let id: Identifier<Network>
    public var name: String
    public let type: NetworkType
    public let folder: Identifier<Folder>
    public let datacenter: Identifier<Datacenter>
    /// Of a distributed port group; its switch.
    public let switchUUID: String?

    public init(
        id: Identifier<Network>, name: String, type: NetworkType, folder: Identifier<Folder>,
        datacenter: Identifier<Datacenter>, switchUUID: String?
    ) {
        self.id = id
        self.name = name
        self.type = type
        self.folder = folder
        self.datacenter = datacenter
        self.switchUUID = switchUUID
    }
}

/// Raw value: the wire name.
public enum NetworkType: String, Sendable, Codable {
    case standardPortGroup = "STANDARD_PORTGROUP"
    case distributedPortGroup = "DISTRIBUTED_PORTGROUP"
    case opaqueNetwork = "OPAQUE_NETWORK"
}

/// A datastore: a shared volume on one LUN of the array.
public struct Datastore: Resource {
    public static let kind = ResourceKind.datastore
    public static let indexes: [Index<Datastore>] = [
        Index("name", unique: true) { ["\($0.datacenter)/\($0.name)"] }
    ]

    public let id: Identifier<Datastore>
    public var name: String
    public let folder: Identifier<Folder>
    public let datacenter: Identifier<Datacenter>
    /// Logical unit number that hosts address the LUN by.
    public let lun: UInt16
    /// UUID in the volume's superblock.
    public let volumeUUID: String
    public let capacityBytes: UInt64

    public init(
        id: Identifier<Datastore>, name: String, folder: Identifier<Folder>, datacenter: Identifier<Datacenter>, lun: UInt16,
        volumeUUID: String, capacityBytes: UInt64
    ) {
        self.id = id
        self.name = name
        self.folder = folder
        self.datacenter = datacenter
        self.lun = lun
        self.volumeUUID = volumeUUID
        self.capacityBytes = capacityBytes
    }
}

/// How disks are laid out when a virtual machine asks for the policy.
public struct StoragePolicy: Resource {
    public static let kind = ResourceKind.storagePolicy
    public static let indexes: [Index<StoragePolicy>] = [
        Index("name", unique: true) { [$0.name] }
    ]

    public let id: Identifier<StoragePolicy>
    public var name: String
    public var summary: String
    public let provisioning: Provisioning

    public init(id: Identifier<StoragePolicy>, name: String, summary: String, provisioning: Provisioning) {
        self.id = id
        self.name = name
        self.summary = summary
        self.provisioning = provisioning
    }
}

/// When the blocks of a new disk are taken.
public enum Provisioning: String, Sendable, Codable {
    case thin
    case eagerZeroed
}
