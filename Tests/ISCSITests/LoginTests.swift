// The login phase: stages, statuses, continuation, CHAP. Source: RFC 7143 §6.3, §11.12, §11.13, §12.1.3.
import Cryptography
import Testing

@testable import ISCSI

@Suite struct LoginTests {
    private let names = [("InitiatorName", PDU.initiator), ("TargetName", PDU.targetName)]

    // MARK: Stages

    @Test func operationalStageLeadsToTheSession() {
        let bench = MachineBench()
        let answer = bench.send(.login(names + [("MaxBurstLength", "65536")], from: .operational, to: .fullFeature))
        #expect(answer.count == 1)
        #expect(answer[0].header.opcode == .loginResponse)
        #expect(answer[0].loginStatus == 0)
        #expect(answer[0].header.flags == 0x87, "transit from operational to full feature")
        #expect(answer[0].header.targetSession == 7)
        #expect(answer[0].header.tag == 0x11)
        #expect(answer[0].keys["MaxBurstLength"] == "65536")
        #expect(answer[0].keys["MaxRecvDataSegmentLength"] == "262144")
        #expect(answer[0].keys["TargetPortalGroupTag"] == "1")
        #expect(bench.openings.first?.initiator == PDU.initiator)
        #expect(bench.openings.first?.initiatorSession == 0x80_0102_0304)
        #expect(bench.machine.phase == .fullFeature)
    }

    @Test func securityStageComesFirstIfAskedFor() {
        let bench = MachineBench()
        let first = bench.send(.login(names + [("AuthMethod", "CHAP,None")], to: .operational))
        #expect(first[0].keys["AuthMethod"] == "None")
        #expect(first[0].header.flags == 0x81)
        #expect(first[0].header.targetSession == 0)
        let second = bench.send(.login([("DataDigest", "CRC32C")], from: .operational, to: .fullFeature))
        #expect(second[0].header.flags == 0x87)
        #expect(bench.machine.parameters.hasDataDigest)
    }

    @Test func securityMayLeadStraightToTheSession() {
        let bench = MachineBench()
        let answer = bench.send(.login(names + [("AuthMethod", "None")], to: .fullFeature))
        #expect(answer[0].header.flags == 0x83)
        #expect(bench.machine.parameters == SessionParameters())
    }

    @Test func textMayComeInParts() {
        let bench = MachineBench()
        let text = TextKeys(names + [("AuthMethod", "None")]).encoded
        for (index, cut) in [0..<10, 10..<40].enumerated() {
            var part = PDU.login([], isContinued: true)
            part.data = Array(text[cut])
            let answer = bench.send(part)
            #expect(answer.count == 1 && answer[0].data.isEmpty && answer[0].header.flags == 0, "part \(index)")
        }
        var last = PDU.login([], to: .operational)
        last.data = Array(text[40...])
        #expect(bench.send(last)[0].header.flags == 0x81)
    }

    @Test func statusNumbersCountResponses() {
        let bench = MachineBench()
        let first = bench.send(.login(names + [("AuthMethod", "None")], number: 77))[0]
        let second = bench.send(.login([], to: .fullFeature, number: 77))[0]
        #expect(second.header.field24 == first.header.field24 &+ 1)
        #expect(first.header.field28 == 77, "ExpCmdSN is the login's CmdSN: logins do not count")
        #expect(second.header.field32 >= 77)
    }

    // MARK: Refusals

    @Test(arguments: [
        ("no initiator", [("TargetName", PDU.targetName)], LoginStatus.missingParameter),
        ("no target", [("InitiatorName", PDU.initiator)], .missingParameter),
        ("bad initiator", [("InitiatorName", "host"), ("TargetName", PDU.targetName)], .initiatorError),
        ("other target", [("InitiatorName", PDU.initiator), ("TargetName", "iqn.2026-01.com.example:other")], .notFound),
        (
            "odd session", [("InitiatorName", PDU.initiator), ("SessionType", "Party"), ("TargetName", PDU.targetName)],
            .sessionTypeNotSupported
        ),
        ("twice", [("InitiatorName", PDU.initiator), ("InitiatorName", PDU.initiator)], .initiatorError),
        (
            "method that nobody has",
            [("InitiatorName", PDU.initiator), ("TargetName", PDU.targetName), ("AuthMethod", "KRB5")], .authenticationFailure
        ),
    ])
    func wrongLoginsAreRefused(_ name: String, _ keys: [(String, String)], _ status: LoginStatus) {
        let bench = MachineBench()
        let answer = bench.send(.login(keys))
        #expect(answer.last?.loginStatus == status.rawValue)
        #expect(bench.isClosed)
        #expect(bench.openings.isEmpty)
    }

