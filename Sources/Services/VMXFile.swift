import Domain

/// The configuration file of a virtual machine, in the text form that vSphere hosts read.
enum VMXFile {
    /// - Parameter networkName: shown name of a NIC's network.
    static func text(_ machine: VirtualMachine, networkName: (Identifier<Network>) -> String?) -> String {
        var lines: [(String, String)] = [
            (".encoding", "UTF-8"),
            ("config.version", "8"),
            ("virtualHW.version", String(machine.hardware.version.drop { !$0.isNumber })),
            ("displayName", machine.name),
            ("guestOS", machine.guestOS),
            ("uuid.bios", machine.biosUUID),
            ("vc.uuid", machine.instanceUUID),
            ("numvcpus", String(machine.hardware.cpu.count)),
            ("cpuid.coresPerSocket", String(machine.hardware.cpu.coresPerSocket)),
            ("memSize", String(machine.hardware.memory.sizeMiB)),
        ]
        if case .efi = machine.hardware.boot.firmware { lines.append(("firmware", "efi")) }
        for adapter in machine.hardware.scsiAdapters {
            lines.append(("scsi\(adapter.bus).present", "TRUE"))
            lines.append(("scsi\(adapter.bus).virtualDev", adapter.type.lowercased()))
        }
        for adapter in machine.hardware.sataAdapters { lines.append(("sata\(adapter.bus).present", "TRUE")) }
        for adapter in machine.hardware.nvmeAdapters { lines.append(("nvme\(adapter.bus).present", "TRUE")) }
        for disk in machine.hardware.disks {
            let device = disk.address.deviceName
            lines.append(("\(device).present", "TRUE"))
            lines.append(("\(device).deviceType", "disk"))
            lines.append(("\(device).fileName", disk.file.path))
        }
        for cdrom in machine.hardware.cdroms {
            let device = cdrom.address.deviceName
            lines.append(("\(device).present", "TRUE"))
            lines += cdromLines(cdrom, device)
        }
        for (index, nic) in machine.hardware.nics.enumerated() {
            lines.append(("ethernet\(index).present", "TRUE"))
            lines.append(("ethernet\(index).virtualDev", nic.type.lowercased()))
            lines.append(("ethernet\(index).address", nic.macAddress))
            lines.append(("ethernet\(index).networkName", networkName(nic.network) ?? nic.network.rawValue))
        }
        return lines.map { "\($0.0) = \"\(escaped($0.1))\"\n" }.joined()
    }

    private static func cdromLines(_ cdrom: CDROM, _ device: String) -> [(String, String)] {
        switch cdrom.backing {
        case .isoFile(let path): [("\(device).deviceType", "cdrom-image"), ("\(device).fileName", path)]
        case .hostDevice(let name, _): [("\(device).deviceType", "cdrom-raw"), ("\(device).fileName", name ?? "auto detect")]
        case .clientDevice: [("\(device).deviceType", "atapi-cdrom"), ("\(device).clientDevice", "TRUE")]
        }
    }

    /// Quotes, the escape sign and control characters as `|` and two hexadecimal digits.
    private static func escaped(_ value: String) -> String {
        value.unicodeScalars.map { scalar in
            guard scalar.value < 0x20 || scalar == "\"" || scalar == "|" || scalar.value == 0x7F else { return String(scalar) }
            let digits = String(scalar.value, radix: 16, uppercase: true)
            return "|" + (digits.count < 2 ? "0" : "") + digits
        }.joined()
    }
}

extension BusAddress {
    /// For example `scsi0:1`.
    var deviceName: String {
        switch self {
        case .ide(let primary, let master): "ide\(primary ? 0 : 1):\(master ? 0 : 1)"
        case .scsi(let bus, let unit): "scsi\(bus):\(unit)"
        case .sata(let bus, let unit): "sata\(bus):\(unit)"
        case .nvme(let bus, let unit): "nvme\(bus):\(unit)"
        }
    }
}
