// Single properties of the pool: space, sharing, statistics, limits, damage.

import Platform
import Testing

@testable import StorageArray

struct PoolTests {
    @Test func crc32cMatchesItsTestVectorsInBothForms() {
        // RFC 3720 appendix B.4.
        let vectors: [([UInt8], UInt32)] = [
            ([UInt8](repeating: 0, count: 32), 0x8A91_36AA), ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
            (Array(0..<32), 0x46DD_794E), (Array((0..<32).reversed()), 0x113F_DB5C), ([], 0),
        ]
        for (bytes, expected) in vectors {
            #expect(bytes.withUnsafeBytes { Checksum.of($0) } == expected)
            #expect(bytes.withUnsafeBytes { Checksum.portable($0) } == expected)
        }
        var random = SeededGenerator(seed: 5)
        for count in Array(0..<70) + [4079, 4080, 4081, 4096, 8159, 8160, 8200, 12_345] {
            let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let (fast, portable) = bytes.withUnsafeBytes { (Checksum.of($0), Checksum.portable($0)) }
            #expect(fast == portable)
        }
    }

    @Test func aCopySharesBlocksAndUnmappedStaysUnmapped() throws {
        let pool = try StoragePool.inMemory()
        let source = try pool.createLUN(name: "a", sizeBytes: 8 << 20).identifier
        let target = try pool.createLUN(name: "b", sizeBytes: 8 << 20).identifier
        try pool.write(source, at: 2 << 20, [UInt8](repeating: 7, count: 64 << 10))
        let before = pool.usage
        for offset in [0, 4096, 1 << 20] as [UInt64] {
            try pool.copy(from: source, at: 0, to: target, at: offset, count: 6 << 20)
            #expect(pool.usage.dataBytes == before.dataBytes)
            #expect(try pool.information(target).allocatedBytes == 64 << 10)
            try pool.unmap(target, at: 0, count: 8 << 20)
        }
        #expect(try pool.statistics(target)[.copyDestination].movedBytes == 0)
        #expect(try pool.statistics(source)[.copySource].coveredBytes == 18 << 20)
        #expect(try pool.statistics(source)[.copySource].commands == 3)
        #expect(try pool.verify() == [])
    }

    @Test func aCloneCostsNothingUntilItIsWritten() throws {
        let pool = try StoragePool.inMemory()
        let source = try pool.createLUN(name: "a", sizeBytes: 8 << 20).identifier
        try pool.write(source, at: 0, [UInt8](repeating: 7, count: 1 << 20))
        #expect(try pool.uniqueBytes(source) == 1 << 20)
        let clone = try pool.cloneLUN(source, name: "c")
        #expect(clone.origin == source)
        #expect(clone.allocatedBytes == 1 << 20)
        #expect(pool.usage.dataBytes == 1 << 20)
        #expect(try pool.uniqueBytes(source) == 0)
        try pool.write(clone.identifier, at: 0, [UInt8](repeating: 8, count: 4096))
        #expect(pool.usage.dataBytes == 1 << 20 + 4096)
        #expect(try pool.uniqueBytes(clone.identifier) == 4096)
        #expect(try pool.read(source, at: 0, count: 4096) == [UInt8](repeating: 7, count: 4096))
        let snapshot = try pool.cloneLUN(source, name: "s", isReadOnly: true).identifier
        #expect(throws: ArrayError.writeProtected) { try pool.write(snapshot, at: 0, [UInt8](repeating: 1, count: 512)) }
        #expect(throws: ArrayError.writeProtected) { try pool.unmap(snapshot, at: 0, count: 4096) }
        #expect(try pool.verify() == [])
    }

    @Test func aLUNOf64TiBCostsNothingAndWorksAtItsEnd() throws {
        let device = SimulatedBlockDevice(canLosePower: false)
        var pool = try StoragePool.inMemory(device)
        let size: UInt64 = 64 << 40
        let lun = try pool.createLUN(name: "big", sizeBytes: size).identifier
        let bytes = [UInt8](repeating: 9, count: 4096)
        try pool.write(lun, at: size - 4096, bytes)
        try pool.write(lun, at: 0, bytes)
        try pool.copy(from: lun, at: 0, to: lun, at: size / 2, count: size / 2 - 4096)
        #expect(try pool.read(lun, at: size / 2, count: 4096) == bytes)
        let runs = try pool.blockStatus(lun, from: 0, maximumRuns: 100)
        #expect(runs.map(\.count) == [4096, size / 2 - 4096, 4096, size / 2 - 8192, 4096])
        #expect(pool.usage.metadataBytes < 2 << 20)
        pool = try StoragePool.open(device)
        #expect(try pool.read(lun, at: size - 4096, count: 4096) == bytes)
        #expect(try pool.verify() == [])
        #expect(throws: ArrayError.tooLarge) { try pool.createLUN(name: "x", sizeBytes: size + 4096) }
        #expect(throws: ArrayError.outOfRange) { try pool.write(lun, at: size, bytes) }
        #expect(throws: ArrayError.misaligned) { _ = try pool.read(lun, at: 100, count: 512) }
    }

