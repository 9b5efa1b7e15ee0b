import COpenSSL
import Platform

/// A password as it may be stored: hashed with scrypt and a salt of its own.
///
/// Text form: `$scrypt$ln=15,r=8,p=3$<salt>$<hash>` with Base64 without padding. Source: RFC 7914 (scrypt); PHC string
/// format; parameters from the OWASP Password Storage Cheat Sheet. Hashing takes about 0.3 s and 32 MiB: never on an
/// event loop.
public struct PasswordHash: Sendable, Equatable {
    /// The price of one guess.
    public struct Cost: Sendable, Equatable {
        /// Base-2 logarithm of N; memory is 128 * N * r bytes.
        public var logarithmOfN: Int
        public var r: Int
        public var p: Int

        /// N = 2^15, r = 8, p = 3: 32 MiB.
        public static let standard = Cost(logarithmOfN: 15, r: 8, p: 3)

        public init(logarithmOfN: Int, r: Int, p: Int) {
            self.logarithmOfN = logarithmOfN
            self.r = r
            self.p = p
        }

        /// Bounds on what is accepted from storage, so that a forged record cannot ask for all memory.
        var isAcceptable: Bool {
            (1...20).contains(logarithmOfN) && (1...16).contains(r) && (1...16).contains(p)
        }

        var memoryBytes: UInt64 { UInt64(128 * r) << UInt64(logarithmOfN) }
    }

    public let cost: Cost
    let salt: [UInt8]
    let hash: [UInt8]

    private static let saltBytes = 16
    private static let hashBytes = 32

    /// Hashes a password with a new salt.
    ///
    /// - Throws: `.outOfMemory` if OpenSSL cannot have the memory.
    public init(of password: String, cost: Cost = .standard, randomness: any Randomness) throws(CryptographyError) {
        let salt = randomness.bytes(PasswordHash.saltBytes)
        self.cost = cost
        self.salt = salt
        self.hash = try PasswordHash.derive(password, salt: salt, cost: cost, count: PasswordHash.hashBytes)
    }

    /// Reads the text form; `nil` if it is none or its cost is out of bounds.
    public init?(text: String) {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt", let cost = PasswordHash.cost(parts[2]),
            cost.isAcceptable, let salt = Base64.unpadded.decode(Array(parts[3].utf8)),
            let hash = Base64.unpadded.decode(Array(parts[4].utf8)),
            (8...64).contains(salt.count), (16...64).contains(hash.count)
        else { return nil }
        self.cost = cost
        self.salt = salt
        self.hash = hash
    }

    public var text: String {
        let parameters = "ln=\(cost.logarithmOfN),r=\(cost.r),p=\(cost.p)"
        return "$scrypt$\(parameters)$\(Base64.unpadded.encode(salt))$\(Base64.unpadded.encode(hash))"
    }

    /// Whether this is the password; takes as long for a wrong one as for the right one.
    public func matches(_ password: String) throws(CryptographyError) -> Bool {
        let derived = try PasswordHash.derive(password, salt: salt, cost: cost, count: hash.count)
        return constantTimeEquals(derived, hash)
    }

    /// Whether the password should be hashed anew when it is next known, because the price has changed.
    public func needsRehash(to wanted: Cost = .standard) -> Bool { cost != wanted }

    private static func cost(_ text: Substring) -> Cost? {
        var values: [Int] = []
        for (part, name) in zip(text.split(separator: ",", omittingEmptySubsequences: false), ["ln=", "r=", "p="]) {
            guard part.hasPrefix(name), let value = Int(part.dropFirst(name.count)) else { return nil }
            values.append(value)
        }
        guard values.count == 3, text.utf8.count(where: { $0 == UInt8(ascii: ",") }) == 2 else { return nil }
        return Cost(logarithmOfN: values[0], r: values[1], p: values[2])
    }

    private static func derive(
        _ password: String, salt: [UInt8], cost: Cost, count: Int
    ) throws(CryptographyError) -> [UInt8] {
        var password = Array(password.utf8)
        defer { OPENSSL_cleanse(&password, password.count) }
        var out = [UInt8](repeating: 0, count: count)
        let result = password.withUnsafeBufferPointer { secret in
            secret.withMemoryRebound(to: CChar.self) { secret in
                EVP_PBE_scrypt(
                    secret.baseAddress, secret.count, salt, salt.count, 1 << UInt64(cost.logarithmOfN), UInt64(cost.r),
                    UInt64(cost.p), cost.memoryBytes + (1 << 20), &out, out.count)
            }
        }
        guard result == 1 else {
            throw CryptographyError.taken()
        }
        return out
    }
}
