import Cryptography
import Domain

/// A signed statement of how far the chain of audit entries had come, and with which digest. It lies outside of the log, so
/// that an end that was cut off, and what was written in its place, does not go unseen.
///
/// As a line of text: `viaduct-audit-checkpoint reached number=12 sequence=40 digest=… time=1790000000000 signature=…`,
/// digest and signature (ECDSA on P-256 with SHA-256, the two numbers one after the other) in hexadecimal. What is signed is
/// the line before ` signature=`.
public struct AuditCheckpoint: Sendable, Equatable {
    public enum Kind: String, Sendable {
        /// The chain had come so far.
        case reached
        /// Entries up to this one were to be forgotten: the chain may begin after it.
        case trimmed
    }

    public let kind: Kind
    public let head: AuditHead
    public let time: Timestamp
    private let signature: String

    private static let mark = " signature="

    /// Makes and signs one.
    public init(_ kind: Kind, _ head: AuditHead, at time: Timestamp, by key: SigningKey) throws(CryptographyError) {
        self.kind = kind
        self.head = head
        self.time = time
        signature = Hexadecimal.encode(try key.sign(Array(Self.statement(kind, head, time).utf8)))
    }

    private static func statement(_ kind: Kind, _ head: AuditHead, _ time: Timestamp) -> String {
        "viaduct-audit-checkpoint \(kind.rawValue) number=\(head.number) sequence=\(head.sequence) "
            + "digest=\(head.digest.hexadecimal) time=\(time.milliseconds)"
    }

    /// One line, without its end.
    public var text: String { Self.statement(kind, head, time) + Self.mark + signature }

    /// - Returns: `nil` unless it is exactly what `text` writes.
    public init?(text: String) {
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 7, let kind = Kind(rawValue: String(parts[1])),
            let number = Self.value("number", parts[2]).flatMap({ UInt64($0) }),
            let sequence = Self.value("sequence", parts[3]).flatMap({ UInt64($0) }),
            let digest = Self.value("digest", parts[4]).flatMap({ Digest(hexadecimal: $0) }),
            let milliseconds = Self.value("time", parts[5]).flatMap({ Int64($0) }),
            let signature = Self.value("signature", parts[6])
        else { return nil }
        self.kind = kind
        head = AuditHead(number: number, sequence: sequence, digest: digest)
        self.time = Timestamp(milliseconds: milliseconds)
        self.signature = signature
        guard self.text == text else { return nil }
    }

    private static func value(_ name: String, _ part: Substring) -> String? {
        guard part.hasPrefix(name + "=") else { return nil }
        return String(part.dropFirst(name.count + 1))
    }

    public func isSigned(by key: VerificationKey) -> Bool {
        guard let bytes = Hexadecimal.decode(signature.utf8) else { return false }
        return key.verifies(bytes, of: Array(Self.statement(kind, head, time).utf8))
    }
}
