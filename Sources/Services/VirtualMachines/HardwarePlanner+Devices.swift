import ContractTypes
import Domain
import Persistence

extension HardwarePlanner {
    /// Default capacity of a disk when the client leaves it open.
    static let defaultCapacityBytes: UInt64 = 16 << 30
    /// Source: vSphere configuration maximums, 62 TB.
    static let maximumCapacityBytes: UInt64 = 62 << 40
    static let maximumNICs = 10

    // MARK: - Disks

    mutating func disks(
        _ spec: VcenterVMCreateSpec, _ hardware: inout Hardware
    ) throws(Fault) -> [ProvisionVirtualMachine.Origin] {
        let machinePolicy = try spec.storagePolicy.map { (policy) throws(Fault) in
            try provisioning(policy.policy, "spec.storage_policy.policy")
        }
        var origins: [ProvisionVirtualMachine.Origin] = []
        let specs = spec.disks ?? [VcenterVmHardwareDiskCreateSpec()]
        // Names that are asked for go before those that are made up.
        for (index, disk) in specs.enumerated() {
            guard let asked = disk.newVmdk?.name else { continue }
            let field = "spec.disks[\(index)].new_vmdk.name"
            try claim(fileName: try MachineNames.diskFile(asked, field: field), field: field)
        }
        for (index, disk) in specs.enumerated() {
            let (planned, origin) = try plan(disk, "spec.disks[\(index)]", machinePolicy ?? .thin)
            hardware.disks.append(planned)
            origins.append(origin)
        }
        return origins
    }

    private mutating func plan(
        _ spec: VcenterVmHardwareDiskCreateSpec, _ field: String, _ fallback: Provisioning
    ) throws(Fault) -> (Disk, ProvisionVirtualMachine.Origin) {
        guard spec.backing == nil || spec.newVmdk == nil else {
            throw .invalid(field, "backing and new_vmdk exclude each other.")
        }
        let address = try diskAddress(spec, field)
        let (key, label) = nextDisk()
        if let backing = spec.backing {
            let file = try existingFile(backing.vmdkFile ?? "", "\(field).backing.vmdk_file")
            guard let bytes = existingFileBytes[file] else {
                throw .invalid("\(field).backing.vmdk_file", "the file does not exist.")
            }
            let disk = Disk(
                key: key, label: label, address: address, file: file, capacityBytes: bytes, provisioning: .thin)
            return (disk, .existing)
        }
        let policy = try spec.newVmdk?.storagePolicy.map { (policy) throws(Fault) in
            try provisioning(policy.policy, "\(field).new_vmdk.storage_policy.policy")
        }
        let capacity = try Self.capacity(spec.newVmdk?.capacity, "\(field).new_vmdk.capacity")
        let fileName: String
        if let asked = spec.newVmdk?.name {
            fileName = try MachineNames.diskFile(asked, field: "\(field).new_vmdk.name")
        } else {
            fileName = nextFileName()
        }
        let disk = Disk(
            key: key, label: label, address: address, file: DatastorePath(datastore: placement.datastore, path: ""),
            capacityBytes: capacity, provisioning: policy ?? fallback)
        return (disk, .new(fileName: fileName))
    }

    /// - Throws: `invalid_argument` unless it is a multiple of 512 bytes from 512 bytes to 62 TiB.
    private static func capacity(_ asked: Int64?, _ field: String) throws(Fault) -> UInt64 {
        guard let asked else { return defaultCapacityBytes }
        guard asked >= 512, UInt64(asked) <= maximumCapacityBytes, asked % 512 == 0 else {
            throw .invalid(field, "it must be a multiple of 512 bytes from 512 to \(maximumCapacityBytes), not \(asked).")
        }
        return UInt64(asked)
    }

    private func provisioning(_ policy: String, _ field: String) throws(Fault) -> Provisioning {
        guard let found = inventory[StoragePolicy.self][Identifier(policy)] else {
            throw .invalid(field, "there is no storage policy with identifier '\(policy)'.")
        }
        return found.provisioning
    }

    private mutating func diskAddress(_ spec: VcenterVmHardwareDiskCreateSpec, _ field: String) throws(Fault) -> BusAddress {
        switch spec.type ?? .scsi {
        case .ide:
            return try ideAddress(spec.ide?.primary, spec.ide?.master, "\(field).ide")
        case .scsi:
            return try address(.scsi, bus: spec.scsi?.bus, unit: spec.scsi?.unit, field: "\(field).scsi")
        case .sata:
            return try address(.sata, bus: spec.sata?.bus, unit: spec.sata?.unit, field: "\(field).sata")
        case .nvme:
            return try address(.nvme, bus: spec.nvme?.bus, unit: spec.nvme?.unit, field: "\(field).nvme")
        }
    }

    private mutating func ideAddress(_ primary: Bool?, _ master: Bool?, _ field: String) throws(Fault) -> BusAddress {
        try address(.ide, bus: primary.map { $0 ? 0 : 1 }, unit: master.map { $0 ? 0 : 1 }, field: field)
    }

