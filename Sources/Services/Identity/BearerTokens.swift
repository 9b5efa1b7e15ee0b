import Contract
import Cryptography
import Domain

/// Checks signed tokens (JWT) of one issuer.
///
/// Only the algorithms of the configured keys count, whatever a token says. Sources: RFC 7515, RFC 7519; RFC 8725 on what
/// goes wrong.
public struct BearerTokens: Sendable {
    public struct Rules: Sendable {
        /// What `iss` must be.
        public var issuer: String
        /// What must be in `aud`.
        public var audience: String
        /// The claim that names the user.
        public var userClaim = "sub"
        /// Of users that are named without domain.
        public var domain = EmbeddedDomain.standard
        /// How far the issuer's clock may be off.
        public var clockSkewSeconds = 60

        public init(issuer: String, audience: String) {
            self.issuer = issuer
            self.audience = audience
        }
    }

    struct Key: Sendable {
        /// `kid`; `nil` for a key without name, which is tried for every token.
        let identifier: String?
        let key: VerificationKey
    }

    /// Longest token that is looked at, in bytes.
    private static let limitBytes = 16 * 1024

    private let rules: Rules
    let keys: [Key]

    /// - Parameter keys: the text of a file: a JSON Web Key Set (RFC 7517), or PEM with one public key or certificate.
    /// - Returns: `nil` if there is no key that can be used.
    public init?(rules: Rules, keys text: [UInt8]) {
        self.rules = rules
        if let set = try? JSONDocument(parsing: text) {
            keys = set.root["keys"].map { $0.elements.compactMap(Self.key) } ?? []
        } else {
            keys = VerificationKey(pem: text).map { [Key(identifier: nil, key: $0)] } ?? []
        }
        if keys.isEmpty { return nil }
    }

    /// Source: RFC 7517 §4. Keys for other uses are passed over.
    private static func key(_ value: JSONValue) -> Key? {
        if let use = value["use"]?.text, use != "sig" { return nil }
        func number(_ name: String) -> [UInt8] { value[name].flatMap { Base64.url.decode($0.rawBytes) } ?? [] }
        let key: VerificationKey? =
            switch value["kty"]?.text {
            case "RSA": VerificationKey(rsaModulus: number("n"), exponent: number("e"))
            case "EC" where value["crv"]?.text == "P-256": VerificationKey(p256X: number("x"), y: number("y"))
            default: nil
            }
        guard let key, value["alg"].map({ $0.text == key.algorithm.rawValue }) ?? true else { return nil }
        return Key(identifier: value["kid"]?.text, key: key)
    }

    /// The user a token names; `nil` if it does not hold now.
    public func user(of token: ArraySlice<UInt8>, at now: Timestamp) -> PrincipalName? {
        guard token.count <= Self.limitBytes else { return nil }
        let parts = token.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let signature = Base64.url.decode(parts[2]), let header = Self.object(parts[0]),
            let algorithm = header["alg"]?.text, header["crit"] == nil, Self.isTokenType(header["typ"])
        else { return nil }
        // The issuer's name for the key narrows the choice; it never widens it.
        let identifier = header["kid"]?.text
        let candidates = keys.filter { key in
            key.key.algorithm.rawValue == algorithm && (key.identifier == nil || identifier == nil || key.identifier == identifier)
        }
        let signed = Array(token[..<parts[1].endIndex])
        guard candidates.contains(where: { $0.key.verifies(signature, of: signed) }), let claims = Self.object(parts[1]),
            holds(claims, atSeconds: Double(now.milliseconds) / 1000), let name = claims[rules.userClaim]?.text
        else { return nil }
        return PrincipalName(name, defaultDomain: rules.domain)
    }

    private func holds(_ claims: JSONValue, atSeconds now: Double) -> Bool {
        let skew = Double(rules.clockSkewSeconds)
        guard claims["iss"]?.text == rules.issuer, isAddressed(claims["aud"]), let end = Self.seconds(claims["exp"]) else {
            return false
        }
        if claims["nbf"] != nil || claims["iat"] != nil {
            for name in ["nbf", "iat"] where claims[name] != nil {
                guard let begin = Self.seconds(claims[name]), now >= begin - skew else { return false }
            }
        }
        return now < end + skew
    }

    /// Source: RFC 7519 §4.1.3: one text or a list of them.
    private func isAddressed(_ audience: JSONValue?) -> Bool {
        guard let audience else { return false }
        if audience.isArray { return audience.elements.contains { $0.text == rules.audience } }
        return audience.text == rules.audience
    }

    /// RFC 8725 §3.11: what says that it is something else is no access token.
    private static func isTokenType(_ type: JSONValue?) -> Bool {
        guard let type else { return true }
        return ["jwt", "at+jwt", "application/at+jwt"].contains(type.text?.lowercased())
    }

    private static func seconds(_ value: JSONValue?) -> Double? {
        guard let value, value.isNumber else { return nil }
        return Double(String(decoding: value.rawBytes, as: UTF8.self))
    }

    private static func object(_ coded: ArraySlice<UInt8>) -> JSONValue? {
        guard let bytes = Base64.url.decode(coded), let document = try? JSONDocument(parsing: bytes), document.root.isObject else {
            return nil
        }
        return document.root
    }
}
