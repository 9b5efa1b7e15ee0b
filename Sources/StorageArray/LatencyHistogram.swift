import Synchronization

/// How many durations fell into each of 97 ranges: four to a factor of two, from 1 µs to 17 s.
///
/// A percentile is too high by a quarter at most, whatever the durations.
public struct LatencyHistogram: Sendable, Equatable {
    /// First nanosecond beyond the range at an index; the last range has no end.
    public static func upperBound(_ index: Int) -> UInt64 {
        index >= bucketCount - 1 ? .max : (4 + UInt64(index % 4) + 1) << UInt64(index / 4 + firstExponent - 2)
    }

    static let bucketCount = 97
    private static let firstExponent = 10

    /// By range; empty when nothing was counted.
    public internal(set) var counts: [UInt64] = []
    /// Of all durations, so that an average is exact.
    public internal(set) var totalNanoseconds: UInt64 = 0

    public init() {}

    public var count: UInt64 { counts.reduce(0, +) }

    /// The end of the range that a share of all durations does not exceed; 0 when nothing was counted.
    ///
    /// - Parameter share: more than 0, at most 1; 0.5 for the median.
    public func nanoseconds(atShare share: Double) -> UInt64 {
        let wanted = (Double(count) * share).rounded(.up)
        var seen = 0.0
        for (index, count) in counts.enumerated() where count > 0 {
            seen += Double(count)
            if seen >= wanted { return Self.upperBound(index) }
        }
        return 0
    }

    static func bucket(_ nanoseconds: UInt64) -> Int {
        let exponent = 63 - (nanoseconds | 1).leadingZeroBitCount
        guard exponent >= firstExponent else { return 0 }
        let quarter = Int(nanoseconds >> UInt64(exponent - 2)) & 3
        return min((exponent - firstExponent) * 4 + quarter, bucketCount - 1)
    }
}

/// Counts durations from any thread; takes no room before the first.
final class LatencyRecorder: Sendable {
    private let counted = Mutex(LatencyHistogram())

    func add(_ nanoseconds: UInt64) {
        counted.withLock { histogram in
            if histogram.counts.isEmpty {
                histogram.counts = [UInt64](repeating: 0, count: LatencyHistogram.bucketCount)
            }
            histogram.counts[LatencyHistogram.bucket(nanoseconds)] += 1
            histogram.totalNanoseconds += nanoseconds
        }
    }

    var histogram: LatencyHistogram { counted.withLock { $0 } }
}
