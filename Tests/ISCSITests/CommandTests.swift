// Commands and their data, both ways. Source: RFC 7143 §11.3 to §11.8.
import SCSI
import Testing

@testable import ISCSI

@Suite struct CommandTests {
    private func loggedIn(_ keys: [(String, String)] = [("InitialR2T", "No")], limits: ISCSILimits = ISCSILimits())
        -> MachineBench
    {
        let bench = MachineBench(limits: limits)
        bench.logIn(keys)
        return bench
    }

    private func bytes(_ count: Int) -> [UInt8] { MachineBench.pattern(count) }

    // MARK: Reading

    @Test func smallReadsComeWithTheirStatus() {
        let bench = loggedIn()
        let answer = bench.send(.command(.readBlocks(1), tag: 9, number: 1, read: 512))
        #expect(answer.count == 1)
        #expect(answer[0].header.opcode == .dataIn)
        #expect(answer[0].header.flags == 0x81, "final, with status")
        #expect(answer[0].header.tag == 9)
        #expect(answer[0].header.field20 == PDUHeader.noTag)
        #expect(answer[0].header.field28 == 2, "ExpCmdSN")
        #expect(answer[0].data == bytes(512))
    }

    @Test func longReadsAreCutAsTheInitiatorTakesThem() {
        let bench = loggedIn([("MaxRecvDataSegmentLength", "4096"), ("MaxBurstLength", "10240")])
        let answer = bench.send(.command(.readBlocks(64), tag: 9, number: 1, read: 32_768))
        #expect(answer.map(\.data.count) == [4096, 4096, 2048, 4096, 4096, 2048, 4096, 4096, 2048, 2048])
        #expect(answer.map(\.header.flags) == [0, 0, 0x80, 0, 0, 0x80, 0, 0, 0x80, 0x81])
        #expect(answer.map(\.header.field36) == (0..<10).map { UInt32($0) })
        #expect(answer.reduce(into: []) { $0 += $1.data } == bytes(32_768))
        var offset = 0
        for pdu in answer {
            #expect(Int(pdu.header.field40) == offset)
            offset += pdu.data.count
        }
    }

    @Test(arguments: [(512, 1, 0, 0), (0, 1, 4, 512), (512, 2, 4, 512), (200, 1, 4, 312), (10_000, 1, 2, 9488)])
    func readsTellWhatDidNotMove(_ expected: Int, _ blocks: UInt16, _ flag: UInt8, _ residual: UInt32) {
        let bench = loggedIn()
        var command = PDU.command(.readBlocks(blocks), tag: 9, number: 1, read: expected)
        command.header.flags |= 0x40
        let answer = bench.send(command)
        #expect(answer.last?.header.flags == flag | (expected > 0 ? 0x81 : 0x80))
        #expect(answer.last?.header.field44 == residual)
        #expect(answer.last?.data.count == min(expected, Int(blocks) * 512))
    }

    @Test func sensesGoWithTheResponse() {
        let bench = loggedIn()
        bench.sense = Sense(.illegalRequest, 0x2100)
        let answer = bench.send(.command(.readBlocks(1), tag: 9, number: 1, read: 512))
        #expect(answer[0].header.opcode == .response)
        #expect(answer[0].header.byte3 == 2)
        #expect(answer[0].sense == 0x052100)
        #expect(answer[0].data.count == 20)
        #expect(answer[0].header.flags == 0x82 && answer[0].header.field44 == 512)
    }

    // MARK: Writing

    @Test func immediateDataNeedsNothingMore() {
        let bench = loggedIn()
        let data = bytes(1024)
        let answer = bench.send(.command(.writeBlocks(2), tag: 9, number: 1, write: 1024, data: data))
        #expect(answer.count == 1)
        #expect(answer[0].header.opcode == .response && answer[0].header.byte3 == 0 && answer[0].header.flags == 0x80)
        #expect(bench.written == [data])
    }

    @Test func unsolicitedDataFollowsTheCommand() {
        let bench = loggedIn([("InitialR2T", "No"), ("FirstBurstLength", "4096")])
        let data = bytes(8192)
        let first = bench.send(
            .command(.writeBlocks(16), tag: 9, number: 1, write: 8192, data: Array(data[..<1024]), isFinal: false),
            .dataOut(tag: 9, number: 0, offset: 1024, data: Array(data[1024..<3072]), isFinal: false),
            .dataOut(tag: 9, number: 1, offset: 3072, data: Array(data[3072..<4096]), isFinal: true))
        #expect(first.count == 1)
        #expect(first[0].header.opcode == .readyToTransfer)
        #expect(first[0].header.field40 == 4096 && first[0].header.field44 == 4096)
        let second = bench.send(
            .dataOut(tag: 9, transferTag: first[0].header.field20, number: 0, offset: 4096, data: Array(data[4096...]), isFinal: true))
        #expect(second.map(\.header.opcode) == [.response])
        #expect(second[0].header.field36 == 1, "one R2T")
        #expect(bench.written == [data])
    }

