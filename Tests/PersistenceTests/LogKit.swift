// What every back end has to show. `LogConformanceTests` runs the kit on each; `LogModelTests` compares at random.
import Domain
import Persistence
import PersistenceSQLite
import Testing

/// A kind of log under test, and how to reopen one.
enum Backend: String, CaseIterable, CustomTestStringConvertible {
    case memory
    case sqlite
    /// Closed and opened again before every look.
    case sqliteReopened

    var testDescription: String { rawValue }
}

/// A log under test in a directory of its own.
final class Bench {
    let backend: Backend
    private(set) var log: any ChangeLog
    private let directory: ScratchDirectory

    init(_ backend: Backend) throws {
        self.backend = backend
        directory = try ScratchDirectory()
        log = backend == .memory ? MemoryLog() : SQLiteLog(path: directory.file("records.db"))
        _ = try log.open()
    }

    deinit { log.close() }

    /// What a start would find.
    func reopened() throws -> LogContents {
        log.close()
        if backend != .memory { log = SQLiteLog(path: directory.file("records.db")) }
        return try log.open()
    }

    func settle() throws {
        if backend == .sqliteReopened { _ = try reopened() }
    }
}

func change(_ sequence: UInt64, _ writes: [RecordWrite], audited: Bool = false) -> Change {
    let time = Timestamp(milliseconds: 1000 + Int64(sequence))
    let entry = AuditEntry(
        sequence: sequence, time: time, call: .test(user: sequence % 2 == 0 ? "bob" : nil), outcome: .succeeded,
        facts: [AuditFact(target: "vm-\(sequence)", detail: sequence % 3 == 0 ? "détail" : nil)])
    return Change(sequence: sequence, time: time, writes: writes, audit: audited ? entry : nil)
}

func write(_ kind: String, _ id: String, _ text: String?) -> RecordWrite {
    RecordWrite(kind: kind, id: id, body: text.map { Array($0.utf8) })
}

@Suite struct LogConformanceTests {
    @Test(arguments: Backend.allCases) func emptyLogHasNothing(_ backend: Backend) throws {
        let bench = try Bench(backend)
        #expect(try bench.reopened() == LogContents(head: 0, records: []))
        #expect(try bench.log.changes(after: 0, limit: 10).isEmpty)
        #expect(try bench.log.audit(AuditQuery(limit: 10)).isEmpty)
    }

    @Test(arguments: Backend.allCases) func lastWriteOfARecordCounts(_ backend: Backend) throws {
        let bench = try Bench(backend)
        #expect(bench.log.append([change(1, [write("vm", "b", "1"), write("vm", "a", "1")])], after: 0) == .durable)
        try bench.settle()
        let batch = [
            change(2, [write("vm", "a", "2"), write("host", "h", "")]), change(3, [write("vm", "b", nil)]),
            change(4, [write("vm", "a", "4")]),
        ]
        #expect(bench.log.append(batch, after: 1) == .durable)
        let contents = try bench.reopened()
        #expect(contents.head == 4)
        #expect(
            contents.records == [
                LogRecord(kind: "host", id: "h", revision: 2, body: []),
                LogRecord(kind: "vm", id: "a", revision: 4, body: Array("4".utf8)),
            ])
        #expect(try bench.log.head() == 4)
    }

    @Test(arguments: Backend.allCases) func anotherHeadIsAConflictAndWritesNothing(_ backend: Backend) throws {
        let bench = try Bench(backend)
        #expect(bench.log.append([change(1, [write("vm", "a", "1")])], after: 0) == .durable)
        try bench.settle()
        let stale = bench.log.append([change(1, [write("vm", "a", "x")])], after: 0)
        #expect(stale == .refused(.conflict(head: 1)))
        let ahead = bench.log.append([change(6, [write("vm", "a", "x")])], after: 5)
        #expect(ahead == .refused(.conflict(head: 1)))
        #expect(try bench.reopened().records.map(\.body) == [Array("1".utf8)])
        #expect(bench.log.append([change(2, [write("vm", "a", "2")])], after: 1) == .durable)
    }

    @Test(arguments: Backend.allCases) func changesComeBackWholeAndInOrder(_ backend: Backend) throws {
        let bench = try Bench(backend)
        let all = [
            change(1, [write("vm", "z", "1"), write("vm", "a", "1")], audited: true), change(2, [], audited: true),
            change(3, [write("vm", "z", nil)]), change(4, [write("counter", "vm-", "102")], audited: true),
        ]
        #expect(bench.log.append(Array(all[0..<3]), after: 0) == .durable)
        #expect(bench.log.append([all[3]], after: 3) == .durable)
        try bench.settle()
        #expect(try bench.log.changes(after: 0, limit: 100) == all)
        #expect(try bench.log.changes(after: 1, limit: 2) == Array(all[1..<3]))
        #expect(try bench.log.changes(after: 4, limit: 2).isEmpty)
        #expect(try bench.log.changes(after: 3, limit: Int.max) == [all[3]])
    }

    @Test(arguments: Backend.allCases) func auditIsFoundByRange(_ backend: Backend) throws {
        let bench = try Bench(backend)
        let all = (1...9).map { change($0, [], audited: true) }
        #expect(bench.log.append(all, after: 0) == .durable)
        try bench.settle()
        let entries = all.compactMap(\.audit)
        let queries = [
            AuditQuery(limit: 100), AuditQuery(limit: 2), AuditQuery(newestFirst: true, limit: 3),
            AuditQuery(sequences: 3...5, limit: 100), AuditQuery(sequences: 0...UInt64.max, limit: 100),
            AuditQuery(from: Timestamp(milliseconds: 1004), until: Timestamp(milliseconds: 1007), limit: 100),
            AuditQuery(user: "bob", limit: 2), AuditQuery(user: "nobody", limit: 2),
        ]
        for query in queries {
            let matching = entries.filter(query.matches)
            let expected = Array((query.newestFirst ? matching.reversed() : matching).prefix(query.limit))
            #expect(try bench.log.audit(query) == expected, "\(query)")
        }
    }

    @Test(arguments: Backend.allCases) func trimmingKeepsLiveRecordsAndNewerHistory(_ backend: Backend) throws {
        let bench = try Bench(backend)
        let all = (1...6).map { change($0, [write("vm", "vm-\($0)", "\($0)")], audited: true) }
        #expect(bench.log.append(all, after: 0) == .durable)
        // Audit entries stay at least as long as their changes.
        try bench.log.trim(changesThrough: 3, auditThrough: 5)
        #expect(throws: LogError.trimmed) { try bench.log.changes(after: 2, limit: 10) }
        #expect(try bench.log.changes(after: 3, limit: 10) == Array(all[3...]))
        #expect(try bench.log.audit(AuditQuery(limit: 10)) == all[3...].compactMap(\.audit))
        // A smaller number does not bring anything back, a larger one than the head trims to the head.
        try bench.log.trim(changesThrough: 1, auditThrough: 0)
        #expect(throws: LogError.trimmed) { try bench.log.changes(after: 2, limit: 10) }
        try bench.log.trim(changesThrough: 99, auditThrough: 4)
        #expect(try bench.log.changes(after: 6, limit: 10).isEmpty)
        #expect(try bench.log.audit(AuditQuery(limit: 10)) == all[4...].compactMap(\.audit))
        let contents = try bench.reopened()
        #expect(contents.head == 6 && contents.records.count == 6)
        #expect(bench.log.append([change(7, [write("vm", "vm-7", "7")])], after: 6) == .durable)
        #expect(try bench.log.changes(after: 6, limit: 10).count == 1)
    }

    @Test(arguments: Backend.allCases) func oddBytesAndNamesSurvive(_ backend: Backend) throws {
        let bench = try Bench(backend)
        let bytes = (0...255).map { UInt8($0) }
        let big = [UInt8](repeating: 7, count: 3_000_000)
        let writes = [
            RecordWrite(kind: "user", id: "o'hara \"ü\" %_ \u{1F600}", body: bytes),
            RecordWrite(kind: "user", id: "big", body: big), RecordWrite(kind: "user", id: "", body: []),
        ]
        #expect(bench.log.append([change(1, writes)], after: 0) == .durable)
        let found = try bench.reopened().records
        #expect(found.map(\.id) == ["", "big", "o'hara \"ü\" %_ \u{1F600}"])
        #expect(found.map(\.body) == [[], big, bytes])
    }
}

