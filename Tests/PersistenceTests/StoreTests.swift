// Commits: shared appends, audit, failing logs, conflicts, and what is published when.
import Domain
import Persistence
import PersistenceSQLite
import Synchronization
import Testing

/// A log in memory that answers appends as a script says.
final class ScriptedLog: ChangeLog {
    enum Answer {
        case durable
        case refuse(LogError)
        /// The outcome is unknown, and the changes are there.
        case loseAnswer
        /// The outcome is unknown, and the changes are not there.
        case loseChanges
        /// As `loseAnswer`, and reading back fails as often as told.
        case loseAnswerAndReads(Int)
        /// Somebody else appends first.
        case overtake(Change)
    }

    let memory = MemoryLog()
    private let script = Mutex<[Answer]>([])
    private let failingReads = Mutex(0)
    private let onAppend = Mutex<(@Sendable ([Change]) -> Void)?>(nil)

    func answer(_ answers: Answer...) { script.withLock { $0 += answers } }
    func beforeAppend(_ work: @escaping @Sendable ([Change]) -> Void) { onAppend.withLock { $0 = work } }

    func open() throws(LogError) -> LogContents { try memory.open() }

    func append(_ changes: [Change], after head: UInt64) -> AppendOutcome {
        onAppend.withLock { $0 }?(changes)
        switch script.withLock({ $0.isEmpty ? .durable : $0.removeFirst() }) {
        case .durable: return memory.append(changes, after: head)
        case .refuse(let error): return .refused(error)
        case .loseAnswer:
            _ = memory.append(changes, after: head)
            return .unknown(.unavailable("cut off"))
        case .loseChanges: return .unknown(.unavailable("cut off"))
        case .loseAnswerAndReads(let count):
            failingReads.withLock { $0 = count }
            _ = memory.append(changes, after: head)
            return .unknown(.unavailable("cut off"))
        case .overtake(let change):
            _ = memory.append([change], after: head)
            return memory.append(changes, after: head)
        }
    }

    func head() throws(LogError) -> UInt64 { try memory.head() }

    func changes(after sequence: UInt64, limit: Int) throws(LogError) -> [Change] {
        let isFailing = failingReads.withLock { count in
            count -= 1
            return count >= 0
        }
        if isFailing { throw .unavailable("still cut off") }
        return try memory.changes(after: sequence, limit: limit)
    }

    func audit(_ query: AuditQuery) throws(LogError) -> [AuditEntry] { try memory.audit(query) }
    func trim(changesThrough: UInt64, auditThrough: UInt64) throws(LogError) {
        try memory.trim(changesThrough: changesThrough, auditThrough: auditThrough)
    }
    func close() {}
}

private final class Progress: Sendable {
    let hasStarted = Atomic<Bool>(false)
    let waiting = Atomic<Int>(0)

    var waitingCount: Int { waiting.load(ordering: .sequentiallyConsistent) }
}

@Suite struct StoreTests {
    private func insert(_ id: String) -> @Sendable (inout Draft) throws(Fault) -> Identifier<Item> {
        { (draft) throws(Fault) in try draft.insert(Item(id)) }
    }

    @Test func changeAndAuditEntryAreOne() async throws {
        let log = MemoryLog()
        let store = try Store.open(log: log, schema: .test, world: .test, writer: .caller)
        try await store.commit(by: .test()) { (draft) throws(Fault) in
            try draft.insert(Item("vm-1"))
            draft.audit(target: "vm-1", detail: "from a template")
        }
        let change = try #require(try log.changes(after: 0, limit: 9).first)
        let entry = try #require(change.audit)
        #expect(change.writes.map(\.id) == ["vm-1"])
        #expect(entry.user == "ann@vsphere.local" && entry.session == "session-1" && entry.peer == "192.0.2.1")
        #expect(entry.requestID == "request-create" && entry.operationID == "op-7")
        #expect(entry.service == "com.vmware.vcenter.VM" && entry.operation == "create")
        #expect(entry.outcome == .succeeded && entry.time == change.time && entry.sequence == 1)
        #expect(entry.facts == [AuditFact(target: "vm-1", detail: "from a template")])
        #expect(try store.audit(AuditQuery(limit: 9)) == [entry])
    }