    @Test func headersOfLoginsAreChecked() {
        func status(_ change: (inout PDUHeader) -> Void) -> UInt16? {
            let bench = MachineBench()
            var login = PDU.login(names, from: .operational, to: .fullFeature)
            change(&login.header)
            return bench.send(login).last?.loginStatus
        }
        #expect(status { _ in } == 0)
        #expect(status { $0.byte3 = 1 } == 0x0205, "only version 0 exists")
        #expect(status { $0.flags = 0x88 } == 0x0200, "reserved stage")
        #expect(status { $0.flags = 0x85 } == 0x0200, "to the same stage")
        #expect(status { $0.flags = 0x84 } == 0x0200, "backwards")
        #expect(status { $0.flags = 0x86 } == 0x0200, "to the reserved stage")
        #expect(status { $0.flags = 0x8C } == 0x0200, "from the full feature phase")
        #expect(status { $0.flags = 0xC7 } == 0x0200, "transit with more text to come")
    }

    @Test func theLoginMustGoOnAsItBegan() {
        for change in [
            { (header: inout PDUHeader) in header.tag = 0x12 }, { $0.word1 = 5 }, { $0.field20 = 1 << 16 }, { $0.flags = 0x87 },
        ] {
            let bench = MachineBench()
            bench.send(.login(names + [("AuthMethod", "None")]))
            var next = PDU.login([], to: .fullFeature)
            change(&next.header)
            #expect(bench.send(next).last?.loginStatus == 0x0200)
        }
    }

    @Test func aKeyIsNegotiatedOncePerStage() {
        let bench = MachineBench()
        bench.send(.login(names + [("MaxBurstLength", "65536")], from: .operational))
        let answer = bench.send(.login([("MaxBurstLength", "4096")], from: .operational, to: .fullFeature))
        #expect(answer.last?.loginStatus == 0x0200)
    }

    @Test func otherPDUsHaveNoPlaceInALogin() {
        for pdu in [PDU.nop(tag: 1, number: 1), .command(.testUnitReady, tag: 1, number: 1), .logout(number: 1)] {
            let bench = MachineBench()
            #expect(bench.send(pdu).last?.loginStatus == LoginStatus.invalidDuringLogin.rawValue)
            #expect(bench.isClosed)
        }
    }

    @Test func textWithoutEndIsRefused() {
        let bench = MachineBench()
        var status: UInt16 = 0
        for _ in 0..<20 where !bench.isClosed {
            var part = PDU.login([], isContinued: true)
            part.data = [UInt8](repeating: 0x41, count: 8192)
            status = bench.send(part).last?.loginStatus ?? 0
        }
        #expect(status == 0x0200)
        #expect(bench.isClosed)
    }

    @Test func longSegmentsCloseTheLogin() {
        let bench = MachineBench()
        var login = PDU.login(names)
        login.data = [UInt8](repeating: 0, count: 8193)
        #expect(bench.send(login).isEmpty)
        #expect(bench.isClosed)
    }

    @Test func theRegistryHasTheLastWord() {
        let bench = MachineBench()
        bench.refusal = .outOfResources
        let answer = bench.logIn()
        #expect(answer.last?.loginStatus == LoginStatus.outOfResources.rawValue)
        #expect(bench.isClosed)
    }

    @Test func unknownKeysAreNotUnderstoodAndOperationalOnesWait() {
        let bench = MachineBench()
        let answer = bench.send(
            .login(names + [("AuthMethod", "None"), ("X-com.example.a", "b"), ("HeaderDigest", "CRC32C")]))[0]
        #expect(answer.keys["X-com.example.a"] == "NotUnderstood")
        #expect(answer.keys["HeaderDigest"] == "Reject")
    }
}
