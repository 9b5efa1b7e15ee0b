import Datastores
import SCSI
import Testing

// Names, limits, accelerations one by one, a full volume, and damage that must not pass for data.

@Suite struct RuleTests {
    @Test(arguments: [
        ("a//b", NameRule.empty), ("a/./b", .reserved), ("..", .reserved), ("a\0b", .containsNUL),
        (String(repeating: "é", count: 128), .tooLong),
    ])
    func aBrokenNameIsRefused(path: String, rule: NameRule) throws {
        let volume = try Laboratory.memory().mount(1)
        do {
            try volume.createFile(path)
            Issue.record("it was made")
        } catch VolumeError.invalidName(_, let found) { #expect(found == rule) }
    }

    @Test func namesAreBytes() throws {
        let volume = try Laboratory.memory().mount(1)
        let names = ["\u{E9}", "e\u{301}", "A", "a", String(repeating: "x", count: 255), "日本語", " ", "\u{301}mark"]
        for name in names { try volume.createFile(name) }
        #expect(try volume.entries(of: "/").count == names.count)
        for name in names { #expect(try volume.information("/" + name + "/").name.utf8.elementsEqual(name.utf8)) }
        #expect(throws: VolumeError.notADirectory("/a")) { try volume.createFile("a/b") }
        #expect(throws: VolumeError.notFound("/none")) { try volume.createFile("none/b") }
        #expect(throws: VolumeError.isADirectory("/")) { try volume.open("/", for: .reading) }
        #expect(throws: VolumeError.alreadyExists("/")) { try volume.createDirectory("/") }
    }

    @Test func aDirectoryGrowsAndItsEntriesStay() throws {
        let laboratory = try Laboratory.memory()
        let volume = try laboratory.mount(1)
        try volume.createDirectory("d")
        for index in 0..<200 { try volume.createFile("d/file-\(index)", sizeBytes: UInt64(index)) }
        for index in stride(from: 0, to: 200, by: 2) { try volume.remove("d/file-\(index)") }
        for index in 200..<260 { try volume.createFile("d/file-\(index)", sizeBytes: UInt64(index)) }
        let other = try laboratory.mount(2)
        #expect(try other.names("d").count == 160)
        #expect(try other.information("d/file-201").sizeBytes == 201)
        #expect(try other.check().isEmpty)
    }

    @Test func everyAccelerationMayBeOff() throws {
        let source = pattern(9, 3_300_000)
        for off in ["none", "move", "initialize", "locking"] {
            let laboratory = try Laboratory.memory()
            let acceleration = Acceleration(
                move: off != "move", initialize: off != "initialize", locking: off != "locking")
            let volume = try laboratory.mount(1, acceleration: acceleration)
            try volume.createFile("f", sizeBytes: 8 << 20, allocation: .eagerZeroed)
            try volume.write(source, to: "f", at: 12345)
            try volume.clone("f", to: "g")
            #expect(try volume.read("g", at: 12345, count: source.count) == source)
            #expect(try volume.read("f") == volume.read("g"))
            try volume.remove("f")
            let statistics = volume.statistics
            let (move, initialize) = (statistics.move, statistics.initialize)
            #expect((off == "move" ? move.hardware : move.software) == .init())
            #expect((off == "move" ? move.software : move.hardware).bytes == 8 << 20)
            #expect((off == "initialize" ? initialize.hardware : initialize.software) == .init())
            #expect((off == "initialize" ? initialize.software : initialize.hardware).bytes >= 8 << 20)
            let locking = statistics.locking
            #expect((off == "locking" ? locking.hardware : locking.software).commands == 0)
            #expect((off == "locking" ? locking.software : locking.hardware).commands > 10)
            #expect(statistics.delete.hardware.bytes == 8 << 20)
            #expect(try volume.check().isEmpty)
        }
    }

    @Test func anArrayWithoutOffloadsCarriesAVolumeToo() throws {
        let features = MemoryTarget.Features(
            compareAndWrite: false, writeSame: false, unmap: false, extendedCopy: false, residue: 0x77,
            maximumTransferBlocks: 1024)
        let laboratory = Laboratory(MemoryTarget(sizeBytes: 512 << 20, features: features))
        try ModelTests.run(seed: 4, on: laboratory, accelerated: true, steps: 40)
    }

    @Test func aFullVolumeSaysSoAndStaysWhole() throws {
        let laboratory = try Laboratory.memory(mebibytes: 96)
        let volume = try laboratory.mount(1)
        try volume.createFile("keep", sizeBytes: 1 << 20, allocation: .eagerZeroed)
        let free = volume.freeBytes
        #expect(throws: VolumeError.noSpace) {
            try volume.createFile("big", sizeBytes: free + 1, allocation: .eagerZeroed)
        }
        #expect(volume.freeBytes == free)
        try volume.createFile("thin", sizeBytes: 1 << 40)
        let bytes = pattern(5, 1 << 20)
        let file = try volume.open("thin", for: .writing)
        var written: UInt64 = 0
        do {
            while true {
                try file.write(bytes, at: written * 3 << 20)
                written += 1
            }
        } catch VolumeError.noSpace { #expect(written > 0) }
        #expect(written == free >> 20)
        try file.close()
        #expect(volume.freeBytes == 0)
        #expect(throws: VolumeError.noSpace) { try volume.clone("thin", to: "copy") }
        #expect(throws: VolumeError.noSpace) { try volume.write([1], to: "thin", at: 1 << 39) }
        try volume.createFile("empty")
        #expect(try volume.read("thin", at: (written - 1) * 3 << 20, count: 1 << 20) == bytes)
        #expect(try volume.check().isEmpty)
        try volume.remove("thin")
        #expect(volume.freeBytes == free)
        #expect(throws: VolumeError.fileTooLarge) {
            try volume.createFile("x", sizeBytes: Volume.maximumFileBytes + 1)
        }
    }

    /// Every other block of a file, so that its extents outgrow the inode.
    @Test func aFileInManyPiecesKeepsThem() throws {
        let laboratory = try Laboratory.memory(mebibytes: 1024)
        let volume = try laboratory.mount(1)
        try volume.createFile("f", sizeBytes: 1 << 40)
        let file = try volume.open("f", for: .writing)
        for index in 0..<400 { try file.write([UInt8(index % 251), 1], at: UInt64(index) * 2 << 20) }
        try file.close()
        try volume.clone("f", to: "g")
        let other = try laboratory.mount(2)
        let copy = try other.open("g", for: .reading)
        #expect(copy.allocatedRanges.count == 400)
        for index in stride(from: 0, to: 400, by: 37) {
            #expect(try copy.read(at: UInt64(index) * 2 << 20, count: 3) == [UInt8(index % 251), 1, 0])
        }
        try copy.close()
        #expect(try other.check().isEmpty)
        let cut = try other.open("g", for: .writing)
        try cut.truncate(to: 300 << 20)
        try cut.close()
        #expect(try other.check().isEmpty)
        try other.remove("g")
        try other.remove("f")
        #expect(try other.check().isEmpty)
        // Only the root directory's block is left.
        let empty = try Laboratory.memory(mebibytes: 1024).mount(1)
        #expect(other.freeBytes == empty.freeBytes - (1 << 20))
    }

    @Test func aCancelledCloneLeavesNothing() throws {
        let features = MemoryTarget.Features(copySegments: 1)
        let volume = try Laboratory.memory(mebibytes: 512, features: features).mount(1)
        try volume.createFile("f", sizeBytes: 40 << 20)
        for index in 0..<10 { try volume.write([1], to: "f", at: UInt64(index * 4) << 20) }
        let free = volume.freeBytes
        var steps = 0
        #expect(throws: VolumeError.cancelled) {
            try volume.clone("f", to: "g", progress: { _, _ in steps += 1 }, isCancelled: { steps == 3 })
        }
        #expect(volume.freeBytes == free)
        #expect(try volume.names() == ["f"])
        #expect(try volume.check().isEmpty)
    }

