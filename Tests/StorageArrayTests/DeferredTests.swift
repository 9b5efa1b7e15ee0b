// Commands that return before they are durable: what they show at once, when their tickets are durable, and who is told
// in which order.

import Platform
import Synchronization
import Testing

@testable import StorageArray

struct DeferredTests {
    private func makePool() throws -> (StoragePool, HeldDevice, LUNIdentifier) {
        let device = HeldDevice()
        try StoragePool.format(
            device, options: PoolOptions(maximumBytes: 64 << 20, journalBytes: 1 << 20), randomness: FixedRandomness())
        let pool = try StoragePool.open(device)
        return (pool, device, try pool.createLUN(name: "a", sizeBytes: 8 << 20).identifier)
    }

    private let ones = [UInt8](repeating: 1, count: 4096)

    @Test func aDeferredWriteIsSeenAtOnceAndDurableWhenItsTicketIs() throws {
        let (pool, device, lun) = try makePool()
        let flushes = device.flushes
        let written = try pool.deferredWrite(lun, at: 0, ones)
        #expect(!pool.isDurable(written))
        let (bytes, seen) = try pool.deferredRead(lun, at: 0, count: 4096)
        #expect(bytes == ones)
        #expect(seen == written)
        #expect(try pool.deferredRead(lun, at: 1 << 20, count: 4096).1 == .now)
        #expect(device.flushes == flushes)
        try pool.wait(for: written)
        #expect(pool.isDurable(written))
        #expect(device.flushes == flushes + 1)
    }

    @Test func everyDeferredCommandDoesWhatItsWaitingFormDoes() throws {
        let (pool, _, lun) = try makePool()
        let other = try pool.createLUN(name: "b", sizeBytes: 8 << 20).identifier
        let twos = [UInt8](repeating: 2, count: 4096)
        let pattern = [UInt8](repeating: 3, count: 512)
        var tickets: [CommitTicket] = [try pool.deferredWrite(lun, at: 0, [UInt8](repeating: 1, count: 32768))]
        let won = try pool.deferredCompareAndWrite(lun, at: 0, expected: ones, replacement: twos)
        #expect(won.difference == nil)
        let lost = try pool.deferredCompareAndWrite(lun, at: 0, expected: ones, replacement: ones)
        #expect(lost.difference == 0)
        #expect(lost.ticket == won.ticket)
        tickets += [won.ticket, try pool.deferredUnmap(lun, at: 4096, count: 4096)]
        tickets.append(try pool.deferredUnmap(lun, [(8192, 4096), (12288, 512)]))
        tickets.append(try pool.deferredWriteZeros(lun, at: 16384, count: 512))
        tickets.append(
            try pattern.withResult { buffer throws(ArrayError) in
                try pool.deferredWriteSame(lun, at: 20480, count: 1024, pattern: buffer)
            })
        tickets.append(
            try pool.deferredCopy([RangeCopy(source: lun, from: 0, destination: other, to: 65536, count: 32768)]))
        #expect(tickets == tickets.sorted())
        for ticket in tickets { #expect(!pool.isDurable(ticket)) }
        try pool.wait(for: tickets[tickets.count - 1])
        for ticket in tickets { #expect(pool.isDurable(ticket)) }
        var expected = [UInt8](repeating: 1, count: 32768)
        expected.replaceSubrange(0..<4096, with: twos)
        expected.replaceSubrange(4096..<12800, with: [UInt8](repeating: 0, count: 8704))
        expected.replaceSubrange(16384..<16896, with: [UInt8](repeating: 0, count: 512))
        expected.replaceSubrange(20480..<21504, with: [UInt8](repeating: 3, count: 1024))
        #expect(try pool.read(lun, at: 0, count: 32768) == expected)
        #expect(try pool.read(other, at: 65536, count: 32768) == expected)
    }

    @Test func thePoolFlushesForThoseWhoDoNotWaitAndTellsEarlierTicketsFirst() throws {
        let (pool, device, lun) = try makePool()
        let told = Mutex<[Int]>([])
        let flushes = device.flushes
        device.hold()
        let first = try pool.deferredWrite(lun, at: 0, ones)
        pool.whenDurable(first) { _ in told.withLock { $0.append(0) } }
        waitUntil { device.flushes == flushes + 1 }
        // These are in the next group; whoever asks for the earlier ticket later hears first all the same.
        for index in 2..<40 {
            let ticket = try pool.deferredWrite(lun, at: UInt64(index) << 12, ones)
            pool.whenDurable(ticket) { _ in told.withLock { $0.append(index) } }
        }
        pool.whenDurable(first) { _ in told.withLock { $0.append(1) } }
        #expect(told.withLock { $0 } == [])
        device.letGo()
        waitUntil { told.withLock { $0.count } == 40 }
        #expect(told.withLock { $0 } == Array(0..<40))
        #expect(device.flushes == flushes + 2)
    }

    @Test func aDurableTicketIsToldOnTheSpot() throws {
        let (pool, _, lun) = try makePool()
        try pool.write(lun, at: 0, ones)
        let told = Mutex<[ArrayError?]>([])
        pool.whenDurable(try pool.deferredRead(lun, at: 0, count: 4096).1) { failure in told.withLock { $0.append(failure) } }
        pool.whenDurable(.now) { failure in told.withLock { $0.append(failure) } }
        #expect(told.withLock { $0 } == [nil, nil])
    }

    @Test func aLossOfPowerIsToldToEverybodyWhoWaits() throws {
        let device = SimulatedBlockDevice()
        let pool = try StoragePool.inMemory(device)
        let lun = try pool.createLUN(name: "a", sizeBytes: 1 << 20).identifier
        let told = Mutex<[ArrayError?]>([])
        device.losePower(afterOperations: 2)
        let early = try pool.deferredWrite(lun, at: 0, ones)
        pool.whenDurable(early) { failure in told.withLock { $0.append(failure) } }
        waitUntil { told.withLock { $0.count } == 1 }
        pool.whenDurable(early) { failure in told.withLock { $0.append(failure) } }
        #expect(told.withLock { $0 } == [.stopped, .stopped])
        #expect(throws: ArrayError.stopped) { try pool.wait(for: early) }
        #expect(throws: ArrayError.stopped) { try pool.deferredWrite(lun, at: 0, ones) }
    }

    @Test func closingMakesDurableWhatNobodyWaitedFor() throws {
        let device = SimulatedBlockDevice()
        let pool = try StoragePool.inMemory(device)
        let lun = try pool.createLUN(name: "a", sizeBytes: 1 << 20).identifier
        let ticket = try pool.deferredWrite(lun, at: 0, ones)
        try pool.close()
        #expect(pool.isDurable(ticket))
        device.crash(keeping: .nothing, seed: 1)
        #expect(try StoragePool.open(device).read(lun, at: 0, count: 4096) == ones)
    }

    @Test func aTicketThatACrashHasUndoneIsNeverDurable() throws {
        let device = SimulatedBlockDevice()
        var pool = try StoragePool.inMemory(device)
        let lun = try pool.createLUN(name: "a", sizeBytes: 1 << 20).identifier
        let ticket = try pool.deferredWrite(lun, at: 0, ones)
        device.crash(keeping: .nothing, seed: 1)
        pool = try StoragePool.open(device)
        #expect(!pool.isDurable(ticket))
        #expect(throws: ArrayError.stopped) { try pool.wait(for: ticket) }
    }
}
