import Domain

/// Hands out device keys, bus addresses and labels to the devices of one virtual machine as vSphere does.
struct DeviceNumbering {
    private var taken: Set<BusAddress> = []
    private var nextDiskKey = 2000
    private var nextNICKey = 4000
    private var diskCount = 0
    private var nicCount = 0
    private var cdromCount = 0

    init() {}

    /// Why an address cannot be had.
    enum Refusal: Error, Equatable {
        case outOfRange(String)
        case taken
        case full
    }

    /// The kinds of bus, with what fits on them. Source: vSphere configuration maximums.
    enum Bus: Sendable {
        case ide, scsi, sata, nvme

        var adapterCount: Int64 { self == .ide ? 2 : 4 }

        /// Units of one adapter, without those that are reserved.
        var units: [Int64] {
            switch self {
            case .ide: [0, 1]
            // Unit 7 is the adapter itself.
            case .scsi: (0..<16).filter { $0 != 7 }
            case .sata: Array(0..<30)
            case .nvme: Array(0..<15)
            }
        }

        func address(bus: Int64, unit: Int64) -> BusAddress {
            switch self {
            case .ide: .ide(primary: bus == 0, master: unit == 0)
            case .scsi: .scsi(bus: bus, unit: unit)
            case .sata: .sata(bus: bus, unit: unit)
            case .nvme: .nvme(bus: bus, unit: unit)
            }
        }
    }

    /// Takes an address; what is `nil` is chosen, lowest first.
    mutating func take(_ kind: Bus, bus: Int64?, unit: Int64?) throws(Refusal) -> BusAddress {
        if let bus, !(0..<kind.adapterCount).contains(bus) {
            throw .outOfRange("bus must be from 0 to \(kind.adapterCount - 1)")
        }
        if let unit, !kind.units.contains(unit) {
            throw .outOfRange("unit \(unit) does not exist on this bus")
        }
        let buses = bus.map { [$0] } ?? Array(0..<kind.adapterCount)
        let units = unit.map { [$0] } ?? kind.units
        for bus in buses {
            for unit in units where taken.insert(kind.address(bus: bus, unit: unit)).inserted {
                return kind.address(bus: bus, unit: unit)
            }
        }
        throw bus != nil && unit != nil ? .taken : .full
    }

    mutating func disk() -> (key: Int, label: String) {
        defer { nextDiskKey += 1 }
        diskCount += 1
        return (nextDiskKey, "Hard disk \(diskCount)")
    }

    mutating func nic() -> (key: Int, label: String) {
        defer { nextNICKey += 1 }
        nicCount += 1
        return (nextNICKey, "Network adapter \(nicCount)")
    }

    /// - Parameter address: decides the key: IDE from 3000, SATA from 16000.
    mutating func cdrom(at address: BusAddress) -> (key: Int, label: String) {
        cdromCount += 1
        let label = "CD/DVD drive \(cdromCount)"
        switch address {
        case .ide(let primary, let master): return (3000 + (primary ? 0 : 2) + (master ? 0 : 1), label)
        case .sata(let bus, let unit): return (16000 + Int(bus) * 30 + Int(unit), label)
        case .scsi(let bus, let unit), .nvme(let bus, let unit): return (16500 + Int(bus) * 30 + Int(unit), label)
        }
    }

    static func scsiAdapter(bus: Int64, type: String, pciSlotNumber: Int64?, sharing: String) -> SCSIAdapter {
        SCSIAdapter(
            key: 1000 + Int(bus), label: "SCSI controller \(bus)", type: type, bus: bus, pciSlotNumber: pciSlotNumber,
            sharing: sharing)
    }

    static func sataAdapter(bus: Int64, pciSlotNumber: Int64?) -> BusAdapter {
        BusAdapter(key: 15000 + Int(bus), label: "SATA controller \(bus)", bus: bus, pciSlotNumber: pciSlotNumber)
    }

    static func nvmeAdapter(bus: Int64, pciSlotNumber: Int64?) -> BusAdapter {
        BusAdapter(key: 31000 + Int(bus), label: "NVMe controller \(bus)", bus: bus, pciSlotNumber: pciSlotNumber)
    }
}

extension BusAddress {
    /// The adapter it needs: kind and bus number; `nil` for IDE, which every machine has.
    var adapter: (kind: DeviceNumbering.Bus, bus: Int64)? {
        switch self {
        case .ide: nil
        case .scsi(let bus, _): (.scsi, bus)
        case .sata(let bus, _): (.sata, bus)
        case .nvme(let bus, _): (.nvme, bus)
        }
    }
}
