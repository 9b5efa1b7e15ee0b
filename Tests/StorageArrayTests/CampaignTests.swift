// One life of a pool after another, each ended by a loss of power at a random write, flush or discard: whatever was
// acknowledged is there, what was under way is there up to some command and nothing after it, and a scrub is clean.
//
// 500 crash points in the usual run; with VIADUCT_LONG=1 20 000 (or VIADUCT_CRASHES). The seed is printed.

import Glibc
import Platform
import Synchronization
import Testing

@testable import StorageArray

struct CampaignTests {
    private struct Campaign {
        let seed: UInt64
        let device = SimulatedBlockDevice()
        var generator: CommandGenerator
        var random: SeededGenerator
        /// What is acknowledged, and after it what each command under way would make of it.
        var states: [FlatArray] = [FlatArray()]
        var pool: StoragePool

        init(seed: UInt64) throws {
            self.seed = seed
            random = SeededGenerator(seed: seed ^ 0x5EED)
            // Every fifth pool has LUNs of several leaves, the others more lives in the same time.
            let lunBytes = seed % 5 == 0 ? 4 << 20 : 256 << 10
            generator = CommandGenerator(seed: seed, longest: lunBytes / 2)
            generator.maximumLUNs = 7
            generator.sizeUnit = lunBytes / 2
            generator.attributeShare = 12
            pool = try StoragePool.inMemory(device, maximumBytes: seed % 5 == 0 ? 64 << 20 : 20 << 20)
            for name in ["a", "b", "c"] {
                let lun = try pool.createLUN(name: name, sizeBytes: UInt64(lunBytes))
                states[0].luns[lun.identifier] = .init(bytes: [UInt8](repeating: 0, count: lunBytes))
            }
        }

        /// Commands until power is lost; sometimes several before anybody waits.
        mutating func live() {
            device.losePower(afterOperations: random.below(120))
            do {
                while true {
                    var last = CommitTicket.now
                    for _ in 0..<[1, 1, 2, 6][random.below(4)] {
                        let before = states[states.count - 1]
                        let command = generator.next(for: before)
                        states += Self.steps(command, on: before, made: pool.nextIdentifier)
                        last = max(last, try begin(command))
                    }
                    try pool.wait(for: last)
                    states = [states[states.count - 1]]
                    switch random.below(16) {
                    case 0: try pool.checkpoint()
                    case 1: pool.performMaintenance()
                    case 2: pool = try CrashTests.Memory.allCases[random.below(3)].open(device)
                    default: break
                    }
                }
            } catch { return }
        }

        /// What a command makes of a state, step by step: snapshots go one by one before their LUN.
        private static func steps(
            _ command: FlatArray.Command, on before: FlatArray, made: LUNIdentifier
        ) -> [FlatArray] {
            var states: [FlatArray] = []
            var state = before
            if case .delete(let lun) = command {
                for snapshot in before.luns.filter({ $0.value.snapshotOf == lun }).keys.sorted() {
                    state.luns[snapshot] = nil
                    states.append(state)
                }
            }
            state.apply(command, made: made)
            return states + [state]
        }

        /// Does a command without waiting where that can be; the others wait for all before them.
        private func begin(_ command: FlatArray.Command) throws(ArrayError) -> CommitTicket {
            switch command {
            case .write(let lun, let offset, let bytes): return try pool.deferredWrite(lun, at: UInt64(offset), bytes)
            case .zero(let lun, let offset, let count, _):
                return try pool.deferredUnmap(lun, at: UInt64(offset), count: UInt64(count))
            case .compareAndWrite(let lun, let offset, let expected, let replacement):
                return try pool.deferredCompareAndWrite(
                    lun, at: UInt64(offset), expected: expected, replacement: replacement
                ).ticket
            case .copy, .fill, .clone, .delete, .resize, .snapshot, .revert, .reserve, .setThreshold:
                _ = try pool.perform(command)
                return .now
            }
        }

        /// Brings power back, compares, and goes on from what is there.
        mutating func recover() throws -> [String] {
            let survivors = SimulatedBlockDevice.Survivors.allCases[random.below(4)]
            device.crash(keeping: survivors, seed: random.next())
            pool = try CrashTests.Memory.allCases[random.below(3)].open(device)
            var problems: [String] = []
            // The latest first: an acknowledged change that is lost shows itself as no match at all.
            for state in states.reversed() {
                problems = try ModelTests.contentDifferences(pool, state)
                if problems.isEmpty {
                    states = [state]
                    let report = try pool.scrub()
                    return report.problems + report.damagedBlocks.map { "\($0.lun) at \($0.offset) is damaged" }
                }
            }
            return problems + ["\(survivors), \(states.count - 1) commands under way"]
        }
    }

    private static func crashes(_ count: Int, seed: UInt64) -> [String] {
        do {
            var campaign = try Campaign(seed: seed)
            for point in 0..<count {
                campaign.live()
                let problems = try campaign.recover()
                if !problems.isEmpty { return problems.map { "seed \(seed), crash \(point): \($0)" } }
            }
            return []
        } catch { return ["seed \(seed): \(error)"] }
    }

    @Test func nothingAcknowledgedIsLostInOneLifeAfterAnother() throws {
        let asked = getenv("VIADUCT_CRASHES").flatMap { Int(String(cString: $0)) }
        let count = asked ?? (isLong ? 20_000 : 500)
        let firstSeed = getenv("VIADUCT_SEED").flatMap { UInt64(String(cString: $0)) } ?? 1
        // Lives of one pool follow each other; several pools, so that two processors share them.
        let perPool = min(100, count)
        let next = Atomic<Int>(0)
        let problems = Mutex<[String]>([])
        try ConcurrencyTests.onThreads(2) { _ in
            while true {
                let index = next.add(1, ordering: .relaxed).oldValue
                guard index * perPool < count else { return }
                let found = Self.crashes(perPool, seed: firstSeed + UInt64(index))
                if !found.isEmpty { problems.withLock { $0 += found } }
            }
        }
        print("\(count) crash points from seed \(firstSeed) on")
        #expect(problems.withLock { $0 } == [])
    }
}
