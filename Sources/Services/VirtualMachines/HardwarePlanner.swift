import ContractTypes
import Domain
import Persistence

/// Turns a create specification into hardware: checks every field, gives every device its place, and fills in what the
/// client left open as vSphere does.
struct HardwarePlanner {
    let inventory: Inventory
    let placement: Placement
    /// Of the machine; names its disks.
    let name: String
    /// For generated MAC addresses.
    var macSeed: UInt32
    /// Size of an existing file in bytes.
    let existingFileBytes: [DatastorePath: UInt64]
    /// Of the client; `nil` for the program itself.
    var access: Access?

    private var numbering = DeviceNumbering()
    private var diskFileNames: Set<String> = []

    init(
        inventory: Inventory, placement: Placement, name: String, macSeed: UInt32, existingFileBytes: [DatastorePath: UInt64]
    ) {
        self.inventory = inventory
        self.placement = placement
        self.name = name
        self.macSeed = macSeed
        self.existingFileBytes = existingFileBytes
    }

    struct Plan {
        var hardware: Hardware
        /// In the order of the disks.
        var origins: [ProvisionVirtualMachine.Origin]
    }

    mutating func plan(_ spec: VcenterVMCreateSpec) throws(Fault) -> Plan {
        try refuseUnsupported(spec)
        var hardware = Hardware(
            version: (spec.hardwareVersion ?? .vmx21).rawValue, cpu: try Self.cpu(spec.cpu, "spec.cpu"),
            memory: try Self.memory(spec.memory, "spec.memory"), boot: try Self.boot(spec.boot), bootOrder: [])
        try adapters(spec, &hardware)
        let origins = try disks(spec, &hardware)
        try cdroms(spec, &hardware)
        try nics(spec, &hardware)
        addMissingAdapters(&hardware)
        hardware.bootOrder = try bootOrder(spec.bootDevices, hardware)
        return Plan(hardware: hardware, origins: origins)
    }

    private func refuseUnsupported(_ spec: VcenterVMCreateSpec) throws(Fault) {
        for (field, isAsked) in [
            ("floppies", spec.floppies?.isEmpty == false), ("parallel_ports", spec.parallelPorts?.isEmpty == false),
            ("serial_ports", spec.serialPorts?.isEmpty == false),
        ] where isAsked {
            throw .unsupported("spec.\(field)", "this kind of device is not offered.")
        }
    }

    // MARK: - Processors, memory, boot

    static func cpu(_ spec: VcenterVmHardwareCpuUpdateSpec?, _ field: String, from base: CPU? = nil) throws(Fault) -> CPU {
        let count = spec?.count ?? base?.count ?? 1
        guard (1...768).contains(count) else { throw .invalid("\(field).count", "it must be from 1 to 768, not \(count).") }
        let cores = spec?.coresPerSocket ?? base?.coresPerSocket ?? 1
        guard cores >= 1, count % cores == 0 else {
            throw .invalid("\(field).cores_per_socket", "\(count) processors cannot be divided into sockets of \(cores) cores.")
        }
        return CPU(
            count: count, coresPerSocket: cores, isHotAddEnabled: spec?.hotAddEnabled ?? base?.isHotAddEnabled ?? false,
            isHotRemoveEnabled: spec?.hotRemoveEnabled ?? base?.isHotRemoveEnabled ?? false)
    }

    static func memory(
        _ spec: VcenterVmHardwareMemoryUpdateSpec?, _ field: String, from base: Memory? = nil
    ) throws(Fault) -> Memory {
        let size = spec?.sizeMiB ?? base?.sizeMiB ?? 2048
        guard (4...25_165_824).contains(size), size % 4 == 0 else {
            throw .invalid("\(field).size_MiB", "it must be a multiple of 4 from 4 to 25165824, not \(size).")
        }
        return Memory(sizeMiB: size, isHotAddEnabled: spec?.hotAddEnabled ?? base?.isHotAddEnabled ?? false)
    }

    private static func boot(_ spec: VcenterVmHardwareBootCreateSpec?) throws(Fault) -> Boot {
        let firmware: Boot.Firmware =
            switch spec?.type {
            case .efi:
                .efi(legacyBoot: spec?.efiLegacyBoot ?? false, networkProtocol: (spec?.networkProtocol ?? .ipv4).rawValue)
            case .bios, nil: .bios
            }
        for (field, value) in [("delay", spec?.delay), ("retry_delay", spec?.retryDelay)] {
            if let value, !(0...3_600_000).contains(value) {
                throw .invalid("spec.boot.\(field)", "it must be from 0 to 3600000 milliseconds, not \(value).")
            }
        }
        return Boot(
            firmware: firmware, delayMilliseconds: spec?.delay ?? 0, retry: spec?.retry ?? false,
            retryDelayMilliseconds: spec?.retryDelay ?? 10_000, entersSetup: spec?.enterSetupMode ?? false)
    }

