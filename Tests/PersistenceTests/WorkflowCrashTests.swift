// A crash at every moment of a workflow and after every save, and again at every moment of the recovery from it.
import Coordination
import Domain
import Persistence
import Platform
import Synchronization
import Testing

@Suite struct WorkflowCrashTests {
    /// Where a program dies: at the n-th moment of its effects, or right after its n-th append.
    enum Death: Sendable, CustomStringConvertible {
        case atMoment(Int)
        case afterAppend(Int)
        case never

        var description: String {
            switch self {
            case .atMoment(let number): "moment \(number)"
            case .afterAppend(let number): "append \(number)"
            case .never: "never"
            }
        }

        static let all: [Death] = (0..<9).map { .atMoment($0) } + (1..<8).map { .afterAppend($0) }
    }

    /// A program on `memory` and `site` that dies as told; what it does after its death has no effect.
    private func plant(_ memory: MemoryLog, _ site: Site, _ death: Death, seed: UInt64) throws -> Plant {
        let log = MortalLog(memory)
        if case .afterAppend(let number) = death { log.die(afterAppends: number) }
        let access = Access(site) { (reached) async throws(Fault) in
            if case .atMoment(let number) = death, number == reached.number { log.die() }
            if log.isDead { throw Fault(.error, id: "test.dead", "The program is dead.") }
        }
        return try Plant(log, access, seed: seed)
    }

    private func live<P: Policy>(_ policy: P.Type, first: Death, second: Death) async throws {
        let (memory, site) = (MemoryLog(), Site())
        let one = try plant(memory, site, first, seed: 1)
        let answer = await fault { () async throws(Fault) in try await one.engine.run(Build<P>("web"), by: .test()) }
        let two = try plant(memory, site, second, seed: 2)
        await two.recover()
        let three = try plant(memory, site, .never, seed: 3)
        await three.recover()
        let outcome = three.outcome(of: "web")
        #expect(outcome != nil, "\(P.self): died at \(first), then at \(second): \(site.contents)")
        // Who was told that it is done finds it done.
        if answer == nil { #expect(outcome == true, "\(P.self): died at \(first), then at \(second)") }
        #expect(three.tasks.allSatisfy { $0.isFinished })
        #expect(three.tasks.allSatisfy { ($0.status == .succeeded) == (outcome == true) })
    }

    @Test(arguments: Death.all) func everyCrashEndsWhollyDoneOrWhollyUndone(first: Death) async throws {
        for second in Death.all + [.never] {
            try await live(Undoing.self, first: first, second: second)
            try await live(GoingOn.self, first: first, second: second)
        }
    }

    @Test func stepsThatGoOnAreDoneAfterAnyCrashOnceTheTaskExists() async throws {
        for first in Death.all {
            let (memory, site) = (MemoryLog(), Site())
            let one = try plant(memory, site, first, seed: 1)
            _ = await fault { () async throws(Fault) in try await one.engine.run(Build<GoingOn>("web"), by: .test()) }
            let two = try plant(memory, site, .never, seed: 2)
            await two.recover()
            #expect(two.outcome(of: "web") == true, "died at \(first)")
        }
    }

    /// The program lives, but its log fails once, at each append in turn and in each way.
    @Test(arguments: 0..<7) func aLogThatFailsOnceLeavesNothingHalfDone(append: Int) async throws {
        let failures: [ScriptedLog.Answer] = [
            .refuse(.noSpace), .loseAnswer, .loseChanges, .loseAnswerAndReads(1), .loseAnswerAndReads(3),
        ]
        for failure in failures {
            let log = ScriptedLog()
            let plant = try Plant(log, Access(Site()))
            for _ in 0..<append { log.answer(.durable) }
            log.answer(failure)
            let answer = await fault { () async throws(Fault) in
                try await plant.engine.run(Build<Undoing>("web"), by: .test())
            }
            // Commits that only ask the store to look again.
            for number in 0..<4 {
                _ = await fault { () async throws(Fault) in
                    try await plant.store.commit(by: nil) { (draft) throws(Fault) in
                        try draft.put(Note(id: Identifier("look \(number)"), text: ""))
                    }
                }
            }
            await plant.recover()
            let outcome = plant.outcome(of: "web")
            #expect(outcome != nil, "append \(append), \(failure)")
            if answer == nil { #expect(outcome == true, "append \(append), \(failure)") }
            #expect(plant.tasks.allSatisfy { $0.isFinished }, "append \(append), \(failure)")
        }
    }
}
