import Cryptography
import Services

extension Configuration {
    /// How new passwords are hashed.
    var passwordMethod: PasswordHash.Method { passwordHash == "scrypt" ? .scrypt : .standard }

    /// What checks signed tokens; `nil` if none are accepted.
    func bearerTokens() throws(StartError) -> BearerTokens? {
        guard !tokenKeysFile.isEmpty else { return nil }
        var rules = BearerTokens.Rules(issuer: tokenIssuer, audience: tokenAudience)
        rules.userClaim = tokenUserClaim
        rules.clockSkewSeconds = tokenClockSkewSeconds
        let text = try TextFile.read(tokenKeysFile)
        guard let tokens = BearerTokens(rules: rules, keys: Array(text.utf8)) else {
            throw StartError("\(tokenKeysFile) has no RSA key of 2048 bits or more and no P-256 key")
        }
        return tokens
    }
}
