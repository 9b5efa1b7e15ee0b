// The cases of the corpus, against the machine alone and against a target whose other sessions must not notice.
import SCSI
import Testing

@testable import ISCSI

/// One case of `conversationCorpus`.
struct CorpusCase: CustomTestStringConvertible, Sendable {
    var before: String
    var bytes: [UInt8] = []
    var outcome = ""
    var testDescription: String

    static let all: [CorpusCase] = {
        var cases: [CorpusCase] = []
        var current: CorpusCase?
        for line in conversationCorpus.split(separator: "\n") {
            var text = line.prefix { $0 != "#" }.trimmed
            if text.isEmpty { continue }
            var one = current ?? CorpusCase(before: String(text.prefix { $0 != " " }), testDescription: "")
            if current == nil { text = text.drop { $0 != " " }.trimmed }
            one.testDescription += text + " "
            let parts = text.split(separator: "=>", maxSplits: 1)
            one.bytes += pdu(parts[0])
            current = one
            guard parts.count > 1 else { continue }
            one.outcome = String(parts[1].trimmed)
            cases.append(one)
            current = nil
        }
        return cases
    }()

    private static func pdu(_ text: Substring) -> [UInt8] {
        let parts = text.split(separator: ":", maxSplits: 1)
        let data = parts.count > 1 ? body(parts[1].trimmed) : []
        var header: [UInt8] = []
        for word in parts[0].split(separator: " ") {
            let number = word.hasPrefix("-") ? UInt32(data.count) : UInt32(word, radix: 16) ?? 0
            header += (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * UInt32($0))) }
        }
        header += [UInt8](repeating: 0, count: 48 - header.count)
        return header + data + [UInt8](repeating: 0, count: -data.count & 3)
    }

    private static func body(_ text: Substring) -> [UInt8] {
        if text.hasPrefix("'") { return text.dropFirst().utf8.map { $0 == UInt8(ascii: ";") ? 0 : $0 } }
        let digits = Array(text)
        return stride(from: 0, to: digits.count - 1, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var rest = drop { $0.isWhitespace }
        while rest.last?.isWhitespace == true { rest.removeLast() }
        return rest
    }
}

@Suite struct CorpusTests {
    private static let keys: [String: [(String, String)]] = [
        "full": [], "free": [("InitialR2T", "No")], "sums": [("HeaderDigest", "CRC32C"), ("DataDigest", "CRC32C")],
    ]

    private static func outcome(_ pdus: [PDU], isClosed: Bool) -> String {
        var words = pdus.map { pdu in
            switch pdu.header.opcode {
            case .loginResponse: "login " + hexadecimal(Int(pdu.loginStatus), 4)
            case .reject: "reject " + hexadecimal(Int(pdu.header.byte2), 2)
            case .response where pdu.sense != 0: "sense " + hexadecimal(pdu.sense, 6)
            case .response: "response " + hexadecimal(Int(pdu.header.byte3), 2)
            case .taskManagementResponse: "management " + hexadecimal(Int(pdu.header.byte2), 2)
            case .logoutResponse: "logout " + hexadecimal(Int(pdu.header.byte2), 2)
            case .readyToTransfer: "ready"
            case .dataIn where pdu.header.flags & 1 != 0: "data response " + hexadecimal(Int(pdu.header.byte3), 2)
            case .dataIn: "data"
            default: "opcode " + hexadecimal(Int(pdu.header.words.0 >> 56), 2)
            }
        }
        if isClosed { words.append("close") }
        return words.isEmpty ? "none" : words.joined(separator: " ")
    }

    private static func hexadecimal(_ value: Int, _ digits: Int) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    /// A bench that has come as far as the case asks for.
    private static func bench(_ one: CorpusCase) -> MachineBench {
        let bench = MachineBench()
        if one.before == "find" { bench.logIn(isDiscovery: true) }
        if let keys = keys[one.before] { bench.logIn(keys) }
        return bench
    }

    @Test func theCorpusIsRead() {
        #expect(CorpusCase.all.count > 80)
        #expect(Set(CorpusCase.all.map(\.before)) == ["first", "full", "free", "find", "sums"])
        #expect(CorpusCase.all.allSatisfy { $0.bytes.count >= 48 && !$0.outcome.isEmpty })
    }

    @Test(arguments: CorpusCase.all)
    func everyCaseGetsTheAnswerOfTheStandard(_ one: CorpusCase) {
        for part in [Int.max, 1, 47, 49] {
            let bench = Self.bench(one)
            let answers = bench.parse(bench.feed(one.bytes, part: part))
            #expect(Self.outcome(answers, isClosed: bench.isClosed) == one.outcome, "parts of \(part)")
            if !bench.isClosed { #expect(bench.send(.nop(tag: 0xABCD, number: 1)).last?.header.opcode == .nopIn) }
            bench.machine.abandon()
            #expect(bench.machine.tasks.isEmpty && bench.machine.dataBytes == 0)
        }
    }

    @Test func noCaseDisturbsAnotherSession() throws {
        let target = try LoopbackTarget()
        let good = try target.session(LoopbackTarget.other, 2)
        for (index, one) in CorpusCase.all.enumerated() where one.before == "first" || one.before == "full" {
            let bad = try LoopbackInitiator(port: target.port)
            if one.before == "full" { _ = try bad.logIn(session: UInt64(100 + index)) }
            bad.send(one.bytes)
            #expect(try good.command(.readBlocks(8), read: 4096).status == 0, "\(one.testDescription)")
        }
    }

    /// Cases, one after another and mutated: no crash, and nothing is kept.
    @Test(arguments: [4, UInt64.random(in: 5...UInt64.max)])
    func mutatedCasesDoNoHarm(_ seed: UInt64) {
        var random = SeededGenerator(seed)
        for round in 0..<(LongForm.isOn ? 500_000 : 4000) {
            guard let one = CorpusCase.all.randomElement(using: &random) else { return }
            let bench = Self.bench(one)
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                guard var bytes = CorpusCase.all.randomElement(using: &random)?.bytes else { return }
                for _ in 0..<Int.random(in: 0...3, using: &random) {
                    let at = Int.random(in: 0..<bytes.count, using: &random)
                    bytes[at] = Bool.random(using: &random) ? .random(in: 0...255, using: &random) : bytes[at] ^ 0x80
                }
                _ = bench.feed(bytes)
            }
            bench.machine.abandon()
            let isSane = bench.machine.dataBytes == 0 && bench.machine.tasks.isEmpty && bench.machine.runningCount == 0
            #expect(isSane, "seed \(seed), round \(round)")
            if !isSane { return }
        }
    }
}
