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
        let pointer = BlockPointer(
            rawValue: pool.locked { pool.state.pointer(below: pool.state.luns[lun]?.root ?? 0, block: 1) })
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

    @Test func aDamagedPageOfMetadataIsNotOpened() throws {
        let device = SimulatedBlockDevice()
        let (pool, _) = try makePool(device)
        try pool.close()
        let stored = pool.locked {
            (1..<UInt32(1 + pool.state.arena.count)).map { pool.state.arena.page($0).pointee.stored.block }
                + pool.catalogueBlocks
        }
        #expect(stored.count >= 6)
        for block in stored {
            let offset = UInt64(block) * 4096 + UInt64(block * 97 % 4096)
            device.damage(at: offset)
            #expect(throws: ArrayError.self, "block \(block)") { _ = try StoragePool.open(device) }
            device.damage(at: offset)
        }
        _ = try StoragePool.open(device)
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
