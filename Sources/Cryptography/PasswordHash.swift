import CArgon2
import COpenSSL
import Platform

/// A password as it may be stored: hashed by a slow method with a salt of its own.
///
/// Sources: RFC 9106 (Argon2), RFC 7914 (scrypt); PHC string format; parameters from the OWASP Password Storage Cheat
/// Sheet. Hashing takes about 0.1 s and 19 MiB: never on an event loop.
public struct PasswordHash: Sendable, Equatable {
    /// How a password is hashed, with the price of one guess.
    public enum Method: Sendable, Equatable {
        /// Argon2id, version 1.3.
        case argon2id(memoryKiB: Int, passes: Int, lanes: Int)
        /// Memory is 128 * r * 2^`logarithmOfN` bytes.
        case scrypt(logarithmOfN: Int, r: Int, p: Int)

        /// Argon2id with 19 MiB, two passes, one lane.
        public static let standard = Method.argon2id(memoryKiB: 19_456, passes: 2, lanes: 1)
        /// scrypt with N = 2^15, r = 8, p = 3: 32 MiB; for those who must stay with what OpenSSL offers.
        public static let scrypt = Method.scrypt(logarithmOfN: 15, r: 8, p: 3)

        /// Bounds on what is accepted from storage, so that a forged record cannot ask for all memory.
        var isAcceptable: Bool {
            switch self {
            case .argon2id(let memoryKiB, let passes, let lanes):
                (1...16).contains(lanes) && (1...64).contains(passes) && (8 * lanes...1 << 18).contains(memoryKiB)
            case .scrypt(let logarithmOfN, let r, let p):
                (1...20).contains(logarithmOfN) && (1...16).contains(r) && (1...16).contains(p)
            }
        }
    }

    public let method: Method
    let salt: [UInt8]
    let hash: [UInt8]

    private static let saltBytes = 16
    private static let hashBytes = 32

    /// Hashes a password with a new salt.
    ///
    /// - Throws: `.library` if there is no memory.
    public init(
        of password: String, by method: Method = .standard, randomness: any Randomness
    ) throws(CryptographyError) {
        let salt = randomness.bytes(PasswordHash.saltBytes)
        let hash = try PasswordHash.derive(password, salt: salt, method: method, count: PasswordHash.hashBytes)
        self.init(method: method, salt: salt, hash: hash)
    }

    init(method: Method, salt: [UInt8], hash: [UInt8]) {
        self.method = method
        self.salt = salt
        self.hash = hash
    }

    /// Whether this is the password; takes as long for a wrong one as for the right one.
    public func matches(_ password: String) throws(CryptographyError) -> Bool {
        let derived = try PasswordHash.derive(password, salt: salt, method: method, count: hash.count)
        return constantTimeEquals(derived, hash)
    }

    /// Whether the password should be hashed anew when it is next known, because method or price have changed.
    public func needsRehash(to wanted: Method = .standard) -> Bool { method != wanted }

    private static func derive(
        _ password: String, salt: [UInt8], method: Method, count: Int
    ) throws(CryptographyError) -> [UInt8] {
        var secret = Array(password.utf8)
        defer { OPENSSL_cleanse(&secret, secret.count) }
        var out = [UInt8](repeating: 0, count: count)
        switch method {
        case .argon2id(let memoryKiB, let passes, let lanes):
            let result = argon2id_hash_raw(
                UInt32(passes), UInt32(memoryKiB), UInt32(lanes), secret, secret.count, salt, salt.count, &out, count)
            guard result == ARGON2_OK.rawValue else {
                throw .library(argon2_error_message(result).map { String(cString: $0) } ?? "Argon2")
            }
        case .scrypt(let logarithmOfN, let r, let p):
            let memoryBytes = UInt64(128 * r) << UInt64(logarithmOfN) + (1 << 20)
            let result = secret.withUnsafeBufferPointer { secret in
                secret.withMemoryRebound(to: CChar.self) { secret in
                    EVP_PBE_scrypt(
                        secret.baseAddress, secret.count, salt, salt.count, 1 << UInt64(logarithmOfN), UInt64(r), UInt64(p),
                        memoryBytes, &out, count)
                }
            }
            guard result == 1 else { throw CryptographyError.taken() }
        }
        return out
    }
}