    private func bootOrder(
        _ spec: [VcenterVmHardwareBootDeviceEntryCreateSpec]?, _ hardware: Hardware
    ) throws(Fault) -> [BootDevice] {
        guard let spec else { return [] }
        var order: [BootDevice] = []
        for (index, entry) in spec.enumerated() {
            let device: BootDevice =
                switch entry.type {
                case .cdrom: .cdrom
                case .disk: .disk
                case .ethernet: .ethernet
                case .floppy: .floppy
                }
            guard !order.contains(device) || device == .ethernet else {
                throw .invalid("spec.boot_devices[\(index)]", "\(device.rawValue) stands there twice.")
            }
            order.append(device)
        }
        guard order.count(where: { $0 == .ethernet }) <= max(1, hardware.nics.count) else {
            throw .invalid("spec.boot_devices", "there are more ETHERNET entries than network adapters.")
        }
        return order
    }

    // MARK: - Adapters

    private func adapters(_ spec: VcenterVMCreateSpec, _ hardware: inout Hardware) throws(Fault) {
        for (index, adapter) in (spec.scsiAdapters ?? []).enumerated() {
            let bus = try Self.bus(adapter.bus, hardware.scsiAdapters.map(\.bus), "spec.scsi_adapters[\(index)]")
            hardware.scsiAdapters.append(
                DeviceNumbering.scsiAdapter(
                    bus: bus, type: (adapter.type ?? .pvscsi).rawValue, pciSlotNumber: adapter.pciSlotNumber,
                    sharing: (adapter.sharing ?? .none).rawValue))
        }
        for (index, adapter) in (spec.sataAdapters ?? []).enumerated() {
            let bus = try Self.bus(adapter.bus, hardware.sataAdapters.map(\.bus), "spec.sata_adapters[\(index)]")
            hardware.sataAdapters.append(DeviceNumbering.sataAdapter(bus: bus, pciSlotNumber: adapter.pciSlotNumber))
        }
        for (index, adapter) in (spec.nvmeAdapters ?? []).enumerated() {
            let bus = try Self.bus(adapter.bus, hardware.nvmeAdapters.map(\.bus), "spec.nvme_adapters[\(index)]")
            hardware.nvmeAdapters.append(DeviceNumbering.nvmeAdapter(bus: bus, pciSlotNumber: adapter.pciSlotNumber))
        }
    }

    private static func bus(_ asked: Int64?, _ taken: [Int64], _ field: String) throws(Fault) -> Int64 {
        guard taken.count < 4 else { throw .invalid(field, "a virtual machine has at most 4 adapters of a kind.") }
        guard let asked else { return (0..<4).first { !taken.contains($0) } ?? 0 }
        guard (0..<4).contains(asked) else { throw .invalid("\(field).bus", "it must be from 0 to 3, not \(asked).") }
        guard !taken.contains(asked) else { throw .invalid("\(field).bus", "bus \(asked) is taken.") }
        return asked
    }

    /// Adapters that devices need and the client did not name.
    private func addMissingAdapters(_ hardware: inout Hardware) {
        for address in hardware.disks.map(\.address) + hardware.cdroms.map(\.address) {
            guard let (kind, bus) = address.adapter else { continue }
            switch kind {
            case .scsi where !hardware.scsiAdapters.contains { $0.bus == bus }:
                hardware.scsiAdapters.append(
                    DeviceNumbering.scsiAdapter(bus: bus, type: "PVSCSI", pciSlotNumber: nil, sharing: "NONE"))
            case .sata where !hardware.sataAdapters.contains { $0.bus == bus }:
                hardware.sataAdapters.append(DeviceNumbering.sataAdapter(bus: bus, pciSlotNumber: nil))
            case .nvme where !hardware.nvmeAdapters.contains { $0.bus == bus }:
                hardware.nvmeAdapters.append(DeviceNumbering.nvmeAdapter(bus: bus, pciSlotNumber: nil))
            case .ide, .scsi, .sata, .nvme: break
            }
        }
    }
}

extension HardwarePlanner {
    mutating func address(
        _ kind: DeviceNumbering.Bus, bus: Int64?, unit: Int64?, field: String
    ) throws(Fault) -> BusAddress {
        do throws(DeviceNumbering.Refusal) {
            return try numbering.take(kind, bus: bus, unit: unit)
        } catch {
            switch error {
            case .outOfRange(let reason): throw .invalid(field, "\(reason).")
            case .taken: throw .invalid(field, "another device has this address.")
            case .full: throw .invalid(field, "no address is free on this bus.")
            }
        }
    }

    mutating func nextDisk() -> (key: Int, label: String) { numbering.disk() }
    mutating func nextNIC() -> (key: Int, label: String) { numbering.nic() }
    mutating func nextCDROM(at address: BusAddress) -> (key: Int, label: String) { numbering.cdrom(at: address) }

    /// Makes sure that two new disks do not get one file.
    mutating func claim(fileName: String, field: String) throws(Fault) {
        guard diskFileNames.insert(fileName).inserted else {
            throw .invalid(field, "two disks cannot have the file '\(fileName)'.")
        }
    }

    /// The machine's name for the first disk, then with a number, as vSphere names them.
    mutating func nextFileName() -> String {
        let base = MachineNames.directory(name)
        var number = 0
        while true {
            let candidate = number == 0 ? "\(base).vmdk" : "\(base)_\(number).vmdk"
            if diskFileNames.insert(candidate).inserted { return candidate }
            number += 1
        }
    }
}
