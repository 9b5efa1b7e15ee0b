// Commands from several threads at once.

import Platform
import Synchronization
import Testing

@testable import StorageArray

struct ConcurrencyTests {
    /// Runs `body` on `count` threads and waits for all.
    static func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) throws {
        let threads = try (0..<count).map { index in try SystemThread(name: "test-\(index)") { body(index) } }
        for thread in threads { thread.join() }
    }

    @Test func aCounterKeptByCompareAndWriteMissesNoIncrement() throws {
        let pool = try StoragePool.inMemory()
        let lun = try pool.createLUN(name: "a", sizeBytes: 1 << 20).identifier
        let failures = Mutex<[String]>([])
        try Self.onThreads(8) { _ in
            do {
                for _ in 0..<50 { try Self.increment(pool, lun) }
            } catch {
                failures.withLock { $0.append("\(error)") }
            }
        }
        #expect(failures.withLock { $0 } == [])
        let sector = try pool.read(lun, at: 512, count: 512)
        #expect(sector[0..<4].reversed().reduce(0) { $0 << 8 | Int($1) } == 400)
        #expect(try pool.verify() == [])
    }

    private static func increment(_ pool: StoragePool, _ lun: LUNIdentifier) throws(ArrayError) {
        while true {
            let old = try pool.read(lun, at: 512, count: 512)
            var new = old
            let value = 1 + old[0..<4].reversed().reduce(0) { $0 << 8 | Int($1) }
            for index in 0..<4 { new[index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
            do throws(ArrayError) {
                return try pool.compareAndWrite(lun, at: 512, expected: old, replacement: new)
            } catch .miscompare { continue } catch { throw error }
        }
    }

    @Test func aReadSeesAWriteWholeOrNotAtAll() throws {
        let pool = try StoragePool.inMemory()
        let lun = try pool.createLUN(name: "a", sizeBytes: 1 << 20).identifier
        let torn = Atomic(0)
        try Self.onThreads(4) { index in
            for round in 0..<60 {
                if index < 2 {
                    let byte = UInt8(truncatingIfNeeded: round * 2 + index)
                    _ = try? pool.write(lun, at: 1024, [UInt8](repeating: byte, count: 20_480))
                } else if let bytes = try? pool.read(lun, at: 1024, count: 20_480), Set(bytes).count != 1 {
                    torn.add(1, ordering: .relaxed)
                }
            }
        }
        #expect(torn.load(ordering: .relaxed) == 0)
        #expect(try pool.verify() == [])
    }

    /// - Parameter memory: with none, threads read pages while others change, store and forget them.
    @Test(arguments: [StoragePool.defaultMapMemoryBytes, 0])
    func everyThreadsWritesAreThereAfterCopiesUnmapsAndCheckpoints(memory: Int) throws {
        let device = SimulatedBlockDevice()
        let pool = try StoragePool.inMemory(device, mapMemoryBytes: memory)
        let lun = try pool.createLUN(name: "a", sizeBytes: 16 << 20).identifier
        let failures = Mutex<[String]>([])
        try Self.onThreads(6) { index in
            var random = SeededGenerator(seed: UInt64(index))
            let base = UInt64(index) << 21
            var expected = [UInt8](repeating: 0, count: 1 << 20)
            do {
                for round in 0..<40 {
                    let offset = random.below(2000) * 512
                    let bytes = random.bytes(512 * (1 + random.below(20)))
                    try pool.write(lun, at: base + UInt64(offset), bytes)
                    expected.overwrite(bytes.count + offset > expected.count ? [] : bytes, at: offset)
                    if bytes.count + offset > expected.count { expected = try pool.read(lun, at: base, count: 1 << 20) }
                    if round % 10 == 9 { try pool.checkpoint() }
                    if round % 7 == 6 {
                        try pool.copy(from: lun, at: base, to: lun, at: base + (1 << 20), count: 1 << 20)
                        try pool.unmap(lun, at: base + (1 << 20), count: 4096)
                    }
                }
                if try pool.read(lun, at: base, count: 1 << 20) != expected { throw ArrayError.noSuchLUN }
            } catch {
                failures.withLock { $0.append("thread \(index): \(error)") }
            }
        }
        #expect(failures.withLock { $0 } == [])
        #expect(try pool.verify() == [])
        device.crash(keeping: .nothing, seed: 1)
        #expect(try StoragePool.open(device).verify() == [])
    }
}
