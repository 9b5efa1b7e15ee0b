import Platform
import Synchronization

/// The clock of the machine, moved.
final class ShiftedClock: Clock {
    private let shift: Atomic<Int64>

    init(milliseconds: Int64) { shift = Atomic(milliseconds) }

    /// Away from the clock of the machine.
    func move(to milliseconds: Int64) { shift.store(milliseconds, ordering: .relaxed) }

    var wallMilliseconds: Int64 { World.system.clock.wallMilliseconds + shift.load(ordering: .relaxed) }
    var monotonicNanoseconds: UInt64 { World.system.clock.monotonicNanoseconds }
    var world: World { World(clock: self, randomness: World.system.randomness) }
}
