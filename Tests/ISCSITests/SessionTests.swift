// What goes on in a session beside data: order of commands, task management, pings, text, logout.
import SCSI
import Testing

@testable import ISCSI

@Suite struct SessionTests {
    private func loggedIn(_ keys: [(String, String)] = [], limits: ISCSILimits = ISCSILimits()) -> MachineBench {
        let bench = MachineBench(limits: limits)
        bench.logIn(keys)
        return bench
    }

    // MARK: CmdSN

    @Test func commandsOutsideOfTheWindowAreIgnored() {
        let bench = loggedIn()
        let maximum = bench.machine.window.maximum
        #expect(bench.send(.command(.testUnitReady, tag: 1, number: 0)).isEmpty)
        #expect(bench.send(.command(.testUnitReady, tag: 1, number: maximum &+ 1)).isEmpty)
        #expect(bench.executed.isEmpty)
        #expect(bench.send(.command(.testUnitReady, tag: 1, number: 1)).count == 1)
        #expect(bench.send(.command(.testUnitReady, tag: 1, number: 1)).isEmpty, "its number is used")
    }

    @Test func commandsWaitForTheirTurn() {
        let bench = loggedIn([("InitialR2T", "No")])
        #expect(bench.send(.command(.testUnitReady, tag: 3, number: 3)).isEmpty)
        let data = MachineBench.pattern(512)
        #expect(bench.send(.command(.writeBlocks(1), tag: 2, number: 2, write: 512, data: data)).isEmpty)
        var nop = PDU.nop(tag: 4, number: 4)
        nop.header.words.0 &= ~(1 << 62)
        #expect(bench.send(nop).isEmpty)
        let answer = bench.send(.command(.testUnitReady, tag: 1, number: 1))
        #expect(Set(answer.map(\.header.tag)) == [1, 2, 3, 4])
        #expect(bench.executed.map(\.number) == [1, 2, 3])
        #expect(bench.written[1] == data)
        #expect(answer.last?.header.field28 == 5)
    }

