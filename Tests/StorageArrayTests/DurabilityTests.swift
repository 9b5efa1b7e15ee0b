// Who waits for which flush: seen through a device whose flushes the test holds up.

import Platform
import Synchronization
import Testing

@testable import StorageArray

struct DurabilityTests {
    private func makePool() throws -> (StoragePool, HeldDevice, LUNIdentifier) {
        let device = HeldDevice()
        try StoragePool.format(
            device, options: PoolOptions(maximumBytes: 64 << 20, journalBytes: 1 << 20), randomness: FixedRandomness())
        let pool = try StoragePool.open(device)
        return (pool, device, try pool.createLUN(name: "a", sizeBytes: 1 << 20).identifier)
    }

    @Test func nobodyHearsOfAWriteBeforeItIsDurable() throws {
        let (pool, device, lun) = try makePool()
        let early = Mutex<[String]>([])
        let isDurable = Atomic(false)
        let reads = device.reads
        device.hold()
        let record: @Sendable (String) -> Void = { name in
            if !isDurable.load(ordering: .acquiring) { early.withLock { $0.append(name) } }
        }
        let writer = try SystemThread(name: "writer") {
            _ = try? pool.write(lun, at: 0, [UInt8](repeating: 1, count: 4096))
            record("writer")
        }
        waitUntil { pool.locked { pool.isFlushing } }
        let reader = try SystemThread(name: "reader") {
            _ = try? pool.read(lun, at: 512, count: 512)
            record("reader")
        }
        let loser = try SystemThread(name: "loser") {
            let zeros = [UInt8](repeating: 0, count: 512)
            _ = try? pool.compareAndWrite(lun, at: 1024, expected: zeros, replacement: zeros)
            record("loser")
        }
        // Both have read the block from the device; now only its durability can keep them.
        waitUntil { device.reads >= reads + 2 }
        // What is elsewhere is nobody's to wait for.
        #expect(try pool.read(lun, at: 512 << 10, count: 512) == [UInt8](repeating: 0, count: 512))
        isDurable.store(true, ordering: .releasing)
        device.letGo()
        for thread in [writer, reader, loser] { thread.join() }
        #expect(early.withLock { $0 } == [])
    }

    @Test func writesThatWaitTogetherShareOneFlush() throws {
        let (pool, device, lun) = try makePool()
        device.hold()
        let before = device.flushes
        let threads = try (0..<9).map { index in
            let thread = try SystemThread(name: "writer") {
                _ = try? pool.write(lun, at: UInt64(index) << 12, [UInt8](repeating: 1, count: 4096))
            }
            if index == 0 { waitUntil { pool.locked { pool.isFlushing } } }
            return thread
        }
        waitUntil { pool.locked { pool.openRecords.recordCount == 8 } }
        device.letGo()
        for thread in threads { thread.join() }
        #expect(device.flushes == before + 2)
    }

    @Test func aFreedBlockIsNotReusedBeforeItsGroupIsDurable() throws {
        let (pool, device, lun) = try makePool()
        try pool.write(lun, at: 0, [UInt8](repeating: 1, count: 4096))
        let freed = pool.locked { pool.state.allocator.freeBlocks + pool.state.allocator.pendingBlocks }
        device.hold()
        let thread = try SystemThread(name: "unmapper") { _ = try? pool.unmap(lun, at: 0, count: 4096) }
        waitUntil { pool.locked { pool.isFlushing } }
        #expect(pool.locked { pool.state.allocator.pendingBlocks } == 1)
        #expect(pool.locked { pool.state.allocator.freeBlocks } == freed)
        device.letGo()
        thread.join()
        #expect(pool.locked { pool.state.allocator.pendingBlocks } == 0)
    }

    @Test func pagesOfACheckpointAreKeptUntilTheNextIsDurable() throws {
        let (pool, device, lun) = try makePool()
        try pool.write(lun, at: 0, [UInt8](repeating: 1, count: 4096))
        try pool.checkpoint()
        let old = pool.locked { pool.state.luns[lun]?.root.stored.block ?? 0 }
        try pool.write(lun, at: 4096, [UInt8](repeating: 1, count: 4096))
        let flushes = device.flushes
        device.hold()
        let thread = try SystemThread(name: "checkpoint") { _ = try? pool.checkpoint() }
        waitUntil { device.flushes > flushes }
        #expect(try !pool.isFree(old))
        device.letGo()
        thread.join()
        #expect(try pool.isFree(old))
        #expect(try pool.verify() == [])
    }
}
