import Contract
import ContractTypes
import Domain
import Persistence
import Testing

@testable import Services

// What a specification becomes: addresses, keys, labels, defaults; and what is refused, with the field's name.

/// Plans for machines named `web` in a lab.
private struct Planning {
    let lab: Laboratory
    let placement: Placement

    init() async throws {
        lab = try await Laboratory.made(.two)
        placement = try Placement.choose(.open, field: "spec.placement", in: lab.inventory) { _ in 1 }
    }

    func plan(_ spec: VcenterVMCreateSpec) throws(Fault) -> HardwarePlanner.Plan {
        var planner = HardwarePlanner(
            inventory: lab.inventory, placement: placement, name: "web", macSeed: 0xFFFF_FFFF, existingFileBytes: [:])
        return try planner.plan(spec)
    }

    /// Type and field of the fault.
    func refusal(_ spec: VcenterVMCreateSpec) -> [String] {
        do throws(Fault) {
            _ = try plan(spec)
            return []
        } catch {
            return [error.type.rawValue, error.messages.first?.arguments.first ?? ""]
        }
    }
}

private func machine(
    boot: VcenterVmHardwareBootCreateSpec? = nil, bootDevices: [VcenterVmHardwareBootDeviceType]? = nil,
    cpu: VcenterVmHardwareCpuUpdateSpec? = nil, memory: VcenterVmHardwareMemoryUpdateSpec? = nil,
    disks: [VcenterVmHardwareDiskCreateSpec]? = [], nics: [VcenterVmHardwareEthernetCreateSpec]? = nil,
    cdroms: [VcenterVmHardwareCdromCreateSpec]? = nil
) -> VcenterVMCreateSpec {
    VcenterVMCreateSpec(
        guestOS: .other64, boot: boot,
        bootDevices: bootDevices.map { $0.map { VcenterVmHardwareBootDeviceEntryCreateSpec(type: $0) } },
        cpu: cpu, memory: memory, disks: disks, nics: nics, cdroms: cdroms)
}

private func scsi(_ bus: Int64, _ unit: Int64? = nil) -> VcenterVmHardwareDiskCreateSpec {
    VcenterVmHardwareDiskCreateSpec(type: .scsi, scsi: VcenterVmHardwareScsiAddressSpec(bus: bus, unit: unit))
}

private func capacity(_ bytes: Int64) -> VcenterVmHardwareDiskCreateSpec {
    VcenterVmHardwareDiskCreateSpec(newVmdk: VcenterVmHardwareDiskVmdkCreateSpec(capacity: bytes))
}

private func nic(
    mac: String? = nil, backing: VcenterVmHardwareEthernetBackingSpec? = nil
) -> VcenterVmHardwareEthernetCreateSpec {
    VcenterVmHardwareEthernetCreateSpec(macType: mac == nil ? nil : .manual, macAddress: mac, backing: backing)
}

@Suite struct HardwareTests {
    @Test func whatIsLeftOpenIsFilledIn() async throws {
        let planning = try await Planning()
        let hardware = try planning.plan(VcenterVMCreateSpec(guestOS: .other64)).hardware
        #expect(hardware.version == "VMX_21")
        #expect(hardware.cpu == CPU(count: 1, coresPerSocket: 1, isHotAddEnabled: false, isHotRemoveEnabled: false))
        #expect(hardware.memory == Memory(sizeMiB: 2048, isHotAddEnabled: false))
        #expect(hardware.boot.firmware == .bios)
        #expect(hardware.boot.retryDelayMilliseconds == 10_000)
        #expect(hardware.disks.map(\.address) == [.scsi(bus: 0, unit: 0)])
        #expect(hardware.disks.map(\.capacityBytes) == [16 << 30])
        #expect(hardware.disks.map(\.provisioning) == [.thin])
        #expect(hardware.scsiAdapters.map(\.type) == ["PVSCSI"])
        #expect(hardware.scsiAdapters.map(\.key) == [1000])
        #expect(hardware.nics.isEmpty && hardware.cdroms.isEmpty && hardware.bootOrder.isEmpty)
        #expect(try planning.plan(machine()).hardware.disks.isEmpty)
    }

