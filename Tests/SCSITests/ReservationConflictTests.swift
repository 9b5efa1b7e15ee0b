// Which command of another initiator conflicts with which reservation, for every command of the table and every type,
// against the standards' tables written down a second time and apart from the code.

import Testing

@testable import SCSI

/// One line of the tables: for a command from another initiator, A (allowed) or C (conflict) beside
///
///     RESERVE(6)   write exclusive   exclusive access   registrants: registered   write excl.   excl. access: not registered
///
/// Sources: SPC-2 table 10 and annex B (first column), SPC-4 table 66, SBC-3 table 13 (the others).
private struct Line {
    let name: String
    let cdb: [UInt8]
    let letters: String

    init(_ name: String, _ cdb: [UInt8], _ letters: String) {
        self.name = name
        self.cdb = cdb
        self.letters = letters.filter { $0 != " " }
    }
}

private let table: [Line] = [
    Line("TEST UNIT READY", [0x00], "C AA A AA"),
    Line("REQUEST SENSE", [0x03], "A AA A AA"),
    Line("INQUIRY", [0x12], "A AA A AA"),
    Line("REPORT LUNS", [0xA0], "A AA A AA"),
    Line("READ CAPACITY(10)", [0x25], "A AA A AA"),
    Line("READ CAPACITY(16)", [0x9E, 0x10], "A AA A AA"),
    Line("MODE SENSE(6)", [0x1A], "C AC A AC"),
    Line("MODE SENSE(10)", [0x5A], "C AC A AC"),
    Line("MODE SELECT(6)", [0x15, 0x10], "C CC A CC"),
    Line("MODE SELECT(10)", [0x55, 0x10], "C CC A CC"),
    Line("LOG SENSE", [0x4D], "C AA A AA"),
    Line("START STOP UNIT, starting", [0x1B, 0, 0, 0, 0x01], "A AA A AA"),
    Line("START STOP UNIT, stopping", [0x1B, 0, 0, 0, 0x00], "C CC A CC"),
    Line("START STOP UNIT, power condition", [0x1B, 0, 0, 0, 0x21], "C CC A CC"),
    Line("ALLOW MEDIUM REMOVAL", [0x1E, 0, 0, 0, 0x00], "A AA A AA"),
    Line("PREVENT MEDIUM REMOVAL", [0x1E, 0, 0, 0, 0x01], "C CC A CC"),
    Line("READ DEFECT DATA(10)", [0x37], "C CC A CC"),
    Line("READ DEFECT DATA(12)", [0xB7], "C CC A CC"),
    Line("SANITIZE, overwrite", [0x48, 0x01], "C CC A CC"),
    Line("SANITIZE, block erase", [0x48, 0x02], "C CC A CC"),
    Line("SANITIZE, exit failure mode", [0x48, 0x1F], "C CC A CC"),
    Line("REPORT SUPPORTED OPERATION CODES", [0xA3, 0x0C], "C AC A AC"),
    Line("REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS", [0xA3, 0x0D], "C AC A AC"),
    Line("READ(6)", [0x08, 0, 0, 0, 1], "C AC A AC"),
    Line("READ(10)", [0x28], "C AC A AC"),
    Line("READ(12)", [0xA8], "C AC A AC"),
    Line("READ(16)", [0x88], "C AC A AC"),
    Line("PRE-FETCH(10)", [0x34], "C AC A AC"),
    Line("PRE-FETCH(16)", [0x90], "C AC A AC"),
    Line("SYNCHRONIZE CACHE(10)", [0x35], "C CC A CC"),
    Line("SYNCHRONIZE CACHE(16)", [0x91], "C CC A CC"),
    Line("VERIFY(10)", [0x2F], "C AC A AC"),
    Line("VERIFY(12)", [0xAF], "C AC A AC"),
    Line("VERIFY(16)", [0x8F], "C AC A AC"),
    Line("GET LBA STATUS", [0x9E, 0x12], "C AC A AC"),
    Line("WRITE(6)", [0x0A, 0, 0, 0, 1], "C CC A CC"),
    Line("WRITE(10)", [0x2A], "C CC A CC"),
    Line("WRITE(12)", [0xAA], "C CC A CC"),
    Line("WRITE(16)", [0x8A], "C CC A CC"),
    Line("WRITE ATOMIC(16)", [0x9C], "C CC A CC"),
    Line("WRITE AND VERIFY(10)", [0x2E], "C CC A CC"),
    Line("WRITE AND VERIFY(12)", [0xAE], "C CC A CC"),
    Line("WRITE AND VERIFY(16)", [0x8E], "C CC A CC"),
    Line("WRITE SAME(10)", [0x41], "C CC A CC"),
    Line("WRITE SAME(16)", [0x93], "C CC A CC"),
    Line("COMPARE AND WRITE", [0x89], "C CC A CC"),
    Line("ORWRITE(16)", [0x8B], "C CC A CC"),
    Line("UNMAP", [0x42], "C CC A CC"),
    Line("EXTENDED COPY", [0x83, 0x00], "C CC A CC"),
    Line("RECEIVE COPY RESULTS, status", [0x84, 0x00], "C CC A CC"),
    Line("RECEIVE COPY RESULTS, parameters", [0x84, 0x03], "C CC A CC"),
    Line("PERSISTENT RESERVE IN, keys", [0x5E, 0x00], "C AA A AA"),
    Line("PERSISTENT RESERVE IN, reservation", [0x5E, 0x01], "C AA A AA"),
    Line("PERSISTENT RESERVE IN, capabilities", [0x5E, 0x02], "C AA A AA"),
    Line("PERSISTENT RESERVE IN, full status", [0x5E, 0x03], "C AA A AA"),
    Line("RESERVE(6)", [0x16], "C CC C CC"),
    Line("RESERVE(10)", [0x56], "C CC C CC"),
    Line("RELEASE(6)", [0x17], "A CC C CC"),
    Line("RELEASE(10)", [0x57], "A CC C CC"),
]

