import Coordination
import Domain
import Persistence
import Platform
import Synchronization

/// The world that the workflows under test change: a set of things that are there or not.
final class Site: Sendable {
    private let things = Mutex<Set<String>>([])

    var contents: Set<String> { things.withLock { $0 } }

    func add(_ thing: String) { things.withLock { _ = $0.insert(thing) } }
    func remove(_ thing: String) { things.withLock { _ = $0.remove(thing) } }
}

/// One engine's access to a site. Each effect has two moments, before and after it, counted from 0; a test hooks into
/// them.
final class Access: Sendable {
    struct Moment: Sendable {
        let number: Int
        /// For example `add disk` or `remove disk`.
        let effect: String
        let isAfter: Bool
        let task: Identifier<WorkflowRecord>
    }

    let site: Site
    private let count = Mutex(0)
    private let hook: @Sendable (Moment) async throws(Fault) -> Void

    init(_ site: Site, hook: @escaping @Sendable (Moment) async throws(Fault) -> Void = { (_) async throws(Fault) in }) {
        self.site = site
        self.hook = hook
    }

    var momentCount: Int { count.withLock { $0 } }

    func add(_ thing: String, _ task: Identifier<WorkflowRecord>) async throws(Fault) {
        try await reach("add \(thing)", isAfter: false, task)
        site.add(thing)
        try await reach("add \(thing)", isAfter: true, task)
    }

    func remove(_ thing: String, _ task: Identifier<WorkflowRecord>) async throws(Fault) {
        try await reach("remove \(thing)", isAfter: false, task)
        site.remove(thing)
        try await reach("remove \(thing)", isAfter: true, task)
    }

    private func reach(_ effect: String, isAfter: Bool, _ task: Identifier<WorkflowRecord>) async throws(Fault) {
        let number = count.withLock { count in
            defer { count += 1 }
            return count
        }
        try await hook(Moment(number: number, effect: effect, isAfter: isAfter, task: task))
    }
}

/// What a start does with an interrupted step of `Build`.
protocol Policy: Sendable {
    static var interruption: WorkflowStep<Build<Self>>.Interruption { get }
}

enum Undoing: Policy { static let interruption = WorkflowStep<Build<Undoing>>.Interruption.undo }
enum GoingOn: Policy { static let interruption = WorkflowStep<Build<GoingOn>>.Interruption.goOn }

/// Reserves a name, makes a directory, copies a disk, registers an item (no way back from there) and starts it.
struct Build<P: Policy>: Workflow {
    typealias Dependencies = Access

    static var name: String { "Build\(P.self)" }

    var itemName: String
    var item: Identifier<Item>?

    var target: WorkflowTarget? { item.map { WorkflowTarget(type: "Item", id: $0.rawValue) } }
    var result: String? { item.map { "\"\($0.rawValue)\"" } }

    private var note: Identifier<Note> { Identifier("reserved \(itemName)") }
    private func made() throws(Fault) -> Identifier<Item> {
        guard let item else { throw Fault(.error, id: "test", "never admitted") }
        return item
    }

    init(_ itemName: String) { self.itemName = itemName }

    func admit(_ draft: inout Draft) throws(Fault) -> Build {
        try draft.insert(Note(id: note, text: "build"))
        var admitted = self
        admitted.item = draft.nextIdentifier(Item.self, prefix: "vm-")
        return admitted
    }

    func release(_ draft: inout Draft) throws(Fault) { try draft.remove(note) }

    static var steps: [WorkflowStep<Build>] {
        [
            WorkflowStep(
                "Making the directory", interruption: P.interruption,
                run: { (state, context) async throws(Fault) in
                    try await context.dependencies.add("directory \(state.itemName)", context.task)
                },
                undo: { (state, context) async throws(Fault) in
                    try await context.dependencies.remove("directory \(state.itemName)", context.task)
                }),
            WorkflowStep(
                "Copying the disk", interruption: P.interruption,
                run: { (state, context) async throws(Fault) in
                    context.report(completed: 50, total: 100, message: "Half of the disk")
                    try await context.dependencies.add("disk \(state.itemName)", context.task)
                },
                undo: { (state, context) async throws(Fault) in
                    try await context.dependencies.remove("disk \(state.itemName)", context.task)
                }),
            registering,
            WorkflowStep(
                "Starting",
                run: { (state, context) async throws(Fault) in
                    try await context.dependencies.add("power \(state.itemName)", context.task)
                },
                change: { (state, draft) throws(Fault) in
                    try draft.update(try state.made()) { (item: inout Item) throws(Fault) in item.shelf = "on" }
                    try state.release(&draft)
                }),
        ]
    }

