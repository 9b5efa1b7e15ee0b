/// Descends through a JSON text that is known to be UTF-8.
struct PolicyTextReader {
    private let bytes: [UInt8]
    private var position = 0
    private var depth = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(PolicyTextError) -> PolicyValue {
        let result = try value()
        skipBlanks()
        guard position == bytes.count else { throw failure }
        return result
    }

    private var failure: PolicyTextError { PolicyTextError(offset: position) }
    private var byte: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func skipBlanks() {
        while let byte, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private mutating func value() throws(PolicyTextError) -> PolicyValue {
        skipBlanks()
        switch byte {
        case UInt8(ascii: "{"): return try container { reader throws(PolicyTextError) in try reader.object() }
        case UInt8(ascii: "["): return try container { reader throws(PolicyTextError) in try reader.array() }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .boolean(true))
        case UInt8(ascii: "f"): return try literal("false", .boolean(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        default: return try number()
        }
    }

    private mutating func container(
        _ read: (inout PolicyTextReader) throws(PolicyTextError) -> PolicyValue
    ) throws(PolicyTextError) -> PolicyValue {
        guard depth < PolicyText.depthLimit else { throw failure }
        depth += 1
        position += 1
        let result = try read(&self)
        depth -= 1
        return result
    }

    private mutating func object() throws(PolicyTextError) -> PolicyValue {
        var fields = PolicyFields()
        if ends(UInt8(ascii: "}")) { return .object(fields) }
        repeat {
            skipBlanks()
            guard byte == UInt8(ascii: "\"") else { throw failure }
            let name = try string()
            skipBlanks()
            guard byte == UInt8(ascii: ":"), fields[name] == nil else { throw failure }
            position += 1
            fields[name] = try value()
        } while try continues(before: UInt8(ascii: "}"))
        return .object(fields)
    }

    private mutating func array() throws(PolicyTextError) -> PolicyValue {
        var elements: [PolicyValue] = []
        if ends(UInt8(ascii: "]")) { return .array(elements) }
        repeat { elements.append(try value()) } while try continues(before: UInt8(ascii: "]"))
        return .array(elements)
    }

    private mutating func ends(_ mark: UInt8) -> Bool {
        skipBlanks()
        guard byte == mark else { return false }
        position += 1
        return true
    }

    private mutating func continues(before mark: UInt8) throws(PolicyTextError) -> Bool {
        if ends(mark) { return false }
        guard byte == UInt8(ascii: ",") else { throw failure }
        position += 1
        return true
    }

    private mutating func literal(_ text: StaticString, _ value: PolicyValue) throws(PolicyTextError) -> PolicyValue {
        let end = position + text.utf8CodeUnitCount
        guard end <= bytes.count, bytes[position..<end].elementsEqual(text.description.utf8) else { throw failure }
        position = end
        return value
    }

    private mutating func number() throws(PolicyTextError) -> PolicyValue {
        let start = position
        if byte == UInt8(ascii: "-") { position += 1 }
        let first = byte
        let whole = digits()
        guard whole > 0, first != UInt8(ascii: "0") || whole == 1 else { throw failure }
        var isWhole = true
        if byte == UInt8(ascii: ".") {
            isWhole = false
            position += 1
            guard digits() > 0 else { throw failure }
        }
        if let mark = byte, mark | 0x20 == UInt8(ascii: "e") {
            isWhole = false
            position += 1
            if let sign = byte, sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { position += 1 }
            guard digits() > 0 else { throw failure }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        if isWhole, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw failure }
        return .number(value)
    }

    private mutating func digits() -> Int {
        let start = position
        while let byte, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        return position - start
    }

    private mutating func string() throws(PolicyTextError) -> String {
        position += 1
        var text: [UInt8] = []
        while let byte, byte >= 0x20 {
            position += 1
            if byte == UInt8(ascii: "\"") { return String(decoding: text, as: UTF8.self) }
            if byte == UInt8(ascii: "\\") { try escape(&text) } else { text.append(byte) }
        }
        throw failure
    }

    private mutating func escape(_ text: inout [UInt8]) throws(PolicyTextError) {
        guard let letter = byte else { throw failure }
        position += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(letter)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var code = try unit()
            if code & 0xFC00 == 0xD800 {
                guard byte == UInt8(ascii: "\\"), position + 1 < bytes.count, bytes[position + 1] == UInt8(ascii: "u") else {
                    throw failure
                }
                position += 2
                let low = try unit()
                guard low & 0xFC00 == 0xDC00 else { throw failure }
                code = 0x10000 + (code & 0x3FF) << 10 + low & 0x3FF
            }
            guard let scalar = Unicode.Scalar(code) else { throw failure }
            text += Array(String(Character(scalar)).utf8)
        default: throw failure
        }
    }

    private mutating func unit() throws(PolicyTextError) -> UInt32 {
        guard position + 4 <= bytes.count,
            bytes[position..<position + 4].allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }),
            let code = UInt32(String(decoding: bytes[position..<position + 4], as: UTF8.self), radix: 16)
        else { throw failure }
        position += 4
        return code
    }
}