struct ReservationConflictTests {
    /// Whether a command from another initiator conflicts, as the table says.
    private func expected(_ line: Line, _ type: ReservationType, isRegistered: Bool) -> Bool {
        let columns = Array(line.letters)
        let column: Int
        switch type {
        case .writeExclusive: column = 1
        case .exclusiveAccess: column = 2
        case .writeExclusiveRegistrantsOnly, .writeExclusiveAllRegistrants: column = isRegistered ? 3 : 4
        case .exclusiveAccessRegistrantsOnly, .exclusiveAccessAllRegistrants: column = isRegistered ? 3 : 5
        }
        return columns[column] == "C"
    }

    @Test func everyCommandIsInTheTable() {
        for row in CommandTable.rows where row.code != .persistentReserveOut {
            let isThere = table.contains { line in
                let action = line.cdb.count > 1 ? line.cdb[1] & 0x1F : 0
                return line.cdb[0] == row.code.rawValue && (row.serviceAction == nil || row.serviceAction == action)
            }
            #expect(isThere, "\(row.code)")
        }
        for line in table { #expect(line.letters.count == 6, "\(line.name)") }
    }

    @Test(arguments: ReservationType.allCases, [false, true])
    func aPersistentReservationKeepsOut(type: ReservationType, isRegistered: Bool) throws {
        let bench = try Bench()
        let hosts = bench.initiators(2)
        #expect(bench.reserve(hosts[0], 0, 0, 1) == 0)
        if isRegistered { #expect(bench.reserve(hosts[1], 0, 0, 2) == 0) }
        #expect(bench.reserve(hosts[0], 1, 1, type: type.rawValue) == 0)
        for line in table {
            let found = bench.sense(CDB(line.cdb), from: hosts[1])
            #expect((found == conflict) == expected(line, type, isRegistered: isRegistered), "\(line.name): \(found)")
            // The holder is kept out of nothing but the old kind of reservation.
            let isOld = line.name.hasPrefix("RESERVE(") || line.name.hasPrefix("RELEASE(")
            let own = bench.sense(CDB(line.cdb), from: hosts[0])
            #expect((own == conflict) == isOld, "\(line.name): \(own)")
            for host in hosts { bench.hush(host) }
        }
    }

    @Test func anOldReservationKeepsOut() throws {
        let bench = try Bench()
        let hosts = bench.initiators(2)
        #expect(bench.sense(CDB([0x16]), from: hosts[0]) == 0)
        for line in table {
            let found = bench.sense(CDB(line.cdb), from: hosts[1])
            #expect((found == conflict) == (line.letters.first == "C"), "\(line.name): \(found)")
        }
        for action: UInt8 in 0...7 {
            #expect(bench.sense(Reserve.out(action), dataOut: Reserve.parameters(0), from: hosts[1]) == conflict)
        }
    }
}
