// RESERVE and RELEASE, PERSISTENT RESERVE IN and OUT: their bytes, and what they do to others.

import Synchronization
import Testing

@testable import SCSI

/// CDBs and parameter lists of persistent reservations, written out from SPC-4 §6.15 and §6.16.
enum Reserve {
    static let parameterBytes = 24

    static func out(_ action: UInt8, type: UInt8 = 0, length: Int = parameterBytes) -> CDB {
        CDB([0x5F, action, type, 0, 0, 0, 0, 0, UInt8(length)])
    }

    static func `in`(_ action: UInt8, room: UInt16 = 4096) -> CDB {
        CDB([0x5E, action, 0, 0, 0, 0, 0, UInt8(room >> 8), UInt8(room & 0xFF)])
    }

    static func parameters(_ key: UInt64, _ actionKey: UInt64 = 0, flags: UInt8 = 0) -> [UInt8] {
        var list: [UInt8] = []
        list.append(bigEndian: key)
        list.append(bigEndian: actionKey)
        return list + [0, 0, 0, 0, flags, 0, 0, 0]
    }

    /// REGISTER AND MOVE: keys, flags, port, TransportID.
    static func move(_ key: UInt64, _ newKey: UInt64, flags: UInt8 = 0, port: UInt16 = 1, to identifier: [UInt8]) -> [UInt8] {
        var list: [UInt8] = []
        list.append(bigEndian: key)
        list.append(bigEndian: newKey)
        list += [0, flags]
        list.append(bigEndian: port)
        list.append(bigEndian: UInt32(identifier.count))
        return list + identifier
    }
}

extension Bench {
    /// PERSISTENT RESERVE OUT; how it ended as `sense` gives it.
    func reserve(
        _ nexus: Nexus, _ action: UInt8, _ key: UInt64, _ actionKey: UInt64 = 0, type: UInt8 = 0, flags: UInt8 = 0
    ) -> Int {
        sense(
            Reserve.out(action, type: type), dataOut: Reserve.parameters(key, actionKey, flags: flags), from: nexus)
    }

    /// PERSISTENT RESERVE IN.
    func reservations(_ action: UInt8) -> [UInt8] { send(Reserve.in(action)).dataIn }
}

