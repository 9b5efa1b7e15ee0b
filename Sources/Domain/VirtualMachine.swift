/// A virtual machine: its configuration, its place, and the files that hold its disks.
public struct VirtualMachine: Resource {
    public static let kind = ResourceKind.virtualMachine
    public static let indexes: [Index<VirtualMachine>] = [
        Index("name", unique: true) { [VirtualMachine.nameKey($0.name, in: $0.folder)] },
        Index("label") { [$0.name] },
        Index("folder") { [$0.folder.rawValue] },
        Index("host") { [$0.host.rawValue] },
        Index("resourcePool") { [$0.resourcePool.rawValue] },
        Index("datastore") { $0.datastores.map(\.rawValue) },
        Index("home", unique: true) { [$0.home.key] },
        Index("file", unique: true) { $0.hardware.disks.map(\.file.key) },
        Index("cloneSource") { $0.cloneSource.map { [$0.rawValue] } ?? [] },
    ]

    public let id: Identifier<VirtualMachine>
    public var name: String
    public var folder: Identifier<Folder>
    public let datacenter: Identifier<Datacenter>
    public var host: Identifier<Host>
    public var cluster: Identifier<Cluster>?
    public var resourcePool: Identifier<ResourcePool>
    /// Holds the directory and the configuration file.
    public var home: DatastorePath
    public var lifecycle: Lifecycle
    /// While it is being cloned from another: that one, which must stay until then.
    public var cloneSource: Identifier<VirtualMachine>?
    public var powerState: PowerState
    /// Wire name of the guest operating system, for example `UBUNTU_64`.
    public var guestOS: String
    public let biosUUID: String
    public let instanceUUID: String
    public var hardware: Hardware

    /// Whether the files and the record agree yet. Only a ready machine is visible.
    public enum Lifecycle: String, Sendable, Codable {
        case creating, ready, deleting
    }

    public init(
        id: Identifier<VirtualMachine>, name: String, folder: Identifier<Folder>, datacenter: Identifier<Datacenter>,
        host: Identifier<Host>, cluster: Identifier<Cluster>?, resourcePool: Identifier<ResourcePool>, home: DatastorePath,
        guestOS: String, biosUUID: String, instanceUUID: String, hardware: Hardware,
        cloneSource: Identifier<VirtualMachine>? = nil
    ) {
        self.id = id
        self.name = name
        self.folder = folder
        self.datacenter = datacenter
        self.host = host
        self.cluster = cluster
        self.resourcePool = resourcePool
        self.home = home
        self.lifecycle = .creating
        self.cloneSource = cloneSource
        self.powerState = .off(clean: true)
        self.guestOS = guestOS
        self.biosUUID = biosUUID
        self.instanceUUID = instanceUUID
        self.hardware = hardware
    }

    /// The key of the unique index `name`.
    public static func nameKey(_ name: String, in folder: Identifier<Folder>) -> String { "\(folder)/\(name)" }

    /// Where its files lie: home first, each once.
    public var datastores: [Identifier<Datastore>] {
        var found = [home.datastore]
        for disk in hardware.disks where !found.contains(disk.file.datastore) {
            found.append(disk.file.datastore)
        }
        return found
    }
}

public enum PowerState: Sendable, Codable, Equatable {
    /// `clean` tells whether the guest was shut down before.
    case off(clean: Bool)
    case on
    case suspended
}

/// A file or directory of a datastore.
public struct DatastorePath: Sendable, Codable, Hashable {
    public var datastore: Identifier<Datastore>
    /// Absolute within the volume, for example `/web-01/web-01.vmdk`.
    public var path: String

    public init(datastore: Identifier<Datastore>, path: String) {
        self.datastore = datastore
        self.path = path
    }

    /// The key of unique indexes: no two differ for one file.
    public var key: String { datastore.rawValue + path }
}
