import Cryptography
import Domain

// The canonical bytes of an audit entry: what is stored, and what its digest is taken over. Numbers are big-endian.
//
// ```
//  0   1  version, 1
//  1  32  digest of the entry before
// 33   8  number
// 41   8  sequence
// 49   8  time, milliseconds since 1970
// 57   8  duration in milliseconds; the smallest number for none
// 65   …  texts: user, session, authentication, peer, userAgent, requestID, operationID, service, operation, arguments,
//         outcome; then the number of facts in 4 bytes, and of each the texts target and detail
// ```
// A text is its count of bytes in 4 bytes, then UTF-8; the count FFFFFFFF stands for none. So no two entries have the same
// bytes, and what does not decode to an entry with exactly these bytes is none.
extension AuditEntry {
    private static let version: UInt8 = 1
    private static let none = UInt32.max

    public var canonicalBytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(512)
        bytes.append(Self.version)
        bytes += previousDigest.bytes
        for number in [number, sequence, UInt64(bitPattern: time.milliseconds)] { Self.add(number, to: &bytes) }
        Self.add(UInt64(bitPattern: durationMilliseconds ?? Int64.min), to: &bytes)
        let texts = [
            user, session, authentication?.rawValue, peer, userAgent, requestID, operationID, service, operation, arguments,
            outcome.text,
        ]
        for text in texts { Self.add(text, to: &bytes) }
        Self.add(UInt32(facts.count), to: &bytes)
        for fact in facts {
            Self.add(fact.target, to: &bytes)
            Self.add(fact.detail, to: &bytes)
        }
        return bytes
    }

    private static func add(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }

    private static func add(_ text: String?, to bytes: inout [UInt8]) {
        guard let text else { return add(none, to: &bytes) }
        add(UInt32(text.utf8.count), to: &bytes)
        bytes.append(contentsOf: text.utf8)
    }

    /// - Parameter digest: as stored beside the bytes; whether it is theirs is not checked here.
    /// - Returns: `nil` if the bytes are not those of an entry.
    public init?(canonicalBytes bytes: [UInt8], digest: Digest) {
        var reader = AuditReader(bytes)
        guard reader.byte() == Self.version, let previous = reader.digest(), let number = reader.number(),
            let sequence = reader.number(), let time = reader.number(), let duration = reader.number()
        else { return nil }
        var texts: [String?] = []
        for _ in 0..<11 {
            guard let text = reader.text() else { return nil }
            texts.append(text.value)
        }
        guard let peer = texts[3], let requestID = texts[5], let service = texts[7], let operation = texts[8],
            let outcome = texts[10].flatMap(AuditOutcome.init(text:)), let facts = reader.facts(), reader.isAtEnd
        else { return nil }
        self.init(
            sequence: sequence, time: Timestamp(milliseconds: Int64(bitPattern: time)), call: nil, outcome: outcome, facts: facts)
        if let name = texts[2] {
            guard let method = AuthenticationMethod(rawValue: name) else { return nil }
            authentication = method
        }
        (user, session, userAgent, operationID, arguments) = (texts[0], texts[1], texts[4], texts[6], texts[9])
        (self.peer, self.requestID, self.service, self.operation) = (peer, requestID, service, operation)
        let milliseconds = Int64(bitPattern: duration)
        durationMilliseconds = milliseconds == Int64.min ? nil : milliseconds
        (self.number, previousDigest, self.digest) = (number, previous, digest)
    }
}

/// Takes the parts of an entry from its bytes; `nil` wherever they end too early.
private struct AuditReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    private mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
        guard bytes.count - position >= count else { return nil }
        defer { position += count }
        return bytes[position..<position + count]
    }

    mutating func byte() -> UInt8? { take(1)?.first }

    mutating func digest() -> Digest? { take(32).flatMap { Digest(raw: $0) } }

    mutating func number() -> UInt64? { take(8)?.reduce(0) { $0 << 8 | UInt64($1) } }

    private mutating func count() -> UInt32? { take(4)?.reduce(0) { $0 << 8 | UInt32($1) } }

    struct Text { let value: String? }

    /// `nil` for bytes that are no text.
    mutating func text() -> Text? {
        guard let count = count() else { return nil }
        if count == UInt32.max { return Text(value: nil) }
        guard let slice = take(Int(count)), let text = String(validating: slice, as: UTF8.self) else { return nil }
        return Text(value: text)
    }

    mutating func facts() -> [AuditFact]? {
        guard let count = count() else { return nil }
        var facts: [AuditFact] = []
        for _ in 0..<count {
            guard let target = text()?.value, let detail = text() else { return nil }
            facts.append(AuditFact(target: target, detail: detail.value))
        }
        return facts
    }
}