    @Test func damageIsFoundAndNotServed() throws {
        let target = MemoryTarget(sizeBytes: 96 << 20)
        let laboratory = Laboratory(target)
        #expect(throws: VolumeError.notAVolume) { try laboratory.mount(1) }
        try laboratory.format()
        let volume = try laboratory.mount(1)
        try volume.createDirectory("d")
        try volume.createFile("d/f", sizeBytes: 2 << 20, allocation: .eagerZeroed)
        try volume.unmount()
        // The first superblock: the copy serves. A byte of the inode table, of a bitmap, of a directory page: found.
        let inodeTable: UInt64 = 8 << 20
        for (offset, isFatal) in [(100, false), (6 << 20 | 600, true), (7 << 20 | 600, true), (inodeTable | 5000, true)] {
            let damaged = Laboratory(target.copy())
            (damaged.target as? MemoryTarget)?.damage(atByte: offset)
            let after = try? damaged.mount(2)
            #expect(after != nil || isFatal)
            let problems = try after?.check() ?? []
            #expect(problems.contains { $0.kind == .corrupt } || after == nil, "byte \(offset)")
        }
        let wrecked = target.copy()
        wrecked.damage(atByte: 100)
        wrecked.damage(atByte: 512 << 10 | 100)
        #expect(throws: VolumeError.corrupt("superblock: checksum")) { try Laboratory(wrecked).mount(1) }
    }
}
