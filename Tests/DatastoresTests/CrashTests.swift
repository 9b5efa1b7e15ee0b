import Datastores
import SCSI
import Testing

// Power is lost at every single command of a workload. Afterwards another host, or the same one restarted, mounts:
// every completed step is there, the interrupted one whole or absent, and no block or lock is left behind.

/// One step of a workload and what the volume holds after it.
private struct Step: Sendable {
    var name: String
    var run: @Sendable (Volume) throws -> Void
}

@Suite struct CrashTests {
    private static let content = pattern(1, 2_500_000)

    private static let steps: [Step] = [
        Step(name: "directory") { try $0.createDirectory("d") },
        Step(name: "thin") { try $0.createFile("d/thin", sizeBytes: 6 << 20) },
        Step(name: "write") { try $0.write(Self.content, to: "d/thin", at: 700_000) },
        Step(name: "eager") { try $0.createFile("eager", sizeBytes: 3 << 20, allocation: .eagerZeroed) },
        Step(name: "clone") { try $0.clone("d/thin", to: "copy") },
        Step(name: "rename") { try $0.rename("copy", to: "d/moved") },
        Step(name: "move directory") {
            try $0.createDirectory("e")
        },
        Step(name: "into it") { try $0.rename("d", to: "e/d") },
        Step(name: "cut") {
            let file = try $0.open("e/d/moved", for: .writing)
            do { try file.truncate(to: 1_500_000) } catch {
                try? file.close()
                throw error
            }
            try file.close()
        },
        Step(name: "remove") { try $0.remove("e/d/thin") },
        Step(name: "remove eager") { try $0.remove("eager") },
        Step(name: "small") { try $0.createFile("last") },
    ]

    /// Names, sizes and a sample of bytes: what must be the same before or after a step.
    private static func picture(_ volume: Volume, _ path: String = "") throws -> [String] {
        var lines: [String] = []
        for entry in try volume.entries(of: path) {
            let inner = path + "/" + entry.name
            if entry.isDirectory {
                lines.append(inner + "/")
                lines += try picture(volume, inner)
            } else {
                let bytes = try volume.read(inner)
                let sum = bytes.withUnsafeBytes { raw in
                    raw.bindMemory(to: UInt64.self).reduce(UInt64(raw.count)) { ($0 &* 31) &+ $1 }
                }
                lines.append("\(inner) \(bytes.count) \(sum)")
            }
        }
        return lines
    }

    @Test(arguments: [false, true])
    func everyCommandMayBeTheLast(takenOverByAnother: Bool) throws {
        let clean = MemoryTarget(sizeBytes: 96 << 20, features: .init(residue: 0xAB))
        let laboratory = Laboratory(clean)
        try laboratory.format()
        // The pictures between steps, and the number of commands of the whole.
        var pictures: [[String]] = []
        let counted = Laboratory(clean.copy())
        let reference = try counted.mount(1)
        pictures.append(try Self.picture(reference))
        for step in Self.steps {
            try step.run(reference)
            pictures.append(try Self.picture(reference))
        }
        // The long form stops after every command, the short one after each ninth of both hosts' turns.
        let stride = isLongForm ? 1 : 9
        var commands = takenOverByAnother ? 12 : 16
        var crashed = true
        while crashed {
            crashed = try crash(
                after: commands, on: clean.copy(), takenOverByAnother: takenOverByAnother, pictures: pictures)
            commands += stride
        }
        #expect(commands > 150)
    }

    /// - Returns: whether power was lost before the workload ended.
    private func crash(
        after commands: Int, on target: MemoryTarget, takenOverByAnother: Bool, pictures: [[String]]
    ) throws -> Bool {
        let laboratory = Laboratory(target)
        let volume = try laboratory.mount(1)
        target.losePower(afterCommands: commands)
        var done = 0
        do {
            for step in Self.steps {
                try step.run(volume)
                done += 1
            }
        } catch let error as VolumeError {
            guard target.hasLostPower else { throw error }
        }
        let lost = target.hasLostPower
        target.restorePower()
        let after = try laboratory.mount(takenOverByAnother ? 2 : 1)
        if takenOverByAnother { try after.breakLocks(of: [Laboratory.host(1).identifier]) }
        // Locks of the generation that ended are taken by whoever needs them: writing takes every file's.
        let found = try Self.picture(after)
        let allowed = done < Self.steps.count ? [pictures[done], pictures[done + 1]] : [pictures[done]]
        #expect(allowed.contains(found), "after \(commands) commands, in step \(done)")
        try takeEveryLock(after, "")
        let problems = try after.check().filter { $0.kind != .staleLock }
        #expect(problems.isEmpty, "after \(commands) commands, in step \(done): \(problems)")
        try emptied(after, commands)
        return lost
    }

    private func takeEveryLock(_ volume: Volume, _ path: String) throws {
        for entry in try volume.entries(of: path) {
            let inner = path + "/" + entry.name
            if entry.isDirectory {
                try takeEveryLock(volume, inner)
            } else {
                try volume.open(inner, for: .writing).close()
            }
        }
    }

    /// Removes everything, after which every block is free but those of the root directory.
    private func emptied(_ volume: Volume, _ commands: Int) throws {
        for entry in try volume.entries(of: "") { try volume.removeTree(entry.name) }
        let used = volume.capacityBytes - volume.freeBytes
        try volume.createFile("x", sizeBytes: 1)
        let problems = try volume.check().filter { $0.kind != .staleLock }
        #expect(problems.isEmpty, "after \(commands) commands and emptying: \(problems)")
        #expect(used <= (10 + 3) << 20, "after \(commands) commands: \(used) bytes in use")
    }

    @Test func recoveryMayItselfBeInterrupted() throws {
        let clean = MemoryTarget(sizeBytes: 96 << 20)
        try Laboratory(clean).format()
        let volume = try Laboratory(clean).mount(1)
        try volume.createFile("big", sizeBytes: 20 << 20, allocation: .eagerZeroed)
        // Stop a removal in its middle: the name is gone, the blocks are not.
        clean.losePower(afterCommands: 25)
        _ = try? volume.remove("big")
        clean.restorePower()
        for first in stride(from: 1, to: 40, by: isLongForm ? 1 : 4) {
            let target = clean.copy()
            target.losePower(afterCommands: first)
            _ = try? Laboratory(target).mount(2).breakLocks(of: [Laboratory.host(1).identifier])
            target.restorePower()
            let after = try Laboratory(target).mount(2)
            try after.breakLocks(of: [Laboratory.host(1).identifier])
            let problems = try after.check().filter { $0.kind != .staleLock }
            #expect(problems.isEmpty, "after \(first) commands: \(problems)")
        }
    }
}
