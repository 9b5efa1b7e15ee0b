import Synchronization

/// A kind of command, as counted per LUN.
public enum Primitive: Int, CaseIterable, Sendable {
    case read, write
    /// COMPARE AND WRITE; a miscompare is a failure.
    case compareAndWrite
    case writeSame
    case unmap
    /// EXTENDED COPY, counted at the LUN that is read and at the LUN that is written.
    case copySource, copyDestination
}

public struct PrimitiveCounters: Sendable, Equatable {
    public var commands: UInt64 = 0
    /// Commands among them that did not do what they were asked.
    public var failures: UInt64 = 0
    /// Bytes that the commands covered: what the initiator moved (read, write) or would have had to move.
    public var coveredBytes: UInt64 = 0
    /// Bytes that the array itself moved between memory and medium for them.
    public var movedBytes: UInt64 = 0
    /// How long commands that succeeded took until their effect was ordered; the flush that makes it durable comes on
    /// top, and is in `PoolUsage.flushes`.
    public var latency = LatencyHistogram()

    public init() {}
}

/// What a LUN has been asked to do since the pool was opened.
public struct LUNStatistics: Sendable, Equatable {
    private var counters = [PrimitiveCounters](repeating: PrimitiveCounters(), count: Primitive.allCases.count)

    public init() {}

    public internal(set) subscript(primitive: Primitive) -> PrimitiveCounters {
        get { counters[primitive.rawValue] }
        set { counters[primitive.rawValue] = newValue }
    }
}

/// Counters of one LUN that commands add to without the pool's gate. They are read one by one: sums of a moment may be apart by
/// the commands that are ending.
final class LUNCounters: Sendable {
    private final class Counters: Sendable {
        let commands = Atomic<UInt64>(0)
        let failures = Atomic<UInt64>(0)
        let coveredBytes = Atomic<UInt64>(0)
        let movedBytes = Atomic<UInt64>(0)
        let latency = LatencyRecorder()
    }

    private let counters = Primitive.allCases.map { _ in Counters() }

    func count(_ primitive: Primitive, covered: UInt64, moved: UInt64) {
        let counters = counters[primitive.rawValue]
        counters.commands.add(1, ordering: .relaxed)
        counters.coveredBytes.add(covered, ordering: .relaxed)
        counters.movedBytes.add(moved, ordering: .relaxed)
    }

    func countFailure(_ primitive: Primitive) {
        counters[primitive.rawValue].commands.add(1, ordering: .relaxed)
        counters[primitive.rawValue].failures.add(1, ordering: .relaxed)
    }

    func time(_ primitive: Primitive, nanoseconds: UInt64) { counters[primitive.rawValue].latency.add(nanoseconds) }

    var statistics: LUNStatistics {
        var statistics = LUNStatistics()
        for primitive in Primitive.allCases {
            let counters = counters[primitive.rawValue]
            statistics[primitive].commands = counters.commands.load(ordering: .relaxed)
            statistics[primitive].failures = counters.failures.load(ordering: .relaxed)
            statistics[primitive].coveredBytes = counters.coveredBytes.load(ordering: .relaxed)
            statistics[primitive].movedBytes = counters.movedBytes.load(ordering: .relaxed)
            statistics[primitive].latency = counters.latency.histogram
        }
        return statistics
    }
}

/// What a LUN is and how much of the pool it names.
public struct LUNInformation: Sendable, Equatable {
    public let identifier: LUNIdentifier
    public let name: String
    public let worldWideName: WorldWideName
    public let sizeBytes: UInt64
    public let isReadOnly: Bool
    /// Logical (512-byte) blocks per physical block, as a power of two.
    public let physicalBlockExponent: UInt8
    /// What it was cloned from, which may be deleted by now; with `isSnapshot` what it is a snapshot of.
    public let origin: LUNIdentifier?
    public let isSnapshot: Bool
    /// Use has reached the soft threshold, and not fallen below again.
    public let isAboveThreshold: Bool
    /// Bytes with data, also those shared with other LUNs.
    public let allocatedBytes: UInt64
}

/// How full the pool is, and what it is waiting for. Bytes.
public struct PoolUsage: Sendable, Equatable {
    /// What data can fill at most.
    public let capacityBytes: UInt64
    /// Data, shared blocks once.
    public let dataBytes: UInt64
    /// Superblocks, journal, map pages, and blocks that become free with the next flush or checkpoint.
    public let metadataBytes: UInt64
    /// What new data can still take; the rest is kept for map pages and overwrites.
    public let availableBytes: UInt64
    /// The device could not grow when it last had to: there is less space than the pool was promised.
    public let isDeviceFull: Bool
    /// A write or flush failed: nothing is modified any more.
    public let isStopped: Bool
    /// How long flushes took that made commands durable.
    public let flushes: LatencyHistogram
}
