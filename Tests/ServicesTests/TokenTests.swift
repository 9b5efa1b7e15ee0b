import Cryptography
import Domain
import Testing

@testable import Services

// Signed tokens: what is taken, and every way of breaking one.

@Suite struct TokenTests {
    /// The clock of the samples.
    private static let now = Timestamp(milliseconds: 1_750_000_000_000)

    private static func tokens(_ keys: String = SampleTokens.keySet) throws -> BearerTokens {
        let rules = BearerTokens.Rules(issuer: "https://issuer", audience: "viaduct")
        return try found(BearerTokens(rules: rules, keys: Array(keys.utf8)))
    }

    private static func user(_ token: String, _ tokens: BearerTokens) -> String? {
        tokens.user(of: Array(token.utf8)[...], at: now)?.description
    }

    @Test func aTokenOfTheIssuerNamesItsUser() throws {
        let tokens = try Self.tokens()
        // The keys for other uses and kinds are passed over.
        #expect(tokens.keys.map(\.identifier) == ["r", "e"])
        for (name, token) in SampleTokens.good { #expect(Self.user(token, tokens) == "ada@vsphere.local", "\(name)") }
    }

    @Test func everyBrokenRuleIsSeen() throws {
        let tokens = try Self.tokens()
        for (name, token) in SampleTokens.bad { #expect(Self.user(token, tokens) == nil, "\(name)") }
    }

    /// A public key in PEM has no name, so that any `kid` may stand for it; the algorithm is its own all the same.
    @Test func aSingleKeyDoesAsWell() throws {
        let tokens = try Self.tokens(SampleTokens.publicKey)
        let taken = SampleTokens.good.filter { Self.user($0.token, tokens) != nil }.map(\.name)
        #expect(taken == SampleTokens.good.map(\.name).filter { $0 != "ES256" })
        let wrong = SampleTokens.bad.filter { Self.user($0.token, tokens) != nil }.map(\.name)
        #expect(wrong == ["wrongKid", "unknownKid"])
    }

    @Test func noPartOfATokenIsOneAndNoChangeGoesUnseen() throws {
        let tokens = try Self.tokens()
        for token in SampleTokens.good.prefix(2).map(\.token) {
            let bytes = Array(token.utf8)
            for count in 0..<bytes.count { #expect(tokens.user(of: bytes[..<count], at: Self.now) == nil) }
            for index in bytes.indices {
                var changed = bytes
                changed[index] = changed[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
                #expect(tokens.user(of: changed[...], at: Self.now) == nil)
            }
            #expect(tokens.user(of: (bytes + [UInt8(ascii: "=")])[...], at: Self.now) == nil)
            #expect(tokens.user(of: (bytes + Array(".x".utf8))[...], at: Self.now) == nil)
        }
        #expect(tokens.user(of: [UInt8](repeating: UInt8(ascii: "."), count: 100_000)[...], at: Self.now) == nil)
    }

    @Test(arguments: [
        "", "{}", "{\"keys\":[]}", "{\"keys\":{}}", "{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
        "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA\",\"y\":\"AA\"}]}", "-----BEGIN PUBLIC KEY-----",
    ])
    func aFileWithoutAKeyIsNone(text: String) {
        #expect(BearerTokens(rules: .init(issuer: "i", audience: "a"), keys: Array(text.utf8)) == nil)
    }

    @Test func aPointThatIsNotOnTheCurveIsNoKey() {
        let one = [UInt8](repeating: 0, count: 31) + [1]
        #expect(VerificationKey(p256X: one, y: one) == nil)
        #expect(VerificationKey(rsaModulus: [UInt8](repeating: 0, count: 256), exponent: [3]) == nil)
    }
}