struct ReservationTests {
    @Test func aReservationOf6BytesKeepsOthersOut() throws {
        let bench = try Bench()
        let hosts = bench.initiators(2)
        let (reserve, release) = (CDB([0x16]), CDB([0x17]))
        for _ in 0..<2 { #expect(bench.sense(reserve, from: hosts[0]) == 0) }
        #expect(bench.sense(reserve, from: hosts[1]) == conflict)
        #expect(bench.sense(CDB([0x56]), from: hosts[1]) == conflict)
        #expect(bench.sense(release, from: hosts[1]) == 0)
        #expect(bench.sense(.modeSense6(page: 0x3F), from: hosts[1]) == conflict)
        #expect(bench.sense(.modeSense6(page: 0x3F), from: hosts[0]) == 0)
        #expect(bench.sense(.inquiry(), from: hosts[1]) == 0)
        #expect(bench.sense(release, from: hosts[0]) == 0)
        #expect(bench.sense(CDB([0x56]), from: hosts[1]) == 0)
        #expect(bench.sense(CDB([0x57]), from: hosts[1]) == 0)
        for flags: UInt8 in [0x10, 0x01, 0x02] { #expect(bench.sense(CDB([0x16, flags])) == 0x052400) }
    }

    @Test func aReservationOf6BytesEndsWithItsSessionOrAReset() throws {
        let bench = try Bench()
        let hosts = bench.initiators(2)
        #expect(bench.sense(CDB([0x16]), from: hosts[0]) == 0)
        bench.target.nexusLost(hosts[0])
        #expect(bench.sense(.testUnitReady, from: hosts[1]) == 0)
        #expect(bench.sense(CDB([0x16]), from: hosts[0]) == 0)
        bench.target.reset(lun: Bench.a, by: hosts[1])
        #expect(bench.sense(.testUnitReady, from: hosts[1]) == 0x062903)
        #expect(bench.sense(CDB([0x16]), from: hosts[1]) == 0)
        bench.target.resetTarget()
        bench.hush(hosts[0])
        #expect(bench.sense(CDB([0x16]), from: hosts[0]) == 0)
    }

    @Test func whileAnybodyIsRegisteredTheOldReservationsConflict() throws {
        let bench = try Bench()
        let hosts = bench.initiators(2)
        #expect(bench.reserve(hosts[0], 0, 0, 5) == 0)
        for host in hosts {
            #expect(bench.sense(CDB([0x16]), from: host) == conflict)
            #expect(bench.sense(CDB([0x17]), from: host) == conflict)
        }
        #expect(bench.reserve(hosts[0], 0, 5, 0) == 0)
        #expect(bench.sense(CDB([0x16]), from: hosts[1]) == 0)
        #expect(bench.reserve(hosts[0], 0, 0, 5) == conflict)
        #expect(bench.sense(Reserve.in(0), from: hosts[0]) == conflict)
    }

    @Test func registrationsAndTheReservationAreReported() throws {
        let bench = try Bench()
        let hosts = bench.initiators(2)
        #expect(bench.reservations(0) == hex("00000000 00000000"))
        #expect(bench.reservations(1) == hex("00000000 00000000"))
        #expect(bench.reserve(hosts[0], 0, 0, 0x1122) == 0)
        #expect(bench.reserve(hosts[1], 6, 0x99, 0x3344) == 0)
        #expect(bench.reservations(0) == hex("00000002 00000010 0000000000001122 0000000000003344"))
        #expect(bench.reserve(hosts[1], 1, 0x3344, type: 5) == 0)
        #expect(
            bench.reservations(1) == hex("00000002 00000010 0000000000003344 00000000 00 05 0000"))
        #expect(bench.reservations(2) == hex("0008 01 90 ea01 0000"))
        #expect(bench.send(Reserve.in(0, room: 12)).dataIn == hex("00000002 00000010 00000000"))
        let first = hex("0000000000001122 00000000 00 00 00000000 0001 00000020 4500001c")
            + Array("iqn.host-0,i,0x400001370000".utf8) + [0]
        let second = hex("0000000000003344 00000000 01 05 00000000 0001 00000020 4500001c")
            + Array("iqn.host-1,i,0x400001370100".utf8) + [0]
        #expect(bench.reservations(3) == hex("00000002 00000070") + first + second)
    }

    @Test func whatIsWrongWithAReservationIsSaidExactly() throws {
        let bench = try Bench()
        let host = bench.initiators(1)[0]
        let register = Reserve.parameters(0, 1)
        func outcome(_ cdb: CDB, _ list: [UInt8]) -> Sense? { bench.send(cdb, dataOut: list, from: host).completion.sense }
        #expect(outcome(Reserve.out(0, length: 23), register) == .parameterListLength)
        #expect(outcome(Reserve.out(0, length: 25), register + [0]) == .parameterListLength)
        #expect(outcome(Reserve.out(0), Array(register.prefix(23))) == .parameterListLength)
        #expect(outcome(Reserve.out(0), Reserve.parameters(0, 1, flags: 8)) == .invalidParameter(byte: 20, bit: 3))
        #expect(outcome(Reserve.out(0), Reserve.parameters(0, 1, flags: 4)) == .invalidParameter(byte: 20, bit: 2))
        #expect(outcome(Reserve.out(0), register) == nil)
        for type: UInt8 in [0, 2, 4, 9, 15] {
            #expect(outcome(Reserve.out(1, type: type), Reserve.parameters(1)) == .invalidField(byte: 2, bit: 3))
        }
        #expect(outcome(Reserve.out(1, type: 0x11), Reserve.parameters(1)) == .invalidField(byte: 2, bit: 7))
        #expect(outcome(Reserve.out(4, type: 1), Reserve.parameters(1, 0)) == .invalidParameter(byte: 8))
        #expect(bench.reserve(host, 1, 1, type: 1) == 0)
        #expect(outcome(Reserve.out(2, type: 3), Reserve.parameters(1)) == .invalidRelease)
    }

    @Test func aReservationMovesToAnotherInitiator() throws {
        let bench = try Bench()
        let hosts = bench.initiators(3)
        #expect(bench.reserve(hosts[0], 0, 0, 1) == 0)
        func move(_ list: [UInt8], from host: Nexus) -> Int {
            bench.sense(Reserve.out(7, length: list.count), dataOut: list, from: host)
        }
        let identifier = TransportIdentifier.encode(hosts[1])
        #expect(move(Reserve.move(1, 2, to: identifier), from: hosts[0]) == 0x052400)
        #expect(bench.reserve(hosts[0], 1, 1, type: 3) == 0)
        #expect(move(Reserve.move(9, 2, to: identifier), from: hosts[0]) == conflict)
        #expect(move(Reserve.move(0, 2, to: identifier), from: hosts[2]) == conflict)
        #expect(move(Reserve.move(1, 0, to: identifier), from: hosts[0]) == 0x052600)
        #expect(move(Reserve.move(1, 2, port: 2, to: identifier), from: hosts[0]) == 0x052600)
        #expect(move(Reserve.move(1, 2, to: TransportIdentifier.encode(hosts[0])), from: hosts[0]) == 0x052600)
        #expect(move(Reserve.move(1, 2, to: Array(identifier.dropLast(4))), from: hosts[0]) == 0x052600)
        #expect(move(Array(Reserve.move(1, 2, to: identifier).dropLast()), from: hosts[0]) == 0x051A00)
        #expect(move(Reserve.move(1, 2, flags: 2, to: identifier), from: hosts[0]) == 0)
        #expect(bench.sense(.read16(lba: 0, blocks: 1), from: hosts[0]) == conflict)
        #expect(bench.sense(.read16(lba: 0, blocks: 1), from: hosts[1]) == 0)
        #expect(bench.reserve(hosts[1], 2, 2, type: 3) == 0)
        #expect(bench.reserve(hosts[0], 0, 1, 0) == conflict)
    }

    @Test func preemptingAndAbortingWaitsForTheVictim() throws {
        let bench = try Bench()
        let hosts = bench.initiators(2)
        #expect(bench.reserve(hosts[0], 0, 0, 1) == 0)
        #expect(bench.reserve(hosts[1], 0, 0, 2) == 0)
        #expect(bench.reserve(hosts[0], 1, 1, type: 5) == 0)
        let path = try #require(bench.target.path(Bench.a, hosts[0]))
        path.enter()
        let hasEnded = Mutex(false)
        let preempting = try started {
            #expect(bench.reserve(hosts[1], 5, 2, 1, type: 5) == 0)
            hasEnded.withLock { $0 = true }
        }
        while path.abortGeneration == 0 {}
        #expect(bench.sense(.write16(lba: 0, blocks: 1), dataOut: sectors(1), from: hosts[0]) == 0x062A05)
        #expect(bench.sense(.write16(lba: 0, blocks: 1), dataOut: sectors(1), from: hosts[0]) == conflict)
        // Time enough to end, were it not waiting.
        for _ in 0..<200 { _ = bench.sense(.testUnitReady, from: hosts[1]) }
        #expect(!hasEnded.withLock { $0 })
        path.leave()
        preempting.join()
        #expect(hasEnded.withLock { $0 })
    }

    @Test func aHostOfThisProcessIsKeptOutLikeAnybody() throws {
        let bench = try Bench()
        let host = bench.initiators(1)[0]
        #expect(bench.reserve(host, 0, 0, 7) == 0)
        #expect(bench.reserve(host, 1, 7, type: 3) == 0)
        #expect(bench.sense(.read16(lba: 0, blocks: 1)) == conflict)
        #expect(bench.sense(.compareAndWrite(lba: 0, blocks: 1), dataOut: sectors(0, 2)) == conflict)
    }

    @Test func bothEndsOfACopyAreAsked() throws {
        let bench = try Bench()
        let hosts = bench.initiators(2)
        let list = ExtendedCopyList(
            devices: bench.luns.prefix(2).map { CopyDevice($0.worldWideName) },
            segments: [CopySegment(source: 1, sourceLBA: 0, destination: 0, destinationLBA: 0, bytes: 4096)])
        let cdb = CDB.extendedCopy(parameterListLength: UInt32(list.encoded.count))
        func copy(_ lun: UInt16) -> Int { bench.sense(cdb, to: lun, dataOut: list.encoded, from: hosts[1]) }
        #expect(bench.reserve(hosts[0], 0, 0, 1) == 0)
        #expect(bench.reserve(hosts[0], 1, 1, type: 1) == 0)
        #expect(copy(Bench.a) == conflict)
        #expect(copy(Bench.b) == 0x0A0D01)
        #expect(bench.reserve(hosts[0], 2, 1, type: 1) == 0)
        #expect(copy(Bench.b) == 0)
    }

    @Test func thereIsAnEndToRegistrations() throws {
        let bench = try Bench()
        let name = "iqn." + String(repeating: "n", count: 200)
        var outcomes: [Int] = []
        for number in 0..<200 where outcomes.last ?? 0 == 0 {
            let host = Nexus(initiator: "\(name)\(number)")
            bench.target.allow(host.initiator, Bench.a)
            bench.hush(host)
            outcomes.append(bench.reserve(host, 0, 0, 1, flags: 1))
        }
        #expect(outcomes.last == 0x055504)
        #expect(outcomes.count > 60)
    }
}

struct TransportIdentifierTests {
    @Test func anIdentifierIsReadAsItIsWrittenAndNoOther() {
        let nexus = Nexus(initiator: "iqn.2026-01.org.example:a,i,0x", initiatorSession: 0x0023_4567_89AB, targetPort: 3)
        let bytes = TransportIdentifier.encode(nexus)
        #expect(bytes.count % 4 == 0)
        func decode(_ bytes: [UInt8]) -> Nexus? {
            bytes.withUnsafeBytes { TransportIdentifier.decode($0, targetPort: 3) }
        }
        #expect(decode(bytes) == nexus)
        for count in 0..<bytes.count { #expect(decode(Array(bytes.prefix(count))) == nil) }
        for (index, value) in [(0, UInt8(0x05)), (3, 0x21), (bytes.count - 6, 0x47)] {
            var wrong = bytes
            wrong[index] = value
            #expect(decode(wrong) == nil)
        }
    }

    @Test func aRecordIsReadAsItIsWrittenAndNoOther() {
        var reservations = PersistentReservations()
        reservations.survivesPowerLoss = true
        for number in 0..<3 {
            let nexus = Nexus(initiator: "iqn.\(number)", initiatorSession: UInt64(number), targetPort: 1)
            reservations.registrations.append(.init(nexus: nexus, key: UInt64(number) + 1))
        }
        for type in ReservationType.allCases {
            let holder = type.isHeldByAll ? nil : reservations.registrations[1].nexus
            reservations.reservation = .init(type: type, holder: holder)
            let record = UnitRecord(reservations: reservations, sanitizing: .failed(isRecoverable: true))
            #expect(UnitRecord(encoded: record.encoded) == record)
            for count in 1..<record.encoded.count {
                #expect(UnitRecord(encoded: Array(record.encoded.prefix(count))) == nil)
            }
        }
        reservations.survivesPowerLoss = false
        #expect(UnitRecord(reservations: reservations).encoded == [])
        let running = UnitRecord(sanitizing: .running(progress: 9)).encoded
        #expect(UnitRecord(encoded: running)?.sanitizing == .failed(isRecoverable: false))
    }

    @Test func aUnitWhoseReservationsCannotBeReadLetsNobodyIn() throws {
        let bench = try Bench(canLosePower: true)
        let hosts = bench.initiators(2)
        #expect(bench.reserve(hosts[0], 0x00, 0, 7, flags: 1) == 0)
        #expect(bench.reserve(hosts[0], 0x01, 7, type: 1) == 0)
        // Otherwise opening would look at what the journal says was written last.
        try bench.target.pool.checkpoint()
        try bench.damageEveryBlock(with: hosts[0].initiator)
        let after = try Bench(afterPowerLossOf: bench, seed: 0)
        for host in after.initiators(2) {
            #expect(after.sense(.testUnitReady, from: host) == 0x044400)
            #expect(after.sense(Reserve.in(0x01), from: host) == 0x044400)
            #expect(after.reserve(host, 0x06, 0, 9) == 0x044400, "nor may anybody register over it")
            #expect(after.sense(.read16(lba: 0, blocks: 1), from: host) == 0x044400)
            let block = [UInt8](repeating: 1, count: 512)
            #expect(after.sense(.write16(lba: 0, blocks: 1), dataOut: block, from: host) == 0x044400)
            #expect(after.sense(.inquiry(), from: host) == 0)
            #expect(after.sense(.testUnitReady, to: Bench.b, from: host) == 0, "the other unit is well")
        }
    }
}

extension Bench {
    /// Flips a bit wherever the text lies on the device.
    func damageEveryBlock(with text: String) throws {
        let pattern = Array(text.utf8)
        var bytes = [UInt8](repeating: 0, count: Int(device.sizeBytes))
        try bytes.withUnsafeMutableBytes { try device.read(into: $0, at: 0) }
        var found = 0
        for offset in 0..<bytes.count - pattern.count where bytes[offset] == pattern[0] {
            guard bytes[offset..<offset + pattern.count].elementsEqual(pattern) else { continue }
            device.damage(at: UInt64(offset))
            found += 1
        }
        #expect(found > 0)
    }
}
