/// Why a text is not JSON, and where.
public struct JSONError: Error, Sendable, Equatable {
    public enum Reason: Sendable, Equatable {
        case empty, unexpectedEnd, unexpectedByte, trailingBytes, tooDeep, tooLong
        case invalidUTF8, controlCharacter, invalidEscape, loneSurrogate, invalidNumber
        case duplicateName(String)
    }

    public let reason: Reason
    /// From 0, in bytes.
    public let offset: Int

    /// A sentence for the client.
    public var message: String {
        let what =
            switch reason {
            case .empty: "The text is empty"
            case .unexpectedEnd: "The text ends inside a value"
            case .unexpectedByte: "A value or punctuation was expected"
            case .trailingBytes: "Something follows the value"
            case .tooDeep: "Containers are nested more than \(JSONParser.maximumDepth) deep"
            case .tooLong: "The text is too long"
            case .invalidUTF8: "The text is not UTF-8"
            case .controlCharacter: "A string contains a control character"
            case .invalidEscape: "A string contains an unknown escape"
            case .loneSurrogate: "A string contains half of a surrogate pair"
            case .invalidNumber: "A number is not well formed"
            case .duplicateName(let name): "The member name \"\(name)\" occurs twice"
            }
        return "\(what): byte \(offset)."
    }
}

/// Turns bytes into nodes in one pass without recursion. Source: RFC 8259.
struct JSONParser {
    /// Containers inside each other. Typed JSON-RPC input needs three per structure and reaches about 30.
    static let maximumDepth = 64