    @Test(arguments: [1, 3, 100, 4096, 100_000])
    func solicitedDataComesInBursts(_ part: Int) {
        let bench = loggedIn([("ImmediateData", "No"), ("MaxBurstLength", "65536")])
        let data = bytes(160 << 10)
        var answers = bench.parse(
            bench.feed(PDU.command(.writeBlocks(320), tag: 9, number: 1, write: data.count).encoded(), part: part))
        var offsets: [Int] = []
        while let ready = answers.first, ready.header.opcode == .readyToTransfer {
            let start = Int(ready.header.field40)
            let end = start + Int(ready.header.field44)
            offsets.append(start)
            #expect(ready.header.field36 == UInt32(offsets.count - 1))
            var bytes: [UInt8] = []
            for (number, offset) in stride(from: start, to: end, by: 20_000).enumerated() {
                let stop = min(end, offset + 20_000)
                bytes += PDU.dataOut(
                    tag: 9, transferTag: ready.header.field20, number: UInt32(number), offset: offset,
                    data: Array(data[offset..<stop]), isFinal: stop == end
                ).encoded()
            }
            answers = bench.parse(bench.feed(bytes, part: part))
        }
        #expect(offsets == [0, 65_536, 131_072])
        #expect(answers.map(\.header.opcode) == [.response])
        #expect(bench.written == [data])
    }

    @Test(arguments: [(512, 1, 0, 0), (512, 2, 4, 512), (2048, 1, 2, 1536), (700, 1, 2, 188), (300, 1, 4, 212)])
    func writesTellWhatDidNotMove(_ expected: Int, _ blocks: UInt16, _ flag: UInt8, _ residual: UInt32) {
        let bench = loggedIn()
        let answer = bench.send(
            .command(.writeBlocks(blocks), tag: 9, number: 1, write: expected, data: bytes(expected)))
        #expect(answer.map(\.header.flags) == [0x80 | flag])
        #expect(answer.last?.header.field44 == residual)
        #expect(bench.written == [bytes(min(expected, Int(blocks) * 512))])
    }

    @Test func digestsCoverHeadersAndData() {
        let bench = loggedIn([("HeaderDigest", "CRC32C"), ("DataDigest", "CRC32C"), ("InitialR2T", "No")])
        #expect(bench.headerDigest && bench.dataDigest)
        let data = bytes(20_001)
        #expect(bench.send(.command(.writeBlocks(40), tag: 9, number: 1, write: data.count, data: data)).count == 1)
        #expect(bench.written == [data])
        let read = bench.send(.command(.readBlocks(64), tag: 10, number: 2, read: 31_999))
        #expect(read.reduce(into: []) { $0 += $1.data } == bytes(31_999))
        let small = bench.send(.command(.readBlocks(1), tag: 10, number: 3, read: 511))
        #expect(small[0].data == bytes(511))
    }

    @Test func brokenHeadersEndTheConnection() {
        let bench = loggedIn([("HeaderDigest", "CRC32C")])
        var bytes = PDU.command(.testUnitReady, tag: 9, number: 1).encoded(headerDigest: true)
        bytes[20] ^= 1
        #expect(bench.feed(bytes).isEmpty)
        #expect(bench.isClosed && bench.executed.isEmpty)
    }

    @Test(arguments: [100, 20_000])
    func brokenDataFailsItsCommand(_ count: Int) {
        let bench = loggedIn([("DataDigest", "CRC32C"), ("InitialR2T", "No")])
        var bytes = PDU.command(.writeBlocks(64), tag: 9, number: 1, write: count, data: bytes(count)).encoded(dataDigest: true)
        bytes[60] ^= 1
        let answer = bench.parse(bench.feed(bytes))
        #expect(answer.map(\.header.opcode) == [.reject, .response])
        #expect(answer.first?.header.byte2 == RejectReason.dataDigest.rawValue)
        #expect(answer.last?.sense == 0x0B4705)
        #expect(bench.written == [[]])
        #expect(bench.send(.command(.testUnitReady, tag: 9, number: 2)).count == 1, "the session goes on")
    }

    // MARK: Errors of the transfer

