// START STOP UNIT, PREVENT ALLOW MEDIUM REMOVAL, SANITIZE: a medium that goes, comes back, or is wiped.

import StorageArray
import Testing

@testable import SCSI

struct MediumTests {
    private static let eject = CDB([0x1B, 0, 0, 0, 0x02])
    private static let load = CDB([0x1B, 0, 0, 0, 0x03])
    private static let prevent = CDB([0x1E, 0, 0, 0, 0x01])
    private static let allow = CDB([0x1E, 0, 0, 0, 0x00])

    private func removable() throws -> Bench {
        let bench = try Bench()
        bench.target.expose(bench.luns[0].identifier, as: Bench.a, options: UnitOptions(isRemovable: true))
        return bench
    }

    @Test func withoutAMediumNothingThatNeedsItRuns() throws {
        let bench = try removable()
        let hosts = bench.initiators(2)
        #expect(bench.send(.inquiry()).dataIn[1] == 0x80)
        #expect(bench.sense(Self.eject, from: hosts[0]) == 0)
        for row in CommandTable.rows where row.access == .reads || row.access == .writes || row.access == .sanitizes {
            var bytes = [UInt8](repeating: 0, count: row.usage.count)
            (bytes[0], bytes[1]) = (row.code.rawValue, row.serviceAction ?? 0)
            #expect(bench.sense(CDB(bytes), from: hosts[0]) == 0x023A00, "\(row.code)")
        }
        #expect(bench.sense(.modeSense6(page: 0x3F), from: hosts[0]) == 0)
        let told = bench.send(.requestSense(), from: hosts[0]).dataIn
        #expect(told[2] == 2 && told[12] == 0x3A)
        #expect(bench.sense(Self.load, from: hosts[0]) == 0)
        #expect(bench.sense(.testUnitReady, from: hosts[0]) == 0)
        #expect(bench.sense(.testUnitReady, from: hosts[1]) == 0x062800)
        #expect(bench.sense(Self.load, from: hosts[0]) == 0)
        #expect(bench.sense(.testUnitReady, from: hosts[1]) == 0)
    }

    @Test func aFixedMediumCannotBeEjected() throws {
        let bench = try Bench()
        #expect(bench.send(Self.eject).completion.sense == .invalidField(byte: 4, bit: 1))
        for flags: UInt8 in [0x00, 0x01, 0x10, 0x32, 0xF2] {
            #expect(bench.sense(CDB([0x1B, 1, 0, 0, flags])) == 0)
            #expect(bench.sense(.testUnitReady) == 0)
        }
    }