    @Test func theWindowFollowsItsModel() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed)
        let limit = 5
        var window = CommandWindow(first: 0xFFFF_FFF0, limit: limit)
        var (received, underWay, told) = (0, 0, limit)
        for _ in 0..<2000 {
            if Bool.random(using: &random), told > received {
                window.began()
                window.advance()
                received += 1
                underWay += 1
            } else if underWay > 0 {
                window.ended()
                underWay -= 1
            }
            // Never more under way than the limit; what was told once stays.
            told = max(told, received + limit - underWay)
            #expect(window.update() == 0xFFFF_FFF0 &+ UInt32(told) &- 1, "seed \(seed)")
            #expect(window.expected == 0xFFFF_FFF0 &+ UInt32(received), "seed \(seed)")
            #expect(underWay <= limit, "seed \(seed)")
            #expect(window.contains(window.expected) == (told > received), "seed \(seed)")
            #expect(!window.contains(window.expected &- 1) && !window.contains(window.maximum &+ 1), "seed \(seed)")
        }
    }

    @Test func theWindowShrinksWithCommandsUnderWay() {
        var limits = ISCSILimits()
        limits.commands = 4
        let bench = loggedIn(limits: limits)
        bench.finishesAtOnce = false
        for number in 1...4 as ClosedRange<UInt32> { bench.send(.command(.testUnitReady, tag: number, number: number)) }
        #expect(bench.send(.command(.testUnitReady, tag: 5, number: 5)).isEmpty)
        #expect(bench.executed.count == 4)
        let answer = bench.finish(bench.executed[0])
        #expect(answer[0].header.field32 == 5, "room for one")
        bench.send(.command(.testUnitReady, tag: 5, number: 5))
        #expect(bench.executed.count == 5)
    }

    @Test func immediateCommandsHaveTheirOwnLimit() {
        var limits = ISCSILimits()
        limits.immediateCommands = 2
        let bench = loggedIn(limits: limits)
        bench.finishesAtOnce = false
        for tag in 1...2 as ClosedRange<UInt32> {
            #expect(bench.send(.command(.testUnitReady, tag: tag, number: 1, isImmediate: true)).isEmpty)
        }
        let answer = bench.send(.command(.testUnitReady, tag: 3, number: 1, isImmediate: true))
        #expect(answer.map(\.header.byte2) == [RejectReason.tooManyImmediateCommands.rawValue])
        #expect(bench.finish(bench.executed[0])[0].header.field28 == 1, "immediate commands use no number")
    }

    // MARK: Task attributes

    @Test func orderedCommandsWaitAndHoldUp() {
        let bench = loggedIn()
        bench.finishesAtOnce = false
        bench.send(.command(.testUnitReady, tag: 1, number: 1))
        bench.send(.command(.testUnitReady, tag: 2, number: 2))
        bench.send(.command(.testUnitReady, tag: 3, number: 3, attribute: .ordered))
        bench.send(.command(.testUnitReady, tag: 4, number: 4))
        bench.send(.command(.testUnitReady, tag: 5, number: 5, lun: 1))
        bench.send(.command(.testUnitReady, tag: 6, number: 6, attribute: .headOfQueue))
        #expect(bench.executed.map(\.number) == [1, 2, 5, 6])
        _ = bench.finish(bench.executed[0])
        _ = bench.finish(bench.executed[2])
        #expect(bench.executed.count == 4)
        _ = bench.finish(bench.executed[1])
        #expect(bench.executed.map(\.number) == [1, 2, 5, 6, 3], "all that came before it have ended")
        _ = bench.finish(bench.executed[4])
        #expect(bench.executed.map(\.number) == [1, 2, 5, 6, 3, 4])
        #expect(bench.finish(bench.executed[3]).count == 1)
        #expect(bench.finish(bench.executed[5]).count == 1)
        #expect(bench.machine.tasks.isEmpty)
    }

    @Test func anOrderedWriteHoldsUpWhileItsDataComes() {
        let bench = loggedIn()
        let ready = bench.send(.command(.writeBlocks(1), tag: 1, number: 1, write: 512, attribute: .ordered))[0]
        #expect(bench.send(.command(.readBlocks(1), tag: 2, number: 2, read: 512)).isEmpty)
        let answer = bench.send(
            .dataOut(
                tag: 1, transferTag: ready.header.field20, number: 0, offset: 0, data: MachineBench.pattern(512), isFinal: true))
        #expect(answer.map(\.header.tag) == [1, 2])
    }

    @Test func unknownAttributesAreRefused() {
        let bench = loggedIn()
        #expect(
            bench.send(.command(.testUnitReady, tag: 1, number: 1, attribute: .autoContingentAllegiance))[0].sense == 0x050E03)
    }

    // MARK: Task management

    @Test func whatHasNotBegunIsDropped() {
        let bench = loggedIn()
        bench.send(.command(.writeBlocks(1), tag: 1, number: 1, write: 512))
        let answer = bench.send(.management(1, tag: 2, number: 2, referenced: 1, referencedNumber: 1))
        #expect(answer.map(\.header.opcode) == [.taskManagementResponse])
        #expect(answer[0].header.byte2 == 0 && answer[0].header.tag == 2)
        #expect(bench.machine.tasks.isEmpty && bench.machine.window.underWay == 0 && bench.machine.dataBytes == 0)
        #expect(bench.send(.dataOut(tag: 1, transferTag: 1, number: 0, offset: 0, data: [1, 2, 3, 4], isFinal: true)).isEmpty)
    }

    @Test func whatHasBegunIsAnsweredFirst() {
        let bench = loggedIn()
        bench.finishesAtOnce = false
        bench.send(.command(.testUnitReady, tag: 1, number: 1))
        #expect(bench.send(.management(1, tag: 2, number: 2, referenced: 1, referencedNumber: 1)).isEmpty)
        let answer = bench.finish(bench.executed[0])
        #expect(answer.map(\.header.opcode) == [.response, .taskManagementResponse])
        #expect(answer[1].header.byte2 == 1, "it does not exist any more")
    }

    @Test func tasksThatNeverCameAreNotExecuted() {
        let bench = loggedIn()
        #expect(bench.send(.management(1, tag: 2, number: 3, referenced: 9, referencedNumber: 1))[0].header.byte2 == 0)
        #expect(bench.send(.command(.testUnitReady, tag: 9, number: 1)).isEmpty, "its number counts as used")
        #expect(bench.send(.management(1, tag: 2, number: 3, referenced: 9, referencedNumber: 500))[0].header.byte2 == 1)
        #expect(bench.send(.command(.testUnitReady, tag: 9, number: 2)).count == 1)
    }

    @Test func setsOfTasksAreThoseOfOneUnit() {
        let bench = loggedIn()
        bench.send(.command(.writeBlocks(1), tag: 1, number: 1, write: 512))
        bench.send(.command(.writeBlocks(1), tag: 2, number: 2, lun: 1, write: 512))
        #expect(bench.send(.management(2, tag: 3, number: 3))[0].header.byte2 == 0)
        #expect(Array(bench.machine.tasks.keys) == [2])
    }

    @Test(arguments: [4, 5, 6, 7] as [UInt8])
    func resetsGoBeyondTheSession(_ function: UInt8) {
        let bench = loggedIn()
        bench.finishesAtOnce = false
        bench.send(.command(.testUnitReady, tag: 1, number: 1))
        bench.send(.command(.writeBlocks(1), tag: 2, number: 2, write: 512))
        #expect(bench.send(.management(function, tag: 3, number: 3)).isEmpty)
        #expect(bench.managed.count == 1 && bench.machine.tasks.count == 1)
        #expect(bench.managementDone(bench.managed[0]).isEmpty)
        #expect(bench.finish(bench.executed[0]).map(\.header.opcode) == [.response, .taskManagementResponse])
        #expect(bench.isClosed == (function == 7), "a cold reset ends the connection")
    }

    @Test func otherFunctionsAreRefusedByName() {
        let bench = loggedIn()
        #expect(bench.send(.management(3, tag: 3, number: 1))[0].header.byte2 == 5)
        #expect(bench.send(.management(8, tag: 3, number: 1))[0].header.byte2 == 4)
        #expect(bench.send(.management(9, tag: 3, number: 1))[0].header.opcode == .reject)
    }

    // MARK: NOP, text, logout

    @Test func pingsAreAnsweredWithTheirData() {
        let bench = loggedIn()
        let answer = bench.send(.nop(tag: 7, number: 1, data: [1, 2, 3, 4, 5]))
        #expect(answer.map(\.header.opcode) == [.nopIn])
        #expect(answer[0].data == [1, 2, 3, 4, 5] && answer[0].header.tag == 7)
        #expect(answer[0].header.field20 == PDUHeader.noTag)
        #expect(bench.send(.nop(number: 1)).isEmpty, "without a tag no answer is wanted")
    }

    @Test func silentInitiatorsAreAskedAndThenGivenUp() {
        let limits = ISCSILimits()
        let bench = loggedIn()
        #expect(bench.machine.tick(&bench.output, at: limits.idleNanoseconds - 1))
        #expect(bench.takeOutput().isEmpty)
        #expect(bench.machine.tick(&bench.output, at: limits.idleNanoseconds))
        let ping = bench.parse(bench.takeOutput())
        #expect(ping.map(\.header.opcode) == [.nopIn])
        #expect(ping[0].header.tag == PDUHeader.noTag && ping[0].header.field20 != PDUHeader.noTag)
        let late = limits.idleNanoseconds + limits.answerNanoseconds
        #expect(bench.machine.tick(&bench.output, at: late - 1))
        #expect(!bench.machine.tick(&bench.output, at: late))
        _ = bench.feed(PDU.nop(transferTag: ping[0].header.field20, number: 1).encoded(), at: late)
        #expect(bench.machine.tick(&bench.output, at: late + 1))
        #expect(!bench.machine.isPinged)
    }

    @Test func dataThatNeverComesEndsTheConnection() {
        let limits = ISCSILimits()
        let bench = loggedIn()
        bench.send(.command(.writeBlocks(1), tag: 1, number: 1, write: 512))
        var now: UInt64 = 0
        while now + limits.idleNanoseconds / 2 < limits.dataNanoseconds {
            now += limits.idleNanoseconds / 2
            _ = bench.feed(PDU.nop(number: 2).encoded(), at: now)
            #expect(bench.machine.tick(&bench.output, at: now))
        }
        _ = bench.feed(PDU.nop(number: 2).encoded(), at: limits.dataNanoseconds)
        #expect(!bench.machine.tick(&bench.output, at: limits.dataNanoseconds))
    }

    @Test func discoveryListsTheTarget() {
        let bench = MachineBench(portals: ["127.0.0.1:3260", "[::1]:3260"])
        bench.logIn(isDiscovery: true)
        #expect(bench.openings[0].isDiscovery)
        let answer = bench.send(.text([("SendTargets", "All")], number: 1))
        let text = "TargetName=\(PDU.targetName)\0TargetAddress=127.0.0.1:3260,1\0TargetAddress=[::1]:3260,1\0"
        #expect(answer.map(\.data) == [Array(text.utf8)])
        #expect(answer[0].header.flags == 0x80 && answer[0].header.field20 == PDUHeader.noTag)
        #expect(bench.send(.text([("SendTargets", PDU.targetName)], number: 2))[0].data == Array(text.utf8))
        #expect(bench.send(.text([("SendTargets", "iqn.2026-01.com.example:x")], number: 3))[0].data.isEmpty)
        #expect(bench.send(.command(.testUnitReady, tag: 1, number: 4)).map(\.header.opcode) == [.reject])
        #expect(bench.send(.management(5, tag: 1, number: 4)).map(\.header.opcode) == [.reject])
    }

    @Test func sessionsListTheirOwnTarget() {
        let bench = loggedIn()
        #expect(bench.send(.text([("SendTargets", "")], number: 1))[0].keys["TargetName"] == PDU.targetName)
        #expect(bench.send(.text([("SendTargets", "All")], number: 2))[0].keys["SendTargets"] == "Reject")
    }

    @Test func longAnswersComeInParts() {
        let bench = MachineBench(portals: (0..<100).map { "10.0.0.\($0):3260" })
        bench.logIn([("MaxRecvDataSegmentLength", "512")], isDiscovery: true)
        var answer = bench.send(.text([("SendTargets", "All")], number: 1))[0]
        var text: [UInt8] = answer.data
        var number: UInt32 = 2
        while answer.header.isContinued {
            #expect(answer.data.count == 512 && !answer.header.isFinal)
            answer = bench.send(.text([], transferTag: answer.header.field20, number: number))[0]
            number += 1
            text += answer.data
        }
        #expect(answer.header.isFinal)
        #expect(text.split(separator: 0).count == 101)
    }

    @Test func textMayComeInPartsToo() {
        let bench = loggedIn()
        let first = bench.send(.text([("MaxRecvDataSegmentLength", "1024")], number: 1, isFinal: false, isContinued: true))[0]
        #expect(first.data.isEmpty && first.header.field20 != PDUHeader.noTag && first.header.flags == 0)
        let second = bench.send(.text([("X-a", "b")], transferTag: first.header.field20, number: 2))[0]
        #expect(second.keys.pairs == [TextKeys.Pair(key: "X-a", value: "NotUnderstood")])
        #expect(bench.machine.parameters.initiatorSegmentBytes == 1024)
        #expect(bench.send(.text([("A", "b")], transferTag: 77, number: 3))[0].header.opcode == .reject)
        #expect(bench.send(.text([("MaxBurstLength", "512")], number: 4))[0].keys["MaxBurstLength"] == "Reject")
    }

    @Test func logoutEndsTheSession() {
        let bench = loggedIn()
        let answer = bench.send(.logout(number: 1))
        #expect(answer.map(\.header.opcode) == [.logoutResponse])
        #expect(answer[0].header.byte2 == 0 && answer[0].header.field40 == 2 << 16 | 20)
        #expect(bench.isClosed)
    }

    @Test func logoutWaitsForWhatHasBegun() {
        let bench = loggedIn()
        bench.finishesAtOnce = false
        bench.send(.command(.testUnitReady, tag: 1, number: 1))
        bench.send(.command(.writeBlocks(1), tag: 2, number: 2, write: 512))
        #expect(bench.send(.logout(number: 3)).isEmpty)
        #expect(bench.finish(bench.executed[0]).map(\.header.opcode) == [.response, .logoutResponse])
        #expect(bench.isClosed && bench.machine.tasks.isEmpty)
    }

    @Test func otherLogoutsAreAnsweredByName() {
        let bench = loggedIn()
        #expect(bench.send(.logout(2, number: 1))[0].header.byte2 == 2)
        var other = PDU.logout(1, number: 1)
        other.header.field20 = 5 << 16
        #expect(bench.send(other)[0].header.byte2 == 1)
        #expect(!bench.isClosed)
    }

    @Test func drainingAsksForLogout() {
        let bench = loggedIn()
        bench.machine.requestLogout(withinSeconds: 3, &bench.output)
        let message = bench.parse(bench.takeOutput())[0]
        #expect(message.header.opcode == .asynchronousMessage)
        #expect(message.header.field36 >> 24 == 1, "event 1")
        #expect(message.header.field44 >> 16 == 3, "within so many seconds")
        #expect(message.header.tag == PDUHeader.noTag && message.header.flags == 0x80)
    }

    @Test(arguments: [0x03, 0x10, 0x1C, 0x21, 0x3F] as [UInt8])
    func otherPDUsAreRejected(_ opcode: UInt8) {
        let bench = loggedIn()
        var header = PDUHeader(.nopOut, flags: 0x80, tag: 1)
        header.words.0 |= UInt64(opcode) << 56
        #expect(bench.send(PDU(header: header)).map(\.header.opcode) == [.reject])
        #expect(bench.send(.command(.testUnitReady, tag: 9, number: 1)).count == 1)
    }

    @Test func tooLongSegmentsEndTheConnection() {
        let bench = loggedIn()
        var header = PDUHeader(.dataOut, flags: 0x80, tag: 1)
        header.dataBytes = 262_145
        let answer = bench.parse(bench.feed(header.bytes))
        #expect(answer.map(\.header.opcode) == [.reject])
        #expect(bench.isClosed)
    }
}
