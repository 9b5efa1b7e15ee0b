import COpenSSL

/// A public key that checks signatures, of the two kinds that signed tokens use: RSA from 2048 bits, and P-256.
///
/// The algorithm follows from the key and never from what is checked, so that nobody can have a public key taken for a
/// shared secret. Sources: RFC 7518 §3.3 (RS256), §3.4 (ES256).
public struct VerificationKey: Sendable {
    public enum Algorithm: String, Sendable {
        case rs256 = "RS256"
        case es256 = "ES256"
    }

    public let algorithm: Algorithm
    /// SubjectPublicKeyInfo. Read anew for each check, a tenth of its price, so that nothing of OpenSSL is shared.
    private let encoded: [UInt8]

    /// Takes the key over.
    private init?(taking key: OpaquePointer) {
        defer { EVP_PKEY_free(key) }
        if EVP_PKEY_is_a(key, "RSA") == 1, EVP_PKEY_get_bits(key) >= 2048, EVP_PKEY_get_bits(key) <= 8192 {
            algorithm = .rs256
        } else if EVP_PKEY_is_a(key, "EC") == 1, Self.curve(of: key) == "prime256v1" {
            algorithm = .es256
        } else {
            return nil
        }
        var bytes = [UInt8](repeating: 0, count: Int(max(0, i2d_PUBKEY(key, nil))))
        let written = bytes.withUnsafeMutableBufferPointer { buffer -> Int32 in
            var position = buffer.baseAddress
            return i2d_PUBKEY(key, &position)
        }
        guard written > 0, Int(written) == bytes.count else { return nil }
        encoded = bytes
    }

    /// Reads the first public key or certificate of a PEM text; `nil` if there is none of a kind that is used here.
    public init?(pem: [UInt8]) {
        defer { _ = CryptographyError.taken() }
        let found = Self.read(pem) { PEM_read_bio_PUBKEY($0, nil, nil, nil) }
            ?? Self.read(pem) { bio in
                guard let certificate = PEM_read_bio_X509(bio, nil, nil, nil) else { return nil }
                defer { X509_free(certificate) }
                return X509_get_pubkey(certificate)
            }
        guard let found else { return nil }
        self.init(taking: found)
    }

    /// - Parameters: big-endian, as in a JSON Web Key. Source: RFC 7518 §6.3.1.
    public init?(rsaModulus modulus: [UInt8], exponent: [UInt8]) {
        guard (256...1024).contains(modulus.count), (1...8).contains(exponent.count) else { return nil }
        let numbers = DER.sequence(DER.integer(modulus) + DER.integer(exponent))
        self.init(subjectPublicKey: numbers, algorithm: DER.rsaEncryption)
    }

    /// A point of P-256; `nil` unless it is on the curve. Source: RFC 7518 §6.2.1.
    public init?(p256X x: [UInt8], y: [UInt8]) {
        guard x.count == 32, y.count == 32 else { return nil }
        self.init(subjectPublicKey: [4] + x + y, algorithm: DER.ecPublicKeyOnP256)
    }

    private init?(subjectPublicKey: [UInt8], algorithm: [UInt8]) {
        defer { _ = CryptographyError.taken() }
        guard let key = Self.key(DER.sequence(algorithm + DER.bitString(subjectPublicKey))) else { return nil }
        self.init(taking: key)
    }

    /// - Returns: a key that the caller frees.
    private static func key(_ encoded: [UInt8]) -> OpaquePointer? {
        encoded.withUnsafeBufferPointer { buffer in
            var position = buffer.baseAddress
            return d2i_PUBKEY(nil, &position, buffer.count)
        }
    }

    /// Whether a signature, in the form of RFC 7515, is that of the message.
    public func verifies(_ signature: [UInt8], of message: [UInt8]) -> Bool {
        defer { _ = CryptographyError.taken() }
        let form: [UInt8]
        switch algorithm {
        case .rs256: form = signature
        case .es256:
            guard signature.count == 64 else { return false }
            form = DER.sequence(DER.integer(Array(signature[..<32])) + DER.integer(Array(signature[32...])))
        }
        guard let key = Self.key(encoded), let context = EVP_MD_CTX_new() else { return false }
        defer {
            EVP_MD_CTX_free(context)
            EVP_PKEY_free(key)
        }
        guard EVP_DigestVerifyInit(context, nil, Algorithms.sha256.method, nil, key) == 1 else { return false }
        return EVP_DigestVerify(context, form, form.count, message, message.count) == 1
    }

    private static func read(_ pem: [UInt8], _ parse: (OpaquePointer) -> OpaquePointer?) -> OpaquePointer? {
        guard let bio = BIO_new_mem_buf(pem, Int32(clamping: pem.count)) else { return nil }
        defer { BIO_free(bio) }
        return parse(bio)
    }

    private static func curve(of key: OpaquePointer) -> String? {
        var name = [CChar](repeating: 0, count: 64)
        var count = 0
        guard EVP_PKEY_get_group_name(key, &name, name.count, &count) == 1 else { return nil }
        return String(decoding: name.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

/// The little of DER that public keys and signatures need. Sources: X.690; RFC 5280 §4.1; RFC 3279 §2.3.
private enum DER {
    /// rsaEncryption, with its NULL.
    static let rsaEncryption: [UInt8] = [0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00]
    /// id-ecPublicKey on prime256v1.
    static let ecPublicKeyOnP256: [UInt8] = [
        0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07,
    ]

    static func sequence(_ content: [UInt8]) -> [UInt8] { tagged(0x30, content) }

    static func bitString(_ content: [UInt8]) -> [UInt8] { tagged(0x03, [0] + content) }

    /// A number of 0 or more, given big-endian.
    static func integer(_ bytes: [UInt8]) -> [UInt8] {
        var digits = Array(bytes.drop { $0 == 0 })
        if digits.first.map({ $0 >= 0x80 }) ?? true { digits.insert(0, at: 0) }
        return tagged(0x02, digits)
    }

    private static func tagged(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        let count = content.count
        let length: [UInt8] =
            count < 0x80
            ? [UInt8(count)]
            : count < 0x100 ? [0x81, UInt8(count)] : [0x82, UInt8(truncatingIfNeeded: count >> 8), UInt8(truncatingIfNeeded: count)]
        return [tag] + length + content
    }
}
