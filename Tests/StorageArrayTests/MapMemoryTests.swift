// The memory for maps and counts has a limit, and what is forgotten is read again; also the structures that keep it.

import Platform
import Testing

@testable import StorageArray

struct MapMemoryTests {
    @Test(arguments: [21, 22, 23] as [UInt64])
    func theTableOfSlotsDoesWhatADictionaryDoes(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        let table = SlotTable()
        var model: [UInt32: UInt32] = [:]
        for step in 0..<20_000 {
            // Few blocks, some of them far apart, so that places collide.
            let block = UInt32(1 + random.below(900)) &* (random.below(2) == 0 ? 1 : 4_656_307)
            if let slot = model[block] {
                if table[block] != slot { Issue.record("seed \(seed), step \(step)") }
                table.remove(block)
                model[block] = nil
            } else {
                if table[block] != 0 { Issue.record("seed \(seed), step \(step)") }
                table.insert(block, UInt32(step + 1))
                model[block] = UInt32(step + 1)
            }
        }
        let wrong = model.filter { table[$0.key] != $0.value }
        #expect(wrong.isEmpty, "seed \(seed)")
        #expect(table.count == model.count)
    }

    @Test func pagesInMemoryStayWithinTheirLimitAndTheDataIsThere() throws {
        let device = SimulatedBlockDevice(canLosePower: false)
        let limit = 24
        let size: UInt64 = 4 << 30
        var pool = try StoragePool.inMemory(device, maximumBytes: 256 << 20, mapMemoryBytes: limit * 4096)
        let lun = try pool.createLUN(name: "a", sizeBytes: size).identifier
        // One block in each of 200 leaves: 200 leaves and 8 pages above them.
        let step: UInt64 = 10 << 21
        for index in 0..<200 as Range<UInt64> {
            try pool.write(lun, at: index * step + 8192, [UInt8](repeating: UInt8(index), count: 4096))
        }
        try pool.checkpoint()
        for round in 0..<2 {
            for index in (0..<200 as Range<UInt64>).reversed() {
                let found = try pool.read(lun, at: index * step + 8192, count: 4096)
                #expect(found == [UInt8](repeating: UInt8(index), count: 4096))
                let count = pool.locked { pool.state.arena.count + pool.state.allocator.table.loadedCount }
                // What one command needs may come on top.
                #expect(count <= limit + 8)
            }
            #expect(try pool.information(lun).allocatedBytes == 200 * 4096)
            if round == 0 { pool = try StoragePool.open(device, mapMemoryBytes: limit * 4096) }
        }
        #expect(try pool.verify() == [])
    }

    @Test func openingReadsNothingOfTheMaps() throws {
        let device = HeldDevice()
        try StoragePool.format(
            device, options: PoolOptions(maximumBytes: 256 << 20, journalBytes: 1 << 20), randomness: FixedRandomness())
        var reads: [Int] = []
        var pool = try StoragePool.open(device)
        let lun = try pool.createLUN(name: "a", sizeBytes: 8 << 30).identifier
        for leaves in [1, 300] as [UInt64] {
            for index in 0..<leaves { try pool.write(lun, at: index << 21, [UInt8](repeating: 1, count: 4096)) }
            try pool.close()
            let before = device.reads
            pool = try StoragePool.open(device)
            reads.append(device.reads - before)
        }
        // What differs are a few pages of the index, the counts and the catalogue.
        #expect(reads[1] - reads[0] < 8)
        #expect(try pool.verify() == [])
    }

    @Test func moreReferencesThanACountHoldsAreCounted() throws {
        let device = SimulatedBlockDevice()
        var pool = try StoragePool.inMemory(device, mapMemoryBytes: 0)
        let size: UInt64 = 300 << 20
        let lun = try pool.createLUN(name: "a", sizeBytes: size).identifier
        let pattern = [UInt8](repeating: 0x5A, count: 512)
        try pool.writeSame(lun, at: 0, count: size, pattern: pattern)
        #expect(pool.locked { pool.state.allocator.overflow.count } == 1)
        #expect(pool.usage.dataBytes == 4096)
        #expect(try pool.verify() == [])
        for _ in 0..<2 {
            device.crash(keeping: .nothing, seed: 1)
            pool = try StoragePool.open(device, mapMemoryBytes: 0)
            #expect(try pool.verify() == [])
        }
        // A copy of single entries counts every one of them.
        try pool.copy(from: lun, at: 0, to: lun, at: 4096, count: size - 4096)
        #expect(try pool.verify() == [])
        // Down to few enough again.
        try pool.unmap(lun, at: 4096, count: size - 8192)
        pool.performMaintenance()
        #expect(pool.locked { pool.state.allocator.overflow.count } == 0)
        #expect(try pool.read(lun, at: size - 4096, count: 512) == pattern)
        #expect(try pool.verify() == [])
    }

    @Test func countsThatADeviceForgotToWriteAreNotBelieved() throws {
        let device = SimulatedBlockDevice()
        let pool = try StoragePool.inMemory(device)
        let lun = try pool.createLUN(name: "a", sizeBytes: 1 << 20).identifier
        try pool.write(lun, at: 0, [UInt8](repeating: 1, count: 65536))
        try pool.checkpoint()
        let table = pool.state.allocator.table
        let old = pool.locked { table.place(ofRegion: 0) }
        let stale = try device.bytes(at: UInt64(old) * 4096, count: 4096)
        try pool.write(lun, at: 65536, [UInt8](repeating: 1, count: 65536))
        try pool.close()
        let new = pool.locked { table.place(ofRegion: 0) }
        #expect(new != old)
        // Well formed counts of a moment before, at the place of those that were lost.
        try device.write(stale, at: UInt64(new) * 4096)
        #expect(throws: ArrayError.damaged("counts at block \(new): checksum")) { _ = try StoragePool.open(device) }
    }
}
