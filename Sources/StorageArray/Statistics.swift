/// A kind of command, as counted per LUN.
public enum Primitive: Int, CaseIterable, Sendable {
    case read, write
    /// COMPARE AND WRITE; a failure is a miscompare.
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

    public init() {}
}

/// What a LUN has been asked to do since the pool was opened.
public struct LUNStatistics: Sendable, Equatable {
    private var counters = [PrimitiveCounters](repeating: PrimitiveCounters(), count: Primitive.allCases.count)

    public init() {}

    public subscript(primitive: Primitive) -> PrimitiveCounters { counters[primitive.rawValue] }

    mutating func count(_ primitive: Primitive, covered: UInt64, moved: UInt64) {
        counters[primitive.rawValue].commands += 1
        counters[primitive.rawValue].coveredBytes += covered
        counters[primitive.rawValue].movedBytes += moved
    }

    mutating func countFailure(_ primitive: Primitive) {
        counters[primitive.rawValue].commands += 1
        counters[primitive.rawValue].failures += 1
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

/// How full the pool is. Bytes.
public struct PoolUsage: Sendable, Equatable {
    /// What data can fill at most.
    public let capacityBytes: UInt64
    /// Data, shared blocks once.
    public let dataBytes: UInt64
    /// Superblocks, journal, map pages, and blocks that become free with the next flush or checkpoint.
    public let metadataBytes: UInt64
    /// What new data can still take; the rest is kept for map pages and overwrites.
    public let availableBytes: UInt64
}
