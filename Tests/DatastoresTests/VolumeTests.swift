import Datastores
import SCSI
import Testing

// What a volume does for one host after another, on a LUN in memory.

@Suite struct VolumeTests {
    @Test func aFileWrittenByOneHostIsReadByAnother() throws {
        let laboratory = try Laboratory.memory()
        let first = try laboratory.mount(1)
        #expect(first.label == "datastore1")
        #expect(first.capacityBytes == 256 << 20)
        try first.createDirectory("vm")
        try first.createFile("vm/disk.vmdk", sizeBytes: 10 << 20)
        let bytes = pattern(1, 3_000_000)
        try first.write(bytes, to: "vm/disk.vmdk", at: 1_000_001)

        let second = try laboratory.mount(2)
        #expect(try second.names() == ["vm"])
        #expect(try second.names("/vm") == ["disk.vmdk"])
        #expect(try second.read("vm/disk.vmdk", at: 1_000_001, count: bytes.count) == bytes)
        #expect(try second.read("vm/disk.vmdk", at: 0, count: 1_000_001).allSatisfy { $0 == 0 })
        #expect(try second.information("vm/disk.vmdk").sizeBytes == 10 << 20)
        #expect(try second.information("vm/disk.vmdk").allocatedBytes == 4 << 20)
        #expect(try second.check().isEmpty)
    }

    @Test func removingGivesEveryBlockBack() throws {
        let laboratory = try Laboratory.memory()
        let volume = try laboratory.mount(1)
        try volume.createDirectory("a")
        try volume.createFile("a/first")
        try volume.remove("a/first")
        let before = volume.freeBytes
        for index in 0..<30 { try volume.createFile("a/f\(index)") }
        try volume.write(pattern(2, 5 << 20), to: "a/f3")
        try volume.createFile("a/eager", sizeBytes: 20 << 20, allocation: .eagerZeroed)
        #expect(volume.freeBytes == before - (25 << 20))
        #expect(try volume.check().isEmpty)
        try volume.removeTree("a")
        #expect(volume.freeBytes == before + (1 << 20))
        #expect(try volume.names() == [])
        #expect(try volume.check().isEmpty)
        try volume.unmount()
        #expect(throws: VolumeError.closed) { try volume.names() }
    }

    @Test func aCloneIsEqualAndItsSourceStays() throws {
        let laboratory = try Laboratory.memory()
        let volume = try laboratory.mount(1)
        try volume.createFile("source", sizeBytes: 40 << 20)
        try volume.write(pattern(3, 7 << 20), to: "source", at: 3 << 20)
        try volume.write(pattern(4, 100), to: "source", at: 33 << 20)
        let report = try volume.clone("source", to: "copy")
        #expect(report.copiedBytes == 8 << 20)
        #expect(report.hardwareCommands == 1)
        #expect(report.softwareCommands == 0)
        #expect(try volume.read("copy") == volume.read("source"))
        #expect(try volume.information("copy").allocatedBytes == 8 << 20)
        try volume.write([1, 2, 3], to: "copy", at: 3 << 20)
        #expect(try volume.read("source", at: 3 << 20, count: 100) == pattern(3, 100))
        #expect(try volume.check().isEmpty)
    }

    @Test func renameMovesFilesAndDirectories() throws {
        let laboratory = try Laboratory.memory()
        let volume = try laboratory.mount(1)
        try volume.createDirectory("a")
        try volume.createDirectory("b")
        try volume.createFile("a/x", sizeBytes: 5)
        try volume.rename("a/x", to: "b/y")
        try volume.rename("b", to: "a/b")
        #expect(try volume.information("a/b/y").sizeBytes == 5)
        #expect(throws: VolumeError.invalidArgument("a directory cannot go into itself")) {
            try volume.rename("a", to: "a/b/c")
        }
        try volume.createFile("z")
        #expect(throws: VolumeError.alreadyExists("/a/b/y")) { try volume.rename("z", to: "a/b/y") }
        #expect(throws: VolumeError.notFound("/none")) { try volume.rename("none", to: "some") }
        #expect(try volume.check().isEmpty)
    }
}
