import Glibc
import Platform
import Synchronization

/// A wall clock that goes on only when told to. The monotonic one stands still, so that no host is ever taken for dead.
final class TestClock: Clock {
    private let milliseconds = Mutex<Int64>(1_750_000_000_000)

    var wallMilliseconds: Int64 { milliseconds.withLock { $0 } }
    var monotonicNanoseconds: UInt64 { 1_000_000_000 }

    func advance(milliseconds by: Int64) { milliseconds.withLock { $0 += by } }
}

/// SplitMix64, so that a seed decides everything.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// The same bytes in every run.
final class SeededRandomness: Randomness {
    private let generator: Mutex<SeededGenerator>

    init(seed: UInt64) { generator = Mutex(SeededGenerator(seed: seed)) }

    func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        generator.withLock { generator in
            for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: generator.next()) }
        }
    }
}

/// Bytes that follow from a seed.
func pattern(_ seed: UInt64, _ count: Int) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count + 8)
    while bytes.count < count {
        withUnsafeBytes(of: generator.next()) { bytes += $0 }
    }
    return Array(bytes.prefix(count))
}

/// Whether the long forms of tests run.
let isLongForm = getenv("VIADUCT_LONG") != nil
