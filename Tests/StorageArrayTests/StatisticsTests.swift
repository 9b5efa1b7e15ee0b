// Counters and durations per LUN and kind of command.

import Platform
import Synchronization
import Testing

@testable import StorageArray

struct StatisticsTests {
    /// A clock that goes on by a step whenever it is looked at.
    private final class SteppingClock: Clock {
        private let now = Atomic<UInt64>(0)
        private let step: UInt64
        init(step: UInt64) { self.step = step }
        var wallMilliseconds: Int64 { 0 }
        var monotonicNanoseconds: UInt64 { now.add(step, ordering: .relaxed).newValue }
    }

    @Test func everyDurationFallsIntoTheRangeThatHoldsIt() {
        var previous: UInt64 = 0
        for index in 0..<LatencyHistogram.bucketCount {
            let bound = LatencyHistogram.upperBound(index)
            #expect(bound > previous)
            #expect(LatencyHistogram.bucket(bound - 1) == index)
            if bound < .max { #expect(LatencyHistogram.bucket(bound) == index + 1) }
            if index > 0, bound < .max { #expect(Double(bound) / Double(previous) <= 1.25) }
            previous = bound
        }
        #expect(LatencyHistogram.bucket(0) == 0)
    }

    @Test func percentilesAreEndsOfRanges() {
        let recorder = LatencyRecorder()
        #expect(recorder.histogram == LatencyHistogram())
        #expect(recorder.histogram.nanoseconds(atShare: 0.5) == 0)
        for _ in 0..<99 { recorder.add(1_000_000) }
        recorder.add(1_000_000_000)
        let histogram = recorder.histogram
        #expect(histogram.count == 100)
        #expect(histogram.totalNanoseconds == 1_099_000_000)
        #expect((1_000_000...1_250_000).contains(histogram.nanoseconds(atShare: 0.5)))
        #expect(histogram.nanoseconds(atShare: 0.99) == histogram.nanoseconds(atShare: 0.5))
        #expect((1_000_000_000...1_250_000_000).contains(histogram.nanoseconds(atShare: 1)))
    }

    @Test func commandsAreCountedWithWhatTheyCoverMoveAndTake() throws {
        let device = SimulatedBlockDevice()
        try StoragePool.format(
            device, options: PoolOptions(maximumBytes: 64 << 20, journalBytes: 1 << 20), randomness: FixedRandomness())
        let pool = try StoragePool.open(device, clock: SteppingClock(step: 1_000_000))
        let lun = try pool.createLUN(name: "a", sizeBytes: 8 << 20).identifier
        let other = try pool.createLUN(name: "b", sizeBytes: 8 << 20).identifier
        let bytes = [UInt8](repeating: 1, count: 8192)
        try pool.write(lun, at: 0, bytes)
        _ = try pool.read(lun, at: 0, count: 16384)
        try pool.copy(from: lun, at: 0, to: other, at: 0, count: 1 << 20)
        try pool.unmap(lun, at: 0, count: 1 << 20)
        try pool.writeZeros(lun, at: 0, count: 2 << 20)
        #expect(throws: ArrayError.outOfRange) { try pool.write(lun, at: 8 << 20, bytes) }
        #expect(throws: ArrayError.self) { try pool.compareAndWrite(lun, at: 0, expected: bytes, replacement: bytes) }
        let (mine, its) = (try pool.statistics(lun), try pool.statistics(other))
        func numbers(_ statistics: LUNStatistics, _ primitive: Primitive) -> [UInt64] {
            let counters = statistics[primitive]
            return [counters.commands, counters.failures, counters.coveredBytes, counters.movedBytes]
        }
        #expect(numbers(mine, .write) == [2, 1, 8192, 8192])
        #expect(numbers(mine, .read) == [1, 0, 16384, 8192])
        #expect(numbers(mine, .copySource) == [1, 0, 1 << 20, 0])
        #expect(numbers(its, .copyDestination) == [1, 0, 1 << 20, 0])
        #expect(numbers(mine, .unmap) == [1, 0, 1 << 20, 0])
        #expect(numbers(mine, .writeSame) == [1, 0, 2 << 20, 0])
        #expect(numbers(mine, .compareAndWrite) == [1, 1, 0, 0])
        #expect(mine[.write].latency.count == 1)
        #expect(mine[.write].latency.totalNanoseconds >= 1_000_000)
        #expect(its[.write] == PrimitiveCounters())
        #expect(pool.usage.flushes.count >= 4)
    }
}
