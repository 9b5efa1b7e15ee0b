import Datastores
import Platform
import SCSI
import StorageArray
import Testing

// The same volume on the real array: its limits, its sharing of copied blocks, its space given back.

@Suite struct ArrayTests {
    private struct Zeros: Randomness {
        func fill(_ bytes: UnsafeMutableRawBufferPointer) { bytes.initializeMemory(as: UInt8.self, repeating: 7) }
    }

    private struct Fixture {
        let device: SimulatedBlockDevice
        let pool: StoragePool
        let lun: LUNIdentifier
        let laboratory: Laboratory
    }

    private static func fixture(_ device: SimulatedBlockDevice? = nil, mebibytes: UInt64) throws -> Fixture {
        let made = device ?? SimulatedBlockDevice(canLosePower: false)
        if device == nil {
            let options = PoolOptions(maximumBytes: 4 << 30, journalBytes: 1 << 20)
            try StoragePool.format(made, options: options, randomness: Zeros())
        }
        let pool = try StoragePool.open(made)
        let lun = try device == nil
            ? pool.createLUN(name: "lun", sizeBytes: mebibytes << 20).identifier : pool.luns[0].identifier
        let target = ArrayTarget(pool: pool)
        target.expose(lun, as: 3)
        for host in 0..<10 { target.allow("iqn.2026-01.test:host-\(host)", 3) }
        return Fixture(device: made, pool: pool, lun: lun, laboratory: Laboratory(target, lun: 3))
    }

    @Test(arguments: isLongForm ? Array(1...20) : [11])
    func theModelHoldsOnTheArray(seed: UInt64) throws {
        let fixture = try Self.fixture(mebibytes: 512)
        try ModelTests.run(seed: seed, on: fixture.laboratory, accelerated: true, steps: isLongForm ? 60 : 40)
        #expect(try fixture.pool.verify().isEmpty)
    }

    @Test func aCloneTakesNoDataOfThePoolAndRemovingGivesItBack() throws {
        let fixture = try Self.fixture(mebibytes: 2048)
        try fixture.laboratory.format()
        let volume = try fixture.laboratory.mount(1)
        let content = pattern(1, 1 << 20)
        try volume.createFile("disk", sizeBytes: 64 << 20)
        let file = try volume.open("disk", for: .writing)
        for index in 0..<16 { try file.write(content, at: UInt64(index) << 20) }
        try file.close()
        let before = try fixture.pool.information(fixture.lun).allocatedBytes
        let unique = try fixture.pool.uniqueBytes(fixture.lun)
        try volume.clone("disk", to: "copy")
        #expect(try fixture.pool.information(fixture.lun).allocatedBytes >= before + (16 << 20))
        let grown = try fixture.pool.uniqueBytes(fixture.lun)
        // What the clone added to the pool is its metadata; its data is the source's, no longer unique.
        #expect(grown < unique + (1 << 20))
        #expect(try volume.read("copy", at: 5 << 20, count: 1 << 20) == content)
        #expect(volume.statistics.move.hardware.commands == 1)
        try volume.remove("disk")
        try volume.remove("copy")
        #expect(try fixture.pool.information(fixture.lun).allocatedBytes < before)
        #expect(try volume.check().isEmpty)
    }

    @Test func aRestartedArrayStillHasTheVolume() throws {
        let fixture = try Self.fixture(mebibytes: 512)
        try fixture.laboratory.format(label: "kept")
        let content = pattern(2, 3_000_000)
        do {
            let volume = try fixture.laboratory.mount(1)
            try volume.createDirectory("vm")
            try volume.createFile("vm/disk")
            try volume.write(content, to: "vm/disk")
        }
        try fixture.pool.close()
        let again = try Self.fixture(fixture.device, mebibytes: 512)
        let volume = try again.laboratory.mount(2)
        #expect(volume.label == "kept")
        #expect(try volume.read("vm/disk") == content)
        #expect(try volume.check().isEmpty)
    }
}
