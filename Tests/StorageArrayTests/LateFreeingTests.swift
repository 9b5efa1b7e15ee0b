// What unmapping and deleting give up is freed later: it costs nothing at once, survives crashes and checkpoints as what
// it is, and is there for those who need the space.

import Platform
import Testing

@testable import StorageArray

struct LateFreeingTests {
    private static let lunBytes: UInt64 = 24 << 20

    /// A pool of 48 MiB with a LUN of 24 MiB, fully mapped, where nobody frees but who has to.
    private func makePool(_ device: SimulatedBlockDevice, memory: Int = 0) throws -> (StoragePool, LUNIdentifier) {
        let pool = try StoragePool.inMemory(device, maximumBytes: 48 << 20, mapMemoryBytes: memory)
        pool.inlineReapSteps = 0
        let lun = try pool.createLUN(name: "a", sizeBytes: Self.lunBytes).identifier
        for offset in stride(from: 0, to: Self.lunBytes, by: 1 << 20) {
            try pool.write(lun, at: offset, [UInt8](repeating: UInt8(offset >> 20) + 1, count: 1 << 20))
        }
        return (pool, lun)
    }

    private func reopen(_ device: SimulatedBlockDevice) throws -> StoragePool {
        let pool = try StoragePool.open(device, mapMemoryBytes: 0)
        pool.inlineReapSteps = 0
        return pool
    }

    @Test(arguments: ["unmap", "zeros", "delete", "shrink"])
    func givingUpIsOneStepAndFreeingComesLater(how: String) throws {
        let device = SimulatedBlockDevice()
        var (pool, lun) = try makePool(device)
        try pool.checkpoint()
        switch how {
        case "unmap": try pool.unmap(lun, at: 0, count: Self.lunBytes)
        case "zeros": try pool.writeZeros(lun, at: 0, count: Self.lunBytes)
        case "delete": try pool.deleteLUN(lun)
        default: try pool.resizeLUN(lun, sizeBytes: 2 << 20, discarding: true)
        }
        let kept: UInt64 = how == "shrink" ? 2 << 20 : 0
        #expect(pool.usage.dataBytes == Self.lunBytes)
        if how != "delete" { #expect(try pool.information(lun).allocatedBytes == kept) }
        #expect(try pool.verify() == [])
        // As a record of the journal, then as part of a checkpoint.
        for _ in 0..<2 {
            device.crash(keeping: .nothing, seed: 1)
            pool = try reopen(device)
            #expect(pool.locked { pool.state.dead.count } > 0)
            #expect(pool.usage.dataBytes == Self.lunBytes)
            #expect(try pool.verify() == [])
        }
        pool.performMaintenance()
        #expect(pool.usage.dataBytes == kept)
        #expect(try pool.verify() == [])
        #expect(try reopen(device).usage.dataBytes == kept)
    }

    @Test func whoeverNeedsTheSpaceFreesIt() throws {
        let device = SimulatedBlockDevice()
        let (pool, lun) = try makePool(device)
        let other = try pool.createLUN(name: "b", sizeBytes: 64 << 20).identifier
        var filled: UInt64 = 0
        while (try? pool.write(other, at: filled, [UInt8](repeating: 1, count: 1 << 20))) != nil { filled += 1 << 20 }
        try pool.deleteLUN(lun)
        // The same again, without anybody's upkeep.
        for offset in stride(from: filled, to: filled + (20 << 20), by: 1 << 20) {
            try pool.write(other, at: offset, [UInt8](repeating: 2, count: 1 << 20))
        }
        #expect(try pool.verify() == [])
        device.crash(keeping: .nothing, seed: 1)
        let opened = try reopen(device)
        #expect(try opened.read(other, at: filled, count: 4096) == [UInt8](repeating: 2, count: 4096))
        #expect(try opened.verify() == [])
    }

    @Test func whatAnotherLUNSharesStays() throws {
        let device = SimulatedBlockDevice()
        let (pool, lun) = try makePool(device)
        let clone = try pool.cloneLUN(lun, name: "c").identifier
        try pool.write(clone, at: 0, [UInt8](repeating: 99, count: 4096))
        try pool.deleteLUN(lun)
        pool.performMaintenance()
        #expect(pool.usage.dataBytes == Self.lunBytes)
        #expect(try pool.read(clone, at: 4096, count: 4096) == [UInt8](repeating: 1, count: 4096))
        #expect(try pool.uniqueBytes(clone) == Self.lunBytes)
        #expect(try pool.verify() == [])
    }

    @Test func aDeadPageThatCannotBeReadKeepsItsBlocksAndNothingElse() throws {
        let device = SimulatedBlockDevice()
        let (first, lun) = try makePool(device)
        try first.close()
        let leaf = try first.locked { Result { try first.leafBlock(lun, 0) } }.get()
        let pool = try reopen(device)
        device.damage(at: UInt64(leaf) * 4096 + 77)
        try pool.deleteLUN(lun)
        pool.performMaintenance()
        #expect(pool.cannotReap)
        #expect(try pool.verify().contains("map page \(leaf): checksum"))
        let other = try pool.createLUN(name: "b", sizeBytes: 1 << 20).identifier
        try pool.write(other, at: 0, [UInt8](repeating: 1, count: 4096))
        #expect(try pool.read(other, at: 0, count: 4096) == [UInt8](repeating: 1, count: 4096))
    }
}

extension StoragePool {
    /// Where the leaf on the way to a block is stored. With the gate held.
    fileprivate func leafBlock(_ lun: LUNIdentifier, _ block: UInt64) throws -> UInt32 {
        try state.page(below: try state.lun(lun).root, level: 0, block: block).stored.block
    }
}
