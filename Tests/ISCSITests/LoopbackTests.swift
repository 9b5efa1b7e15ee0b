// Whole sessions over sockets with the real array: data, several sessions, resets, limits, stopping.
import Glibc
import SCSI
import Testing

@testable import ISCSI

/// One after the other: each blocks a thread of the shared pool.
@Suite(.serialized) struct LoopbackTests {
    private let digests = [("InitialR2T", "No"), ("HeaderDigest", "CRC32C"), ("DataDigest", "CRC32C")]

    private func wait(for condition: () -> Bool) {
        for _ in 0..<4000 where !condition() { usleep(5000) }
    }

    // MARK: Data

    @Test(arguments: [false, true], [1, 8, 2048])
    func whatIsWrittenIsRead(_ hasDigests: Bool, _ blocks: UInt16) throws {
        let target = try LoopbackTarget()
        let keys = hasDigests ? digests : [("InitialR2T", "No"), ("MaxRecvDataSegmentLength", "262144")]
        let initiator = try target.session(keys: keys)
        let data = MachineBench.pattern(Int(blocks) * 512)
        for immediate in [0, min(data.count, 65_536)] {
            let lba = UInt32(immediate == 0 ? 8192 : 16)
            let written = try initiator.command(.writeBlocks(blocks, lba: lba), write: data, immediate: immediate)
            #expect(written.status == 0 && written.sense == 0)
            let read = try initiator.command(.readBlocks(blocks, lba: lba), read: data.count)
            #expect(read.status == 0 && read.data == data)
        }
    }

    @Test func manyCommandsSideBySideKeepApart() throws {
        let target = try LoopbackTarget()
        let initiator = try target.session()
        let count = 64 as UInt32
        for index in 0..<count {
            let data = [UInt8](repeating: UInt8(index + 1), count: 4096)
            initiator.send(
                .command(.writeBlocks(8, lba: index * 8), tag: index, number: initiator.number + index, write: 4096, data: data))
        }
        var answered: Set<UInt32> = []
        while answered.count < Int(count), let pdu = try initiator.receive() {
            #expect(pdu.header.opcode == .response && pdu.header.byte3 == 0)
            answered.insert(pdu.header.tag)
        }
        initiator.number += count
        for index in 0..<count {
            initiator.send(.command(.readBlocks(8, lba: index * 8), tag: index, number: initiator.number + index, read: 4096))
        }
        for _ in 0..<count {
            let pdu = try #require(try initiator.receive())
            #expect(pdu.data == [UInt8](repeating: UInt8(pdu.header.tag + 1), count: 4096))
        }
    }

    @Test func lunsBelongToNames() throws {
        let target = try LoopbackTarget()
        let first = try target.session()
        let second = try target.session(LoopbackTarget.other, 2)
        try first.clearAttentions(lun: 1)
        #expect(try first.command(.readBlocks(1), lun: 1, read: 512).status == 0)
        #expect(try second.command(.readBlocks(1), lun: 1, read: 512).sense == 0x052500)
        #expect(try second.command(.readBlocks(1), lun: 0x4000, read: 512).status == 0, "flat addressing")
        #expect(try second.command(.readBlocks(1), lun: 0xC101, read: 512).sense == 0x052500)
    }

    // MARK: Sessions

    @Test func sessionsAreListed() throws {
        let target = try LoopbackTarget()
        let first = try target.session(PDU.initiator, 1)
        let second = try target.session(PDU.initiator, 2)
        let sessions = target.target.sessions
        #expect(sessions.map(\.initiator) == [PDU.initiator, PDU.initiator])
        #expect(Set(sessions.map(\.initiatorSession)) == [1, 2])
        #expect(sessions.allSatisfy { $0.commands >= 1 && !$0.isDiscovery && $0.peer.host == "127.0.0.1" })
        first.send(.logout(number: first.number))
        #expect(try first.receiveRest().map(\.header.opcode) == [.logoutResponse])
        wait { target.target.sessions.count == 1 }
        #expect(target.target.sessions.map(\.initiatorSession) == [2])
        #expect(try second.command(.testUnitReady).status == 0)
    }

    @Test func aSessionThatComesAgainReplacesTheOld() throws {
        let target = try LoopbackTarget()
        let old = try target.session()
        old.send(.command(.writeBlocks(8), tag: 7, number: old.number, write: 4096))
        #expect(try old.receive()?.header.opcode == .readyToTransfer)
        let new = try LoopbackInitiator(port: target.port)
        #expect(try new.logIn()?.loginStatus == 0)
        #expect(try old.receive() == nil, "the old connection is closed")
        #expect(target.target.sessions.count == 1)
        let attention = try new.command(.testUnitReady)
        #expect(attention.sense >> 8 == 0x0629, "power on or reset")
        #expect(try new.command(.testUnitReady).status == 0)
    }