    @Test func auditEntriesAreLeftWhenTheyShouldBe() async throws {
        let log = MemoryLog()
        let store = try Store.open(log: log, schema: .test, world: .test, writer: .caller)
        try await store.commit(by: nil, insert("vm-1"))
        try await store.commit(by: .test(), auditing: .onlyWithFacts, insert("vm-2"))
        try await store.commit(by: .test()) { (_) in }
        #expect(try store.audit(AuditQuery(limit: 9)).isEmpty)
        try await store.commit(by: .test(), insert("vm-3"))
        try await store.recordAudit(.test("delete"), refused: .unauthorized, facts: [AuditFact(target: "vm-3")])
        #expect(store.noteAudit(.test("get", user: nil), refused: .unauthenticated))
        let entries = try store.audit(AuditQuery(limit: 9))
        #expect(entries.map(\.outcome) == [.succeeded, .refused(.unauthorized), .refused(.unauthenticated)])
        #expect(entries.map(\.sequence) == [3, 4, 5])
        // Entries on their own are part of the order of changes.
        try await store.commit(by: nil, insert("vm-4"))
        #expect(store.snapshot.sequence == 6)
    }

    @Test(arguments: [true, false]) func queuedCommitsShareOneAppend(onDisk: Bool) async throws {
        let directory = try ScratchDirectory()
        let sqlite = SQLiteLog(path: directory.file("records.db"))
        let memory = MemoryLog()
        let store = try Store.open(log: onDisk ? sqlite : memory, schema: .test, world: .test)
        let count = 200
        let progress = Progress()
        await withTaskGroup(of: FaultType?.self) { group in
            // The writer is held in the first body until all others are about to commit.
            group.addTask {
                await fault { () async throws(Fault) in
                    try await store.commit(by: nil) { (draft) throws(Fault) in
                        progress.hasStarted.store(true, ordering: .sequentiallyConsistent)
                        while progress.waitingCount < count - 1 { yieldThread() }
                        return try draft.insert(Item("vm-1"))
                    }
                }
            }
            while !progress.hasStarted.load(ordering: .sequentiallyConsistent) { await Task.yield() }
            for number in 2...count {
                let insert = insert("vm-\(number)")
                group.addTask {
                    progress.waiting.wrappingAdd(1, ordering: .sequentiallyConsistent)
                    return await fault { () async throws(Fault) in try await store.commit(by: nil, insert) }
                }
            }
            for await type in group { #expect(type == nil) }
        }
        let appends = onDisk ? sqlite.appendCount : memory.appendCount
        #expect(store.snapshot[Item.self].count == count)
        #expect(store.snapshot.sequence == UInt64(count))
        #expect(appends < count / 4, "\(appends) appends for \(count) commits")
        store.close()
        let reopened = try Store.open(log: onDisk ? SQLiteLog(path: directory.file("records.db")) : memory, schema: .test, world: .test)
        #expect(reopened.snapshot[Item.self].count == count)
        reopened.close()
    }

    @Test func nothingIsPublishedBeforeItIsDurable() async throws {
        let log = ScriptedLog()
        let store = try Store.open(log: log, schema: .test, world: .test, writer: .caller)
        let seen = Mutex<[Int]>([])
        log.beforeAppend { _ in seen.withLock { $0.append(store.snapshot[Item.self].count) } }
        for number in 1...3 { try await store.commit(by: nil, insert("vm-\(number)")) }
        #expect(seen.withLock { $0 } == [0, 1, 2])
    }

    @Test func refusedAppendsAnswerUnavailableAndLeaveNoTrace() async throws {
        let log = ScriptedLog()
        let store = try Store.open(log: log, schema: .test, world: .test, writer: .caller)
        log.answer(.durable, .refuse(.noSpace), .refuse(.unavailable("busy")))
        try await store.commit(by: nil, insert("vm-1"))
        #expect(await fault { () async throws(Fault) in try await store.commit(by: nil, insert("vm-2")) } == .serviceUnavailable)
        #expect(store.writability == .refusing("noSpace"))
        #expect(await fault { () async throws(Fault) in try await store.commit(by: nil, insert("vm-3")) } == .serviceUnavailable)
        #expect(store.snapshot[Item.self].records.map(\.id) == ["vm-1"])
        try await store.commit(by: nil, insert("vm-4"))
        #expect(store.writability == .ready)
        #expect(store.snapshot[Item.self].records.map(\.id) == ["vm-1", "vm-4"])
        #expect(try log.memory.open().records.map(\.id) == ["vm-1", "vm-4"])
    }

    @Test func aLostAnswerIsReadBack() async throws {
        let log = ScriptedLog()
        let store = try Store.open(log: log, schema: .test, world: .test, writer: .caller)
        log.answer(.loseAnswer)
        #expect(try await store.commit(by: nil, insert("vm-1")) == "vm-1")
        #expect(store.snapshot[Item.self].count == 1)
        try await store.commit(by: nil, insert("vm-2"))
        #expect(try log.memory.head() == 2)
    }

    @Test func aLostChangeIsAnsweredAsUnknownAndCanBeRepeated() async throws {
        let log = ScriptedLog()
        let store = try Store.open(log: log, schema: .test, world: .test, writer: .caller)
        log.answer(.loseChanges)
        let type = await fault { () async throws(Fault) in try await store.commit(by: nil, insert("vm-1")) }
        #expect(type == .serviceUnavailable)
        #expect(store.snapshot[Item.self].isEmpty)
        try await store.commit(by: nil, insert("vm-1"))
        #expect(store.snapshot[Item.self].count == 1)
    }

    @Test func nothingIsWrittenOnTopOfAnUnknownOutcome() async throws {
        let log = ScriptedLog()
        let store = try Store.open(log: log, schema: .test, world: .test, writer: .caller)
        // The change is there, but for two more looks nobody can tell.
        log.answer(.loseAnswerAndReads(2))
        for id in ["vm-1", "vm-2"] {
            let type = await fault { () async throws(Fault) in try await store.commit(by: nil, insert(id)) }
            #expect(type == .serviceUnavailable)
            #expect(store.snapshot[Item.self].isEmpty)
        }
        guard case .refusing = store.writability else { return #expect(Bool(false), "claims to be ready") }
        // The next commit catches up first, and then sees the change of unknown outcome.
        let type = await fault { () async throws(Fault) in try await store.commit(by: nil, insert("vm-1")) }
        #expect(type == .alreadyExists)
        #expect(store.snapshot[Item.self].count == 1)
        try await store.commit(by: nil, insert("vm-3"))
        #expect(try log.memory.open().records.map(\.id) == ["vm-1", "vm-3"])
    }

    @Test func aConflictCatchesUpAndRunsTheBodiesAgain() async throws {
        let log = ScriptedLog()
        let store = try Store.open(log: log, schema: .test, world: .test, writer: .caller)
        let other = change(1, [write("folder", "vm-9", #"{"id":"vm-9","name":"theirs","shelf":"a","tags":[]}"#)])
        log.answer(.overtake(other))
        let counts = Mutex<[Int]>([])
        let id = try await store.commit(by: nil) { (draft) throws(Fault) in
            counts.withLock { $0.append(draft[Item.self].count) }
            return try draft.insert(Item("vm-1"))
        }
        #expect(id == "vm-1" && counts.withLock { $0 } == [0, 1])
        #expect(store.snapshot[Item.self].records.map(\.id) == ["vm-1", "vm-9"])
        #expect(store.snapshot[Item.self].revision("vm-1") == 2)
        // A body that no longer fits is refused by what the others wrote.
        let clash = change(3, [write("folder", "vm-8", #"{"id":"vm-8","name":"wanted","shelf":"a","tags":[]}"#)])
        log.answer(.overtake(clash))
        let type = await fault { () async throws(Fault) in
            try await store.commit(by: nil) { (draft) throws(Fault) in try draft.insert(Item("vm-2", name: "wanted")) }
        }
        #expect(type == .alreadyExists)
    }

    @Test func oldRecordsStillDecodeAndUnknownFieldsAreIgnored() throws {
        let log = MemoryLog()
        let body = #"{"id":"note-1","text":"kept","colour":"added by a later version","more":{"a":[1,2]}}"#
        #expect(log.append([change(1, [write("setting", "note-1", body)])], after: 0) == .durable)
        let store = try Store.open(log: log, schema: .test, world: .test, writer: .caller)
        #expect(store.snapshot[Note.self]["note-1"]?.text == "kept")
    }

    @Test(arguments: [
        ("setting", "note-1", "not JSON"), ("setting", "note-1", #"{"id":"note-2","text":""}"#),
        ("setting", "note-1", #"{"id":"note-1"}"#), ("spaceship", "x", "{}"), ("host", "host-1", "{}"),
        ("counter", "vm-", "many"),
    ])
    func recordsThatCannotBeReadStopTheStart(kind: String, id: String, body: String) throws {
        let log = MemoryLog()
        #expect(log.append([change(1, [write(kind, id, body)])], after: 0) == .durable)
        do throws(LogError) {
            _ = try Store.open(log: log, schema: .test, world: .test, writer: .caller)
            #expect(Bool(false), "opened")
        } catch {
            guard case .damaged = error else { return #expect(Bool(false), "\(error)") }
        }
    }

    @Test func aFullQueueRefusesAndAClosedStoreToo() async throws {
        let log = ScriptedLog()
        var limits = Store.Limits()
        limits.queueLimit = 4
        let store = try Store.open(log: log, schema: .test, world: .test, limits: limits, writer: .caller)
        let refusals = Mutex(0)
        // While the writer is busy nothing leaves the queue.
        log.beforeAppend { [store] changes in
            guard changes.first?.sequence == 1 else { return }
            for _ in 0..<6 where !store.noteAudit(.test(), refused: .unauthorized) { refusals.withLock { $0 += 1 } }
        }
        try await store.commit(by: nil, insert("vm-1"))
        #expect(refusals.withLock { $0 } == 4)
        store.close()
        let type = await fault { () async throws(Fault) in try await store.commit(by: nil, insert("vm-2")) }
        #expect(type == .serviceUnavailable)
    }

    @Test func observersSeeEveryBatchInOrder() async throws {
        let store = try Store.open(log: MemoryLog(), schema: .test, world: .test, writer: .caller)
        let seen = Mutex<[(UInt64, [RecordKey])]>([])
        store.observe { inventory, keys in seen.withLock { $0.append((inventory.sequence, keys)) } }
        try await store.commit(by: nil, insert("vm-1"))
        try await store.commit(by: nil) { (draft) throws(Fault) in try draft.remove("vm-1" as Identifier<Item>) }
        let found = seen.withLock { $0 }
        #expect(found.map(\.0) == [1, 2])
        #expect(found.allSatisfy { $0.1 == [RecordKey(kind: .folder, id: "vm-1")] })
    }

    @Test func trimmingGoesThroughTheWriter() async throws {
        let log = MemoryLog()
        let store = try Store.open(log: log, schema: .test, world: .test)
        try await store.commit(by: .test(), insert("vm-1"))
        try await store.commit(by: .test(), insert("vm-2"))
        try await store.trim(changesThrough: 1, auditThrough: 1)
        #expect(try log.changes(after: 1, limit: 9).count == 1)
        #expect(try store.audit(AuditQuery(limit: 9)).map(\.sequence) == [2])
        store.close()
    }
}
