// The audit chain: nothing can be changed, taken out, put in, moved or cut without being found.
import Cryptography
import Domain
import Persistence
@testable import PersistenceSQLite
import Testing

@Suite struct AuditChainTests {
    /// Calls of every outcome; the entries that they left.
    @discardableResult
    private static func fill(_ path: String, _ count: Int, agent: String = "curl/8") async throws -> [AuditEntry] {
        let store = try Store.open(log: SQLiteLog(path: path), schema: .test, world: .test)
        defer { store.close() }
        let first = store.snapshot.auditHead.number
        for number in 0..<count {
            var call = Call.test("op-\(number)", user: number % 3 == 0 ? nil : "ann@vsphere.local")
            call.audit = AuditSlip(authentication: .password, userAgent: agent, arguments: #"{"name":"é"}"#)
            if number % 4 == 3 {
                try await store.recordAudit(call, number % 8 == 3 ? .unchanged : .refused(.unauthorized))
            } else {
                try await store.commit(by: call) { (draft) throws(Fault) in
                    try draft.put(Note(id: "n", text: "\(first) \(number)"))
                    draft.audit(target: "vm-\(number)", detail: number % 2 == 0 ? nil : "détail")
                }
            }
        }
        return try store.audit(AuditQuery(limit: 10_000))
    }

    private static func verify(
        _ entries: [AuditEntry], _ checkpoints: [AuditCheckpoint] = [], head: AuditHead? = nil
    ) -> AuditVerification {
        var verification = AuditVerification(checkpoints: checkpoints)
        for entry in entries { verification.take(entry) }
        verification.finish(head: head ?? entries.last?.head ?? .start)
        return verification
    }

    private static func checkpoint(_ kind: AuditCheckpoint.Kind, _ entry: AuditEntry) throws -> AuditCheckpoint {
        try AuditCheckpoint(kind, entry.head, at: entry.time, by: SigningKey())
    }

    @Test func theChainGoesOnThroughRestarts() async throws {
        let directory = try ScratchDirectory()
        try await Self.fill(directory.file("log"), 5)
        let entries = try await Self.fill(directory.file("log"), 5)
        #expect(entries.map(\.number) == Array(1...10))
        let verification = try SQLiteLog.verifyAudit(path: directory.file("log"), [])
        #expect(verification.problems.isEmpty && verification.count == 10)
    }

    @Test func bytesOfAnEntryComeBackAndNothingElseDecodes() async throws {
        let directory = try ScratchDirectory()
        for entry in try await Self.fill(directory.file("log"), 4) {
            let bytes = entry.canonicalBytes
            #expect(AuditEntry(canonicalBytes: bytes, digest: entry.digest) == entry)
            for count in bytes.indices {
                #expect(AuditEntry(canonicalBytes: Array(bytes[..<count]), digest: entry.digest) == nil)
            }
            #expect(AuditEntry(canonicalBytes: bytes + [0], digest: entry.digest) == nil)
            for place in bytes.indices {
                var changed = bytes
                changed[place] ^= 1
                if let other = AuditEntry(canonicalBytes: changed, digest: entry.digest) {
                    #expect(other.canonicalBytes == changed)
                }
            }
        }
    }

    @Test func whatIsTakenOutMovedOrRepeatedIsFoundWhereItIs() async throws {
        let directory = try ScratchDirectory()
        let entries = try await Self.fill(directory.file("log"), 8)
        let head = entries[7].head
        for place in entries.indices {
            var changed = entries
            changed.remove(at: place)
            let bad = Self.verify(changed, head: head).firstBadSequence
            #expect(bad == (place == 7 ? entries[7].sequence : entries[place + 1].sequence), "without \(place)")
            changed = entries
            changed.insert(entries[place], at: place)
            #expect(Self.verify(changed, head: head).firstBadSequence == entries[place].sequence, "twice \(place)")
            for other in entries.indices where other > place {
                changed = entries
                changed.swapAt(place, other)
                #expect(Self.verify(changed, head: head).firstBadSequence != nil, "\(place) and \(other)")
            }
        }
    }

    @Test func aCutTailIsFoundAgainstTheLastCheckpoint() async throws {
        let directory = try ScratchDirectory()
        let entries = try await Self.fill(directory.file("log"), 8)
        let signed = try [Self.checkpoint(.reached, entries[2]), Self.checkpoint(.reached, entries[6])]
        #expect(Self.verify(entries, signed).problems.isEmpty)
        for count in 0...8 {
            // Whoever cuts the end also moves the log's own mark of it.
            let isFound = !Self.verify(Array(entries.prefix(count)), signed).problems.isEmpty
            #expect(isFound == (count < 7), "\(count) left")
        }
        // Another end in place of the one that was signed.
        let others = try await Self.fill(directory.file("others"), 3, agent: "x")
        #expect(!Self.verify(others + entries.dropFirst(3), signed).problems.isEmpty)
        #expect(!Self.verify(try await Self.fill(directory.file("others"), 9), signed).problems.isEmpty)
    }

    @Test func onlyWhatWasTrimmedMayBeMissingAtTheFront() async throws {
        let directory = try ScratchDirectory()
        let entries = try await Self.fill(directory.file("log"), 8)
        let trimmed = try [Self.checkpoint(.trimmed, entries[3]), Self.checkpoint(.reached, entries[5])]
        let reached = try [Self.checkpoint(.reached, entries[3])]
        for count in 0...8 {
            let rest = Array(entries.dropFirst(count))
            // A stop amid trimming leaves some of what may go.
            #expect(Self.verify(rest, trimmed, head: entries[7].head).problems.isEmpty == (count <= 4), "\(count)")
            #expect(Self.verify(rest, reached, head: entries[7].head).problems.isEmpty == (count == 0), "\(count)")
        }
    }

    @Test func checkpointsAreReadAsTheyWereWrittenAndNobodyElseSigns() async throws {
        let directory = try ScratchDirectory()
        let entry = try #require(try await Self.fill(directory.file("log"), 1).first)
        let key = try SigningKey.load(path: directory.file("key"), publicPath: directory.file("public"))
        let again = try SigningKey.load(path: directory.file("key"), publicPath: directory.file("public"))
        let known = try #require(try VerificationKey.load(path: directory.file("public")))
        let stranger = try #require(try VerificationKey(pem: SigningKey().publicPEM))
        for _ in 0..<40 {
            let made = try AuditCheckpoint(.reached, entry.head, at: entry.time, by: again)
            #expect(made.isSigned(by: known) && !made.isSigned(by: stranger))
        }
        let made = try AuditCheckpoint(.trimmed, entry.head, at: entry.time, by: key)
        #expect(AuditCheckpoint(text: made.text) == made)
        let bytes = Array(made.text.utf8)
        for place in bytes.indices {
            var changed = bytes
            changed[place] ^= 1
            let other = String(validating: changed, as: UTF8.self).flatMap { AuditCheckpoint(text: $0) }
            #expect(other?.isSigned(by: known) != true, "byte \(place)")
        }
    }

    /// Every byte of every column of every row, one after the other, through the database itself.
    @Test func everyByteOfEveryStoredColumnCounts() async throws {
        let directory = try ScratchDirectory()
        let path = directory.file("log")
        let entries = try await Self.fill(path, isLongRun ? 12 : 4)
        let database = try Database(path: path, mode: .readWrite)
        #expect(try database.verifyAudit([]).problems.isEmpty)
        var tried = 0
        for entry in entries {
            for column in ["user", "service", "operation", "outcome", "targets", "entry", "digest"] {
                let type = column == "entry" || column == "digest" ? "BLOB" : "TEXT"
                let read = try database.statement("SELECT \(column) FROM audit WHERE sequence = \(entry.sequence)")
                #expect(try read.step())
                let (bytes, isNull) = (read.bytes(0), read.isNull(0))
                read.reset()
                func isFound(_ bytes: [UInt8]?) throws -> Bool {
                    try database.execute("SAVEPOINT damage")
                    let write = try database.statement("UPDATE audit SET \(column) = CAST(? AS \(type)) WHERE sequence = \(entry.sequence)")
                    if let bytes { try write.bind(1, bytes) }
                    try write.run()
                    let bad = try database.scanAudit([]).firstBadSequence
                    try database.execute("ROLLBACK TO damage; RELEASE damage")
                    return bad == entry.sequence
                }
                if isNull { #expect(try isFound([65]), "\(column)") }
                for place in bytes.indices {
                    var changed = bytes
                    changed[place] ^= place % 2 == 0 ? 0x01 : 0x20
                    tried += 1
                    let found = try isFound(changed)
                    #expect(found, "\(column) byte \(place) of \(entry.number)")
                }
            }
            for column in ["sequence", "milliseconds"] {
                for bit in stride(from: Int64(0), to: 63, by: 1) {
                    let changed = "(\(column) | \(1 << bit)) - (\(column) & \(1 << bit))"
                    try database.execute("SAVEPOINT damage")
                    try database.execute("UPDATE OR IGNORE audit SET \(column) = \(changed) WHERE sequence = \(entry.sequence)")
                    let (isStored, bad) = (database.changedRowCount > 0, try database.scanAudit([]).firstBadSequence)
                    try database.execute("ROLLBACK TO damage; RELEASE damage")
                    // Two rows cannot have one sequence number.
                    #expect(bad != nil || !isStored, "\(column) bit \(bit) of \(entry.number)")
                }
            }
        }
        #expect(tried > 1000)
        #expect(try database.verifyAudit([]).problems.isEmpty)
    }

    /// A process that ends at any moment leaves no change without its entry and no entry of success without its change.
    @Test(arguments: [5, 6, 7] as [UInt64]) func changesAndEntriesAreOne(seed: UInt64) async throws {
        let log = MemoryLog()
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<20 {
            // Each time on what the log holds, as after a crash.
            let store = try Store.open(log: log, schema: .test, world: .test)
            for number in 0..<Int.random(in: 1...20, using: &generator) {
                let fails = Int.random(in: 0..<4, using: &generator) == 0
                let slip = AuditSlip(authentication: .session, userAgent: nil, arguments: nil)
                var call = Call.test("op-\(number)")
                call.audit = slip
                let name = Identifier<Note>("n\(Int.random(in: 0..<20, using: &generator))")
                do throws(Fault) {
                    try await store.commit(by: call) { (draft) throws(Fault) in
                        try draft.put(Note(id: name, text: "\(number)"))
                        if fails { throw Fault(.notFound, id: "x", "x") }
                    }
                    #expect(slip.isMarked && !fails)
                } catch {
                    #expect(!slip.isMarked && fails)
                    try await store.recordAudit(call, refused: error.type)
                }
            }
            if Bool.random(using: &generator) { store.close() }
        }
        let store = try Store.open(log: log, schema: .test, world: .test)
        let entries = try store.audit(AuditQuery(limit: 100_000))
        for change in try log.changes(after: 0, limit: 100_000) {
            #expect(change.writes.isEmpty == (change.audit?.outcome != .succeeded), "seed \(seed)")
        }
        #expect(Self.verify(entries, head: store.snapshot.auditHead).problems.isEmpty, "seed \(seed)")
        for number in [1, UInt64(entries.count) / 2, UInt64(entries.count), 1_000_000] {
            #expect(try store.auditEntry(upToNumber: number)?.number == min(number, UInt64(entries.count)), "seed \(seed)")
        }
        store.close()
    }
}