@Suite struct LogModelTests {
    /// The same random appends, trims and looks go to SQLite and to the specification.
    @Test(arguments: [11, 12, 13, 14, 15, 16] as [UInt64])
    func sqliteAgreesWithTheSpecification(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let (bench, model) = (try Bench(.sqlite), MemoryLog())
        for _ in 0..<120 {
            switch Int.random(in: 0..<10, using: &generator) {
            case 0...5:
                let head = try model.head() + (Int.random(in: 0..<12, using: &generator) == 0 ? 1 : 0)
                let changes = randomChanges(after: head, &generator)
                #expect(bench.log.append(changes, after: head) == model.append(changes, after: head), "seed \(seed)")
            case 6:
                let head = try model.head()
                let through = UInt64.random(in: 0...(head + 2), using: &generator)
                let audit = UInt64.random(in: 0...(head + 2), using: &generator)
                try bench.log.trim(changesThrough: through, auditThrough: audit)
                try model.trim(changesThrough: through, auditThrough: audit)
            case 7:
                #expect(try bench.reopened() == model.open(), "seed \(seed)")
            default:
                try compare(bench.log, model, &generator, seed)
            }
        }
        try compare(bench.log, model, &generator, seed)
        #expect(try bench.reopened() == model.open(), "seed \(seed)")
    }

    private func randomChanges(after head: UInt64, _ generator: inout SeededGenerator) -> [Change] {
        (1...UInt64.random(in: 1...6, using: &generator)).map { offset in
            let count = Int.random(in: 0...3, using: &generator)
            var writes: [String: RecordWrite] = [:]
            for _ in 0..<count {
                let id = "vm-\(Int.random(in: 1...12, using: &generator))"
                let kind = Bool.random(using: &generator) ? "vm" : "host"
                let body = Bool.random(using: &generator) ? "\(generator.next())" : nil
                writes[kind + id] = write(kind, id, body)
            }
            let ordered = writes.keys.sorted().compactMap { writes[$0] }
            return change(head + offset, ordered, audited: count == 0 || Bool.random(using: &generator))
        }
    }

    private func compare(
        _ log: any ChangeLog, _ model: MemoryLog, _ generator: inout SeededGenerator, _ seed: UInt64
    ) throws {
        let head = try model.head()
        #expect(try log.head() == head, "seed \(seed)")
        let after = UInt64.random(in: 0...(head + 1), using: &generator)
        let limit = Int.random(in: 1...20, using: &generator)
        let found = Result { () throws(LogError) in try log.changes(after: after, limit: limit) }
        let expected = Result { () throws(LogError) in try model.changes(after: after, limit: limit) }
        #expect(found == expected, "seed \(seed)")
        let query = AuditQuery(
            sequences: (after / 2)...(after + 9), user: Bool.random(using: &generator) ? "bob" : nil,
            newestFirst: Bool.random(using: &generator), limit: limit)
        #expect(try log.audit(query) == model.audit(query), "seed \(seed)")
    }
}