    @Test func disksGetTheLowestFreeAddressAndNeverUnitSeven() async throws {
        let planning = try await Planning()
        let spec = machine(disks: Array(repeating: VcenterVmHardwareDiskCreateSpec(), count: 60))
        let plan = try planning.plan(spec)
        let units = Array(0..<7) + Array(8..<16)
        let expected = (0..<4).flatMap { bus in units.map { BusAddress.scsi(bus: Int64(bus), unit: Int64($0)) } }
        #expect(plan.hardware.disks.map(\.address) == expected)
        #expect(plan.hardware.disks.map(\.key) == Array(2000..<2060))
        #expect(plan.hardware.disks.last?.label == "Hard disk 60")
        #expect(plan.hardware.scsiAdapters.map(\.key) == [1000, 1001, 1002, 1003])
        #expect(
            plan.origins.prefix(3) == [.new(fileName: "web.vmdk"), .new(fileName: "web_1.vmdk"), .new(fileName: "web_2.vmdk")])
        let more = machine(disks: Array(repeating: VcenterVmHardwareDiskCreateSpec(), count: 61))
        #expect(planning.refusal(more) == ["invalid_argument", "spec.disks[60].scsi"])
    }

    @Test func everyBusHasItsAddresses() async throws {
        let planning = try await Planning()
        let disks: [VcenterVmHardwareDiskCreateSpec] = [
            VcenterVmHardwareDiskCreateSpec(type: .ide),
            VcenterVmHardwareDiskCreateSpec(type: .ide, ide: .init(primary: false, master: true)),
            VcenterVmHardwareDiskCreateSpec(type: .sata, sata: .init(bus: 2, unit: 29)),
            VcenterVmHardwareDiskCreateSpec(type: .nvme, nvme: .init(bus: 1)), scsi(3, 15), scsi(0, 0),
            VcenterVmHardwareDiskCreateSpec(),
        ]
        let hardware = try planning.plan(machine(disks: disks)).hardware
        #expect(
            hardware.disks.map(\.address) == [
                .ide(primary: true, master: true), .ide(primary: false, master: true), .sata(bus: 2, unit: 29),
                .nvme(bus: 1, unit: 0), .scsi(bus: 3, unit: 15), .scsi(bus: 0, unit: 0), .scsi(bus: 0, unit: 1),
            ])
        #expect(hardware.sataAdapters.map(\.key) == [15002])
        #expect(hardware.nvmeAdapters.map(\.key) == [31001])
        #expect(hardware.scsiAdapters.map(\.bus).sorted() == [0, 3])
    }

    @Test func addressesThatCannotBeAreRefused() async throws {
        let planning = try await Planning()
        let table: [([VcenterVmHardwareDiskCreateSpec], String)] = [
            ([scsi(4, 0)], "spec.disks[0].scsi"), ([scsi(-1)], "spec.disks[0].scsi"), ([scsi(0, 7)], "spec.disks[0].scsi"),
            ([scsi(0, 16)], "spec.disks[0].scsi"), ([scsi(0, 3), scsi(0, 3)], "spec.disks[1].scsi"),
            ([VcenterVmHardwareDiskCreateSpec(), scsi(0, 0)], "spec.disks[1].scsi"),
            ([VcenterVmHardwareDiskCreateSpec(type: .sata, sata: .init(bus: 0, unit: 30))], "spec.disks[0].sata"),
            ([VcenterVmHardwareDiskCreateSpec(type: .nvme, nvme: .init(bus: 0, unit: 15))], "spec.disks[0].nvme"),
            (Array(repeating: VcenterVmHardwareDiskCreateSpec(type: .ide), count: 5), "spec.disks[4].ide"),
        ]
        for (disks, field) in table { #expect(planning.refusal(machine(disks: disks)) == ["invalid_argument", field]) }
    }

    @Test func capacitiesAreWholeSectorsUpTo62Tebibytes() async throws {
        let planning = try await Planning()
        for bytes: Int64 in [512, 1024, 62 << 40] {
            #expect(try planning.plan(machine(disks: [capacity(bytes)])).hardware.disks.map(\.capacityBytes) == [UInt64(bytes)])
        }
        for bytes: Int64 in [0, -512, 511, 513, 62 << 40 + 512, .max, .min] {
            let found = planning.refusal(machine(disks: [capacity(512), capacity(bytes)]))
            #expect(found == ["invalid_argument", "spec.disks[1].new_vmdk.capacity"], "\(bytes)")
        }
    }

    @Test func policiesDecideHowDisksAreProvisioned() async throws {
        let planning = try await Planning()
        let zeroed = LabDescription.zeroedPolicy
        let spec = VcenterVMCreateSpec(
            guestOS: .other64,
            disks: [
                .new(mebibytes: 1), .new(mebibytes: 1, policy: LabDescription.thinPolicy), .new(mebibytes: 1, policy: zeroed),
            ],
            storagePolicy: VcenterVMStoragePolicySpec(policy: zeroed))
        #expect(try planning.plan(spec).hardware.disks.map(\.provisioning) == [.eagerZeroed, .thin, .eagerZeroed])
        let unknown = machine(disks: [.new(mebibytes: 1, policy: "gold")])
        #expect(planning.refusal(unknown) == ["invalid_argument", "spec.disks[0].new_vmdk.storage_policy.policy"])
        let machinePolicy = VcenterVMCreateSpec(guestOS: .other64, storagePolicy: VcenterVMStoragePolicySpec(policy: "gold"))
        #expect(planning.refusal(machinePolicy) == ["invalid_argument", "spec.storage_policy.policy"])
    }

    @Test func fileNamesAreCheckedAndDiffer() async throws {
        let planning = try await Planning()
        let named = { (names: [String?]) in machine(disks: names.map { .new(mebibytes: 1, name: $0) }) }
        #expect(
            try planning.plan(named(["data", "log.vmdk", nil])).origins == [
                .new(fileName: "data.vmdk"), .new(fileName: "log.vmdk"), .new(fileName: "web.vmdk"),
            ])
        // A name that was asked for goes before one that is made up, in whatever order.
        #expect(
            try planning.plan(named([nil, "web", nil])).origins == [
                .new(fileName: "web_1.vmdk"), .new(fileName: "web.vmdk"), .new(fileName: "web_2.vmdk"),
            ])
        for name in ["", "a/b", "a\\b", ".x", "..", "a\u{0}", String(repeating: "x", count: 251)] {
            #expect(planning.refusal(named([name])) == ["invalid_argument", "spec.disks[0].new_vmdk.name"], "\(name)")
        }
        #expect(planning.refusal(named(["a", "a.vmdk"])) == ["invalid_argument", "spec.disks[1].new_vmdk.name"])
        let both = VcenterVmHardwareDiskCreateSpec(
            backing: VcenterVmHardwareDiskBackingSpec(type: .vmdkFile, vmdkFile: "[datastore1] x"),
            newVmdk: VcenterVmHardwareDiskVmdkCreateSpec())
        #expect(planning.refusal(machine(disks: [both])) == ["invalid_argument", "spec.disks[0]"])
    }

    @Test func processorsAndMemoryHaveRanges() async throws {
        let planning = try await Planning()
        let good: [(Int64?, Int64?, CPU)] = [
            (768, 64, CPU(count: 768, coresPerSocket: 64, isHotAddEnabled: false, isHotRemoveEnabled: false)),
            (4, nil, CPU(count: 4, coresPerSocket: 1, isHotAddEnabled: false, isHotRemoveEnabled: false)),
        ]
        for (count, cores, expected) in good {
            let spec = machine(cpu: VcenterVmHardwareCpuUpdateSpec(count: count, coresPerSocket: cores))
            #expect(try planning.plan(spec).hardware.cpu == expected)
        }
        let bad: [(Int64?, Int64?, String)] = [
            (0, nil, "count"), (-1, nil, "count"), (769, nil, "count"), (4, 3, "cores_per_socket"), (4, 0, "cores_per_socket"),
            (nil, 2, "cores_per_socket"), (4, 8, "cores_per_socket"), (4, .min, "cores_per_socket"),
        ]
        for (count, cores, field) in bad {
            let spec = machine(cpu: VcenterVmHardwareCpuUpdateSpec(count: count, coresPerSocket: cores))
            #expect(planning.refusal(spec) == ["invalid_argument", "spec.cpu.\(field)"])
        }
        for size: Int64 in [0, 3, 5, 2047, 25_165_828, .max, .min] {
            let spec = machine(memory: VcenterVmHardwareMemoryUpdateSpec(sizeMiB: size))
            #expect(planning.refusal(spec) == ["invalid_argument", "spec.memory.size_MiB"])
        }
        for size: Int64 in [4, 25_165_824] {
            let spec = machine(memory: VcenterVmHardwareMemoryUpdateSpec(sizeMiB: size))
            #expect(try planning.plan(spec).hardware.memory.sizeMiB == size)
        }
    }

    @Test func networkAdaptersFollowTheirNetworks() async throws {
        let planning = try await Planning()
        let standard = try planning.lab.network("Lab Network").id.rawValue
        let tenant = try planning.lab.network("Lab Tenant").id.rawValue
        let far = try planning.lab.network("Other Network").id.rawValue
        let on = { (type: VcenterVmHardwareEthernetBackingType, id: String?) in
            machine(nics: [nic(backing: VcenterVmHardwareEthernetBackingSpec(type: type, network: id))])
        }
        #expect(try planning.plan(machine(nics: [nic()])).hardware.nics.map(\.network.rawValue) == [standard])
        #expect(try planning.plan(on(.distributedPortgroup, tenant)).hardware.nics.map(\.network.rawValue) == [tenant])
        #expect(planning.refusal(on(.standardPortgroup, tenant)) == ["invalid_argument", "spec.nics[0].backing.type"])
        #expect(planning.refusal(on(.standardPortgroup, far)) == ["invalid_argument", "spec.nics[0].backing.network"])
        #expect(planning.refusal(on(.standardPortgroup, "network-0")) == ["not_found", "network-0"])
        #expect(planning.refusal(on(.hostDevice, nil)) == ["unsupported", "spec.nics[0].backing.type"])
        let ten = try planning.plan(machine(nics: Array(repeating: nic(), count: 10))).hardware.nics
        #expect(ten.map(\.key) == Array(4000..<4010))
        #expect(Set(ten.map(\.macAddress)).count == 10)
        #expect(planning.refusal(machine(nics: Array(repeating: nic(), count: 11))) == ["invalid_argument", "spec.nics"])
    }

    @Test(arguments: [
        ("00:50:56:AB:cd:01", "00:50:56:ab:cd:01"), ("00-50-56-00-00-01", "00:50:56:00:00:01"), ("01:50:56:00:00:01", nil),
        ("00:00:00:00:00:00", nil), ("00:50:56:00:00", nil), ("00:50:56:00:00:01:02", nil), ("0:50:56:00:00:01", nil),
        ("+0:50:56:00:00:01", nil), ("00:50:56:00:00:0g", nil), ("", nil), ("00::50:56:00:01", nil),
    ])
    func addressesThatAreGivenMustBeUnicast(text: String, expected: String?) async throws {
        let planning = try await Planning()
        if let expected {
            let nics = try planning.plan(machine(nics: [nic(mac: text)])).hardware.nics
            #expect(nics.map(\.macAddress) == [expected])
            #expect(nics.map(\.macType) == ["MANUAL"])
        } else {
            #expect(planning.refusal(machine(nics: [nic(mac: text)])) == ["invalid_argument", "spec.nics[0].mac_address"])
        }
    }

    @Test func bootOrderNamesEachKindOnceAndNoMoreAdaptersThanThereAre() async throws {
        let planning = try await Planning()
        let order = machine(bootDevices: [.ethernet, .disk, .ethernet, .cdrom], nics: [nic(), nic()])
        #expect(try planning.plan(order).hardware.bootOrder == [.ethernet, .disk, .ethernet, .cdrom])
        #expect(
            planning.refusal(machine(bootDevices: [.disk, .cdrom, .disk])) == ["invalid_argument", "spec.boot_devices[2]"])
        let tooMany = machine(bootDevices: [.ethernet, .ethernet], nics: [nic()])
        #expect(planning.refusal(tooMany) == ["invalid_argument", "spec.boot_devices"])
        let efi = VcenterVmHardwareBootCreateSpec(
            type: .efi, efiLegacyBoot: true, networkProtocol: .ipv6, delay: 500, retry: true)
        let boot = try planning.plan(machine(boot: efi)).hardware.boot
        #expect(boot.firmware == .efi(legacyBoot: true, networkProtocol: "IPV6"))
        #expect(boot.delayMilliseconds == 500 && boot.retry)
        let delay = VcenterVmHardwareBootCreateSpec(delay: -1)
        #expect(planning.refusal(machine(boot: delay)) == ["invalid_argument", "spec.boot.delay"])
        let retry = VcenterVmHardwareBootCreateSpec(retryDelay: 3_600_001)
        #expect(planning.refusal(machine(boot: retry)) == ["invalid_argument", "spec.boot.retry_delay"])
    }

    @Test func drivesShareTheBusesOfTheDisks() async throws {
        let planning = try await Planning()
        let cdroms = [
            VcenterVmHardwareCdromCreateSpec(), VcenterVmHardwareCdromCreateSpec(type: .ide),
            VcenterVmHardwareCdromCreateSpec(type: .ide, ide: VcenterVmHardwareIdeAddressSpec(primary: false, master: false)),
        ]
        let disk = VcenterVmHardwareDiskCreateSpec(type: .sata)
        let hardware = try planning.plan(machine(disks: [disk], cdroms: cdroms)).hardware
        #expect(
            hardware.cdroms.map(\.address) == [
                .sata(bus: 0, unit: 1), .ide(primary: true, master: true), .ide(primary: false, master: false),
            ])
        #expect(hardware.cdroms.map(\.key) == [16001, 3000, 3003])
        #expect(hardware.cdroms.map(\.label) == ["CD/DVD drive 1", "CD/DVD drive 2", "CD/DVD drive 3"])
        let taken = VcenterVmHardwareCdromCreateSpec(type: .sata, sata: VcenterVmHardwareSataAddressSpec(bus: 0, unit: 0))
        #expect(planning.refusal(machine(disks: [disk], cdroms: [taken])) == ["invalid_argument", "spec.cdroms[0].sata"])
        let image = VcenterVmHardwareCdromCreateSpec(
            backing: VcenterVmHardwareCdromBackingSpec(type: .isoFile, isoFile: "tools.iso"))
        #expect(planning.refusal(machine(cdroms: [image])) == ["invalid_argument", "spec.cdroms[0].backing.iso_file"])
    }

    @Test func devicesThatAreNotOfferedAreNamed() async throws {
        let planning = try await Planning()
        let specs: [(VcenterVMCreateSpec, String)] = [
            (VcenterVMCreateSpec(guestOS: .other64, floppies: [VcenterVmHardwareFloppyCreateSpec()]), "spec.floppies"),
            (
                VcenterVMCreateSpec(guestOS: .other64, parallelPorts: [VcenterVmHardwareParallelCreateSpec()]),
                "spec.parallel_ports"
            ),
            (VcenterVMCreateSpec(guestOS: .other64, serialPorts: [VcenterVmHardwareSerialCreateSpec()]), "spec.serial_ports"),
        ]
        for (spec, field) in specs { #expect(planning.refusal(spec) == ["unsupported", field]) }
        let empty = VcenterVMCreateSpec(guestOS: .other64, disks: [], floppies: [], parallelPorts: [], serialPorts: [])
        #expect(planning.refusal(empty).isEmpty)
    }

    @Test func adaptersHaveBusesOfTheirOwn() async throws {
        let planning = try await Planning()
        let scsiAdapters = [3, nil, nil].map { VcenterVmHardwareAdapterScsiCreateSpec(type: .lsilogic, bus: $0) }
        let spec = VcenterVMCreateSpec(guestOS: .other64, disks: [scsi(0)], scsiAdapters: scsiAdapters)
        let hardware = try planning.plan(spec).hardware
        #expect(hardware.scsiAdapters.map(\.bus) == [3, 0, 1])
        #expect(hardware.scsiAdapters.map(\.type) == ["LSILOGIC", "LSILOGIC", "LSILOGIC"])
        let refused: [([Int64?], String)] = [
            ([4], "spec.scsi_adapters[0].bus"), ([-1], "spec.scsi_adapters[0].bus"), ([1, 1], "spec.scsi_adapters[1].bus"),
            ([nil, nil, nil, nil, nil], "spec.scsi_adapters[4]"),
        ]
        for (buses, field) in refused {
            let adapters = buses.map { VcenterVmHardwareAdapterScsiCreateSpec(bus: $0) }
            let spec = VcenterVMCreateSpec(guestOS: .other64, disks: [], scsiAdapters: adapters)
            #expect(planning.refusal(spec) == ["invalid_argument", field])
        }
    }

    @Test(arguments: [
        ("[ds] a/b.vmdk", "ds", "/a/b.vmdk"), ("[ds]a", "ds", "/a"), ("[my store]   /a//b", "my store", "/a/b"),
        ("[a]b] c", "a", "/b] c"), ("ds a", nil, nil), ("[ds]", nil, nil), ("[ds] /", nil, nil), ("[] a", nil, nil),
        ("[ds] ../a", nil, nil), ("[ds] a/./b", nil, nil), ("[ds", nil, nil), ("", nil, nil),
    ])
    func datastorePathsAreRead(text: String, datastore: String?, path: String?) {
        do throws(Fault) {
            let found = try MachineNames.datastorePath(text, field: "f")
            #expect(found.datastore == datastore && found.path == path)
        } catch {
            #expect(datastore == nil && error.type == .invalidArgument)
        }
    }
}
