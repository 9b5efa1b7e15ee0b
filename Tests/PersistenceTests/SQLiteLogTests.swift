// What is particular to the log in a SQLite file: whose file it is, one process at a time, lack of room, damage, and what
// is left after a loss of power at every point of the write-ahead log.
import Domain
import Persistence
import PersistenceSQLite
import Testing

@Suite struct SQLiteLogTests {
    private func openError(_ log: SQLiteLog) -> LogError? {
        do throws(LogError) {
            _ = try log.open()
            return nil
        } catch {
            return error
        }
    }

    @Test func aSecondOpenerIsKeptOut() throws {
        let directory = try ScratchDirectory()
        let first = SQLiteLog(path: directory.file("records.db"))
        _ = try first.open()
        let second = SQLiteLog(path: directory.file("records.db"))
        #expect(openError(second) == .inUse)
        first.close()
        #expect(openError(second) == nil)
        second.close()
    }

    @Test func filesOfOthersAndOfLaterVersionsAreRefusedUntouched() throws {
        let directory = try ScratchDirectory()
        let path = directory.file("records.db")
        let log = SQLiteLog(path: path)
        _ = try log.open()
        log.close()
        // Both numbers are big-endian in the header: https://www.sqlite.org/fileformat.html#the_database_header
        let good = try readFile(path)
        var newer = good
        newer.replaceSubrange(60..<64, with: [0, 0, 0, 9])
        try writeFile(path, newer[...])
        #expect(openError(SQLiteLog(path: path)) == .newerFormat(found: 9, known: 2))
        var foreign = good
        foreign.replaceSubrange(68..<72, with: [1, 2, 3, 4])
        try writeFile(path, foreign[...])
        guard case .damaged = openError(SQLiteLog(path: path)) else { return #expect(Bool(false), "foreign file taken") }
        #expect(try readFile(path) == foreign)
        try writeFile(path, Array("This is a text and not a database. It is long enough to have a header, though.".utf8)[...])
        guard case .damaged = openError(SQLiteLog(path: path)) else { return #expect(Bool(false), "text taken") }
    }

    @Test func aMissingDirectoryIsAnErrorWithItsName() throws {
        guard case .unavailable(let reason) = openError(SQLiteLog(path: "/nonexistent/records.db")) else {
            return #expect(Bool(false), "opened")
        }
        #expect(reason.contains("/nonexistent/records.db"))
    }

    @Test func damagedPagesAreFoundAtTheStart() throws {
        let directory = try ScratchDirectory()
        let path = directory.file("records.db")
        let log = SQLiteLog(path: path)
        _ = try log.open()
        for sequence in 1...200 as ClosedRange<UInt64> {
            let body = String(repeating: "x", count: 300)
            #expect(log.append([change(sequence, [write("vm", "vm-\(sequence)", body)])], after: sequence - 1) == .durable)
        }
        log.close()
        let good = try readFile(path)
        var found = 0
        let pages = good.count / 4096
        for page in 1..<pages {
            var bad = good
            // The header of a page of a tree: its kind and the number and place of its cells.
            for offset in 0..<8 { bad[page * 4096 + offset] ^= 0xff }
            try writeFile(path, bad[...])
            let damaged = SQLiteLog(path: path)
            if openError(damaged) != nil { found += 1 }
            damaged.close()
        }
        // Live records and what points at them are checked; a page of history may go unnoticed until it is read.
        #expect(found >= pages / 3)
        try writeFile(path, good[...])
        #expect(try SQLiteLog(path: path).open().records.count == 200)
    }
}

@Suite struct SQLitePowerLossTests {
    /// Cuts the write-ahead log at every frame boundary and at points in between. What a start then finds must be exactly
    /// the state after some append, and none that was durable by then may be missing.
    @Test func everyCutOfTheWriteAheadLogKeepsWhatWasDurable() throws {
        let directory = try ScratchDirectory()
        let path = directory.file("records.db")
        let log = SQLiteLog(path: path)
        // Opened twice: closing moves the empty tables out of the write-ahead log and into the database.
        _ = try log.open()
        log.close()
        _ = try log.open()
        let model = MemoryLog()
        var generator = SeededGenerator(seed: 21)
        var states = [try model.open()]
        var durable: [(walBytes: Int, state: Int)] = [(0, 0)]
        for _ in 0..<25 {
            let head = try model.head()
            let count = UInt64.random(in: 1...4, using: &generator)
            let batch = (1...count).map { offset in
                let size = Int.random(in: 0...3000, using: &generator)
                let id = "vm-\(Int.random(in: 1...6, using: &generator))"
                return change(
                    head + offset, [write("vm", id, String(repeating: "\(offset)", count: size))], audited: true)
            }
            #expect(log.append(batch, after: head) == .durable && model.append(batch, after: head) == .durable)
            states.append(try model.open())
            durable.append((try walBytes(path), states.count - 1))
        }
        let (database, wal) = (try readFile(path), try readFile(path + "-wal"))
        log.close()
        for cut in cuts(of: wal.count) {
            let copy = try ScratchDirectory()
            try writeFile(copy.file("records.db"), database[...])
            try writeFile(copy.file("records.db-wal"), wal[..<cut])
            let reopened = SQLiteLog(path: copy.file("records.db"))
            let contents = try reopened.open()
            reopened.close()
            let least = durable.last { $0.walBytes <= cut }?.state ?? 0
            let found = states.lastIndex(of: contents)
            #expect(found.map { $0 >= least } == true, "cut at \(cut): state \(String(describing: found)), at least \(least)")
        }
    }

    private func walBytes(_ path: String) throws -> Int { try readFile(path + "-wal").count }

    /// Header of 32 bytes, then frames of 24 + 4096 bytes (https://www.sqlite.org/fileformat.html#the_write_ahead_log).
    private func cuts(of count: Int) -> [Int] {
        var cuts: [Int] = []
        for frame in stride(from: 32, through: count, by: 4120) {
            for offset in [-1, 0, 1, 24, 2000] where frame + offset > 0 && frame + offset <= count {
                cuts.append(frame + offset)
            }
        }
        // 7 and 5 have no common divisor: every sort of offset is among the chosen ones.
        return isLongRun ? cuts : stride(from: 0, to: cuts.count, by: 7).map { cuts[$0] }
    }
}
