// A flipped bit anywhere: data is never returned wrong, and metadata is found out at opening or by verification.

import Platform
import Testing

@testable import StorageArray

struct DamageTests {
    private static let lunBytes = 2 << 20

    private func makePool(_ device: SimulatedBlockDevice) throws -> (StoragePool, LUNIdentifier) {
        let pool = try StoragePool.inMemory(device, maximumBytes: 16 << 20)
        let lun = try pool.createLUN(name: "a", sizeBytes: UInt64(Self.lunBytes)).identifier
        var random = SeededGenerator(seed: 3)
        for offset in stride(from: 0, to: Self.lunBytes, by: 64 << 10) {
            try pool.write(lun, at: UInt64(offset), random.bytes(32 << 10))
        }
        return (pool, lun)
    }

    @Test func aDamagedDataBlockIsReportedWhereItIsReadAndNowhereElse() throws {
        let device = SimulatedBlockDevice()
        let (pool, lun) = try makePool(device)
        let pointer = try pool.pointer(lun, block: 1)
        for byte in stride(from: 0, to: 4096, by: 119) {
            device.damage(at: pointer.offset + UInt64(byte), flipping: 1 << UInt8(byte % 8))
            #expect(throws: ArrayError.corruptBlock(4096)) { _ = try pool.read(lun, at: 4096, count: 4096) }
            #expect(throws: ArrayError.self) { _ = try pool.read(lun, at: 0, count: 16_384) }
            #expect(throws: ArrayError.self) { try pool.write(lun, at: 4608, [UInt8](repeating: 0, count: 512)) }
            #expect(try pool.read(lun, at: 8192, count: 4096).count == 4096)
            device.damage(at: pointer.offset + UInt64(byte), flipping: 1 << UInt8(byte % 8))
        }
        device.damage(at: pointer.offset)
        #expect(try pool.verify() == ["block \(pointer.block): checksum"])
        // Overwriting the whole block heals it.
        try pool.write(lun, at: 4096, [UInt8](repeating: 5, count: 4096))
        #expect(try pool.verify() == [])
    }

    /// Blocks by what the last checkpoint of a closed pool put there.
    private struct Places {
        var maps: [UInt32] = []
        var counts: [UInt32] = []
        /// What has to be read to open the pool.
        var start: [UInt32] = []

        init(_ pool: StoragePool) {
            pool.locked {
                let table = pool.state.allocator.table
                maps = pool.state.arena.slots.map { pool.state.arena.page($0).pointee.stored.block }
                counts = (0..<table.geometry.regionCount).filter { table.regions[$0].isStored }
                    .map { UInt32(table.place(ofRegion: $0)) }
                start = pool.catalogueBlocks
                start += (0..<table.geometry.indexPages).map { UInt32(table.place(ofIndexPage: $0)) }
                start.append(UInt32(table.geometry.rootStart) + UInt32(pool.superblock.generation & 1))
            }
        }
    }

    /// Flips one bit of a block, for the time of `body`.
    private func damaging(_ block: UInt32, on device: SimulatedBlockDevice, _ body: () throws -> Void) throws {
        let offset = UInt64(block) * 4096 + UInt64(block * 97 % 4096)
        device.damage(at: offset)
        defer { device.damage(at: offset) }
        try body()
    }

    @Test func aPoolWhoseCatalogueOrIndexIsDamagedIsNotOpened() throws {
        let device = SimulatedBlockDevice()
        let (pool, _) = try makePool(device)
        try pool.close()
        let places = Places(pool)
        #expect(places.start.count >= 4)
        for block in places.start {
            try damaging(block, on: device) { () throws in
                #expect(throws: ArrayError.self, "block \(block)") { _ = try StoragePool.open(device) }
            }
        }
        _ = try StoragePool.open(device)
    }

