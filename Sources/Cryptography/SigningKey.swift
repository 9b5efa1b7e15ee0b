import COpenSSL
import Glibc

/// A private key on P-256 that signs; `VerificationKey` checks what it signed.
public struct SigningKey: Sendable {
    /// PKCS #8, unencrypted. Read anew for each signature, so that nothing of OpenSSL is shared.
    private let pem: [UInt8]
    public let publicPEM: [UInt8]

    /// Makes a new one.
    public init() throws(CryptographyError) {
        guard let key = copenssl_make_p256_key() else { throw CryptographyError.taken() }
        defer { EVP_PKEY_free(key) }
        pem = Self.takeText { copenssl_key_to_pem(key, $0) }
        publicPEM = Self.takeText { copenssl_public_key_to_pem(key, $0) }
    }

    /// - Throws: `.noKey` for anything but an unencrypted private key on P-256.
    public init(pem: [UInt8]) throws(CryptographyError) {
        guard let key = copenssl_key_from_pem(pem, pem.count) else { throw .noKey }
        defer { EVP_PKEY_free(key) }
        self.pem = pem
        publicPEM = Self.takeText { copenssl_public_key_to_pem(key, $0) }
        guard VerificationKey(pem: publicPEM)?.algorithm == .es256 else { throw .noKey }
    }

    /// Reads the key of a file; makes it, and the file of its public half, if it is not there.
    public static func load(path: String, publicPath: String) throws(CryptographyError) -> SigningKey {
        let isMade = access(path, F_OK) != 0
        let key = isMade ? try SigningKey() : try SigningKey(pem: try PEMFile.read(path))
        if isMade { try PEMFile.write(key.pem, to: path, mode: 0o600) }
        if isMade || access(publicPath, F_OK) != 0 { try PEMFile.write(key.publicPEM, to: publicPath, mode: 0o644) }
        return key
    }

    /// ECDSA with SHA-256: two numbers of 32 bytes, big-endian. Source: RFC 7515 §3.4, appendix A.3.
    public func sign(_ message: [UInt8]) throws(CryptographyError) -> [UInt8] {
        guard let key = copenssl_key_from_pem(pem, pem.count), let context = EVP_MD_CTX_new() else { throw .noKey }
        defer {
            EVP_MD_CTX_free(context)
            EVP_PKEY_free(key)
        }
        var encoded = [UInt8](repeating: 0, count: 80)
        var count = encoded.count
        guard EVP_DigestSignInit(context, nil, Algorithms.sha256.method, nil, key) == 1,
            EVP_DigestSign(context, &encoded, &count, message, message.count) == 1,
            let signature = Self.numbers(encoded[..<count])
        else { throw CryptographyError.taken() }
        return signature
    }

    /// The two numbers of DER's `SEQUENCE { INTEGER, INTEGER }`, each shorter than 128 bytes.
    private static func numbers(_ encoded: ArraySlice<UInt8>) -> [UInt8]? {
        var rest = encoded.dropFirst(2)
        var numbers: [UInt8] = []
        for _ in 0..<2 {
            guard rest.count >= 2, rest.first == 0x02, let length = rest.dropFirst().first, rest.count >= 2 + Int(length)
            else { return nil }
            let digits = rest.dropFirst(2).prefix(Int(length)).drop { $0 == 0 }
            guard digits.count <= 32 else { return nil }
            numbers += [UInt8](repeating: 0, count: 32 - digits.count) + digits
            rest = rest.dropFirst(2 + Int(length))
        }
        return numbers
    }

    private static func takeText(_ make: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>) -> Int) -> [UInt8] {
        var bytes: UnsafeMutablePointer<UInt8>?
        let count = make(&bytes)
        defer { copenssl_free(bytes, count) }
        return Array(UnsafeBufferPointer(start: bytes, count: count))
    }
}

extension VerificationKey {
    /// The key in a PEM file; `nil` if it holds none of a kind that is used here.
    public static func load(path: String) throws(CryptographyError) -> VerificationKey? {
        VerificationKey(pem: try PEMFile.read(path))
    }
}
