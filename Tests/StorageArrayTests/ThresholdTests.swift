// Soft thresholds: told once per crossing, whatever hovers, and after every way to lose the memory of it.

import Platform
import Testing

@testable import StorageArray

struct ThresholdTests {
    private func fill(_ pool: StoragePool, _ lun: LUNIdentifier, to bytes: Int) throws {
        let count = try Int(pool.information(lun).allocatedBytes)
        if bytes > count { try pool.write(lun, at: UInt64(count), [UInt8](repeating: 1, count: bytes - count)) }
        if bytes < count { try pool.unmap(lun, at: UInt64(bytes), count: UInt64(count - bytes)) }
    }

    @Test func aThresholdIsCrossedOncePerWayUp() throws {
        let device = SimulatedBlockDevice()
        var pool = try StoragePool.inMemory(device)
        let lun = try pool.createLUN(name: "a", sizeBytes: 8 << 20).identifier
        let other = try pool.createLUN(name: "b", sizeBytes: 8 << 20).identifier
        try pool.setSoftThreshold(lun, usedBytes: 1 << 20)
        #expect(try pool.softThreshold(lun) == 1 << 20)
        var expected: UInt64 = 0
        // Below, reached, more, a little less (not far enough), reached again; far less; reached.
        let steps: [(bytes: Int, crosses: Bool)] = [
            (1 << 20 - 4096, false), (1 << 20, true), (2 << 20, false), (1 << 20 - 4096, false), (1 << 20, false),
            (1 << 20 - 65536, false), (1 << 20, true), (0, false), (3 << 20, true),
        ]
        for step in steps {
            try fill(pool, lun, to: step.bytes)
            expected += step.crosses ? 1 : 0
            #expect(pool.thresholdCrossings(lun) == expected, "\(step)")
            #expect(pool.thresholdCrossings(other) == 0)
            device.crash(keeping: .nothing, seed: 1)
            pool = try StoragePool.open(device)
            #expect(pool.thresholdCrossings(lun) == expected, "\(step) after reopening")
        }
        #expect(try pool.information(lun).isAboveThreshold)
        try pool.setSoftThreshold(lun, usedBytes: nil)
        try fill(pool, lun, to: 0)
        try fill(pool, lun, to: 3 << 20)
        #expect(pool.thresholdCrossings(lun) == expected)
        #expect(try pool.softThreshold(lun) == nil)
    }

    @Test func oneThatIsReachedAlreadyCountsAtOnce() throws {
        let pool = try StoragePool.inMemory()
        let lun = try pool.createLUN(name: "a", sizeBytes: 8 << 20).identifier
        try fill(pool, lun, to: 1 << 20)
        try pool.setSoftThreshold(lun, usedBytes: 4096)
        #expect(pool.thresholdCrossings(lun) == 1)
        #expect(pool.thresholdCrossings(LUNIdentifier(99)) == 0)
        #expect(throws: ArrayError.noSuchLUN) { try pool.setSoftThreshold(LUNIdentifier(99), usedBytes: 1) }
        let clone = try pool.cloneLUN(lun, name: "c").identifier
        #expect(try pool.softThreshold(clone) == nil)
        #expect(pool.thresholdCrossings(clone) == 0)
    }

    @Test func thePoolsThresholdIsEveryLUNs() throws {
        let device = SimulatedBlockDevice()
        var pool = try StoragePool.inMemory(device)
        let lun = try pool.createLUN(name: "a", sizeBytes: 8 << 20).identifier
        let other = try pool.createLUN(name: "b", sizeBytes: 8 << 20).identifier
        try pool.setSoftThreshold(nil, usedBytes: 2 << 20)
        try fill(pool, lun, to: 1 << 20)
        // Shared blocks count once.
        try pool.copy(from: lun, at: 0, to: other, at: 0, count: 1 << 20)
        #expect(pool.thresholdCrossings(lun) == 0)
        try pool.write(other, at: 0, [UInt8](repeating: 2, count: 1 << 20))
        #expect(pool.thresholdCrossings(lun) == 1)
        #expect(pool.thresholdCrossings(other) == 1)
        device.crash(keeping: .nothing, seed: 1)
        pool = try StoragePool.open(device)
        #expect(try pool.softThreshold(nil) == 2 << 20)
        #expect(pool.thresholdCrossings(lun) == 1)
        try pool.write(lun, at: 4 << 20, [UInt8](repeating: 2, count: 1 << 20))
        #expect(pool.thresholdCrossings(lun) == 1)
    }
}
