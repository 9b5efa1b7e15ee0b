import Cryptography
import Platform

/// Secrets of one initiator.
public struct ISCSICredentials: Sendable, Equatable {
    /// By which the initiator shows who it is (`CHAP_N`).
    public var name: String
    /// 12 to 255 bytes, as RFC 7143 §12.1.3 wants at least 96 bits without IPsec.
    public var secret: [UInt8]

    /// - Returns: `nil` unless the name has 1 to 255 bytes and the secret 12 to 255.
    public init?(name: String, secret: [UInt8]) {
        guard (1...255).contains(name.utf8.count), (12...255).contains(secret.count) else { return nil }
        self.name = name
        self.secret = secret
    }
}

/// One run of CHAP, in which this end challenges, and answers a challenge if the initiator wants to know it too.
///
/// Source: RFC 7143 §12.1.3, RFC 1994 §4.1.
struct ChallengeHandshake: Sendable {
    enum Failure: Error, Equatable {
        /// A key that has to be there is not, or makes no sense.
        case malformed
        case refused
    }

    private enum State {
        case start
        case challenged(ChallengeDigest, identifier: UInt8, challenge: [UInt8])
        case done
    }

    private static let challengeBytes = 16
    private static let challengeLimitBytes = 1024

    private let expected: ISCSICredentials
    private let own: ISCSICredentials?
    private var state = State.start

    /// - Parameters:
    ///   - expected: what the initiator has to know.
    ///   - own: by which this end shows itself; without, an initiator that asks for it is turned away.
    init(expected: ISCSICredentials, own: ISCSICredentials?) {
        self.expected = expected
        self.own = own
    }

    var isDone: Bool { if case .done = state { true } else { false } }

    /// Keys of the method; the others have their own place.
    static func owns(_ key: String) -> Bool { key.hasPrefix("CHAP_") }

    /// Takes one step if the keys contain one.
    mutating func step(_ keys: TextKeys, _ randomness: any Randomness) throws(Failure) -> TextKeys {
        guard keys.pairs.contains(where: { Self.owns($0.key) }) else { return TextKeys() }
        switch state {
        case .start: return try challenge(keys, randomness)
        case .challenged(let algorithm, let identifier, let challenge):
            return try verify(keys, algorithm, identifier, challenge)
        case .done: throw .malformed
        }
    }

    private mutating func challenge(_ keys: TextKeys, _ randomness: any Randomness) throws(Failure) -> TextKeys {
        guard let offer = keys["CHAP_A"] else { throw .malformed }
        let algorithm = offer.split(separator: ",").lazy
            .compactMap { TextValue.number(String($0)) }.compactMap { UInt8(exactly: $0) }
            .compactMap { ChallengeDigest(rawValue: $0) }.first { $0.isAvailable }
        guard let algorithm else { throw .refused }
        let random = randomness.bytes(Self.challengeBytes + 1)
        let challenge = Array(random.dropFirst())
        state = .challenged(algorithm, identifier: random[0], challenge: challenge)
        var answer = TextKeys()
        answer.append("CHAP_A", String(algorithm.rawValue))
        answer.append("CHAP_I", String(random[0]))
        answer.append("CHAP_C", "0x" + Hexadecimal.encode(challenge))
        return answer
    }

    private mutating func verify(
        _ keys: TextKeys, _ algorithm: ChallengeDigest, _ identifier: UInt8, _ challenge: [UInt8]
    ) throws(Failure) -> TextKeys {
        guard let name = keys["CHAP_N"], let response = keys["CHAP_R"].flatMap(Self.binary) else { throw .malformed }
        guard let wanted = algorithm.digest([[identifier], expected.secret, challenge]) else { throw .refused }
        let isName = constantTimeEquals(Array(name.utf8), Array(expected.name.utf8))
        guard constantTimeEquals(response, wanted), isName else { throw .refused }
        let answer = try answerBack(keys, algorithm, challenge)
        state = .done
        return answer
    }

    /// The initiator's own challenge, if there is one. One that repeats ours would have it say what it should prove.
    private func answerBack(
        _ keys: TextKeys, _ algorithm: ChallengeDigest, _ ours: [UInt8]
    ) throws(Failure) -> TextKeys {
        guard keys["CHAP_I"] != nil || keys["CHAP_C"] != nil else { return TextKeys() }
        guard let identifier = keys["CHAP_I"].flatMap(TextValue.number).flatMap({ UInt8(exactly: $0) }),
            let challenge = keys["CHAP_C"].flatMap(Self.binary), (1...Self.challengeLimitBytes).contains(challenge.count)
        else { throw .malformed }
        guard let own, challenge != ours, own.secret != expected.secret,
            let response = algorithm.digest([[identifier], own.secret, challenge])
        else { throw .refused }
        var answer = TextKeys()
        answer.append("CHAP_N", own.name)
        answer.append("CHAP_R", "0x" + Hexadecimal.encode(response))
        return answer
    }

    /// A binary value: `0x` and an even or odd number of digits, or `0b` and Base64.
    static func binary(_ text: String) -> [UInt8]? {
        let digits = Array(text.utf8.dropFirst(2))
        guard !digits.isEmpty else { return nil }
        switch text.prefix(2) {
        case "0x", "0X": return Hexadecimal.decode(digits.count.isMultiple(of: 2) ? digits : [48] + digits)
        case "0b", "0B": return Base64.standard.decode(digits)
        default: return nil
        }
    }
}
