// Snapshots, clones and sizes: what belongs to what, what may be lost and what may not.

import Platform
import Testing

@testable import StorageArray

struct SnapshotTests {
    private let ones = [UInt8](repeating: 1, count: 8192)
    private let twos = [UInt8](repeating: 2, count: 8192)

    @Test func goingBackToASnapshotBringsItsDataAndItsSize() throws {
        let device = SimulatedBlockDevice()
        var pool = try StoragePool.inMemory(device)
        let lun = try pool.createLUN(name: "a", sizeBytes: 4 << 20).identifier
        try pool.write(lun, at: 1 << 20, ones)
        let snapshot = try pool.createSnapshot(of: lun, name: "monday")
        #expect(snapshot.isSnapshot && snapshot.isReadOnly && snapshot.origin == lun)
        try pool.write(lun, at: 1 << 20, twos)
        try pool.resizeLUN(lun, sizeBytes: 8 << 20)
        try pool.write(lun, at: 6 << 20, twos)
        let later = try pool.createSnapshot(of: lun, name: "tuesday").identifier
        #expect(try pool.snapshots(of: lun).map(\.name) == ["monday", "tuesday"])
        try pool.revert(lun, to: snapshot.identifier)
        for _ in 0..<2 {
            #expect(try pool.information(lun).sizeBytes == 4 << 20)
            #expect(try pool.read(lun, at: 1 << 20, count: 8192) == ones)
            #expect(try pool.read(later, at: 6 << 20, count: 8192) == twos)
            #expect(try pool.verify() == [])
            device.crash(keeping: .nothing, seed: 1)
            pool = try StoragePool.open(device)
        }
        try pool.revert(lun, to: later)
        #expect(try pool.read(lun, at: 6 << 20, count: 8192) == twos)
        #expect(try pool.read(snapshot.identifier, at: 1 << 20, count: 8192) == ones)
    }

    @Test func onlyASnapshotOfTheLUNCanBeGoneBackTo() throws {
        let pool = try StoragePool.inMemory()
        let lun = try pool.createLUN(name: "a", sizeBytes: 4 << 20).identifier
        let other = try pool.createLUN(name: "b", sizeBytes: 4 << 20).identifier
        let snapshot = try pool.createSnapshot(of: lun, name: "s").identifier
        let clone = try pool.cloneLUN(lun, name: "c", isReadOnly: true).identifier
        #expect(throws: ArrayError.notASnapshotOfIt) { try pool.revert(other, to: snapshot) }
        #expect(throws: ArrayError.notASnapshotOfIt) { try pool.revert(lun, to: clone) }
        #expect(throws: ArrayError.notASnapshotOfIt) { try pool.revert(lun, to: lun) }
        #expect(throws: ArrayError.isSnapshot) { try pool.revert(snapshot, to: snapshot) }
        #expect(throws: ArrayError.noSuchLUN) { try pool.revert(lun, to: LUNIdentifier(99)) }
        try pool.setReadOnly(lun, true)
        #expect(throws: ArrayError.writeProtected) { try pool.revert(lun, to: snapshot) }
    }

    @Test func aSnapshotStaysWhatItIs() throws {
        let pool = try StoragePool.inMemory()
        let lun = try pool.createLUN(name: "a", sizeBytes: 4 << 20).identifier
        let snapshot = try pool.createSnapshot(of: lun, name: "s").identifier
        #expect(throws: ArrayError.writeProtected) { try pool.write(snapshot, at: 0, ones) }
        #expect(throws: ArrayError.isSnapshot) { try pool.setReadOnly(snapshot, false) }
        #expect(throws: ArrayError.isSnapshot) { try pool.resizeLUN(snapshot, sizeBytes: 8 << 20) }
        #expect(throws: ArrayError.isSnapshot) { try pool.createSnapshot(of: snapshot, name: "t") }
        try pool.renameLUN(snapshot, name: "renamed")
        let clone = try pool.cloneLUN(snapshot, name: "c")
        #expect(!clone.isReadOnly && !clone.isSnapshot)
        try pool.write(clone.identifier, at: 0, ones)
        #expect(try pool.read(snapshot, at: 0, count: 8192) == [UInt8](repeating: 0, count: 8192))
    }