    @Test func discoveryTakesNobodysPlace() throws {
        let target = try LoopbackTarget()
        let kept = try target.session(PDU.initiator, 1)
        let looking = try LoopbackInitiator(port: target.port)
        looking.send(
            .login(
                [("InitiatorName", PDU.initiator), ("SessionType", "Discovery")], from: .operational, to: .fullFeature, session: 1))
        #expect(try looking.receive()?.loginStatus == 0)
        looking.send(.text([("SendTargets", "All")], number: 1))
        #expect(try looking.receive()?.keys["TargetAddress"] == "127.0.0.1:\(target.port),1")
        #expect(try kept.command(.testUnitReady).status == 0)
    }

    /// More than the output may hold, taken slowly: everything is answered though nothing more is sent.
    @Test func longAnswersGoOnByThemselves() throws {
        let target = try LoopbackTarget {
            $0.limits.outputBytes = 64 << 10
            $0.limits.dataBytes = 4 << 20
        }
        let initiator = try target.session()
        let count = 40 as UInt32
        for index in 0..<count {
            let blocks: UInt16 = index.isMultiple(of: 2) ? 64 : 512
            initiator.send(
                .command(.readBlocks(blocks), tag: index, number: initiator.number + index, read: Int(blocks) * 512))
        }
        var ended: Set<UInt32> = []
        while ended.count < Int(count), let pdu = try initiator.receive() {
            if pdu.header.flags & 1 != 0 { ended.insert(pdu.header.tag) }
        }
        #expect(ended.count == Int(count))
    }

    @Test func sessionsAreJoinedByNobody() throws {
        let target = try LoopbackTarget()
        let kept = try target.session()
        let handle = try #require(target.target.sessions.first?.targetSession)
        let joining = try LoopbackInitiator(port: target.port)
        #expect(try joining.logIn(targetSession: handle)?.loginStatus == LoginStatus.tooManyConnections.rawValue)
        let lost = try LoopbackInitiator(port: target.port)
        #expect(try lost.logIn(targetSession: handle &+ 1)?.loginStatus == LoginStatus.sessionDoesNotExist.rawValue)
        #expect(try kept.command(.testUnitReady).status == 0)
    }

    @Test func sessionsPerInitiatorAreLimited() throws {
        let target = try LoopbackTarget { $0.limits.sessionsPerInitiator = 2 }
        let kept = [try target.session(PDU.initiator, 1), try target.session(PDU.initiator, 2)]
        let third = try LoopbackInitiator(port: target.port)
        #expect(try third.logIn(session: 3)?.loginStatus == LoginStatus.outOfResources.rawValue)
        #expect(try third.receive() == nil)
        _ = try target.session(LoopbackTarget.other, 1)
        #expect(try kept[0].command(.testUnitReady).status == 0)
    }

    @Test func connectionsAreLimited() throws {
        let target = try LoopbackTarget { $0.limits.connections = 1 }
        let kept = try target.session()
        let second = try LoopbackInitiator(port: target.port)
        #expect(try second.receive() == nil)
        #expect(try kept.command(.testUnitReady).status == 0)
    }

    @Test func credentialsChangeWhileItRuns() throws {
        let target = try LoopbackTarget()
        let old = try target.session()
        target.target.setCredentials(
            ISCSICredentials(name: "user", secret: Array("secret-of-12".utf8)), of: PDU.initiator.uppercased())
        #expect(try old.command(.testUnitReady).status == 0, "sessions stay")
        let new = try LoopbackInitiator(port: target.port)
        #expect(try new.logIn(session: 2)?.loginStatus == LoginStatus.authenticationFailure.rawValue)
        target.target.disconnect(PDU.initiator)
        #expect(try old.receive() == nil)
        target.target.setCredentials(nil, of: PDU.initiator)
        #expect(try LoopbackInitiator(port: target.port).logIn(session: 3)?.loginStatus == 0)
    }

    // MARK: Task management

    @Test func aResetIsHeardByAll() throws {
        let target = try LoopbackTarget()
        let first = try target.session(PDU.initiator, 1)
        let second = try target.session(LoopbackTarget.other, 2)
        second.send(.command(.writeBlocks(8), tag: 7, number: second.number, write: 4096))
        second.number += 1
        #expect(try second.receive()?.header.opcode == .readyToTransfer)
        first.send(.management(5, tag: 50, number: first.number))
        let answer = try #require(try first.receive())
        #expect(answer.header.opcode == .taskManagementResponse && answer.header.byte2 == 0)
        #expect(try second.command(.testUnitReady).sense >> 8 == 0x0629)
        #expect(try second.command(.testUnitReady).status == 0)
        first.send(.management(5, tag: 51, number: first.number, lun: 9))
        #expect(try first.receive()?.header.byte2 == 2, "no such LUN")
    }

