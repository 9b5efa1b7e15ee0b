import ContractTypes

enum Samples {
    /// A machine with one disk and one network adapter, as an installation would make it.
    static func machine() -> VcenterVMInfo {
        let hardware = VcenterVmHardwareInfo(version: .vmx19, upgradePolicy: .never, upgradeStatus: .none)
        let boot = VcenterVmHardwareBootInfo(
            type: .bios, delay: 0, retry: false, retryDelay: 10_000, enterSetupMode: false)
        let disk = VcenterVmHardwareDiskInfo(
            label: "Hard disk 1", type: .scsi, scsi: VcenterVmHardwareScsiAddressInfo(bus: 0, unit: 0),
            backing: VcenterVmHardwareDiskBackingInfo(type: .vmdkFile, vmdkFile: "[datastore1] web-01/web-01.vmdk"),
            capacity: 17_179_869_184)
        let controller = VcenterVmHardwareAdapterScsiInfo(
            label: "SCSI controller 0", type: .pvscsi, scsi: VcenterVmHardwareScsiAddressInfo(bus: 0, unit: 7),
            sharing: .none)
        return VcenterVMInfo(
            guestOS: .other5xLinux64, name: "web-01",
            identity: VcenterVmIdentityInfo(
                name: "web-01", biosUUID: "420e2e0b-8a3a-4d53-9a2b-0d4f5b6a7c81",
                instanceUUID: "500e6ab3-9a9a-1f0e-8b1c-5d3c2b1a0f9e"),
            powerState: .poweredOn, instantCloneFrozen: false, hardware: hardware, boot: boot, bootDevices: [],
            cpu: VcenterVmHardwareCpuInfo(count: 2, coresPerSocket: 1, hotAddEnabled: false, hotRemoveEnabled: false),
            memory: VcenterVmHardwareMemoryInfo(sizeMiB: 4096, hotAddEnabled: false), disks: ["2000": disk],
            nics: ["4000": adapter()], cdroms: [:], floppies: [:], parallelPorts: [:], serialPorts: [:], sataAdapters: [:],
            scsiAdapters: ["1000": controller])
    }

    private static func adapter() -> VcenterVmHardwareEthernetInfo {
        VcenterVmHardwareEthernetInfo(
            label: "Network adapter 1", type: .vmxnet3, macType: .assigned, macAddress: "00:50:56:ab:cd:ef",
            wakeOnLanEnabled: true,
            backing: VcenterVmHardwareEthernetBackingInfo(
                type: .standardPortgroup, network: "network-13", networkName: "VM Network"),
            state: .connected, startConnected: true, allowGuestControl: true)
    }

    static func list(count: Int) -> [VcenterVMSummary] {
        (0..<count).map { index -> VcenterVMSummary in
            let powerState: VcenterVmPowerState = index % 3 == 0 ? .poweredOff : .poweredOn
            return VcenterVMSummary(
                vm: "vm-\(100 + index)", name: "virtual-machine-\(index)", powerState: powerState,
                cpuCount: Int64(index % 5 + 1), memorySizeMiB: Int64(index % 6 + 1) * 1024)
        }
    }
}
