/// A second JSON parser: recursive, on Unicode scalars, written for plainness. Source: the grammar of RFC 8259.
indirect enum ReferenceJSON: Equatable {
    case null, bool(Bool), number(String), string(String), array([ReferenceJSON])
    case object([Member])

    struct Member: Equatable {
        var name: String
        var value: ReferenceJSON
    }

    struct Refusal: Error {}

    static func parse(_ bytes: [UInt8]) -> ReferenceJSON? {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        var scalars = Array(text.unicodeScalars)[...]
        do {
            let value = try value(&scalars, depth: 0)
            blanks(&scalars)
            return scalars.isEmpty ? value : nil
        } catch {
            return nil
        }
    }

    private typealias Input = ArraySlice<Unicode.Scalar>

    private static func blanks(_ input: inout Input) {
        while let first = input.first, [" ", "\n", "\r", "\t"].contains(first) { input.removeFirst() }
    }

    private static func take(_ scalar: Unicode.Scalar, _ input: inout Input) -> Bool {
        guard input.first == scalar else { return false }
        input.removeFirst()
        return true
    }

    private static func value(_ input: inout Input, depth: Int) throws -> ReferenceJSON {
        blanks(&input)
        guard let first = input.first else { throw Refusal() }
        switch first {
        case "{", "[":
            guard depth < 64 else { throw Refusal() }
            return first == "{" ? try object(&input, depth: depth) : try array(&input, depth: depth)
        case "\"": return .string(try string(&input))
        case "t": return try word("true", .bool(true), &input)
        case "f": return try word("false", .bool(false), &input)
        case "n": return try word("null", .null, &input)
        default: return .number(try number(&input))
        }
    }

    private static func word(_ word: String, _ value: ReferenceJSON, _ input: inout Input) throws -> ReferenceJSON {
        for scalar in word.unicodeScalars where !take(scalar, &input) { throw Refusal() }
        return value
    }

    private static func array(_ input: inout Input, depth: Int) throws -> ReferenceJSON {
        input.removeFirst()
        var elements: [ReferenceJSON] = []
        blanks(&input)
        if take("]", &input) { return .array([]) }
        repeat {
            elements.append(try value(&input, depth: depth + 1))
            blanks(&input)
        } while take(",", &input)
        guard take("]", &input) else { throw Refusal() }
        return .array(elements)
    }

    private static func object(_ input: inout Input, depth: Int) throws -> ReferenceJSON {
        input.removeFirst()
        var members: [Member] = []
        blanks(&input)
        if take("}", &input) { return .object([]) }
        repeat {
            blanks(&input)
            guard input.first == "\"" else { throw Refusal() }
            let name = try string(&input)
            blanks(&input)
            guard take(":", &input) else { throw Refusal() }
            if members.contains(where: { Array($0.name.utf8) == Array(name.utf8) }) { throw Refusal() }
            members.append(Member(name: name, value: try value(&input, depth: depth + 1)))
            blanks(&input)
        } while take(",", &input)
        guard take("}", &input) else { throw Refusal() }
        return .object(members)
    }

    private static func string(_ input: inout Input) throws -> String {
        input.removeFirst()
        var units: [UInt16] = []
        while true {
            guard let scalar = input.popFirst() else { throw Refusal() }
            if scalar == "\"" { break }
            if scalar.value < 0x20 { throw Refusal() }
            guard scalar == "\\" else {
                units += Array(String(Character(scalar)).utf16)
                continue
            }
            guard let letter = input.popFirst() else { throw Refusal() }
            if letter == "u" {
                guard input.count >= 4 else { throw Refusal() }
                let digits = String(String.UnicodeScalarView(input.prefix(4)))
                guard digits.utf8.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }), let unit = UInt16(digits, radix: 16)
                else {
                    throw Refusal()
                }
                input.removeFirst(4)
                units.append(unit)
                continue
            }
            let plain: [Unicode.Scalar: UInt16] = ["\"": 34, "\\": 92, "/": 47, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9]
            guard let unit = plain[letter] else { throw Refusal() }
            units.append(unit)
        }
        guard let text = String(validating: units, as: UTF16.self) else { throw Refusal() }
        return text
    }

    private static func number(_ input: inout Input) throws -> String {
        var text = ""
        func digits(_ text: inout String, _ input: inout Input) throws {
            guard let first = input.first, ("0"..."9").contains(first) else { throw Refusal() }
            while let digit = input.first, ("0"..."9").contains(digit) {
                text.unicodeScalars.append(digit)
                input.removeFirst()
            }
        }
        if take("-", &input) { text += "-" }
        if take("0", &input) { text += "0" } else { try digits(&text, &input) }
        if take(".", &input) {
            text += "."
            try digits(&text, &input)
        }
        if let first = input.first, first == "e" || first == "E" {
            text.unicodeScalars.append(input.removeFirst())
            if let sign = input.first, sign == "+" || sign == "-" { text.unicodeScalars.append(input.removeFirst()) }
            try digits(&text, &input)
        }
        return text
    }
}
