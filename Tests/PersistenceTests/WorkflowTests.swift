// Workflows: every step failing before and after its effect, a crash at every moment and after every save, also during the
// recovery from another crash, cancellation at every moment, and a log that fails at every append.
import Coordination
import Domain
import Persistence
import Platform
import Synchronization
import Testing

private let broken = Fault(.resourceInaccessible, id: "test.broken", "The array does not answer.")

@Suite struct WorkflowTests {
    /// How many moments and appends a build has; the loops below reach all of them.
    private static let moments = 8

    @Test func aWorkflowRunsToItsEndAndItsRecordTells() async throws {
        let log = MemoryLog()
        let plant = try Plant(log, Access(Site()))
        let state = try await plant.engine.run(Build<Undoing>("web"), by: .test("clone"))
        #expect(plant.outcome(of: "web") == true)
        #expect(state.item == "vm-101")
        let record = try #require(plant.tasks.first)
        #expect(record.id.rawValue.hasSuffix(":com.vmware.vcenter.VM") && record.id.rawValue.utf8.count == 36 + 22)
        #expect(record.status == .succeeded && record.result == "\"vm-101\"" && record.fault == nil)
        #expect(record.progress == WorkflowProgress(total: 4, completed: 4, message: "Completed"))
        #expect(record.target == WorkflowTarget(type: "Item", id: "vm-101"))
        #expect(record.caller.operation == "clone" && record.caller.user == "ann@vsphere.local")
        let (start, end) = (try #require(record.startedAt), try #require(record.endedAt))
        #expect(record.createdAt < start && start < end)
        // One entry for the start, one with the fact of a step, one for the end; each names the caller.
        let audit = try plant.store.audit(AuditQuery(limit: 99))
        #expect(audit.map(\.facts.first?.detail) == ["task \(record.id)", "registered", "task \(record.id) succeeded"])
        #expect(audit.allSatisfy { $0.user == "ann@vsphere.local" && $0.operation == "clone" })
    }

    @Test func whatCannotBeAdmittedHasNoTask() async throws {
        let plant = try Plant(MemoryLog(), Access(Site()))
        try await plant.store.commit(by: nil) { (draft) throws(Fault) in
            try draft.insert(Note(id: "reserved web", text: "by somebody else"))
        }
        let type = await fault { () async throws(Fault) in try await plant.engine.start(Build<Undoing>("web"), by: .test()) }
        #expect(type == .alreadyExists)
        #expect(plant.tasks.isEmpty && plant.access.momentCount == 0)
    }

    @Test(arguments: 0..<6) func aFailureBeforeThePointOfNoReturnUndoesEverything(moment: Int) async throws {
        let access = Access(Site()) { (reached) async throws(Fault) in
            if reached.number == moment { throw broken }
        }
        let plant = try Plant(MemoryLog(), access)
        let type = await fault { () async throws(Fault) in try await plant.engine.run(Build<Undoing>("web"), by: .test()) }
        #expect(type == .resourceInaccessible)
        #expect(plant.outcome(of: "web") == false)
        let record = try #require(plant.tasks.first)
        #expect(record.status == .failed && record.fault == RecordedFault(broken))
        #expect(record.endedAt != nil && record.result == nil)
    }

    @Test func aChangeOfTheInventoryThatIsRefusedUndoesItsStep() async throws {
        let plant = try Plant(MemoryLog(), Access(Site()))
        try await plant.store.commit(by: nil) { (draft) throws(Fault) in try draft.insert(Item("vm-7", name: "web")) }
        let type = await fault { () async throws(Fault) in try await plant.engine.run(Build<Undoing>("web"), by: .test()) }
        #expect(type == .alreadyExists)
        #expect(plant.access.site.contents.isEmpty)
        #expect(plant.store.snapshot[Note.self].isEmpty)
    }

    @Test(arguments: [6, 7]) func aFailureAfterThePointOfNoReturnWaitsAndGoesOn(moment: Int) async throws {
        let access = Access(Site()) { (reached) async throws(Fault) in
            if reached.number == moment { throw broken }
        }
        let plant = try Plant(MemoryLog(), access)
        let type = await fault { () async throws(Fault) in try await plant.engine.run(Build<Undoing>("web"), by: .test()) }
        #expect(type == .resourceInaccessible)
        #expect(plant.tasks.first?.status == .blocked && plant.tasks.first?.fault == RecordedFault(broken))
        await plant.recover()
        #expect(plant.outcome(of: "web") == true)
        #expect(plant.tasks.first?.status == .succeeded)
    }

    @Test(arguments: 0..<4) func anUndoThatFailsWaitsAndIsTakenUpAgain(failing: Int) async throws {
        let undos = Mutex(0)
        let access = Access(Site()) { (reached) async throws(Fault) in
            if reached.effect == "add disk web" && reached.isAfter { throw broken }
            guard reached.effect.hasPrefix("remove") else { return }
            let number = undos.withLock { count in
                defer { count += 1 }
                return count
            }
            if number == failing { throw Fault(.timedOut, id: "test.late", "Too late.") }
        }
        let plant = try Plant(MemoryLog(), access)
        let type = await fault { () async throws(Fault) in try await plant.engine.run(Build<Undoing>("web"), by: .test()) }
        #expect(type == .timedOut)
        #expect(plant.tasks.first?.status == .blocked)
        await plant.recover()
        #expect(plant.outcome(of: "web") == false)
        #expect(plant.tasks.first?.status == .failed && plant.tasks.first?.fault == RecordedFault(broken))
    }

    @Test func noMoreThanTheLimitRunAtOnce() async throws {
        let running = Mutex<(now: Set<String>, most: Int)>(([], 0))
        let access = Access(Site()) { (reached) async throws(Fault) in
            running.withLock { running in
                running.now.insert(reached.task.rawValue)
                if reached.effect.hasPrefix("add power") && reached.isAfter { running.now.remove(reached.task.rawValue) }
                running.most = max(running.most, running.now.count)
            }
            await Task.yield()
        }
        let plant = try Plant(MemoryLog(), access, concurrencyLimit: 3)
        var ids: [Identifier<WorkflowRecord>] = []
        for number in 0..<20 { ids.append(try await plant.engine.start(Build<Undoing>("web\(number)"), by: .test())) }
        for id in ids { try await plant.engine.waitForEnd(of: id) }
        #expect(plant.tasks.allSatisfy { $0.status == .succeeded })
        #expect(running.withLock { $0.most } <= 3)
        #expect((0..<20).allSatisfy { plant.outcome(of: "web\($0)") == true })
    }

    @Test func aStoppedEngineSavesTheStepUnderWayAndTheNextOneGoesOn() async throws {
        let log = MemoryLog()
        let site = Site()
        let engine = Mutex<WorkflowEngine?>(nil)
        let stopping = Mutex<Task<Void, Never>?>(nil)
        let access = Access(site) { (reached) async throws(Fault) in
            guard reached.number == 2, let engine = engine.withLock({ $0 }) else { return }
            stopping.withLock { $0 = Task { await engine.stop() } }
            while await fault({ () async throws(Fault) in try await engine.start(Build<GoingOn>("later"), by: .test()) }) == nil {
                await Task.yield()
            }
        }
        let first = try Plant(log, access)
        engine.withLock { $0 = first.engine }
        let type = await fault { () async throws(Fault) in try await first.engine.run(Build<GoingOn>("web"), by: .test()) }
        #expect(type == .serviceUnavailable)
        await stopping.withLock { $0 }?.value
        #expect(site.contents.contains("disk web") && !site.contents.contains("seal web"))
        let second = try Plant(log, Access(site), seed: 2)
        await second.recover()
        #expect(second.outcome(of: "web") == true)
    }

    @Test func currentShowsWhatIsGoingOn() async throws {
        let engine = Mutex<WorkflowEngine?>(nil)
        let seen = Mutex<[WorkflowRecord]>([])
        let access = Access(Site()) { (reached) async throws(Fault) in
            guard !reached.isAfter, let record = engine.withLock({ $0 })?.current(reached.task) else { return }
            seen.withLock { $0.append(record) }
        }
        let plant = try Plant(MemoryLog(), access)
        engine.withLock { $0 = plant.engine }
        _ = try await plant.engine.run(Build<Undoing>("web"), by: .test())
        let records = seen.withLock { $0 }
        #expect(records.allSatisfy { $0.status == .running && $0.startedAt != nil })
        #expect(records.map(\.progress.completed) == [0, 50, 2, 3])
        #expect(records.map(\.progress.message) == ["Making the directory", "Half of the disk", "Registering", "Starting"])
    }

    @Test func endedTasksAreForgottenInTime() async throws {
        let plant = try Plant(MemoryLog(), Access(Site()))
        for name in ["a", "b", "c"] { _ = try await plant.engine.run(Build<Undoing>(name), by: .test()) }
        let ends = plant.tasks.compactMap(\.endedAt).sorted()
        #expect(try await plant.engine.trim(endedBefore: ends[2]) == 2)
        #expect(plant.tasks.count == 1)
        #expect(try await plant.engine.trim(endedBefore: Timestamp(milliseconds: Int64.max), limit: 5) == 1)
    }

    @Test func tasksOfUnknownTypeOrUnreadableStateAreLeftAlone() async throws {
        let log = MemoryLog()
        let access = Access(Site()) { (reached) async throws(Fault) in if reached.number == 6 { throw broken } }
        let plant = try Plant(log, access)
        _ = await fault { () async throws(Fault) in try await plant.engine.run(Build<Undoing>("web"), by: .test()) }
        let record = try #require(plant.tasks.first)
        try await plant.store.commit(by: nil) { (draft) throws(Fault) in
            try draft.update(record.id) { (record: inout WorkflowRecord) throws(Fault) in record.state = "{}" }
        }
        await plant.recover()
        #expect(plant.tasks.first?.status == .blocked && plant.tasks.first?.fault?.type == .internalServerError)
        let stranger = WorkflowEngine(store: plant.store, world: .test, registry: WorkflowRegistry()) { _ in }
        #expect(stranger.recover() == WorkflowEngine.Recovery(resumed: [], unknown: [record.id]))
    }
}

@Suite struct WorkflowCancellationTests {
    @Test(arguments: 0..<8) func cancellationHoldsOrIsRefused(moment: Int) async throws {
        let engine = Mutex<WorkflowEngine?>(nil)
        let refusal = Mutex<FaultType?>(nil)
        let access = Access(Site()) { (reached) async throws(Fault) in
            guard reached.number == moment, let engine = engine.withLock({ $0 }) else { return }
            let type = await fault { () async throws(Fault) in try await engine.cancel(reached.task, by: .test("cancel")) }
            refusal.withLock { $0 = type }
        }
        let plant = try Plant(MemoryLog(), access)
        engine.withLock { $0 = plant.engine }
        let type = await fault { () async throws(Fault) in try await plant.engine.run(Build<Undoing>("web"), by: .test()) }
        if moment < 6 {
            #expect(refusal.withLock { $0 } == nil)
            #expect(type == .canceled && plant.outcome(of: "web") == false)
            #expect(plant.tasks.first?.fault?.type == .canceled)
        } else {
            #expect(refusal.withLock { $0 } == .notAllowedInCurrentState)
            #expect(type == nil && plant.outcome(of: "web") == true)
        }
        let id = try #require(plant.tasks.first?.id)
        let late = await fault { () async throws(Fault) in try await plant.engine.cancel(id, by: .test("cancel")) }
        #expect(late == .notAllowedInCurrentState)
        let unknown = await fault { () async throws(Fault) in try await plant.engine.cancel("no:task", by: .test()) }
        #expect(unknown == .notFound)
    }

    /// The wish is stored: a crash right after it does not lose it, even where interrupted steps go on.
    @Test(arguments: 0..<6) func cancellationSurvivesACrash(moment: Int) async throws {
        let (memory, site) = (MemoryLog(), Site())
        let log = MortalLog(memory)
        let engine = Mutex<WorkflowEngine?>(nil)
        let access = Access(site) { (reached) async throws(Fault) in
            if log.isDead { throw broken }
            guard reached.number == moment, let engine = engine.withLock({ $0 }) else { return }
            try await engine.cancel(reached.task, by: .test("cancel"))
            log.die()
            throw broken
        }
        let first = try Plant(log, access)
        engine.withLock { $0 = first.engine }
        _ = await fault { () async throws(Fault) in try await first.engine.run(Build<GoingOn>("web"), by: .test()) }
        let second = try Plant(memory, Access(site), seed: 2)
        await second.recover()
        #expect(second.outcome(of: "web") == false)
        #expect(second.tasks.first?.fault?.type == .canceled)
    }
}