    private let bytes: [UInt8]
    private var position = 0
    private(set) var nodes: [JSONNode] = []
    /// Node indexes of the containers that are open.
    private var open: [Int] = []

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        nodes.reserveCapacity(bytes.count / 8 + 4)
    }

    mutating func parse() throws(JSONError) {
        guard bytes.count < Int(UInt32.max) / 2 else { throw JSONError(reason: .tooLong, offset: 0) }
        if let offset = UTF8Check.firstInvalidByte(bytes) { throw JSONError(reason: .invalidUTF8, offset: offset) }
        skipBlanks()
        if position == bytes.count { throw fault(.empty) }
        try value()
        while let container = open.last {
            try step(container)
        }
        skipBlanks()
        if position != bytes.count { throw fault(.trailingBytes) }
    }

    private func fault(_ reason: JSONError.Reason) -> JSONError {
        let ended = position >= bytes.count && reason == .unexpectedByte
        return JSONError(reason: ended ? .unexpectedEnd : reason, offset: position)
    }

    private var byte: UInt8 { position < bytes.count ? bytes[position] : 0 }

    private mutating func skipBlanks() {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x0A, 0x0D, 0x09: position += 1
            default: return
            }
        }
    }

    /// Reads the next element or member of an open container, or closes it.
    private mutating func step(_ container: Int) throws(JSONError) {
        skipBlanks()
        let isObject = nodes[container].kind == .object
        if byte == (isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) {
            position += 1
            open.removeLast()
            nodes[container].next = UInt32(nodes.count)
            if isObject { try refuseDuplicates(container) }
            return
        }
        if nodes[container].count > 0 {
            guard byte == UInt8(ascii: ",") else { throw fault(.unexpectedByte) }
            position += 1
            skipBlanks()
        }
        nodes[container].count += 1
        if isObject {
            guard byte == UInt8(ascii: "\"") else { throw fault(.unexpectedByte) }
            try string()
            skipBlanks()
            guard byte == UInt8(ascii: ":") else { throw fault(.unexpectedByte) }
            position += 1
            skipBlanks()
        }
        try value()
    }

    /// Reads a scalar, or opens a container.
    private mutating func value() throws(JSONError) {
        switch byte {
        case UInt8(ascii: "{"): try begin(.object)
        case UInt8(ascii: "["): try begin(.array)
        case UInt8(ascii: "\""): try string()
        case UInt8(ascii: "t"): try word("true", .yes)
        case UInt8(ascii: "f"): try word("false", .no)
        case UInt8(ascii: "n"): try word("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
        default: throw fault(.unexpectedByte)
        }
    }

    private mutating func begin(_ kind: JSONNode.Kind) throws(JSONError) {
        guard open.count < Self.maximumDepth else { throw fault(.tooDeep) }
        open.append(nodes.count)
        append(kind, start: position, count: 0)
        position += 1
    }

    private mutating func append(_ kind: JSONNode.Kind, start: Int, count: Int, intricate: Bool = false) {
        nodes.append(
            JSONNode(
                kind: kind, isIntricate: intricate, start: UInt32(start), count: UInt32(count),
                next: UInt32(nodes.count + 1)))
    }

    private mutating func word(_ word: StaticString, _ kind: JSONNode.Kind) throws(JSONError) {
        let start = position
        for index in 0..<word.utf8CodeUnitCount {
            guard byte == word.utf8Start[index] else { throw fault(.unexpectedByte) }
            position += 1
        }
        append(kind, start: start, count: 0)
    }

    private mutating func string() throws(JSONError) {
        position += 1
        let start = position
        var isEscaped = false
        while true {
            guard position < bytes.count else { throw fault(.unexpectedEnd) }
            let byte = bytes[position]
            if byte == UInt8(ascii: "\"") { break }
            if byte < 0x20 { throw fault(.controlCharacter) }
            if byte == UInt8(ascii: "\\") {
                isEscaped = true
                try escape()
            } else {
                position += 1
            }
        }
        append(.string, start: start, count: position - start, intricate: isEscaped)
        position += 1
    }

    private mutating func escape() throws(JSONError) {
        position += 1
        guard position < bytes.count else { throw fault(.unexpectedEnd) }
        guard bytes[position] == UInt8(ascii: "u") else {
            guard JSONEscapes.simple(bytes[position]) != nil else { throw fault(.invalidEscape) }
            position += 1
            return
        }
        let first = try hexadecimal()
        if first & 0xFC00 == 0xDC00 { throw fault(.loneSurrogate) }
        guard first & 0xFC00 == 0xD800 else { return }
        guard position < bytes.count else { throw fault(.unexpectedEnd) }
        guard byte == UInt8(ascii: "\\") else { throw fault(.loneSurrogate) }
        position += 1
        guard position < bytes.count else { throw fault(.unexpectedEnd) }
        guard byte == UInt8(ascii: "u") else { throw fault(.loneSurrogate) }
        if try hexadecimal() & 0xFC00 != 0xDC00 { throw fault(.loneSurrogate) }
    }

    /// Reads `uXXXX`.
    private mutating func hexadecimal() throws(JSONError) -> UInt16 {
        position += 1
        var value: UInt16 = 0
        for _ in 0..<4 {
            guard position < bytes.count else { throw fault(.unexpectedEnd) }
            guard let digit = JSONEscapes.hexadecimalDigit(bytes[position]) else { throw fault(.invalidEscape) }
            value = value << 4 | UInt16(digit)
            position += 1
        }
        return value
    }

    private mutating func number() throws(JSONError) {
        let start = position
        if byte == UInt8(ascii: "-") { position += 1 }
        if byte == UInt8(ascii: "0") {
            position += 1
        } else {
            try digits()
        }
        var isIntricate = false
        if byte == UInt8(ascii: ".") {
            isIntricate = true
            position += 1
            try digits()
        }
        if byte | 0x20 == UInt8(ascii: "e") {
            isIntricate = true
            position += 1
            if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
        append(.number, start: start, count: position - start, intricate: isIntricate)
    }

    private mutating func digits() throws(JSONError) {
        let start = position
        while byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
        if position == start { throw fault(position < bytes.count ? .invalidNumber : .unexpectedEnd) }
    }

    /// Compares pairwise while that is cheap, by a (randomly seeded) set beyond, so that nobody can make it slow.
    private func refuseDuplicates(_ container: Int) throws(JSONError) {
        let members = Int(nodes[container].count)
        guard members > 1 else { return }
        var names: [Int] = []
        names.reserveCapacity(members)
        var index = container + 1
        for _ in 0..<members {
            names.append(index)
            index = Int(nodes[index + 1].next)
        }
        if members <= 12, names.allSatisfy({ !nodes[$0].isIntricate }) {
            for later in 1..<members {
                for earlier in 0..<later where isSameText(nodes[names[earlier]], nodes[names[later]]) {
                    throw duplicate(nodes[names[later]])
                }
            }
            return
        }
        var seen = Set<[UInt8]>(minimumCapacity: members)
        for name in names where !seen.insert(Array(text(nodes[name]).utf8)).inserted { throw duplicate(nodes[name]) }
    }

    private func isSameText(_ left: JSONNode, _ right: JSONNode) -> Bool {
        guard left.count == right.count else { return false }
        for offset in 0..<Int(left.count) where bytes[Int(left.start) + offset] != bytes[Int(right.start) + offset] {
            return false
        }
        return true
    }

    private func text(_ node: JSONNode) -> String {
        let raw = bytes[Int(node.start)..<Int(node.start) + Int(node.count)]
        return node.isIntricate ? JSONEscapes.resolve(raw) : String(decoding: raw, as: UTF8.self)
    }

    private func duplicate(_ node: JSONNode) -> JSONError {
        JSONError(reason: .duplicateName(text(node)), offset: Int(node.start))
    }
}
