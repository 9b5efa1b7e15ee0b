// A second, slow parser of requests: written from the RFCs without a look at the first, on whole inputs, with arrays
// and strings. What it says about some bytes is what the real one has to say, however the bytes are cut.

struct ReferenceMessage: Equatable {
    var method = ""
    var minorVersion = 1
    var path: [UInt8] = []
    var query: [UInt8] = []
    var names: [[UInt8]] = []
    var values: [[UInt8]] = []
    var isPersistent = true
    var body: [UInt8] = []
    /// Bytes from the beginning of the request to its end.
    var consumed = 0
}

enum ReferenceOutcome: Equatable {
    case more
    case refused(Int)
    case complete(ReferenceMessage)
}

/// How the parser stops before the end.
enum ReferenceStop: Error {
    case more
    case refused(Int)
}

struct ReferenceParser {
    let bytes: [UInt8]
    var position = 0
    var message = ReferenceMessage()
    var overheadBytes = 0
    var absoluteAuthority: [UInt8]?

    static let bodyLimit = 1 << 20

    static func outcome(of bytes: [UInt8]) -> ReferenceOutcome {
        var parser = ReferenceParser(bytes: bytes)
        do throws(ReferenceStop) {
            try parser.readHead()
            try parser.readBody()
        } catch {
            switch error {
            case .more: return .more
            case .refused(let status): return .refused(status)
            }
        }
        parser.message.consumed = parser.position
        return .complete(parser.message)
    }

    // MARK: Lines

    /// The next line without CR LF. `limit` is for the bytes before the line end, `status` for longer ones.
    mutating func readLine(limit: Int, status: Int) throws(ReferenceStop) -> [UInt8] {
        var end = position
        while end < bytes.count, bytes[end] >= 32 || bytes[end] == 9, bytes[end] != 127 { end += 1 }
        if end - position > limit { throw .refused(status) }
        if end == bytes.count { throw .more }
        if bytes[end] != 13 { throw .refused(400) }
        if end + 1 == bytes.count { throw .more }
        if bytes[end + 1] != 10 { throw .refused(400) }
        let line = Array(bytes[position..<end])
        position = end + 2
        return line
    }

    mutating func readHead() throws(ReferenceStop) {
        var line = try readLine(limit: 8192, status: 414)
        if line.isEmpty { line = try readLine(limit: 8192, status: 414) }
        if line.isEmpty { throw .refused(400) }
        try readRequestLine(line)
        let sectionStart = position
        while true {
            let left = 32768 - 2 - (position - sectionStart)
            let line = try readLine(limit: max(left, 0), status: 431)
            if line.isEmpty { break }
            if message.names.count == 100 { throw .refused(431) }
            let (name, value) = try Self.field(line)
            message.names.append(name)
            message.values.append(value)
        }
        try checkHead()
    }

    static func field(_ line: [UInt8]) throws(ReferenceStop) -> ([UInt8], [UInt8]) {
        guard let colon = line.firstIndex(of: 58), isToken(Array(line[..<colon])) else { throw .refused(400) }
        var value = Array(line[(colon + 1)...])
        while let last = value.last, last == 32 || last == 9 { value.removeLast() }
        value = Array(value.drop { $0 == 32 || $0 == 9 })
        return (line[..<colon].map { $0 >= 65 && $0 <= 90 ? $0 + 32 : $0 }, value)
    }

