#if !STANDALONE_FUZZ
@testable import HTTP
#endif

enum ParserFuzz {
    /// Compares the connection with the reference on mutated requests, cut at random.
    ///
    /// - Returns: the first disagreements, each with all it takes to repeat it; empty if there are none.
    static func run(seed: UInt64, count: Int) -> [String] {
        var numbers = SeededNumbers(seed: seed)
        var context = ConnectionContext(outputCapacity: 4096)
        var found: [String] = []
        for _ in 0..<count {
            let bytes = mutated(&numbers)
            let cuts = (0..<numbers.below(4)).map { _ in numbers.below(bytes.count + 1) }.sorted()
            let expected = ReferenceParser.outcome(of: bytes)
            let actual = ParserDriver.outcome(of: bytes, cuts: cuts, &context)
            if expected == actual { continue }
            found.append(
                "seed \(seed), cuts \(cuts): \(String(decoding: bytes, as: UTF8.self).debugDescription): \(expected) against \(actual)"
            )
            if found.count == 5 { break }
        }
        return found
    }

    static func mutated(_ numbers: inout SeededNumbers) -> [UInt8] {
        var bytes = Corpus.messages[numbers.below(Corpus.messages.count)]
        for _ in 0...numbers.below(4) { mutate(&bytes, &numbers) }
        return bytes
    }

    private static func mutate(_ bytes: inout [UInt8], _ numbers: inout SeededNumbers) {
        let place = numbers.below(bytes.count)
        let span = place..<min(bytes.count, place + 1 + numbers.below(8))
        switch numbers.below(7) {
        case 0 where !bytes.isEmpty: bytes[place] ^= 1 << UInt8(numbers.below(8))
        case 1 where !bytes.isEmpty: bytes[place] = UInt8(numbers.below(256))
        case 2: bytes.insert(contentsOf: Corpus.pieces[numbers.below(Corpus.pieces.count)], at: place)
        case 3: bytes.removeSubrange(span)
        case 4: bytes.insert(contentsOf: bytes[span], at: place)
        case 5:
            let other = Corpus.messages[numbers.below(Corpus.messages.count)]
            let start = numbers.below(other.count)
            bytes.insert(contentsOf: other[start..<min(other.count, start + 1 + numbers.below(40))], at: place)
        default: insertAfterLine(&bytes, &numbers)
        }
    }

    /// A field where fields stand.
    private static func insertAfterLine(_ bytes: inout [UInt8], _ numbers: inout SeededNumbers) {
        let lines = bytes.indices.filter { bytes[$0] == 10 }
        guard !lines.isEmpty else { return }
        let place = lines[numbers.below(lines.count)] + 1
        bytes.insert(contentsOf: Corpus.pieces[numbers.below(Corpus.pieces.count)], at: place)
    }
}

#if STANDALONE_FUZZ
@main struct FuzzMain {
    /// Arguments: count and seed.
    static func main() {
        let count = CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1]) ?? 1_000_000 : 1_000_000
        let seed = CommandLine.arguments.count > 2 ? UInt64(CommandLine.arguments[2]) ?? 1 : 1
        let found = ParserFuzz.run(seed: seed, count: count)
        for disagreement in found { print(disagreement) }
        print("\(count) inputs from seed \(seed): \(found.isEmpty ? "no disagreement" : "disagreement")")
    }
}
#endif
