import Datastores
import SCSI
import Testing

// A file that gets its name when it is complete: it takes a name, replaces a file, or is dropped; and power is lost at
// every command of that.

@Suite struct PendingFileTests {
    private static let old = pattern(11, 1_300_000)
    private static let new = pattern(12, 2_700_000)

    private static func fill(_ file: PendingFile, _ bytes: [UInt8]) throws {
        for start in stride(from: 0, to: bytes.count, by: 400_000) {
            let piece = Array(bytes[start..<min(start + 400_000, bytes.count)])
            try piece.withUnsafeBytes { try file.write($0, at: UInt64(start)) }
        }
    }

    private static func problems(_ volume: Volume) throws -> [Volume.Problem] {
        try volume.check().filter { $0.kind != .staleLock }
    }

    @Test func aFileIsSeenOnlyOnceItHasItsName() throws {
        let laboratory = try Laboratory.memory()
        let (volume, other) = (try laboratory.mount(1), try laboratory.mount(2))
        let file = try volume.makePendingFile()
        try Self.fill(file, Self.new)
        #expect(file.sizeBytes == UInt64(Self.new.count))
        #expect(try volume.names().isEmpty && other.names().isEmpty)
        #expect(try file.take("new", replacing: false))
        #expect(try other.read("new") == Self.new)
        #expect(try volume.information("new").allocatedBytes == 3 << 20)
        #expect(throws: VolumeError.closed) { try file.take("again", replacing: false) }
        #expect(throws: VolumeError.closed) { try Self.fill(file, [1]) }
        try file.abandon()
        #expect(try volume.names() == ["new"])
        #expect(try Self.problems(volume).isEmpty)
    }

    @Test func aFileOfThatNameIsReplacedInOneStep() throws {
        let laboratory = try Laboratory.memory()
        let volume = try laboratory.mount(1)
        try volume.createFile("file")
        try volume.write(Self.old, to: "file")
        let free = volume.freeBytes
        let file = try volume.makePendingFile()
        try Self.fill(file, Self.new)
        #expect(try volume.read("file") == Self.old)
        #expect(throws: VolumeError.alreadyExists("/file")) { try file.take("file", replacing: false) }
        #expect(try !file.take("file", replacing: true))
        #expect(try volume.read("file") == Self.new)
        try volume.refreshFreeSpace()
        // 3 MiB instead of 2.
        #expect(free - volume.freeBytes == 1 << 20)
        #expect(try Self.problems(volume).isEmpty)
    }

    @Test func aNameThatCannotBeTakenLeavesTheFilePending() throws {
        let laboratory = try Laboratory.memory()
        let volume = try laboratory.mount(1)
        try volume.createDirectory("d")
        try volume.createFile("busy", sizeBytes: 10)
        let reader = try volume.open("busy", for: .reading)
        let file = try volume.makePendingFile()
        try Self.fill(file, Self.new)
        for (path, matches) in [("none/x", "notFound"), ("d", "isADirectory"), ("busy", "busy"), ("busy/x", "notADirectory")] {
            do {
                _ = try file.take(path, replacing: true)
                Issue.record("\(path) was taken")
            } catch {
                #expect("\(error)".hasPrefix(matches), "\(path): \(error)")
            }
        }
        try reader.close()
        #expect(try !file.take("busy", replacing: true))
        #expect(try volume.read("busy") == Self.new)
        #expect(try Self.problems(volume).isEmpty)
    }

    @Test(arguments: [false, true])
    func whatIsDroppedGivesItsBlocksBack(explicitly: Bool) throws {
        let laboratory = try Laboratory.memory()
        let volume = try laboratory.mount(1)
        try volume.createFile("first", sizeBytes: 1)
        let free = volume.freeBytes
        for _ in 0..<3 {
            let file = try volume.makePendingFile()
            try Self.fill(file, Self.new)
            #expect(volume.freeBytes < free)
            if explicitly { try file.abandon() }
        }
        try volume.refreshFreeSpace()
        #expect(volume.freeBytes == free)
        #expect(try volume.names() == ["first"])
        #expect(try Self.problems(volume).isEmpty)
        try volume.unmount()
    }

    @Test func anEmptyFileMayBeTaken() throws {
        let volume = try Laboratory.memory().mount(1)
        #expect(try volume.makePendingFile().take("empty", replacing: false))
        #expect(try volume.information("empty").sizeBytes == 0)
        #expect(try Self.problems(volume).isEmpty)
    }

    private enum Ending: CaseIterable {
        case taken, replacing, abandoned
    }

    @Test func powerMayBeLostAtEveryCommand() throws {
        let clean = MemoryTarget(sizeBytes: 96 << 20, features: .init(residue: 0xAB))
        let laboratory = Laboratory(clean)
        try laboratory.format()
        let volume = try laboratory.mount(1)
        try volume.createFile("old")
        try volume.write(Self.old, to: "old")
        try volume.unmount()
        for ending in Ending.allCases {
            var commands = 12
            while try crash(after: commands, ending, on: clean.copy()) { commands += isLongForm ? 1 : 4 }
            #expect(commands > 40)
        }
    }

    /// - Returns: whether power was lost before the end.
    private func crash(after commands: Int, _ ending: Ending, on target: MemoryTarget) throws -> Bool {
        let laboratory = Laboratory(target)
        let volume = try laboratory.mount(1)
        target.losePower(afterCommands: commands)
        do {
            let file = try volume.makePendingFile()
            try Self.fill(file, Self.new)
            switch ending {
            case .taken: _ = try file.take("new", replacing: false)
            case .replacing: _ = try file.take("old", replacing: true)
            case .abandoned: try file.abandon()
            }
        } catch let error as VolumeError {
            guard target.hasLostPower else { throw error }
        }
        let lost = target.hasLostPower
        target.restorePower()
        let after = try laboratory.mount(1)
        let found = try after.names()
        let text = Comment("\(ending), after \(commands) commands")
        switch ending {
        case .taken:
            #expect(found == ["old"] && lost || found == ["new", "old"], text)
            if found.count == 2 { #expect(try after.read("new") == Self.new, text) }
            #expect(try after.read("old") == Self.old, text)
        case .replacing:
            let bytes = try after.read("old")
            #expect(found == ["old"] && (bytes == Self.new || lost && bytes == Self.old), text)
        case .abandoned:
            #expect(try found == ["old"] && after.read("old") == Self.old, text)
        }
        let problems = try Self.problems(after)
        #expect(problems.isEmpty, "\(ending), after \(commands) commands: \(problems)")
        // Every block but those of the files is free.
        for name in found { try after.remove(name) }
        try after.refreshFreeSpace()
        let empty = try Laboratory.memory(mebibytes: 96).mount(1)
        try empty.createFile("x")
        try empty.remove("x")
        try empty.refreshFreeSpace()
        #expect(after.freeBytes == empty.freeBytes, text)
        return lost
    }
}
