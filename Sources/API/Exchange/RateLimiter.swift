import Platform
import Synchronization

/// Token buckets by name: so many requests a second for each on average, and one second's worth at once.
///
/// A bucket that has filled up again says no more than one that does not exist, so full ones are dropped when there are
/// many. Source: RFC 2697 (single rate), with one bucket.
final class RateLimiter: Sendable {
    private struct Bucket {
        /// Requests it holds, in billionths, so that nanoseconds times the rate need no division.
        var content: UInt64
        var updated: UInt64
    }

    private static let unit: UInt64 = 1_000_000_000
    /// Names remembered before full buckets are dropped.
    private static let sweepCount = 65_536

    private let perSecond: UInt64
    private let buckets = Mutex<[String: Bucket]>([:])

    /// - Parameter perSecond: 1 to 1,000,000; `nil` is returned for 0, which means no limit.
    init?(perSecond: Int) {
        guard perSecond > 0 else { return nil }
        self.perSecond = UInt64(min(perSecond, 1_000_000))
    }

    private var capacity: UInt64 { perSecond * Self.unit }

    /// Names remembered.
    var count: Int { buckets.withLock { $0.count } }

    /// Takes one request's worth.
    ///
    /// - Parameter now: monotonic nanoseconds.
    /// - Returns: `nil` if it was there, else whole seconds after which it will be.
    func take(_ name: String, at now: UInt64) -> Int? {
        buckets.withLock { buckets in
            if buckets.count >= Self.sweepCount, buckets[name] == nil { sweep(&buckets, now) }
            var bucket = buckets[name] ?? Bucket(content: capacity, updated: now)
            bucket.content = content(of: bucket, at: now)
            bucket.updated = now
            defer { buckets[name] = bucket }
            guard bucket.content < Self.unit else {
                bucket.content -= Self.unit
                return nil
            }
            let missing = Self.unit - bucket.content
            let nanoseconds = (missing + perSecond - 1) / perSecond
            return max(1, Int((nanoseconds + Self.unit - 1) / Self.unit))
        }
    }

    private func content(of bucket: Bucket, at now: UInt64) -> UInt64 {
        let elapsed = now > bucket.updated ? now - bucket.updated : 0
        // After a second it is full whatever was in it, so the product stays small.
        return elapsed >= Self.unit ? capacity : min(capacity, bucket.content + elapsed * perSecond)
    }

    /// Drops what is full. If somebody keeps this many names busy, all start anew: memory is worth more than precision.
    private func sweep(_ buckets: inout [String: Bucket], _ now: UInt64) {
        buckets = buckets.filter { content(of: $0.value, at: now) < capacity }
        if buckets.count >= Self.sweepCount { buckets.removeAll(keepingCapacity: true) }
    }
}