    @Test(arguments: [
        ("wrong number", 1, 0, 1024, 0x0B4B00), ("number from nowhere", 27, 0, 1024, 0x0B4B00),
        ("wrong offset", 0, 512, 1024, 0x0B4B05), ("too much", 0, 0, 1536, 0x0B0C0D), ("too little", 0, 0, 512, 0x0B0C0D),
    ])
    func wrongDataFailsTheCommand(_ name: String, _ number: UInt32, _ offset: Int, _ count: Int, _ sense: Int) {
        let bench = loggedIn([("ImmediateData", "No")])
        let ready = bench.send(.command(.writeBlocks(2), tag: 9, number: 1, write: 1024))[0]
        let answer = bench.send(
            .dataOut(
                tag: 9, transferTag: ready.header.field20, number: number, offset: offset, data: bytes(count), isFinal: true))
        #expect(answer.map(\.header.opcode) == [.response])
        #expect(answer.last?.sense == sense)
        #expect(bench.send(.command(.testUnitReady, tag: 9, number: 2)).last?.header.byte3 == 0, "the session goes on")
    }

    @Test func dataWithoutLeaveFailsTheCommand() {
        let immediate = loggedIn([("ImmediateData", "No"), ("InitialR2T", "No")])
        #expect(
            immediate.send(.command(.writeBlocks(1), tag: 9, number: 1, write: 512, data: bytes(512))).last?.sense == 0x0B0C0C)
        let unsolicited = loggedIn([("InitialR2T", "Yes")])
        let answer = unsolicited.send(
            .command(.writeBlocks(1), tag: 9, number: 1, write: 512, isFinal: false),
            .dataOut(tag: 9, number: 0, offset: 0, data: bytes(512), isFinal: true))
        #expect(answer.last?.sense == 0x0B0C0C)
        let tooMuch = loggedIn([("FirstBurstLength", "512")])
        #expect(
            tooMuch.send(.command(.writeBlocks(2), tag: 9, number: 1, write: 1024, data: bytes(1024))).last?.sense == 0x0B0C0D)
    }

    @Test func dataForNobodyIsDroppedOrRejected() {
        let bench = loggedIn()
        let invented = bench.send(.dataOut(tag: 5, transferTag: 99, number: 0, offset: 0, data: bytes(4), isFinal: true))
        #expect(invented.map(\.header.byte2) == [RejectReason.invalidField.rawValue])
        #expect(bench.send(.dataOut(tag: 5, number: 0, offset: 0, data: bytes(20_000), isFinal: true)).isEmpty)
        #expect(bench.send(.command(.testUnitReady, tag: 9, number: 1)).count == 1)
    }

    @Test func bothDirectionsAtOnceAreRefused() {
        let bench = loggedIn()
        #expect(bench.send(.command(.readBlocks(1), tag: 9, number: 1, read: 512, write: 512)).last?.sense == 0x050E03)
        #expect(bench.send(.command(.writeBlocks(1), tag: 9, number: 2, read: 512)).last?.sense == 0x050E03)
    }

    @Test func tagsNameOneTask() {
        let bench = loggedIn()
        bench.finishesAtOnce = false
        bench.send(.command(.testUnitReady, tag: 9, number: 1))
        let answer = bench.send(.command(.testUnitReady, tag: 9, number: 2))
        #expect(answer.map(\.header.byte2) == [RejectReason.invalidField.rawValue])
        #expect(Array(answer[0].data[..<1]) == [1], "the header that was thrown back")
        #expect(bench.send(.command(.testUnitReady, tag: PDUHeader.noTag, number: 3)).first?.header.opcode == .reject)
        bench.finishesAtOnce = true
        #expect(bench.send(.command(.testUnitReady, tag: 10, number: 4)).count == 1, "rejected commands use their numbers")
    }

    @Test func additionalHeadersArePassedOver() {
        let bench = loggedIn()
        var command = PDU.command(.readBlocks(1), tag: 9, number: 1, read: 512)
        command.additional = [0, 5, 2, 0, 0, 0, 2, 0]
        #expect(bench.send(command).last?.data == bytes(512))
    }

    @Test func memoryIsBounded() {
        var limits = ISCSILimits()
        limits.dataBytes = 64 << 10
        let bench = loggedIn([("ImmediateData", "No"), ("MaxBurstLength", "65536"), ("FirstBurstLength", "512")], limits: limits)
        var ready: [PDU] = []
        for tag in 1...4 as ClosedRange<UInt32> {
            ready += bench.send(.command(.writeBlocks(80), tag: tag, number: tag, write: 40_960))
        }
        #expect(ready.count == 1, "the others wait until there is memory")
        var tags: [UInt32] = []
        while let next = ready.first {
            tags.append(next.header.tag)
            let answers = bench.send(
                .dataOut(
                    tag: next.header.tag, transferTag: next.header.field20, number: 0, offset: 0, data: bytes(40_960), isFinal: true))
            ready = answers.filter { $0.header.opcode == .readyToTransfer }
        }
        #expect(tags == [1, 2, 3, 4])
        #expect(bench.machine.dataBytes == 0)
    }
}
