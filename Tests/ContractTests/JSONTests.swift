import Contract
import Testing

// The parser against the grammar of RFC 8259: a table of accepted and refused texts, every prefix of a corpus, and
// mutations of it compared with a slow second parser.

private let accepted: [String] = [
    "null", " true ", "\tfalse\n", "0", "-0", "12", "-1.5", "1e9", "1E+9", "1.25e-3", "0.0", "\"\"", "\"a\"",
    "\"\\u0041\\n\\/\\\"\\\\\\b\\f\\r\\t\"", "\"\\ud83d\\ude00\"", "\"\u{7F}\u{2028}é漢😀\"", "[]", "[ ]", "[1,2 , 3]",
    "{}", "{ }", "{\"a\":1}", "{\"a\":{\"b\":[{}]},\"c\":[]}", "[[[]]]", "{\"\":0}", "{\"a\":1,\"A\":2}",
    "{\"\u{E9}\":1,\"e\u{301}\":2}", "12345678901234567890123", "1e400", "[\"\\u0000\"]",
]

private let refused: [(text: String, reason: JSONError.Reason, offset: Int)] = [
    ("", .empty, 0), ("  ", .empty, 2), ("nul", .unexpectedEnd, 3), ("nulL", .unexpectedByte, 3), ("TRUE", .unexpectedByte, 0),
    ("01", .trailingBytes, 1), ("-", .unexpectedEnd, 1), ("+1", .unexpectedByte, 0), (".5", .unexpectedByte, 0),
    ("1.", .unexpectedEnd, 2), ("1.x", .invalidNumber, 2), ("1e", .unexpectedEnd, 2), ("1e+", .unexpectedEnd, 3),
    ("-a", .invalidNumber, 1),
    ("NaN", .unexpectedByte, 0), ("\"a", .unexpectedEnd, 2), ("\"\t\"", .controlCharacter, 1), ("\"\\x\"", .invalidEscape, 2),
    ("\"\\u12\"", .invalidEscape, 5), ("\"\\ud800\"", .loneSurrogate, 7), ("\"\\ud800\\n\"", .loneSurrogate, 8),
    ("\"\\udc00\"", .loneSurrogate, 7), ("\"\\ud800\\u0041\"", .loneSurrogate, 13), ("[1,]", .unexpectedByte, 3),
    ("[1 2]", .unexpectedByte, 3),
    ("[,1]", .unexpectedByte, 1), ("[1", .unexpectedEnd, 2), ("]", .unexpectedByte, 0), ("{\"a\"}", .unexpectedByte, 4),
    ("{\"a\":}", .unexpectedByte, 5), ("{\"a\":1,}", .unexpectedByte, 7), ("{a:1}", .unexpectedByte, 1),
    ("{1:1}", .unexpectedByte, 1),
    ("[}", .unexpectedByte, 1), ("{]", .unexpectedByte, 1), ("1 2", .trailingBytes, 2), ("[]]", .trailingBytes, 2),
    ("\u{FEFF}1", .unexpectedByte, 0), ("/**/1", .unexpectedByte, 0), ("'a'", .unexpectedByte, 0),
    ("\u{0}", .unexpectedByte, 0),
    ("{\"a\":1,\"a\":2}", .duplicateName("a"), 8), ("{\"a\":1,\"\\u0061\":2}", .duplicateName("a"), 8),
    ("\u{A0}1", .unexpectedByte, 0), ("[1\u{0}]", .unexpectedByte, 2),
]

private let corpus: [String] =
    accepted + [
        #"{"jsonrpc":"2.0","method":"invoke","params":{"serviceId":"com.vmware.vcenter.VM","operationId":"get","input":{"STRUCTURE":{"operation-input":{"vm":"vm-1"}}},"ctx":{"appCtx":{"opId":"1"}}},"id":"9"}"#,
        #"{"a":[1,-2.5e3,true,false,null,"x\"y\\\u00e9\ud83d\ude00"],"b":{"c":{},"d":[[],[{}]]}}"#,
    ]

private func parse(_ bytes: [UInt8]) -> Result<JSONDocument, JSONError> {
    do throws(JSONError) {
        return .success(try JSONDocument(parsing: bytes))
    } catch {
        return .failure(error)
    }
}

/// The parsed document in the terms of the reference.
private func tree(_ value: JSONValue) -> ReferenceJSON {
    if value.isObject { return .object(value.members.map { .init(name: $0.text ?? "?", value: tree($1)) }) }
    if value.isArray { return .array(value.elements.map(tree)) }
    if value.isNumber { return .number(String(decoding: value.rawBytes, as: UTF8.self)) }
    if let text = value.text { return .string(text) }
    return value.isNull ? .null : .bool(value.isTrue)
}

private func agree(_ bytes: [UInt8]) -> Bool {
    let ours = try? parse(bytes).get()
    return ours.map { tree($0.root) } == ReferenceJSON.parse(bytes)
}