    @Test func theMediumStaysAsLongAsAnybodyPreventsItsRemoval() throws {
        let bench = try removable()
        let hosts = bench.initiators(2)
        for host in hosts { #expect(bench.sense(Self.prevent, from: host) == 0) }
        #expect(bench.sense(Self.eject, from: hosts[0]) == 0x055302)
        #expect(bench.sense(Self.allow, from: hosts[0]) == 0)
        #expect(bench.sense(Self.eject, from: hosts[0]) == 0x055302)
        bench.target.nexusLost(hosts[1])
        #expect(bench.sense(Self.eject, from: hosts[0]) == 0)
        #expect(bench.sense(Self.load, from: hosts[0]) == 0)
        #expect(bench.sense(Self.prevent, from: hosts[0]) == 0)
        bench.target.reset(lun: Bench.a, by: nil)
        bench.hush(hosts[0])
        #expect(bench.sense(Self.eject, from: hosts[0]) == 0)
        #expect(bench.sense(Self.prevent, from: hosts[0]) == 0)
        #expect(bench.sense(Self.load, from: hosts[0]) == 0x055302)
        #expect(bench.sense(Self.allow, from: hosts[0]) == 0)
        for _ in 0..<2 { #expect(bench.sense(Self.load, from: hosts[0]) == 0) }
        #expect(bench.sense(CDB([0x1E, 0, 0, 0, 0x02])) == 0x052400)
    }
}

struct SanitizeTests {
    private func overwrite(_ list: [UInt8], flags: UInt8 = 0) -> CDB {
        CDB([0x48, 0x01 | flags, 0, 0, 0, 0, 0, UInt8(list.count >> 8), UInt8(list.count & 0xFF)])
    }

    @Test func blockEraseLeavesZerosAndNoBlock() throws {
        let bench = try Bench()
        #expect(bench.write(sectors(5, 64), lba: 100) == .good)
        #expect(bench.sense(CDB([0x48, 0x02])) == 0)
        #expect(bench.read(lba: 100, blocks: 64) == sectors(0, 64))
        #expect(try bench.target.pool.information(bench.luns[0].identifier).allocatedBytes == 0)
        #expect(bench.sense(CDB([0x48, 0x1F])) == 0)
    }

    @Test func overwritingRepeatsThePatternAndInvertsIt() throws {
        let bench = try Bench()
        let three: [UInt8] = [0x01, 0, 0, 3, 1, 2, 3]
        #expect(bench.sense(overwrite(three), dataOut: three) == 0)
        let block = (0..<512).map { UInt8($0 % 3 + 1) }
        #expect(bench.read(lba: 2047, blocks: 1) == block)
        let twice: [UInt8] = [0x82, 0, 0, 1, 0xF0]
        #expect(bench.sense(overwrite(twice), dataOut: twice) == 0)
        #expect(bench.read(lba: 0, blocks: 1) == sectors(0x0F))
    }

    @Test func whatIsWrongIsRefused() throws {
        let bench = try Bench()
        func outcome(_ cdb: CDB, _ list: [UInt8] = []) -> Sense? { bench.send(cdb, dataOut: list).completion.sense }
        for count in 0...4 {
            let list = [UInt8](repeating: 1, count: count)
            #expect(outcome(overwrite(list), list) == .invalidField(byte: 7))
        }
        let long = [0x01, 0, 2, 1] + [UInt8](repeating: 1, count: 513)
        #expect(outcome(overwrite(long), long) == .invalidField(byte: 7))
        for list in [[0x00, 0, 0, 1, 1], [0x01, 0, 0, 0, 1], [0x01, 0, 0, 2, 1]] as [[UInt8]] {
            #expect(outcome(overwrite(list), list) == .invalidField(byte: 7))
        }
        for action: UInt8 in [0x01, 0x02, 0x1F] {
            #expect(outcome(CDB([0x48, 0x40 | action])) == .invalidField(byte: 1, bit: 6))
            for byte in 2...6 {
                var cdb = [0x48, action] + [UInt8](repeating: 0, count: 8)
                cdb[byte] = 1
                #expect(outcome(CDB(cdb)) == .invalidField(byte: UInt16(byte)))
            }
        }
        for action: UInt8 in [0x02, 0x1F] {
            #expect(outcome(CDB([0x48, action, 0, 0, 0, 0, 0, 0, 8])) == .invalidField(byte: 7))
        }
        #expect(bench.sense(CDB([0x48, 0x02]), to: Bench.snapshot) == 0x072700)
    }

    @Test func meanwhileOnlyQuestionsAreAnswered() throws {
        // Slow enough to be still under way when everything has been asked.
        let bench = try Bench(overwriteBytesPerSecond: 1 << 20)
        let list: [UInt8] = [0x1F, 0, 0, 1, 0xAA]
        #expect(bench.sense(overwrite(list, flags: 0x80), to: Bench.b, dataOut: list) == 0)
        for row in CommandTable.rows where row.access != .none {
            var bytes = [UInt8](repeating: 0, count: row.usage.count)
            (bytes[0], bytes[1]) = (row.code.rawValue, row.serviceAction ?? 0)
            #expect(bench.sense(CDB(bytes), to: Bench.b) == 0x02041B, "\(row.code)")
        }
        #expect(bench.sense(.inquiry(), to: Bench.b) == 0)
        #expect(bench.sense(.modeSense6(page: 0x3F), to: Bench.b) == 0)
        // No reset ends it.
        bench.target.resetTarget()
        bench.hush(bench.nexus, Bench.b)
        let told = bench.send(.requestSense(), to: Bench.b).dataIn
        #expect(told[2] == 2 && told[12] == 0x04 && told[13] == 0x1B && told[15] == 0x80)
    }

    @Test func whatPowerLossInterruptedStaysUnusableUntilItIsDoneAgain() throws {
        let bench = try Bench(canLosePower: true, overwriteBytesPerSecond: 1)
        let list: [UInt8] = [0x01, 0, 0, 1, 0xAA]
        #expect(bench.sense(overwrite(list, flags: 0x80), dataOut: list) == 0)
        // From then on it sleeps.
        while bench.send(.requestSense()).dataIn[16] == 0 {}
        let after = try Bench(afterPowerLossOf: bench, seed: 7)
        #expect(after.sense(.read16(lba: 0, blocks: 1)) == 0x033103)
        #expect(after.sense(.testUnitReady) == 0x033103)
        #expect(after.sense(.inquiry()) == 0)
        #expect(after.sense(CDB([0x48, 0x1F])) == 0x052400)
        #expect(after.sense(CDB([0x48, 0x02])) == 0)
        #expect(after.sense(.read16(lba: 0, blocks: 1)) == 0)
    }

    @Test func aFailureThatMayBeLeftIsLeft() throws {
        let bench = try Bench(maximumBytes: 4 << 20)
        let list: [UInt8] = [0x01, 0, 0, 1, 0xAA]
        // 4 MiB do not fit beside what the pool keeps for itself.
        #expect(bench.sense(overwrite(list, flags: 0x20), to: Bench.b, dataOut: list) == 0x033103)
        #expect(bench.sense(.write16(lba: 0, blocks: 1), to: Bench.b, dataOut: sectors(1)) == 0x033103)
        #expect(bench.sense(CDB([0x48, 0x1F]), to: Bench.b) == 0)
        #expect(bench.sense(.testUnitReady, to: Bench.b) == 0)
    }
}
