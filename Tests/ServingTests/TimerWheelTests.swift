// The timer wheel against a plain list of deadlines, over random moves of deadlines and of time.
import Platform
import Testing

@testable import Sockets

private struct ManualClock: Platform.Clock {
    var wallMilliseconds: Int64 = 0
    var monotonicNanoseconds: UInt64 = 5_000_000_000
}

@Suite struct TimerWheelTests {
    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func expiresWhatIsDueAndNothingElse(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let loop = try EventLoop(name: "unused", clock: ManualClock())
        let sources = (0..<50).map { _ in EventSource(descriptor: -1, loop: loop) }
        var now = loop.now
        var wheel = TimerWheel(now: now)
        let tick = TimerWheel.tickNanoseconds
        for _ in 0..<2000 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<6:
                let source = sources[Int.random(in: 0..<sources.count, using: &random)]
                // Now and then a far one, beyond a whole round of the wheel.
                let most = Int.random(in: 0..<8, using: &random) == 0 ? 3000 * tick : 20 * tick
                source.deadline = now + UInt64.random(in: 0...most, using: &random)
                // As `EventSource` does for a source that its loop owns.
                if source.deadline < source.armedUntil { wheel.arm(source) }
            case 6:
                let source = sources[Int.random(in: 0..<sources.count, using: &random)]
                wheel.disarm(source)
                source.deadline = .max
            default:
                let most = Int.random(in: 0..<20, using: &random) == 0 ? 5000 * tick : 3 * tick
                now += UInt64.random(in: 0...most, using: &random)
                let expired = wheel.takeExpired(now: now)
                for source in expired {
                    try #require(source.deadline <= now, "seed \(seed): expired early")
                    source.deadline = .max
                }
                let late = sources.filter { $0.deadline != .max && $0.deadline / tick + 1 <= now / tick }
                try #require(late.isEmpty, "seed \(seed): not expired")
            }
            let armed = sources.filter { $0.slot >= 0 }.count
            try #require(wheel.count == armed, "seed \(seed)")
            let isWaiting = sources.contains { $0.deadline != .max }
            try #require(!isWaiting || wheel.timeoutMilliseconds(now: now) >= 0, "seed \(seed): would sleep for ever")
        }
        for source in sources { wheel.disarm(source) }
        loop.stop()
    }

    /// A loop that asked an empty wheel and was told "now" turned for ever, with all its processor.
    @Test func emptyWheelAsksForNothing() throws {
        let loop = try EventLoop(name: "unused", clock: ManualClock())
        let source = EventSource(descriptor: -1, loop: loop)
        var wheel = TimerWheel(now: loop.now)
        source.deadline = loop.now + TimerWheel.tickNanoseconds
        wheel.arm(source)
        #expect(wheel.timeoutMilliseconds(now: loop.now) > 0)
        wheel.disarm(source)
        #expect(wheel.timeoutMilliseconds(now: loop.now + 10 * TimerWheel.tickNanoseconds) == -1)
        loop.stop()
    }
}

/// SplitMix64: the same numbers for the same seed everywhere.
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