    @Test func aDamagedMapPageIsFoundAndNeverBelieved() throws {
        let device = SimulatedBlockDevice()
        let (pool, lun) = try makePool(device)
        try pool.close()
        let places = Places(pool)
        #expect(places.maps.count >= 4)
        for block in places.maps {
            try damaging(block, on: device) { () throws in
                let copy = device.copy()
                let opened = try StoragePool.open(copy)
                #expect(try opened.verify().contains("map page \(block): checksum"))
                #expect(throws: ArrayError.damaged("map page \(block): checksum")) {
                    _ = try opened.read(lun, at: 0, count: 4096)
                }
                #expect(throws: ArrayError.damaged("map page \(block): checksum")) {
                    try opened.write(lun, at: 0, [UInt8](repeating: 1, count: 512))
                }
                // Only that part of that LUN is lost: nothing was changed, and the pool goes on.
                let other = try opened.createLUN(name: "b", sizeBytes: 1 << 20).identifier
                try opened.write(other, at: 0, [UInt8](repeating: 1, count: 4096))
                #expect(try opened.read(other, at: 0, count: 4096) == [UInt8](repeating: 1, count: 4096))
            }
        }
    }

    @Test func damagedCountsAreFoundAndNeverBelieved() throws {
        let device = SimulatedBlockDevice()
        let (pool, lun) = try makePool(device)
        let bytes = try pool.read(lun, at: 0, count: 65536)
        try pool.close()
        let places = Places(pool)
        #expect(places.counts.count >= 1)
        for (region, block) in places.counts.enumerated() {
            try damaging(block, on: device) { () throws in
                // The checkpoint of opening has to say where its catalogue is free: it needs these counts.
                let copy = device.copy()
                #expect(throws: ArrayError.damaged("counts at block \(block): checksum"), "region \(region)") {
                    _ = try StoragePool.open(copy)
                }
            }
            // Damaged while the pool is open: found by verification, repaired by the next checkpoint that writes them.
            let opened = try StoragePool.open(device)
            let place = opened.locked { UInt32(opened.state.allocator.table.place(ofRegion: region)) }
            try damaging(place, on: device) { () throws in
                #expect(try opened.verify() == ["counts of region \(region): checksum"])
                #expect(try opened.read(lun, at: 0, count: 65536) == bytes)
            }
            #expect(try opened.verify() == [])
        }
    }

    @Test func countsThatAreWrongAreFound() throws {
        let device = SimulatedBlockDevice()
        let (pool, lun) = try makePool(device)
        let block = try pool.pointer(lun, block: 1).block
        pool.locked { pool.state.allocator.table.set(block, 2) }
        #expect(try pool.verify() == ["block \(block): 2 references counted, 1 found"])
        try pool.checkpoint()
        let opened = try StoragePool.open(device)
        #expect(try opened.verify() == ["block \(block): 2 references counted, 1 found"])
    }

    @Test func oneCopyOfASuperblockMayBeLostButNotBoth() throws {
        let device = SimulatedBlockDevice()
        let (pool, _) = try makePool(device)
        try pool.close()
        for (page, byte) in [(0, 0), (1, 8), (2, 33), (3, 100), (0, 511)] as [(UInt64, UInt64)] {
            device.damage(at: page * 4096 + byte)
            let opened = try StoragePool.open(device)
            #expect(opened.luns.count == 1)
            // The two checkpoints of opening and closing write all four copies anew.
            try opened.close()
            let twin = (page + 2) % 4
            device.damage(at: page * 4096 + byte)
            device.damage(at: twin * 4096 + byte)
            #expect(throws: ArrayError.damaged("superblock")) { _ = try StoragePool.open(device) }
            device.damage(at: page * 4096 + byte)
            device.damage(at: twin * 4096 + byte)
        }
    }

    @Test func aBrokenJournalIsNotTakenForItsEnd() throws {
        let device = SimulatedBlockDevice()
        let (pool, lun) = try makePool(device)
        try pool.checkpoint()
        let head = pool.locked { pool.ring.head }
        for round in 0..<5 { try pool.write(lun, at: UInt64(round) * 4096, [UInt8](repeating: 1, count: 4096)) }
        // The second of five groups.
        device.damage(at: UInt64(Layout.superblockPages + head + 1) * 4096 + 70)
        #expect(throws: ArrayError.self) { _ = try StoragePool.open(device) }
    }

    @Test func whatIsNoPoolIsNotOpened() throws {
        #expect(throws: ArrayError.notAPool) { _ = try StoragePool.open(SimulatedBlockDevice()) }
        #expect(throws: ArrayError.notAPool) { _ = try StoragePool.open(SimulatedBlockDevice(sizeBytes: 1 << 20)) }
    }
}

struct ScrubTests {
    @Test func aScrubNamesEveryDamagedBlockOnceAndReportsProgress() throws {
        let device = SimulatedBlockDevice()
        let pool = try StoragePool.inMemory(device)
        let lun = try pool.createLUN(name: "a", sizeBytes: 16 << 20).identifier
        for offset in [0, 5 << 20, 9 << 20] as [UInt64] {
            try pool.write(lun, at: offset, [UInt8](repeating: 7, count: 65536))
        }
        let clone = try pool.cloneLUN(lun, name: "c").identifier
        try pool.write(clone, at: 15 << 20, [UInt8](repeating: 8, count: 4096))
        var told: [ScrubProgress] = []
        let clean = try pool.scrub { progress in
            told.append(progress)
            return true
        }
        #expect(clean.isComplete && clean.isClean)
        #expect(clean.progress.doneBytes == clean.progress.totalBytes)
        #expect(clean.progress.readBlocks == 49)
        #expect(told.count > 4)
        let targets: [(LUNIdentifier, UInt64)] = [(lun, 5 << 20 + 8192), (clone, 15 << 20)]
        for (target, offset) in targets {
            let pointer = try pool.pointer(target, at: offset)
            device.damage(at: pointer.offset + 100)
        }
        let report = try pool.scrub()
        #expect(report.damagedBlocks == targets.map { ScrubReport.DamagedBlock(lun: $0.0, offset: $0.1) })
        #expect(report.problems == [])
        // Writing a block anew mends it.
        for (target, offset) in targets { try pool.write(target, at: offset, [UInt8](repeating: 9, count: 4096)) }
        #expect(try pool.scrub().damagedBlocks.map(\.lun) == [clone])
    }

    @Test func aScrubStopsWhenItIsTold() throws {
        let pool = try StoragePool.inMemory()
        let lun = try pool.createLUN(name: "a", sizeBytes: 16 << 20).identifier
        try pool.write(lun, at: 0, [UInt8](repeating: 7, count: 8 << 20))
        var calls = 0
        let report = try pool.scrub { _ in
            calls += 1
            return calls < 2
        }
        #expect(calls == 2)
        #expect(!report.isComplete)
        #expect(report.progress.doneBytes == 4 << 20)
    }
}

extension StoragePool {
    func pointer(_ lun: LUNIdentifier, at offset: UInt64) throws -> BlockPointer {
        try withGate { () throws(ArrayError) in
            var pointers: [UInt64] = [0]
            try lookUp(try state.lun(lun), offset / 4096, &pointers)
            return BlockPointer(rawValue: pointers[0])
        }
    }
}
