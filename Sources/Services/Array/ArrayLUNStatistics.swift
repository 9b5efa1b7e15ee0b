import ContractTypes
import Domain
import Persistence
import StorageArray

/// `com.viaduct.array.lun.statistics`: counters of one LUN by kind of command.
struct ArrayLUNStatistics: ArrayLUNStatisticsService {
    let store: Store
    let array: ArrayAdministration

    func get(lun: String, call: Call) throws(Fault) -> ViaductArrayLunStatisticsInfo {
        let record = try store.snapshot.lun(lun)
        guard let identifier = LUNIdentifier(record.id) else { throw .lunNotFound(lun) }
        let statistics: LUNStatistics
        do throws(ArrayError) {
            statistics = try array.pool.statistics(identifier)
        } catch {
            throw Fault(error, about: lun)
        }
        return ViaductArrayLunStatisticsInfo(
            counters: Primitive.allCases.map { ViaductArrayLunStatisticsCounter($0, statistics[$0]) })
    }
}

extension ViaductArrayLunStatisticsPrimitive {
    init(_ primitive: Primitive) {
        switch primitive {
        case .read: self = .read
        case .write: self = .write
        case .compareAndWrite: self = .compareAndWrite
        case .writeSame: self = .writeSame
        case .unmap: self = .unmap
        case .copySource: self = .copySource
        case .copyDestination: self = .copyDestination
        }
    }
}

extension ViaductArrayLunStatisticsCounter {
    init(_ primitive: Primitive, _ counters: PrimitiveCounters) {
        self.init(
            primitive: ViaductArrayLunStatisticsPrimitive(primitive), commands: Int64(clamping: counters.commands),
            failures: Int64(clamping: counters.failures), initiatorBytes: Int64(clamping: counters.coveredBytes),
            arrayBytes: Int64(clamping: counters.movedBytes), latency: ViaductArrayLunStatisticsLatency(counters.latency))
    }
}

extension ViaductArrayLunStatisticsLatency {
    init(_ histogram: LatencyHistogram) {
        let count = histogram.count
        self.init(
            count: Int64(clamping: count),
            averageNanoseconds: Int64(clamping: count == 0 ? 0 : histogram.totalNanoseconds / count),
            medianNanoseconds: Int64(clamping: histogram.nanoseconds(atShare: 0.5)),
            percentile99Nanoseconds: Int64(clamping: histogram.nanoseconds(atShare: 0.99)),
            ranges: histogram.counts.enumerated().filter { $0.element > 0 }.map { index, count in
                let end = LatencyHistogram.upperBound(index)
                return ViaductArrayLunStatisticsRange(
                    belowNanoseconds: end == .max ? nil : Int64(clamping: end), count: Int64(clamping: count))
            })
    }
}
