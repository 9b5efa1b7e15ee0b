import Contract
import ContractTypes
import Domain
import Persistence

extension VcenterVMInfo {
    convenience init(_ machine: VirtualMachine, _ inventory: Inventory) {
        let hardware = machine.hardware
        self.init(
            guestOS: VcenterVmGuestOS(rawValue: machine.guestOS) ?? .other, name: machine.name,
            identity: VcenterVmIdentityInfo(
                name: machine.name, biosUUID: machine.biosUUID, instanceUUID: machine.instanceUUID),
            powerState: VcenterVmPowerState(machine.powerState), instantCloneFrozen: false,
            hardware: VcenterVmHardwareInfo(
                version: VcenterVmHardwareVersion(rawValue: hardware.version) ?? .vmx21, upgradePolicy: .never,
                upgradeStatus: .none),
            boot: VcenterVmHardwareBootInfo(hardware.boot), bootDevices: Self.bootDevices(hardware),
            cpu: VcenterVmHardwareCpuInfo(hardware.cpu), memory: VcenterVmHardwareMemoryInfo(machine),
            disks: ValueMap(hardware.disks.map { (String($0.key), VcenterVmHardwareDiskInfo($0, inventory)) }),
            nics: ValueMap(
                hardware.nics.map { (String($0.key), VcenterVmHardwareEthernetInfo($0, of: machine, inventory)) }),
            cdroms: ValueMap(hardware.cdroms.map { (String($0.key), VcenterVmHardwareCdromInfo($0, of: machine)) }),
            floppies: [:], parallelPorts: [:], serialPorts: [:],
            sataAdapters: ValueMap(
                hardware.sataAdapters.map {
                    (
                        String($0.key),
                        VcenterVmHardwareAdapterSataInfo(
                            label: $0.label, type: .ahci, bus: $0.bus, pciSlotNumber: $0.pciSlotNumber)
                    )
                }),
            scsiAdapters: ValueMap(hardware.scsiAdapters.map { (String($0.key), VcenterVmHardwareAdapterScsiInfo($0)) }),
            nvmeAdapters: ValueMap(
                hardware.nvmeAdapters.map {
                    (
                        String($0.key),
                        VcenterVmHardwareAdapterNvmeInfo(label: $0.label, bus: $0.bus, pciSlotNumber: $0.pciSlotNumber)
                    )
                }))
    }

    /// An ETHERNET entry names one network adapter, a DISK entry all disks.
    private static func bootDevices(_ hardware: Hardware) -> [VcenterVmHardwareBootDeviceEntry] {
        var nics = hardware.nics.makeIterator()
        return hardware.bootOrder.compactMap { device in
            switch device {
            case .cdrom: VcenterVmHardwareBootDeviceEntry(type: .cdrom)
            case .floppy: VcenterVmHardwareBootDeviceEntry(type: .floppy)
            case .disk: VcenterVmHardwareBootDeviceEntry(type: .disk, disks: hardware.disks.map { String($0.key) })
            case .ethernet:
                nics.next().map { VcenterVmHardwareBootDeviceEntry(type: .ethernet, nic: String($0.key)) }
            }
        }
    }
}

extension VcenterVmPowerState {
    init(_ state: PowerState) {
        switch state {
        case .off: self = .poweredOff
        case .on: self = .poweredOn
        case .suspended: self = .suspended
        }
    }
}

extension VcenterVmHardwareBootInfo {
    init(_ boot: Boot) {
        var (type, legacy, network) = (VcenterVmHardwareBootType.bios, Bool?.none, VcenterVmHardwareBootNetworkProtocol?.none)
        if case .efi(let legacyBoot, let networkProtocol) = boot.firmware {
            type = .efi
            legacy = legacyBoot
            network = networkProtocol == "IPV6" ? .ipv6 : .ipv4
        }
        self.init(
            type: type, efiLegacyBoot: legacy, networkProtocol: network, delay: boot.delayMilliseconds, retry: boot.retry,
            retryDelay: boot.retryDelayMilliseconds, enterSetupMode: boot.entersSetup)
    }
}

extension VcenterVmHardwareCpuInfo {
    init(_ cpu: CPU) {
        self.init(
            count: cpu.count, coresPerSocket: cpu.coresPerSocket, hotAddEnabled: cpu.isHotAddEnabled,
            hotRemoveEnabled: cpu.isHotRemoveEnabled)
    }
}

extension VcenterVmHardwareMemoryInfo {
    /// The hot add fields are set only while memory can be added: the machine runs and has it enabled.
    init(_ machine: VirtualMachine) {
        let memory = machine.hardware.memory
        let canAdd = memory.isHotAddEnabled && machine.powerState == .on
        self.init(
            sizeMiB: memory.sizeMiB, hotAddEnabled: memory.isHotAddEnabled,
            hotAddIncrementSizeMiB: canAdd ? MemoryRules.hotAddIncrementMiB : nil,
            hotAddLimitMiB: canAdd ? MemoryRules.hotAddLimitMiB(memory.sizeMiB) : nil)
    }
}

