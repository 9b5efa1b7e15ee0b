// Whatever comes, in whatever pieces: the same answers for the same bytes, and no crash for any.
import SCSI
import Testing

@testable import ISCSI

@Suite struct RobustnessTests {
    /// A conversation with one of everything, as an initiator that knows the target's tags would send it.
    private static func conversation(_ keys: [(String, String)]) -> [PDU] {
        let data = MachineBench.pattern(24_000)
        return [
            .login(
                [("InitiatorName", PDU.initiator), ("TargetName", PDU.targetName)] + keys, from: .operational, to: .fullFeature),
            .command(.readBlocks(3), tag: 1, number: 1, read: 1400),
            .command(.writeBlocks(4), tag: 2, number: 2, write: 2048, data: Array(data[..<1000]), isFinal: false),
            .dataOut(tag: 2, number: 0, offset: 1000, data: Array(data[1000..<2048]), isFinal: true),
            .command(.writeBlocks(46), tag: 3, number: 3, write: 23_552, data: Array(data[..<23_552])),
            .nop(tag: 4, number: 4, data: [9, 8, 7]),
            .text([("SendTargets", "")], number: 4),
            .command(.testUnitReady, tag: 5, number: 6),
            .command(.writeBlocks(20), tag: 6, number: 5, write: 10_240, isFinal: true),
            .dataOut(tag: 6, transferTag: 1, number: 0, offset: 0, data: Array(data[..<10_240]), isFinal: true),
            .management(2, tag: 7, number: 7),
            .command(.readBlocks(40), tag: 8, number: 7, lun: 1, read: 20_480, attribute: .ordered),
            .logout(number: 8),
        ]
    }

    private static let options: [[(String, String)]] = [
        [("InitialR2T", "No")], [("InitialR2T", "No"), ("HeaderDigest", "CRC32C"), ("DataDigest", "CRC32C")],
    ]

    private static func bytes(_ keys: [(String, String)]) -> [UInt8] {
        let hasDigests = keys.contains { $0.0 == "HeaderDigest" }
        return conversation(keys).enumerated().flatMap { index, pdu in
            pdu.encoded(headerDigest: hasDigests && index > 0, dataDigest: hasDigests && index > 0)
        }
    }

    @Test(arguments: 0..<2)
    func everyCutGivesTheSameAnswers(_ option: Int) {
        let bytes = Self.bytes(Self.options[option])
        let whole = MachineBench()
        let expected = whole.feed(bytes)
        #expect(whole.isClosed && whole.executed.count == 6)
        #expect(whole.written[2] == Array(MachineBench.pattern(24_000)[..<23_552]))
        for part in [1, 2, 3, 7, 48, 49, 1000, 8191] {
            #expect(MachineBench().feed(bytes, part: part) == expected, "parts of \(part)")
        }
        // Two parts, at every place of the first PDUs and at every 97th of the rest.
        for cut in Array(1..<600) + Array(stride(from: 600, to: bytes.count, by: 97)) {
            let bench = MachineBench()
            let answer = bench.feed(Array(bytes[..<cut]))
            #expect(answer + bench.feed(Array(bytes[cut...])) == expected, "cut at \(cut)")
        }
    }

    @Test(arguments: 0..<2)
    func everyPrefixLeavesASaneMachine(_ option: Int) {
        let bytes = Self.bytes(Self.options[option])
        for end in stride(from: 0, through: bytes.count, by: 13) {
            let bench = MachineBench()
            _ = bench.feed(Array(bytes[..<end]))
            bench.machine.abandon()
            #expect(bench.machine.tasks.isEmpty && bench.machine.dataBytes == 0, "prefix of \(end)")
        }
    }

    /// Mutated conversations. A failure prints its seed; those that found something are kept below.
    @Test(arguments: [1, 2, 3, UInt64.random(in: 4...UInt64.max)])
    func mutationsDoNoHarm(_ seed: UInt64) {
        var random = SeededGenerator(seed)
        let rounds = LongForm.isOn ? 200_000 : 1500
        let corpora = Self.options.map(Self.bytes)
        for round in 0..<rounds {
            var bytes = corpora[Int.random(in: 0...1, using: &random)]
            for _ in 0..<Int.random(in: 1...6, using: &random) { mutate(&bytes, &random) }
            let bench = MachineBench()
            bench.finishesAtOnce = Bool.random(using: &random)
            let part = [1 << 20, 4096, 100].randomElement(using: &random) ?? 1
            _ = bench.feed(bytes, part: part)
            for task in bench.executed where task.state == .running && bench.machine.tasks[task.tag] === task {
                _ = bench.finish(task)
            }
            bench.machine.abandon()
            let isSane = bench.machine.dataBytes == 0 && bench.machine.tasks.isEmpty && bench.machine.runningCount == 0
            #expect(isSane, "seed \(seed), round \(round)")
            if !isSane { return }
        }
    }

    private func mutate(_ bytes: inout [UInt8], _ random: inout SeededGenerator) {
        guard bytes.count > 64 else { return }
        let at = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<6, using: &random) {
        case 0: bytes[at] = UInt8.random(in: 0...255, using: &random)
        case 1: bytes[at] ^= 1 << UInt8.random(in: 0...7, using: &random)
        case 2: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...64, using: &random)))
        case 3: bytes.insert(contentsOf: (0..<4).map { _ in UInt8.random(in: 0...255, using: &random) }, at: at)
        case 4:
            // A header moved or repeated.
            let from = Int.random(in: 0..<bytes.count - 48, using: &random)
            bytes.insert(contentsOf: Array(bytes[from..<from + 48]), at: at / 4 * 4)
        default:
            // A field of the first headers, where the state of the session is made.
            bytes[min(bytes.count - 1, at % 1200)] = [0, 1, 0x7F, 0x80, 0xFF].randomElement(using: &random) ?? 0
        }
    }

    @Test func noiseDoesNoHarm() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var random = SeededGenerator(seed)
        for _ in 0..<500 {
            let bench = MachineBench()
            if Bool.random(using: &random) { bench.logIn() }
            let noise = (0..<Int.random(in: 0...400, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
            _ = bench.feed(noise)
            #expect(bench.machine.runningCount == 0, "seed \(seed)")
        }
    }
}
