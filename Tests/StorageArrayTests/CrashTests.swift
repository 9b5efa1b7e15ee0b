// A loss of power at every operation of a workload: afterwards every acknowledged command is there, the one under way
// is there whole or not at all, and all counters hold.

import Platform
import Testing

@testable import StorageArray

struct CrashTests {
    /// One run of a workload up to the loss of power.
    private struct Run {
        let device = SimulatedBlockDevice()
        var model = FlatArray()
        /// The model with the command under way applied too; `nil` if there was none.
        var possible: FlatArray?
    }

    private static let lunBytes = 4 << 20

    /// How the pool is opened: how much memory it has for its maps, and whether commands free what was given up.
    enum Memory: CaseIterable {
        case plenty
        /// Nothing that is clean stays from one command to the next.
        case none
        /// As `none`, and what was given up is freed by maintenance only.
        case noneAndLazy

        func open(_ device: SimulatedBlockDevice) throws -> StoragePool {
            let pool = try StoragePool.open(
                device, mapMemoryBytes: self == .plenty ? StoragePool.defaultMapMemoryBytes : 0)
            if self == .noneAndLazy { pool.inlineReapSteps = 0 }
            return pool
        }
    }

    /// Runs commands until power is lost or `commands` are done.
    private func run(seed: UInt64, _ memory: Memory, commands: Int, losePowerAfter operations: Int?) throws -> Run {
        var run = Run()
        _ = try StoragePool.inMemory(run.device, maximumBytes: 48 << 20)
        var pool = try memory.open(run.device)
        for name in ["a", "b"] {
            let lun = try pool.createLUN(name: name, sizeBytes: UInt64(Self.lunBytes))
            run.model.luns[lun.identifier] = .init(bytes: [UInt8](repeating: 0, count: Self.lunBytes))
        }
        var generator = CommandGenerator(seed: seed, longest: memory == .noneAndLazy ? 3 << 20 : 256 << 10)
        if let operations { run.device.losePower(afterOperations: operations) }
        for step in 0..<commands {
            let command = generator.next(for: run.model)
            var after = run.model
            after.apply(command, made: pool.nextIdentifier)
            do {
                try pool.perform(command)
                // Checkpoints and reopenings are part of the workload, too.
                run.model = after
                if step % 11 == 10 { try pool.checkpoint() }
                if step % 17 == 16 { pool.performMaintenance() }
                if step % 23 == 22 { pool = try memory.open(run.device) }
            } catch {
                run.possible = after
                return run
            }
        }
        return run
    }

    private func check(
        _ run: Run, _ memory: Memory, _ survivors: SimulatedBlockDevice.Survivors, seed: UInt64
    ) throws -> [String] {
        run.device.crash(keeping: survivors, seed: seed)
        let pool = try memory.open(run.device)
        let found = try ModelTests.differences(pool, run.model)
        guard !found.isEmpty, let possible = run.possible else { return found }
        return try ModelTests.differences(pool, possible).isEmpty ? [] : found
    }

    @Test(arguments: [11, 12] as [UInt64], Memory.allCases)
    func aLossOfPowerAtAnyOperationLosesNothingAcknowledged(seed: UInt64, memory: Memory) throws {
        let commands = isLong ? 120 : 50
        let whole = try run(seed: seed, memory, commands: commands, losePowerAfter: nil)
        let before = try run(seed: seed, memory, commands: 0, losePowerAfter: nil).device.operationCount
        let operations = whole.device.operationCount - before
        #expect(operations > commands)
        var random = SeededGenerator(seed: seed)
        let stride = isLong ? 1 : max(1, operations / 40)
        var point = random.below(stride)
        while point < operations {
            let survivors = SimulatedBlockDevice.Survivors.allCases[random.below(4)]
            let cut = try run(seed: seed, memory, commands: commands, losePowerAfter: point)
            let crashSeed = random.next()
            let problems = try check(cut, memory, survivors, seed: crashSeed)
            #expect(problems.isEmpty, "seed \(seed), \(memory), power lost after \(point), \(survivors), crash seed \(crashSeed)")
            if !problems.isEmpty { return }
            point += 1 + random.below(2 * stride - 1)
        }
    }

    @Test func aBlockThatTheLastGroupFreedItselfMayHaveBeenReused() throws {
        let device = SimulatedBlockDevice()
        let pool = try StoragePool.inMemory(device)
        let lun = try pool.createLUN(name: "a", sizeBytes: 1 << 20).identifier
        // Two writes of one block in one group: the first one's block is free when the group is durable.
        let extent = try Extent(0, 4096)
        var block = BlockPointer.unmapped
        var group: UInt64 = 0
        for byte in [1, 2] as [UInt8] {
            let bytes = [UInt8](repeating: byte, count: 4096)
            try bytes.withBytes { buffer throws(ArrayError) in
                group = try pool.writeHeld(lun, extent, buffer, for: .write)
            }
            if byte == 1 { block = try pool.pointer(lun, block: 0) }
        }
        try pool.finish(group)
        #expect(try pool.isFree(block.block))
        // What a later write does there before its own group is written.
        try device.write([UInt8](repeating: 9, count: 4096), at: block.offset)
        device.crash(keeping: .everything, seed: 1)
        let reopened = try StoragePool.open(device)
        #expect(try reopened.read(lun, at: 0, count: 4096) == [UInt8](repeating: 2, count: 4096))
    }
}

extension StoragePool {
    /// The identifier that the next LUN will get.
    var nextIdentifier: LUNIdentifier { locked { LUNIdentifier(state.nextLUN) } }
}
