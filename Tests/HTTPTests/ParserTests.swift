import Testing

@testable import HTTP

// The parser, driven through a real connection, against a slow second parser (Fuzzing/ReferenceParser.swift): every
// prefix of a corpus, every cut and every pair of cuts, and mutated inputs; the verdict, the bytes used, the fields and
// the body have to agree. Seeds are printed with a disagreement.
//
// Long form, ten million mutations: VIADUCT_LONG=1 swift test -c release -Xswiftc -enable-testing --filter ParserTests
// or as a program of its own, from the root of the repository:
//   swiftc -O -parse-as-library -D STANDALONE_FUZZ -I Sources/CZlib -lz Sources/HTTP/*.swift \
//     Tests/HTTPTests/Fuzzing/*.swift -o /tmp/http-fuzz && /tmp/http-fuzz 10000000 1
// (with -sanitize=address to watch the memory).

@Suite struct ParserTests {
    @Test func everyPrefixMeansTheSameToBothParsers() {
        var context = ConnectionContext(outputCapacity: 4096)
        for message in Corpus.messages {
            for count in 0...message.count {
                let prefix = Array(message[..<count])
                let expected = ReferenceParser.outcome(of: prefix)
                let actual = ParserDriver.outcome(of: prefix, cuts: [], &context)
                #expect(actual == expected, "\(String(decoding: prefix, as: UTF8.self).debugDescription)")
            }
        }
    }

    @Test func cutsDoNotChangeTheMeaning() {
        var context = ConnectionContext(outputCapacity: 4096)
        for message in Corpus.messages {
            let expected = ReferenceParser.outcome(of: message)
            // All pairs of cuts in the long form; in the short one, pairs that are near or begin at every fifth byte.
            for first in 0...message.count {
                for second in first...message.count {
                    guard LongForm.isOn || second - first < 4 || first % 5 == 0 || second == message.count else { continue }
                    let actual = ParserDriver.outcome(of: message, cuts: [first, second], &context)
                    if actual != expected {
                        Issue.record(
                            "\(String(decoding: message, as: UTF8.self).debugDescription) cut at \(first), \(second): \(actual)"
                        )
                        return
                    }
                }
            }
        }
    }

    @Test func oneByteAtATimeMeansTheSame() {
        var context = ConnectionContext(outputCapacity: 4096)
        for message in Corpus.messages {
            let expected = ReferenceParser.outcome(of: message)
            let actual = ParserDriver.outcome(of: message, cuts: Array(0..<message.count), &context)
            #expect(actual == expected)
        }
    }

    @Test(arguments: 0..<4)
    func mutatedRequestsMeanTheSameToBothParsers(_ part: UInt64) {
        let count = LongForm.isOn ? 2_500_000 : 50_000
        let found = ParserFuzz.run(seed: 20_261_124 + part, count: count)
        #expect(found.isEmpty, "\(found.joined(separator: "\n"))")
    }
}
