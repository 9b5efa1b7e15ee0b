import ContractTypes
import Datastores
import Domain
import Persistence
import StorageArray

/// `com.viaduct.array.statistics`: what the array was asked to do and by which path the hosts did their work.
struct ArrayStatistics: ArrayStatisticsService {
    let store: Store
    let pool: StoragePool
    let fabric: StorageFabric

    func get(call: Call) throws(Fault) -> ViaductArrayStatisticsInfo {
        var units: [ViaductArrayStatisticsUnit] = []
        var total = Totals()
        for lun in pool.luns {
            guard let counters = Self.statistics(lun.identifier, pool) else { continue }
            total.add(counters)
            units.append(
                ViaductArrayStatisticsUnit(
                    lun: "lun-\(lun.identifier.rawValue)", name: lun.name, capacity: Int64(clamping: lun.sizeBytes),
                    allocated: Int64(clamping: lun.allocatedBytes), commands: Totals(counters).commands))
        }
        let usage = pool.usage
        return ViaductArrayStatisticsInfo(
            pool: ViaductArrayStatisticsPool(
                capacity: Int64(clamping: usage.capacityBytes), allocated: Int64(clamping: usage.dataBytes)),
            total: total.commands, units: units,
            movers: store.snapshot[Host.self].all.map { ViaductArrayStatisticsMover($0.id, fabric.statistics(of: $0.id)) })
    }

    /// `nil` for a LUN that was deleted meanwhile.
    private static func statistics(_ lun: LUNIdentifier, _ pool: StoragePool) -> LUNStatistics? {
        do throws(ArrayError) {
            return try pool.statistics(lun)
        } catch {
            return nil
        }
    }
}

/// Sums of counters over LUNs.
private struct Totals {
    private var counters = [PrimitiveCounters](repeating: PrimitiveCounters(), count: Primitive.allCases.count)

    init() {}

    init(_ statistics: LUNStatistics) { add(statistics) }

    mutating func add(_ statistics: LUNStatistics) {
        for primitive in Primitive.allCases {
            let more = statistics[primitive]
            counters[primitive.rawValue].commands += more.commands - more.failures
            counters[primitive.rawValue].coveredBytes += more.coveredBytes
            counters[primitive.rawValue].movedBytes += more.movedBytes
        }
    }

    var commands: ViaductArrayStatisticsCommands {
        let offloaded: [Primitive] = [.copyDestination, .writeSame, .compareAndWrite, .unmap]
        return ViaductArrayStatisticsCommands(
            fullCopy: counter(.copyDestination), blockZeroing: counter(.writeSame),
            hardwareAssistedLocking: counter(.compareAndWrite), unmap: counter(.unmap), reads: counter(.read),
            writes: counter(.write),
            initiatorBytes: Int64(clamping: offloaded.reduce(0) { $0 + self[$1].coveredBytes }),
            arrayBytes: Int64(clamping: offloaded.reduce(0) { $0 + self[$1].movedBytes }))
    }

    private subscript(primitive: Primitive) -> PrimitiveCounters { counters[primitive.rawValue] }

    private func counter(_ primitive: Primitive) -> ViaductArrayStatisticsCounter {
        ViaductArrayStatisticsCounter(
            commands: Int64(clamping: self[primitive].commands), bytes: Int64(clamping: self[primitive].coveredBytes))
    }
}

extension ViaductArrayStatisticsMover {
    init(_ host: Identifier<Host>, _ statistics: VolumeStatistics) {
        self.init(
            host: host.rawValue, move: ViaductArrayStatisticsPath(statistics.move),
            initialize: ViaductArrayStatisticsPath(statistics.initialize),
            locking: ViaductArrayStatisticsPath(statistics.locking), delete: ViaductArrayStatisticsPath(statistics.delete))
    }
}

extension ViaductArrayStatisticsPath {
    fileprivate init(_ paths: VolumeStatistics.Paths) {
        self.init(
            hardware: ViaductArrayStatisticsCounter(
                commands: Int64(clamping: paths.hardware.commands), bytes: Int64(clamping: paths.hardware.bytes)),
            software: ViaductArrayStatisticsCounter(
                commands: Int64(clamping: paths.software.commands), bytes: Int64(clamping: paths.software.bytes)))
    }
}