    @Test func aLUNWithSnapshotsIsDeletedOnlyTogetherWithThem() throws {
        let pool = try StoragePool.inMemory()
        let lun = try pool.createLUN(name: "a", sizeBytes: 4 << 20).identifier
        try pool.write(lun, at: 0, ones)
        for name in ["s", "t"] {
            let snapshot = try pool.createSnapshot(of: lun, name: name).identifier
            try pool.setReservations(snapshot, [1])
        }
        let clone = try pool.cloneLUN(lun, name: "c").identifier
        #expect(throws: ArrayError.hasSnapshots) { try pool.deleteLUN(lun) }
        try pool.deleteLUN(lun, withSnapshots: true)
        #expect(pool.luns.map(\.identifier) == [clone])
        #expect(try pool.read(clone, at: 0, count: 8192) == ones)
        try pool.deleteLUN(clone)
        pool.performMaintenance()
        #expect(pool.usage.dataBytes == 0)
        #expect(try pool.verify() == [])
    }

    @Test func shrinkingLosesNothingUnlessItIsMeantTo() throws {
        let pool = try StoragePool.inMemory()
        let lun = try pool.createLUN(name: "a", sizeBytes: 8 << 20).identifier
        try pool.write(lun, at: 6 << 20, ones)
        #expect(throws: ArrayError.dataBeyondEnd) { try pool.resizeLUN(lun, sizeBytes: 4 << 20) }
        #expect(throws: ArrayError.dataBeyondEnd) { try pool.resizeLUN(lun, sizeBytes: 6 << 20 + 4096) }
        try pool.resizeLUN(lun, sizeBytes: 6 << 20 + 8192)
        #expect(throws: ArrayError.outOfRange) { try pool.write(lun, at: 6 << 20 + 8192, ones) }
        try pool.resizeLUN(lun, sizeBytes: 4 << 20, discarding: true)
        try pool.resizeLUN(lun, sizeBytes: 8 << 20)
        #expect(try pool.read(lun, at: 6 << 20, count: 8192) == [UInt8](repeating: 0, count: 8192))
        for size in [0, 4097, 64 << 40 + 4096] as [UInt64] {
            #expect(throws: (size == 4097 ? .misaligned : .tooLarge) as ArrayError) {
                try pool.resizeLUN(lun, sizeBytes: size)
            }
        }
        #expect(try pool.verify() == [])
    }

    @Test func aReadOnlyLUNRefusesEverythingThatWrites() throws {
        let pool = try StoragePool.inMemory()
        let lun = try pool.createLUN(name: "a", sizeBytes: 4 << 20).identifier
        let other = try pool.createLUN(name: "b", sizeBytes: 4 << 20).identifier
        try pool.write(lun, at: 0, ones)
        try pool.setReadOnly(lun, true)
        let refusals: [() throws -> Void] = [
            { try pool.write(lun, at: 0, twos) },
            { try pool.compareAndWrite(lun, at: 0, expected: ones, replacement: twos) },
            { try pool.unmap(lun, at: 0, count: 4096) },
            { try pool.writeZeros(lun, at: 0, count: 512) },
            {
                try pool.writeSame(lun, at: 0, count: 4096, pattern: [UInt8](repeating: 3, count: 512))
            },
            { try pool.copy(from: other, at: 0, to: lun, at: 0, count: 4096) },
            { try pool.resizeLUN(lun, sizeBytes: 8 << 20) },
        ]
        for refusal in refusals { #expect(throws: ArrayError.writeProtected) { try refusal() } }
        #expect(try pool.read(lun, at: 0, count: 8192) == ones)
        try pool.copy(from: lun, at: 0, to: other, at: 0, count: 8192)
        try pool.setReadOnly(lun, false)
        try pool.write(lun, at: 0, twos)
        #expect(try pool.read(other, at: 0, count: 8192) == ones)
    }

    @Test func limitsOfSnapshotsAreEnforced() throws {
        let pool = try StoragePool.inMemory()
        let lun = try pool.createLUN(name: "a", sizeBytes: 4096).identifier
        for index in 0..<Layout.maximumSnapshots { try pool.createSnapshot(of: lun, name: "s\(index)") }
        #expect(throws: ArrayError.tooManySnapshots) { try pool.createSnapshot(of: lun, name: "one more") }
        try pool.cloneLUN(lun, name: "a clone is none")
        var last = lun
        for index in 0..<Layout.maximumDepth { last = try pool.cloneLUN(last, name: "c\(index)").identifier }
        #expect(throws: ArrayError.tooManySnapshots) { try pool.cloneLUN(last, name: "one more") }
        try pool.createLUN(name: "new", sizeBytes: 4096)
    }
}