@Suite struct JSONTests {
    @Test(arguments: accepted)
    func acceptsWhatTheGrammarAllows(text: String) {
        let document = try? parse(Array(text.utf8)).get()
        #expect(document != nil)
        #expect(agree(Array(text.utf8)))
    }

    @Test(arguments: refused)
    func refusesEverythingElseAndSaysWhere(text: String, reason: JSONError.Reason, offset: Int) {
        guard case .failure(let error) = parse(Array(text.utf8)) else {
            Issue.record("\(text) was accepted")
            return
        }
        #expect(error.reason == reason)
        #expect(error.offset == offset)
        #expect(error.message.hasSuffix("."))
    }

    @Test(arguments: [
        [0x22, 0xFF, 0x22], [0x22, 0xC0, 0x80, 0x22], [0x22, 0xE0, 0x80, 0x80, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22],
        [0x22, 0xF4, 0x90, 0x80, 0x80, 0x22], [0x22, 0xF0, 0x8F, 0xBF, 0xBF, 0x22], [0x22, 0xC3, 0x22],
        [0x22, 0xE6, 0xBC, 0x22],
        [0x22, 0xF0, 0x9F, 0x98, 0x22], [0xC3], [0x22, 0x80, 0x22], [0x22, 0xF5, 0x80, 0x80, 0x80, 0x22],
    ])
    func refusesWhatIsNotUTF8(bytes: [Int]) {
        let raw = bytes.map { UInt8($0) }
        guard case .failure(let error) = parse(raw) else {
            Issue.record("accepted")
            return
        }
        #expect(error.reason == .invalidUTF8)
        #expect(agree(raw))
    }

    @Test func nestingEndsAtTheLimit() {
        let deep = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
        #expect(agree(Array(deep.utf8)))
        let deeper = Array(("[" + deep + "]").utf8)
        guard case .failure(let error) = parse(deeper) else {
            Issue.record("accepted")
            return
        }
        #expect(error.reason == .tooDeep)
        #expect(agree(deeper))
    }

    @Test func manyMembersWithOneDuplicateAreRefused() {
        let members = (0..<5_000).map { "\"k\($0)\":\($0)" }
        #expect((try? parse(Array("{\(members.joined(separator: ","))}".utf8)).get()) != nil)
        let spoiled = (members + ["\"k77\":0"]).joined(separator: ",")
        guard case .failure(let error) = parse(Array("{\(spoiled)}".utf8)) else {
            Issue.record("accepted")
            return
        }
        #expect(error.reason == .duplicateName("k77"))
    }

    @Test(arguments: corpus)
    func everyPrefixIsJudgedAsByTheReference(text: String) {
        let bytes = Array(text.utf8)
        for length in 0...bytes.count {
            let prefix = Array(bytes.prefix(length))
            if !agree(prefix) { Issue.record("prefix of \(length) bytes of \(text)") }
        }
    }

    @Test func mutationsAreJudgedAsByTheReference() {
        let seed: UInt64 = 20_261_124
        var source = SampleSource(seed: seed)
        let alphabet = Array("{}[]\":,\\u0123456789abcdefEe+-. \ntfnrl".utf8) + [0x00, 0x1F, 0x80, 0xC3, 0xA9, 0xF0, 0xFF]
        let rounds = isLong ? 2_000_000 : 20_000
        for round in 0..<rounds {
            var bytes = Array(corpus[source.below(corpus.count)].utf8)
            for _ in 0...source.below(3) {
                let place = source.below(bytes.count + 1)
                let byte = alphabet[source.below(alphabet.count)]
                switch source.below(4) {
                case 0 where place < bytes.count: bytes[place] = byte
                case 1 where place < bytes.count: bytes.remove(at: place)
                case 2 where !bytes.isEmpty: bytes.swapAt(source.below(bytes.count), source.below(bytes.count))
                default: bytes.insert(byte, at: place)
                }
            }
            if !agree(bytes) {
                Issue.record("seed \(seed), round \(round): \(bytes)")
                return
            }
        }
    }

    @Test func membersAndElementsAreFoundByNameAndOrder() throws {
        let root = try parse(Array(#"{"a":{"x":[1,2]},"b\n":true,"c":[]}"#.utf8)).get().root
        #expect(root["a"]?["x"]?.elements.compactMap(\.integer) == [1, 2])
        #expect(root["b\n"]?.isTrue == true)
        #expect(root["d"] == nil)
        #expect(root.members.map { $0.name.text } == ["a", "b\n", "c"])
    }

    @Test(
        arguments: [
            ("9223372036854775807", Int64.max), ("-9223372036854775808", .min), ("9223372036854775808", nil),
            ("-9223372036854775809", nil),
            ("0", 0), ("-0", 0), ("1.0", nil), ("1e2", nil), ("99999999999999999999", nil),
        ] as [(String, Int64?)])
    func integersKeepTheirRange(text: String, value: Int64?) throws {
        #expect(try parse(Array(text.utf8)).get().root.integer == value)
    }
}
