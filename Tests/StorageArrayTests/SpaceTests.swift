// A pool or a disk without room, and one that fails: what still works, what is told, and that nothing else breaks.

import Platform
import Testing

@testable import StorageArray

struct SpaceTests {
    private let block = [UInt8](repeating: 1, count: 65536)

    /// Writes until there is no room; returns how many blocks of 64 KiB are there.
    private func fillUp(_ pool: StoragePool, _ lun: LUNIdentifier) throws -> Int {
        var count = 0
        while true {
            do throws(ArrayError) {
                try pool.write(lun, at: UInt64(count) << 16, block)
                count += 1
            } catch .outOfSpace { return count } catch { throw error }
        }
    }

    /// What goes on when nothing new can be placed.
    private func expectTheRestToWork(_ pool: StoragePool, _ lun: LUNIdentifier, _ count: Int) throws {
        let other = [UInt8](repeating: 2, count: 65536)
        for round in 0..<40 {
            let index = UInt64(round % count)
            try pool.write(lun, at: index << 16, other)
            #expect(try pool.read(lun, at: index << 16, count: 65536) == other)
            try pool.write(lun, at: index << 16, block)
        }
        #expect(throws: ArrayError.outOfSpace) { try pool.write(lun, at: UInt64(count) << 16, block) }
        try pool.compareAndWrite(lun, at: 0, expected: [UInt8](block[..<512]), replacement: [UInt8](other[..<512]))
        try pool.setReservations(lun, [1, 2, 3])
        try pool.unmap(lun, at: 0, count: 1 << 20)
        try pool.write(lun, at: 0, block)
        #expect(try pool.verify() == [])
    }

    @Test func aFullPoolRefusesNewDataAndNothingElse() throws {
        let device = SimulatedBlockDevice()
        var pool = try StoragePool.inMemory(device, maximumBytes: 24 << 20)
        let lun = try pool.createLUN(name: "a", sizeBytes: 64 << 20).identifier
        let count = try fillUp(pool, lun)
        #expect(count > 100)
        try expectTheRestToWork(pool, lun, count)
        device.crash(keeping: .everything, seed: 1)
        pool = try StoragePool.open(device)
        #expect(try pool.verify() == [])
        let clone = try pool.cloneLUN(lun, name: "c").identifier
        _ = try fillUp(pool, lun)
        // All of it is shared: to overwrite is to place something new.
        #expect(throws: ArrayError.outOfSpace) {
            for index in 0..<200 { try pool.write(clone, at: UInt64(index) << 16, block) }
        }
        #expect(throws: ArrayError.outOfSpace) {
            for index in 0..<4096 as Range<UInt64> {
                let from = index << 16
                try pool.copy(from: lun, at: from, to: clone, at: from + 512, count: 65536)
            }
        }
        try pool.deleteLUN(clone)
        try pool.deleteLUN(lun)
        let new = try pool.createLUN(name: "b", sizeBytes: 64 << 20).identifier
        #expect(try fillUp(pool, new) >= count - 1)
        #expect(try pool.verify() == [])
    }

    @Test func aFullDiskIsAFullPoolUntilItHasRoomAgain() throws {
        let device = SimulatedBlockDevice()
        let pool = try StoragePool.inMemory(device, maximumBytes: 256 << 20)
        let lun = try pool.createLUN(name: "a", sizeBytes: 128 << 20).identifier
        try pool.write(lun, at: 0, block)
        device.limitSize(to: device.sizeBytes + 10 << 20)
        let count = try fillUp(pool, lun)
        #expect(pool.usage.isDeviceFull)
        #expect(pool.usage.availableBytes < 1 << 20)
        try expectTheRestToWork(pool, lun, count)
        device.limitSize(to: nil)
        for index in count..<count + 200 { try pool.write(lun, at: UInt64(index) << 16, block) }
        #expect(!pool.usage.isDeviceFull)
        #expect(try pool.verify() == [])
    }

    @Test func aFailedFlushStopsWritesForGoodAndSaysSo() throws {
        let device = SimulatedBlockDevice()
        let pool = try StoragePool.inMemory(device)
        let lun = try pool.createLUN(name: "a", sizeBytes: 4 << 20).identifier
        try pool.write(lun, at: 0, block)
        let ticket = try pool.deferredWrite(lun, at: 1 << 20, block)
        device.refuse(with: .system(5))
        #expect(throws: ArrayError.stopped) { try pool.wait(for: ticket) }
        device.refuse(with: nil)
        #expect(pool.usage.isStopped)
        #expect(throws: ArrayError.stopped) { try pool.write(lun, at: 0, block) }
        #expect(throws: ArrayError.stopped) { try pool.unmap(lun, at: 0, count: 4096) }
        #expect(throws: ArrayError.stopped) { try pool.setReservations(lun, [1]) }
        #expect(throws: ArrayError.stopped) { try pool.checkpoint() }
        // What is durable can be read; what is not known to be is not told.
        #expect(try pool.read(lun, at: 0, count: 65536) == block)
        #expect(throws: ArrayError.stopped) { try pool.read(lun, at: 1 << 20, count: 512) }
        device.crash(keeping: .nothing, seed: 1)
        let reopened = try StoragePool.open(device)
        #expect(try reopened.read(lun, at: 0, count: 65536) == block)
        try reopened.write(lun, at: 1 << 20, block)
    }
}