    private static var registering: WorkflowStep<Build> {
        WorkflowStep(
            "Registering", isPointOfNoReturn: true, interruption: P.interruption,
            run: { (state, context) async throws(Fault) in
                try await context.dependencies.add("seal \(state.itemName)", context.task)
            },
            change: { (state, draft) throws(Fault) in
                try draft.insert(Item(id: try state.made(), name: state.itemName, shelf: "off"))
                draft.audit(target: try state.made().rawValue, detail: "registered")
            },
            undo: { (state, context) async throws(Fault) in
                try await context.dependencies.remove("seal \(state.itemName)", context.task)
            })
    }
}

/// A log that dies at a moment a test chooses: nothing gets in or out any more, as if the process were gone.
final class MortalLog: ChangeLog {
    private let memory: MemoryLog
    private let life = Mutex<(isDead: Bool, appendsLeft: Int)>((false, Int.max))

    init(_ memory: MemoryLog) { self.memory = memory }

    var isDead: Bool { life.withLock { $0.isDead } }
    func die() { life.withLock { $0.isDead = true } }
    /// Dies right after so many more appends.
    func die(afterAppends count: Int) { life.withLock { $0 = (count == 0, count) } }

    func open() throws(LogError) -> LogContents { try memory.open() }
    func append(_ changes: [Change], after head: UInt64) -> AppendOutcome {
        if isDead { return .unknown(.unavailable("dead")) }
        let outcome = memory.append(changes, after: head)
        life.withLock { life in
            life.appendsLeft -= 1
            if life.appendsLeft == 0 { life.isDead = true }
        }
        return outcome
    }
    func head() throws(LogError) -> UInt64 { try memory.head() }
    func changes(after sequence: UInt64, limit: Int) throws(LogError) -> [Change] {
        if isDead { throw .unavailable("dead") }
        return try memory.changes(after: sequence, limit: limit)
    }
    func audit(_ query: AuditQuery) throws(LogError) -> [AuditEntry] { try memory.audit(query) }
    func trim(changesThrough: UInt64, auditThrough: UInt64) throws(LogError) {
        try memory.trim(changesThrough: changesThrough, auditThrough: auditThrough)
    }
    func close() {}
}

/// A program that runs workflows: a store on a log, and an engine on a site.
struct Plant: Sendable {
    let store: Store
    let engine: WorkflowEngine
    let access: Access

    init(_ log: any ChangeLog, _ access: Access, seed: UInt64 = 1, concurrencyLimit: Int = 4) throws {
        let world = World(clock: CountingClock(), randomness: SeededRandomness(seed: seed))
        let schema = Schema([Item.self, Note.self, WorkflowRecord.self])
        store = try Store.open(log: log, schema: schema, world: world, writer: .caller)
        var registry = WorkflowRegistry()
        registry.register(Build<Undoing>.self, dependencies: access)
        registry.register(Build<GoingOn>.self, dependencies: access)
        engine = WorkflowEngine(store: store, world: world, registry: registry, concurrencyLimit: concurrencyLimit) {
            work in
            Task { await work() }
        }
        self.access = access
    }

    /// Recovers and waits for the ends, whatever they are.
    func recover() async {
        for id in engine.recover().resumed { _ = await fault { () async throws(Fault) in try await engine.waitForEnd(of: id) } }
    }

    var tasks: [WorkflowRecord] { Array(store.snapshot[WorkflowRecord.self].all) }

    /// How a build of `name` has ended: `true` wholly done, `false` wholly undone or never begun, `nil` neither.
    func outcome(of name: String) -> Bool? {
        let things = access.site.contents.filter { $0.hasSuffix(" \(name)") }
        let item = store.snapshot[Item.self].record(by: "name", name)?.value
        let isReserved = store.snapshot[Note.self].contains(Identifier("reserved \(name)"))
        guard !isReserved else { return nil }
        if things.count == 4, item?.shelf == "on" { return true }
        return things.isEmpty && item == nil ? false : nil
    }
}