extension VcenterVmHardwareDiskInfo {
    init(_ disk: Disk, _ inventory: Inventory) {
        let file = VcenterVmHardwareDiskBackingInfo(type: .vmdkFile, vmdkFile: disk.file.shown(inventory))
        let capacity = Int64(clamping: disk.capacityBytes)
        switch disk.address {
        case .ide(let primary, let master):
            self.init(
                label: disk.label, type: .ide, ide: VcenterVmHardwareIdeAddressInfo(primary: primary, master: master),
                backing: file, capacity: capacity)
        case .scsi(let bus, let unit):
            self.init(
                label: disk.label, type: .scsi, scsi: VcenterVmHardwareScsiAddressInfo(bus: bus, unit: unit), backing: file,
                capacity: capacity)
        case .sata(let bus, let unit):
            self.init(
                label: disk.label, type: .sata, sata: VcenterVmHardwareSataAddressInfo(bus: bus, unit: unit), backing: file,
                capacity: capacity)
        case .nvme(let bus, let unit):
            self.init(
                label: disk.label, type: .nvme, nvme: VcenterVmHardwareNvmeAddressInfo(bus: bus, unit: unit), backing: file,
                capacity: capacity)
        }
    }
}

extension DatastorePath {
    /// As vSphere shows it: `[datastore1] web-01/web-01.vmdk`.
    func shown(_ inventory: Inventory) -> String {
        let name = inventory[Datastore.self].record(datastore)?.value.name ?? datastore.rawValue
        return "[\(name)] \(path.drop { $0 == "/" })"
    }
}

extension VcenterVmHardwareEthernetInfo {
    convenience init(_ nic: NIC, of machine: VirtualMachine, _ inventory: Inventory) {
        let type = VcenterVmHardwareEthernetEmulationType(rawValue: nic.type) ?? .vmxnet3
        self.init(
            label: nic.label, type: type, uptCompatibilityEnabled: type == .vmxnet3 ? nic.isUPTCompatible : nil,
            macType: VcenterVmHardwareEthernetMacAddressType(rawValue: nic.macType) ?? .assigned, macAddress: nic.macAddress,
            pciSlotNumber: nic.pciSlotNumber, wakeOnLanEnabled: nic.isWakeOnLANEnabled,
            backing: VcenterVmHardwareEthernetBackingInfo(nic, inventory),
            state: machine.connectionState(startConnected: nic.startConnected), startConnected: nic.startConnected,
            allowGuestControl: nic.allowGuestControl)
    }
}

extension VcenterVmHardwareEthernetBackingInfo {
    convenience init(_ nic: NIC, _ inventory: Inventory) {
        let network = inventory[Network.self].record(nic.network)?.value
        switch network?.type {
        case .distributedPortGroup:
            self.init(
                type: .distributedPortgroup, network: nic.network.rawValue, distributedSwitchUUID: network?.switchUUID ?? "",
                distributedPort: nic.distributedPort)
        case .opaqueNetwork:
            self.init(
                type: .opaqueNetwork, network: nic.network.rawValue, opaqueNetworkType: "nsx.LogicalSwitch",
                opaqueNetworkID: network?.switchUUID ?? "")
        case .standardPortGroup, nil:
            self.init(type: .standardPortgroup, network: nic.network.rawValue, networkName: network?.name ?? "")
        }
    }
}

extension VcenterVmHardwareCdromInfo {
    init(_ cdrom: CDROM, of machine: VirtualMachine) {
        let backing: VcenterVmHardwareCdromBackingInfo =
            switch cdrom.backing {
            case .isoFile(let path): VcenterVmHardwareCdromBackingInfo(type: .isoFile, isoFile: path)
            case .hostDevice(let name, let access):
                VcenterVmHardwareCdromBackingInfo(
                    type: .hostDevice, hostDevice: name, autoDetect: name == nil,
                    deviceAccessType: VcenterVmHardwareCdromDeviceAccessType(rawValue: access) ?? .emulation)
            case .clientDevice(let access):
                VcenterVmHardwareCdromBackingInfo(
                    type: .clientDevice, deviceAccessType: VcenterVmHardwareCdromDeviceAccessType(rawValue: access) ?? .emulation)
            }
        var (ide, sata) = (VcenterVmHardwareIdeAddressInfo?.none, VcenterVmHardwareSataAddressInfo?.none)
        switch cdrom.address {
        case .ide(let primary, let master): ide = VcenterVmHardwareIdeAddressInfo(primary: primary, master: master)
        case .scsi(let bus, let unit), .sata(let bus, let unit), .nvme(let bus, let unit):
            sata = VcenterVmHardwareSataAddressInfo(bus: bus, unit: unit)
        }
        self.init(
            type: ide == nil ? .sata : .ide, label: cdrom.label, ide: ide, sata: sata, backing: backing,
            state: machine.connectionState(startConnected: cdrom.startConnected), startConnected: cdrom.startConnected,
            allowGuestControl: cdrom.allowGuestControl)
    }
}

extension VcenterVmHardwareAdapterScsiInfo {
    init(_ adapter: SCSIAdapter) {
        // The adapter itself sits at unit 7 of its bus.
        self.init(
            label: adapter.label, type: VcenterVmHardwareAdapterScsiType(rawValue: adapter.type) ?? .pvscsi,
            scsi: VcenterVmHardwareScsiAddressInfo(bus: adapter.bus, unit: 7), pciSlotNumber: adapter.pciSlotNumber,
            sharing: VcenterVmHardwareAdapterScsiSharing(rawValue: adapter.sharing) ?? .none)
    }
}

extension VirtualMachine {
    /// A device is connected while the machine runs, if it starts connected.
    fileprivate func connectionState(startConnected: Bool) -> VcenterVmHardwareConnectionState {
        powerState == .on && startConnected ? .connected : .notConnected
    }
}
