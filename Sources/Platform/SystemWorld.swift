import CLinux
import Glibc

extension World {
    /// The real one: the kernel's clocks and its random number generator.
    public static let system = World(clock: SystemClock(), randomness: SystemRandomness())
}

/// The kernel's clocks.
public struct SystemClock: Clock {
    public init() {}

    public var wallMilliseconds: Int64 {
        let now = time(of: CLOCK_REALTIME)
        return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
    }

    public var monotonicNanoseconds: UInt64 {
        let now = time(of: CLOCK_MONOTONIC)
        return UInt64(now.tv_sec) * 1_000_000_000 + UInt64(now.tv_nsec)
    }

    private func time(of clock: clockid_t) -> timespec {
        var now = timespec()
        let result = clock_gettime(clock, &now)
        precondition(result == 0, "both clocks exist on every Linux")
        return now
    }
}

/// The kernel's generator, which is ready long before this program starts.
public struct SystemRandomness: Randomness {
    public init() {}

    public func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        guard let start = bytes.baseAddress, bytes.count > 0 else { return }
        let result = clinux_random(start, bytes.count)
        precondition(result == 0, "without randomness no secret may be made")
    }
}
