/// Virtual hardware. Device keys follow vSphere: disks from 2000, NICs from 4000, CD-ROMs from 3000 (IDE) or 16000
/// (SATA), SCSI adapters from 1000, SATA adapters from 15000, NVMe adapters from 31000.
public struct Hardware: Sendable, Codable, Equatable {
    /// For example `VMX_21`.
    public var version: String
    public var cpu: CPU
    public var memory: Memory
    public var boot: Boot
    /// Boot order by device type; empty means the default order.
    public var bootOrder: [BootDevice]
    public var disks: [Disk] = []
    public var nics: [NIC] = []
    public var cdroms: [CDROM] = []
    public var scsiAdapters: [SCSIAdapter] = []
    public var sataAdapters: [BusAdapter] = []
    public var nvmeAdapters: [BusAdapter] = []

    public init(version: String, cpu: CPU, memory: Memory, boot: Boot, bootOrder: [BootDevice]) {
        self.version = version
        self.cpu = cpu
        self.memory = memory
        self.boot = boot
        self.bootOrder = bootOrder
    }
}

public struct CPU: Sendable, Codable, Equatable {
    public var count: Int64
    public var coresPerSocket: Int64
    public var isHotAddEnabled: Bool
    public var isHotRemoveEnabled: Bool

    public init(count: Int64, coresPerSocket: Int64, isHotAddEnabled: Bool, isHotRemoveEnabled: Bool) {
        self.count = count
        self.coresPerSocket = coresPerSocket
        self.isHotAddEnabled = isHotAddEnabled
        self.isHotRemoveEnabled = isHotRemoveEnabled
    }
}

public struct Memory: Sendable, Codable, Equatable {
    public var sizeMiB: Int64
    public var isHotAddEnabled: Bool

    public init(sizeMiB: Int64, isHotAddEnabled: Bool) {
        self.sizeMiB = sizeMiB
        self.isHotAddEnabled = isHotAddEnabled
    }
}

public struct Boot: Sendable, Codable, Equatable {
    public var firmware: Firmware
    public var delayMilliseconds: Int64
    public var retry: Bool
    public var retryDelayMilliseconds: Int64
    public var entersSetup: Bool

    public enum Firmware: Sendable, Codable, Equatable {
        case bios
        /// `networkProtocol`: `IPV4` or `IPV6`.
        case efi(legacyBoot: Bool, networkProtocol: String)
    }

    public init(firmware: Firmware, delayMilliseconds: Int64, retry: Bool, retryDelayMilliseconds: Int64, entersSetup: Bool) {
        self.firmware = firmware
        self.delayMilliseconds = delayMilliseconds
        self.retry = retry
        self.retryDelayMilliseconds = retryDelayMilliseconds
        self.entersSetup = entersSetup
    }
}

/// Raw value: the wire name.
public enum BootDevice: String, Sendable, Codable {
    case cdrom = "CDROM"
    case disk = "DISK"
    case ethernet = "ETHERNET"
    case floppy = "FLOPPY"
}

/// Where a disk or CD-ROM is attached.
public enum BusAddress: Sendable, Codable, Hashable {
    case ide(primary: Bool, master: Bool)
    case scsi(bus: Int64, unit: Int64)
    case sata(bus: Int64, unit: Int64)
    case nvme(bus: Int64, unit: Int64)
}

/// A virtual disk. Its file is deleted together with the machine, also when it was attached, as vSphere does.
public struct Disk: Sendable, Codable, Equatable {
    public var key: Int
    public var label: String
    public var address: BusAddress
    public var file: DatastorePath
    public var capacityBytes: UInt64
    public var provisioning: Provisioning

    public init(key: Int, label: String, address: BusAddress, file: DatastorePath, capacityBytes: UInt64, provisioning: Provisioning) {
        self.key = key
        self.label = label
        self.address = address
        self.file = file
        self.capacityBytes = capacityBytes
        self.provisioning = provisioning
    }
}

public struct NIC: Sendable, Codable, Equatable {
    public var key: Int
    public var label: String
    /// For example `VMXNET3`.
    public var type: String
    public var isUPTCompatible: Bool
    /// `MANUAL`, `GENERATED` or `ASSIGNED`.
    public var macType: String
    public var macAddress: String
    public var pciSlotNumber: Int64?
    public var isWakeOnLANEnabled: Bool
    public var network: Identifier<Network>
    /// Of a distributed port group.
    public var distributedPort: String?
    public var startConnected: Bool
    public var allowGuestControl: Bool

    public init(
        key: Int, label: String, type: String, isUPTCompatible: Bool, macType: String, macAddress: String,
        pciSlotNumber: Int64?, isWakeOnLANEnabled: Bool, network: Identifier<Network>, distributedPort: String?,
        startConnected: Bool, allowGuestControl: Bool
    ) {
        self.key = key
        self.label = label
        self.type = type
        self.isUPTCompatible = isUPTCompatible
        self.macType = macType
        self.macAddress = macAddress
        self.pciSlotNumber = pciSlotNumber
        self.isWakeOnLANEnabled = isWakeOnLANEnabled
        self.network = network
        self.distributedPort = distributedPort
        self.startConnected = startConnected
        self.allowGuestControl = allowGuestControl
    }
}

public struct CDROM: Sendable, Codable, Equatable {
    public var key: Int
    public var label: String
    public var address: BusAddress
    public var backing: Backing
    public var startConnected: Bool
    public var allowGuestControl: Bool

    /// `access`: `EMULATION`, `PASSTHRU` or `PASSTHRU_EXCLUSIVE`.
    public enum Backing: Sendable, Codable, Equatable {
        case isoFile(String)
        case hostDevice(name: String?, access: String)
        case clientDevice(access: String)
    }

    public init(key: Int, label: String, address: BusAddress, backing: Backing, startConnected: Bool, allowGuestControl: Bool) {
        self.key = key
        self.label = label
        self.address = address
        self.backing = backing
        self.startConnected = startConnected
        self.allowGuestControl = allowGuestControl
    }
}

public struct SCSIAdapter: Sendable, Codable, Equatable {
    public var key: Int
    public var label: String
    /// For example `PVSCSI`.
    public var type: String
    public var bus: Int64
    public var pciSlotNumber: Int64?
    /// `NONE`, `VIRTUAL` or `PHYSICAL`.
    public var sharing: String

    public init(key: Int, label: String, type: String, bus: Int64, pciSlotNumber: Int64?, sharing: String) {
        self.key = key
        self.label = label
        self.type = type
        self.bus = bus
        self.pciSlotNumber = pciSlotNumber
        self.sharing = sharing
    }
}

/// A SATA or NVMe adapter.
public struct BusAdapter: Sendable, Codable, Equatable {
    public var key: Int
    public var label: String
    public var bus: Int64
    public var pciSlotNumber: Int64?

    public init(key: Int, label: String, bus: Int64, pciSlotNumber: Int64?) {
        self.key = key
        self.label = label
        self.bus = bus
        self.pciSlotNumber = pciSlotNumber
    }
}
