/// Everything the program cannot decide for itself. A test replaces these and nothing else.
public struct World: Sendable {
    public var clock: any Clock
    public var randomness: any Randomness

    public init(clock: any Clock, randomness: any Randomness) {
        self.clock = clock
        self.randomness = randomness
    }
}

public protocol Clock: Sendable {
    /// Wall clock, milliseconds since 1970-01-01T00:00:00Z. May jump.
    var wallMilliseconds: Int64 { get }
    /// Never goes back; origin unspecified.
    var monotonicNanoseconds: UInt64 { get }
}

public protocol Randomness: Sendable {
    /// Fills `bytes` with cryptographically strong random bytes (in a simulation: seeded ones).
    func fill(_ bytes: UnsafeMutableRawBufferPointer)
}