    @Test func aColdResetEndsAllSessions() throws {
        let target = try LoopbackTarget()
        let first = try target.session(PDU.initiator, 1)
        let second = try target.session(LoopbackTarget.other, 2)
        first.send(.management(7, tag: 50, number: first.number))
        #expect(try first.receiveRest().map(\.header.opcode) == [.taskManagementResponse])
        #expect(try second.receive() == nil)
        wait { target.target.sessions.isEmpty }
        #expect(target.target.sessions.isEmpty)
    }

    @Test func slowCommandsDoNotHoldUpOthers() throws {
        let target = try LoopbackTarget()
        let initiator = try target.session()
        // WRITE SAME of all, with other commands behind it; the ORDERED one has to wait.
        let writeSame = CDB(high: 0x93 << 56, low: 0x1_0000 << 16)
        let block = [UInt8](repeating: 7, count: 512)
        let number = initiator.number
        initiator.send(
            .command(writeSame, tag: 1, number: number, write: 512, data: block),
            .command(.readBlocks(1), tag: 2, number: number + 1, read: 512, attribute: .ordered),
            .command(.testUnitReady, tag: 3, number: number + 2, attribute: .headOfQueue))
        initiator.number += 3
        var tags: [UInt32] = []
        var read: [UInt8] = []
        while tags.count < 3, let pdu = try initiator.receive() {
            tags.append(pdu.header.tag)
            if pdu.header.tag == 2 { read = pdu.data }
        }
        #expect(Set(tags) == [1, 2, 3])
        #expect(tags.firstIndex(of: 1) ?? 9 < tags.firstIndex(of: 2) ?? 0)
        #expect(read == block)
    }

    // MARK: Limits and ends

    @Test func slowLoginsAreCut() throws {
        let target = try LoopbackTarget { $0.limits.loginNanoseconds = 100_000_000 }
        let silent = try LoopbackInitiator(port: target.port)
        #expect(try silent.receive() == nil)
        let partial = try LoopbackInitiator(port: target.port)
        partial.send(Array(PDU.login([("InitiatorName", PDU.initiator)]).encoded().dropLast()))
        #expect(try partial.receive() == nil)
    }

    @Test func silentSessionsAreAskedAndCut() throws {
        let target = try LoopbackTarget {
            $0.limits.idleNanoseconds = 100_000_000
            $0.limits.answerNanoseconds = 200_000_000
        }
        let initiator = try target.session()
        let ping = try #require(try initiator.receive())
        #expect(ping.header.opcode == .nopIn)
        initiator.send(.nop(transferTag: ping.header.field20, number: initiator.number))
        #expect(try initiator.receive()?.header.opcode == .nopIn, "asked again after the next silence")
        let rest = try initiator.receiveRest()
        #expect(rest.allSatisfy { $0.header.opcode == .nopIn })
        wait { target.target.sessions.isEmpty }
        #expect(target.target.sessions.isEmpty)
    }

    @Test func whoTakesNoOutputIsCutAndHoldsUpNobody() throws {
        let target = try LoopbackTarget {
            $0.limits.answerNanoseconds = 300_000_000
            $0.limits.outputBytes = 1 << 20
        }
        let deaf = try target.session(PDU.initiator, 1)
        for index in 0..<100 as Range<UInt32> {
            deaf.send(.command(.readBlocks(2048), tag: index, number: deaf.number + index, read: 1 << 20))
        }
        let other = try target.session(LoopbackTarget.other, 2)
        #expect(try other.command(.readBlocks(8), read: 4096).status == 0)
        wait { target.target.sessions.count == 1 }
        #expect(target.target.sessions.map(\.initiator) == [LoopbackTarget.other])
        #expect(try other.command(.testUnitReady).status == 0)
    }

    @Test func garbageEndsItsConnectionAlone() throws {
        let target = try LoopbackTarget()
        let good = try target.session(LoopbackTarget.other, 2)
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed)
        for round in 0..<20 {
            let bad = try LoopbackInitiator(port: target.port)
            if round.isMultiple(of: 2) { _ = try bad.logIn(session: 1) }
            bad.send((0..<2000).map { _ in UInt8.random(in: 0...255, using: &random) })
            #expect(try good.command(.readBlocks(8), read: 4096).status == 0, "seed \(seed)")
        }
    }

    @Test func stoppingAsksForLogout() async throws {
        let target = try LoopbackTarget()
        let initiator = try target.session()
        let iscsi = target.target
        let stopping = Task { await iscsi.stop() }
        #expect(try initiator.receive()?.header.opcode == .asynchronousMessage)
        initiator.send(.logout(number: initiator.number))
        #expect(try initiator.receiveRest().map(\.header.opcode) == [.logoutResponse])
        await stopping.value
        #expect(throws: InitiatorError.self) { try LoopbackInitiator(port: target.port) }
    }

    @Test func stoppingEndsWhoStays() async throws {
        let target = try LoopbackTarget()
        let initiator = try target.session()
        await target.target.stop()
        let rest = try initiator.receiveRest().map(\.header.opcode)
        #expect(rest == [.asynchronousMessage])
        #expect(target.target.sessions.isEmpty)
    }
}
