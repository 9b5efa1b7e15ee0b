import Platform
import Synchronization

/// Makes the identifier of each request: 15 hexadecimal digits, which fit into a `String` without an allocation.
///
/// A counter goes through a permutation of 60 bits, started at a random place: no two requests of one process share an
/// identifier, and two processes share one only by a chance of one in 2^60 per pair.
final class RequestIDs: Sendable {
    private let counter: Atomic<UInt64>
    private let key: UInt64

    init(_ randomness: any Randomness) {
        var seeds: (UInt64, UInt64) = (0, 0)
        withUnsafeMutableBytes(of: &seeds) { randomness.fill($0) }
        counter = Atomic(seeds.0)
        key = seeds.1 & Self.mask
    }

    private static let mask: UInt64 = (1 << 60) - 1

    func next() -> String {
        let count = counter.wrappingAdd(1, ordering: .relaxed).oldValue & Self.mask
        return Self.text(Self.permuted(count ^ key))
    }

    /// A bijection of 60-bit numbers: odd factors and right shifts can both be undone.
    static func permuted(_ number: UInt64) -> UInt64 {
        var value = number & mask
        value = (value &* 0xBF58_476D_1CE4_E5B9) & mask
        value ^= value >> 31
        value = (value &* 0x94D0_49BB_1331_11EB) & mask
        return value ^ value >> 30
    }

    private static func text(_ number: UInt64) -> String {
        String(unsafeUninitializedCapacity: 15) { digits in
            for index in 0..<15 {
                let nibble = UInt8(truncatingIfNeeded: number >> UInt64(56 - 4 * index)) & 15
                digits[index] = nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
            }
            return 15
        }
    }
}
