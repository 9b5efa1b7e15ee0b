import Contract
import Domain

/// Random values from a seed, the same on every machine.
struct SampleSource {
    private var state: UInt64
    private(set) var depth = 0

    init(seed: UInt64) { state = seed }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }

    mutating func value<Value: Sample>() -> Value { Value.sample(&self) }

    /// Runs `make` one level deeper; values thin out with depth, so that recursive ones end.
    mutating func deeper<Value>(_ make: (inout SampleSource) -> Value) -> Value {
        depth += 1
        defer { depth -= 1 }
        return make(&self)
    }

    mutating func text() -> String {
        let pieces = [
            "a", "Z", "0", " ", "\"", "\\", "/", "\n", "\t", "\u{1}", "\u{1F}", "\u{7F}", "é", "漢", "😀", "\u{2028}", "{", ",",
            "%", "abcdefgh",
        ]
        return (0..<below(12)).map { _ in pieces[below(pieces.count)] }.joined() + String(next(), radix: 36)
    }
}

protocol Sample { static func sample(_ source: inout SampleSource) -> Self }

extension String: Sample {
    static func sample(_ source: inout SampleSource) -> String { source.text() }
}

extension Int64: Sample {
    static func sample(_ source: inout SampleSource) -> Int64 {
        switch source.below(4) {
        case 0: Int64(source.below(20)) - 10
        case 1: source.below(2) == 0 ? .min : .max
        default: Int64(truncatingIfNeeded: source.next() >> UInt64(source.below(64)))
        }
    }
}

extension Bool: Sample {
    static func sample(_ source: inout SampleSource) -> Bool { source.below(2) == 0 }
}

extension Double: Sample {
    static func sample(_ source: inout SampleSource) -> Double { Double(Int64.sample(&source)) / 1024 }
}

extension Secret: Sample {
    static func sample(_ source: inout SampleSource) -> Secret { Secret(source.text()) }
}

extension Binary: Sample {
    static func sample(_ source: inout SampleSource) -> Binary {
        Binary((0..<source.below(9)).map { _ in UInt8(truncatingIfNeeded: source.next()) })
    }
}

extension Timestamp: Sample {
    static func sample(_ source: inout SampleSource) -> Timestamp {
        Timestamp(milliseconds: Int64(source.next() % 4_102_444_800_000) - 100_000_000_000)
    }
}

extension DataValue: Sample {
    static func sample(_ source: inout SampleSource) -> DataValue {
        .error("com.example.sample", [Field("text", .string(source.text())), Field("number", .long(source.value()))])
    }
}

extension Optional: Sample where Wrapped: Sample {
    static func sample(_ source: inout SampleSource) -> Wrapped? {
        source.depth > 4 || source.below(3) == 0 ? nil : source.deeper { .some($0.value()) }
    }
}

extension Array: Sample where Element: Sample {
    static func sample(_ source: inout SampleSource) -> [Element] {
        let count = source.depth > 4 ? 0 : source.below(4)
        return source.deeper { source in (0..<count).map { _ in source.value() } }
    }
}

extension ValueMap: Sample where Key: Sample, Value: Sample {
    static func sample(_ source: inout SampleSource) -> ValueMap {
        let count = source.depth > 4 ? 0 : source.below(4)
        return source.deeper { source in ValueMap((0..<count).map { _ in (source.value(), source.value()) }) }
    }
}

extension Sample where Self: WireEnumeration {
    static func sample(_ source: inout SampleSource) -> Self {
        let all = Array(allCases)
        return all[source.below(all.count)]
    }
}