    static func isToken(_ bytes: [UInt8]) -> Bool {
        let others = Array("!#$%&'*+-.^_`|~".utf8)
        return !bytes.isEmpty
            && bytes.allSatisfy { byte in
                (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || others.contains(byte)
            }
    }

    // MARK: Request line

    mutating func readRequestLine(_ line: [UInt8]) throws(ReferenceStop) {
        let parts = line.split(separator: 32, omittingEmptySubsequences: false).map { Array($0) }
        guard parts.count == 3, Self.isToken(parts[0]), !parts[1].isEmpty else { throw .refused(400) }
        guard parts[1].allSatisfy({ $0 > 32 && $0 < 127 && $0 != 35 }) else { throw .refused(400) }
        let version = parts[2]
        guard version.count == 8, version.starts(with: Array("HTTP/".utf8)), version[6] == 46,
            version[5] >= 48, version[5] <= 57, version[7] >= 48, version[7] <= 57
        else { throw .refused(400) }
        if version[5] != 49 { throw .refused(505) }
        message.minorVersion = version[7] == 48 ? 0 : 1
        message.method = String(decoding: parts[0], as: UTF8.self)
        let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        guard methods.contains(message.method) else { throw .refused(501) }
        try readTarget(parts[1])
    }

    mutating func readTarget(_ target: [UInt8]) throws(ReferenceStop) {
        if target == [42], message.method == "OPTIONS" {
            message.path = target
            return
        }
        var rest = target
        if target[0] != 47 {
            let lower = String(decoding: target, as: UTF8.self).lowercased()
            guard let scheme = ["http://", "https://"].first(where: { lower.hasPrefix($0) }), lower != scheme else {
                throw .refused(400)
            }
            rest = Array(target[scheme.utf8.count...])
            let end = rest.firstIndex { $0 == 47 || $0 == 63 } ?? rest.count
            let authority = Array(rest[..<end])
            guard Self.isHost(authority) else { throw .refused(400) }
            absoluteAuthority = authority
            rest = Array(rest[end...])
        }
        let mark = rest.firstIndex(of: 63) ?? rest.count
        message.path = Array(rest[..<mark])
        message.query = Array(rest[min(mark + 1, rest.count)...])
        if message.path.isEmpty {
            message.path = message.method == "OPTIONS" ? [42] : [47]
        } else if !Self.isGoodPath(message.path) {
            throw .refused(400)
        }
    }

    static func isGoodPath(_ path: [UInt8]) -> Bool {
        let segments = path.split(separator: 47, omittingEmptySubsequences: false).dropFirst().map { Array($0) }
        for (index, segment) in segments.enumerated() {
            if segment.isEmpty, index < segments.count - 1 { return false }
            guard let decoded = percentDecoded(segment) else { return false }
            if decoded.contains(0) || decoded.contains(47) || decoded.contains(92) { return false }
            guard let text = String(validating: decoded, as: UTF8.self) else { return false }
            if text == "." || text == ".." { return false }
        }
        return true
    }

    static func percentDecoded(_ segment: [UInt8]) -> [UInt8]? {
        var decoded: [UInt8] = []
        var rest = segment[...]
        while let byte = rest.popFirst() {
            if byte != 37 {
                decoded.append(byte)
                continue
            }
            guard rest.count >= 2 else { return nil }
            let digits = String(decoding: rest.prefix(2), as: UTF8.self)
            guard !digits.hasPrefix("+"), !digits.hasPrefix("-"), let value = UInt8(digits, radix: 16) else { return nil }
            decoded.append(value)
            rest = rest.dropFirst(2)
        }
        return decoded
    }

    static func isHost(_ host: [UInt8]) -> Bool {
        var text = String(decoding: host, as: UTF8.self)
        guard text.utf8.count == host.count, text.allSatisfy(\.isASCII) else { return false }
        let name: String
        if text.hasPrefix("[") {
            guard let close = text.firstIndex(of: "]") else { return false }
            let literal = text[text.index(after: text.startIndex)..<close]
            guard literal.count >= 2, literal.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." }) else { return false }
            name = "literal"
            text = String(text[text.index(after: close)...])
        } else {
            let end = text.firstIndex(of: ":") ?? text.endIndex
            name = String(text[..<end])
            text = String(text[end...])
        }
        guard !name.isEmpty, name.allSatisfy({ $0.isLetter || $0.isNumber || "-._~!$&'()*+,;=".contains($0) }) else {
            return false
        }
        if text.isEmpty { return true }
        return text.hasPrefix(":") && text.count <= 6 && text.dropFirst().allSatisfy(\.isNumber)
    }

    // MARK: Fields

    func all(_ name: String) -> [String] {
        zip(message.names, message.values).filter { $0.0 == Array(name.utf8) }
            .map { String(decoding: $0.1.map { $0 < 128 ? $0 : 63 }, as: UTF8.self) }
    }

    static func elements(_ values: [String]) -> [String] {
        values.flatMap { $0.split(separator: ",") }.map { trimmed(String($0)).lowercased() }.filter { !$0.isEmpty }
    }

    static func trimmed(_ text: String) -> String {
        String(
            decoding: text.utf8.drop { $0 == 32 || $0 == 9 }.reversed().drop { $0 == 32 || $0 == 9 }.reversed(), as: UTF8.self)
    }

    mutating func checkHead() throws(ReferenceStop) {
        let hosts = zip(message.names, message.values).filter { $0.0 == Array("host".utf8) }.map(\.1)
        if hosts.count > 1 { throw .refused(400) }
        if hosts.isEmpty, message.minorVersion == 1 { throw .refused(400) }
        if let host = hosts.first, !Self.isHost(host) { throw .refused(400) }
        try checkFraming()
        if message.minorVersion == 1 {
            let expectations = all("expect")
            if expectations.count > 1 || expectations.contains(where: { $0.lowercased() != "100-continue" }) {
                throw .refused(417)
            }
        }
        let options = Self.elements(all("connection"))
        message.isPersistent = !options.contains("close") && (message.minorVersion == 1 || options.contains("keep-alive"))
        if let authority = absoluteAuthority, let index = message.names.firstIndex(of: Array("host".utf8)) {
            message.values[index] = authority
        }
    }

    func checkFraming() throws(ReferenceStop) {
        let lengths = all("content-length")
        let codings = all("transfer-encoding")
        if lengths.count > 1 { throw .refused(400) }
        if let length = lengths.first {
            guard !length.isEmpty, length.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { throw .refused(400) }
            // Numbers of which another digit could leave 63 bits are refused with it.
            let digits = length.drop { $0 == "0" }
            guard digits.count <= 19, digits.isEmpty || Int64(digits) != nil else { throw .refused(400) }
            if digits.count == 19, let head = Int64(digits.dropLast()), head > (Int64.max - 9) / 10 { throw .refused(400) }
            if !codings.isEmpty { throw .refused(400) }
        }
        if codings.isEmpty { return }
        if message.minorVersion == 0 || codings.count > 1 { throw .refused(400) }
        if codings[0].lowercased() == "chunked" { return }
        let list = codings[0].split(separator: ",", omittingEmptySubsequences: false).map {
            Self.trimmed(String($0)).lowercased()
        }
        guard list.allSatisfy({ Self.isToken(Array($0.utf8)) }), list.last == "chunked",
            list.filter({ $0 == "chunked" }).count == 1
        else { throw .refused(400) }
        throw .refused(501)
    }

    // MARK: Body

    mutating func readBody() throws(ReferenceStop) {
        let isChunked = !all("transfer-encoding").isEmpty
        let length = Int(all("content-length").first ?? "0") ?? 0
        if !isChunked, length == 0 { return }
        if Self.elements(all("content-encoding")).contains(where: { $0 != "identity" }) { throw .refused(415) }
        if isChunked { return try readChunks() }
        if length > Self.bodyLimit { throw .refused(413) }
        guard bytes.count - position >= length else { throw .more }
        message.body = Array(bytes[position..<(position + length)])
        position += length
    }

    mutating func take() throws(ReferenceStop) -> UInt8 {
        if position == bytes.count { throw .more }
        position += 1
        return bytes[position - 1]
    }

    mutating func take(_ expected: UInt8) throws(ReferenceStop) {
        if try take() != expected { throw .refused(400) }
    }

    mutating func countOverhead() throws(ReferenceStop) {
        overheadBytes += 1
        if overheadBytes > 4096 { throw .refused(431) }
    }

    mutating func readChunks() throws(ReferenceStop) {
        while true {
            let size = try readChunkSize()
            if size == 0 { break }
            let available = min(size, UInt64(bytes.count - position))
            message.body += bytes[position..<(position + Int(available))]
            position += Int(available)
            if available < size { throw .more }
            try take(13)
            try take(10)
        }
        while try readTrailer() {}
    }

    /// The size line with its end.
    mutating func readChunkSize() throws(ReferenceStop) -> UInt64 {
        var digits = ""
        while true {
            let byte = try take()
            if let scalar = Character(UnicodeScalar(byte)).hexDigitValue, byte < 128 {
                digits += String(scalar, radix: 16)
                guard digits.count <= 16, let value = UInt64(digits, radix: 16), value < 1 << 63 else { throw .refused(400) }
                continue
            }
            guard let size = UInt64(digits, radix: 16) else { throw .refused(400) }
            if byte == 13 {
                try take(10)
                return size
            }
            try readExtension(after: byte)
            return size
        }
    }

    mutating func readExtension(after first: UInt8) throws(ReferenceStop) {
        var byte = first
        while byte == 32 || byte == 9 {
            try countOverhead()
            byte = try take()
        }
        if byte != 59 { throw .refused(400) }
        try countOverhead()
        try readText()
        try take(10)
    }

    /// Up to and with a CR.
    mutating func readText() throws(ReferenceStop) {
        while true {
            let byte = try take()
            if byte != 13, byte < 32 && byte != 9 || byte == 127 { throw .refused(400) }
            try countOverhead()
            if byte == 13 { return }
        }
    }

    /// - Returns: `false` after the empty line.
    mutating func readTrailer() throws(ReferenceStop) -> Bool {
        var byte = try take()
        if byte == 13 {
            try take(10)
            return false
        }
        var name: [UInt8] = []
        while byte != 58 || name.isEmpty {
            name.append(byte)
            if !Self.isToken([byte]) { throw .refused(400) }
            try countOverhead()
            byte = try take()
        }
        try countOverhead()
        try readText()
        try take(10)
        return true
    }
}