    @Test func aFullPoolRefusesNewDataOnly() throws {
        let device = SimulatedBlockDevice()
        var pool = try StoragePool.inMemory(device, maximumBytes: 16 << 20)
        let lun = try pool.createLUN(name: "a", sizeBytes: 64 << 20).identifier
        var filled: UInt64 = 0
        var failure: ArrayError?
        while failure == nil {
            do { try pool.write(lun, at: filled, [UInt8](repeating: 3, count: 64 << 10)) } catch { failure = error }
            if failure == nil { filled += 64 << 10 }
        }
        #expect(failure == .outOfSpace)
        #expect(filled > 10 << 20)
        // Overwriting, reading and zeroing go on.
        for round in 0..<200 {
            let offset = UInt64(round) * 65536 % filled
            try pool.write(lun, at: offset, [UInt8](repeating: UInt8(round), count: 64 << 10))
            #expect(try pool.read(lun, at: offset, count: 512) == [UInt8](repeating: UInt8(round), count: 512))
        }
        #expect(throws: ArrayError.outOfSpace) { try pool.write(lun, at: filled, [UInt8](repeating: 3, count: 65536)) }
        #expect(try pool.verify() == [])
        pool = try StoragePool.open(device)
        try pool.unmap(lun, at: 0, count: 1 << 20)
        try pool.write(lun, at: filled, [UInt8](repeating: 4, count: 64 << 10))
        #expect(try pool.verify() == [])
    }

    @Test func freedSpaceGoesBackToTheDevice() throws {
        let device = SimulatedBlockDevice()
        let pool = try StoragePool.inMemory(device)
        let lun = try pool.createLUN(name: "a", sizeBytes: 32 << 20).identifier
        for offset in stride(from: 0, to: UInt64(16 << 20), by: 1 << 20) {
            try pool.write(lun, at: offset, [UInt8](repeating: 3, count: 1 << 20))
        }
        let full = device.allocatedBytes
        try pool.unmap(lun, at: 0, count: 15 << 20)
        pool.performMaintenance()
        #expect(device.allocatedBytes < full - (14 << 20))
        #expect(try pool.read(lun, at: 15 << 20, count: 512) == [UInt8](repeating: 3, count: 512))
        #expect(try pool.verify() == [])
    }

    @Test func aRepeatedPatternTakesOneBlock() throws {
        let pool = try StoragePool.inMemory()
        let lun = try pool.createLUN(name: "a", sizeBytes: 32 << 20).identifier
        let pattern = (0..<512).map { UInt8(truncatingIfNeeded: $0) }
        try pool.writeSame(lun, at: 512, count: 8 << 20, pattern: pattern)
        #expect(pool.usage.dataBytes == 3 * 4096)
        #expect(try pool.read(lun, at: 4 << 20, count: 1024) == pattern + pattern)
        #expect(try pool.read(lun, at: 0, count: 512) == [UInt8](repeating: 0, count: 512))
        #expect(try pool.verify() == [])
    }

    @Test func namesAreUniqueAndIdentifiersNeverComeBack() throws {
        let device = SimulatedBlockDevice()
        var pool = try StoragePool.inMemory(device)
        let first = try pool.createLUN(name: "a", sizeBytes: 1 << 20)
        #expect(throws: ArrayError.badName) { try pool.createLUN(name: "a", sizeBytes: 1 << 20) }
        #expect(throws: ArrayError.badName) { try pool.createLUN(name: "", sizeBytes: 1 << 20) }
        try pool.deleteLUN(first.identifier)
        pool = try StoragePool.open(device)
        pool = try StoragePool.open(device)
        let second = try pool.createLUN(name: "a", sizeBytes: 1 << 20)
        #expect(second.identifier > first.identifier)
        #expect(second.worldWideName != first.worldWideName)
        #expect(WorldWideName("\(second.worldWideName)") == second.worldWideName)
        #expect(throws: ArrayError.noSuchLUN) { _ = try pool.read(first.identifier, at: 0, count: 512) }
    }

    @Test func aFailedFlushStopsThePoolForGood() throws {
        let device = SimulatedBlockDevice()
        let pool = try StoragePool.inMemory(device)
        let lun = try pool.createLUN(name: "a", sizeBytes: 1 << 20).identifier
        device.losePower(afterOperations: 2)  // Data, group, and then the flush.
        #expect(throws: ArrayError.stopped) { try pool.write(lun, at: 0, [UInt8](repeating: 1, count: 4096)) }
        // The map in memory shows the write, but nobody may hear of it.
        #expect(throws: ArrayError.self) { _ = try pool.read(lun, at: 0, count: 4096) }
        device.crash(keeping: .nothing, seed: 1)
        #expect(throws: ArrayError.stopped) { try pool.write(lun, at: 8192, [UInt8](repeating: 1, count: 4096)) }
        #expect(try StoragePool.open(device).read(lun, at: 0, count: 4096) == [UInt8](repeating: 0, count: 4096))
    }
}