    /// The file that `[datastore] path` names, in the machine's datacenter.
    func existingFile(_ text: String, _ field: String) throws(Fault) -> DatastorePath {
        try access.file(text, field, in: placement.datacenter, inventory)
    }

    // MARK: - CD-ROMs

    mutating func cdroms(_ spec: VcenterVMCreateSpec, _ hardware: inout Hardware) throws(Fault) {
        for (index, cdrom) in (spec.cdroms ?? []).enumerated() {
            let field = "spec.cdroms[\(index)]"
            let place =
                switch cdrom.type ?? .sata {
                case .ide: try ideAddress(cdrom.ide?.primary, cdrom.ide?.master, "\(field).ide")
                case .sata: try address(.sata, bus: cdrom.sata?.bus, unit: cdrom.sata?.unit, field: "\(field).sata")
                }
            let (key, label) = nextCDROM(at: place)
            let access = (cdrom.backing?.deviceAccessType ?? .emulation).rawValue
            let backing: CDROM.Backing =
                switch cdrom.backing?.type {
                case .isoFile: .isoFile(cdrom.backing?.isoFile ?? "")
                case .hostDevice: .hostDevice(name: cdrom.backing?.hostDevice, access: access)
                case .clientDevice, nil: .clientDevice(access: access)
                }
            if case .isoFile(let path) = backing {
                let file = try existingFile(path, "\(field).backing.iso_file")
                try self.access?.require("Datastore.Browse", on: ManagedObject(file.datastore), in: inventory)
            }
            hardware.cdroms.append(
                CDROM(
                    key: key, label: label, address: place, backing: backing, startConnected: cdrom.startConnected ?? false,
                    allowGuestControl: cdrom.allowGuestControl ?? false))
        }
    }

    // MARK: - Network adapters

    mutating func nics(_ spec: VcenterVMCreateSpec, _ hardware: inout Hardware) throws(Fault) {
        let specs = spec.nics ?? []
        guard specs.count <= Self.maximumNICs else {
            throw .invalid("spec.nics", "a virtual machine has at most \(Self.maximumNICs) network adapters.")
        }
        for (index, nic) in specs.enumerated() {
            hardware.nics.append(try plan(nic, "spec.nics[\(index)]"))
        }
    }

    private mutating func plan(_ spec: VcenterVmHardwareEthernetCreateSpec, _ field: String) throws(Fault) -> NIC {
        let network = try network(spec.backing, field)
        let (key, label) = nextNIC()
        let macType = spec.macType ?? .generated
        let mac: String
        switch macType {
        case .manual:
            guard let normalized = MACAddress.normalized(spec.macAddress ?? "") else {
                throw .invalid("\(field).mac_address", "'\(spec.macAddress ?? "")' is not a unicast MAC address.")
            }
            mac = normalized
        case .generated, .assigned:
            mac = MACAddress.generated(macSeed)
            macSeed &+= 1
        }
        return NIC(
            key: key, label: label, type: (spec.type ?? .vmxnet3).rawValue,
            isUPTCompatible: spec.uptCompatibilityEnabled ?? false,
            macType: macType == .manual ? "MANUAL" : "ASSIGNED", macAddress: mac, pciSlotNumber: spec.pciSlotNumber,
            isWakeOnLANEnabled: spec.wakeOnLanEnabled ?? false, network: network.id,
            distributedPort: spec.backing?.distributedPort,
            startConnected: spec.startConnected ?? false, allowGuestControl: spec.allowGuestControl ?? false)
    }

    private func mayUse(_ network: Network) -> Bool {
        let object = ManagedObject(network.id)
        let owner = inventory.tenantDatacenter(of: placement.resourcePool)
        return access?.may(PrivilegeSet(ids: ["Network.Assign"]), on: object, in: inventory) ?? true
            && owner.map { inventory.serves(object, $0) } ?? true
    }

    /// The network of a backing; the first standard port group of the datacenter if there is none.
    private func network(_ backing: VcenterVmHardwareEthernetBackingSpec?, _ field: String) throws(Fault) -> Network {
        let networks = inventory[Network.self]
        guard let backing else {
            let all = networks.all.filter { $0.datacenter == placement.datacenter }
            let usable = all.filter { mayUse($0) }
            let candidates = usable.isEmpty ? all : usable
            guard let first = candidates.first(where: { $0.type == .standardPortGroup }) ?? candidates.first else {
                throw .invalid("\(field).backing", "the datacenter has no network.")
            }
            return first
        }
        guard backing.type != .hostDevice else {
            throw .unsupported("\(field).backing.type", "host devices are not offered.")
        }
        let id = backing.network ?? ""
        guard let found = networks[Identifier(id)] else { throw .notFound("network", "Network", id) }
        guard found.type.rawValue == backing.type.rawValue else {
            throw .invalid("\(field).backing.type", "the network '\(id)' is of type \(found.type.rawValue).")
        }
        guard found.datacenter == placement.datacenter else {
            throw .invalid("\(field).backing.network", "it is not in the datacenter '\(placement.datacenter)'.")
        }
        return found
    }
}
