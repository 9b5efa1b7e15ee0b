import COpenSSL
import Platform

/// What a server shows and proves: a certificate with its chain, and the private key.
public final class Identity: @unchecked Sendable {
    // Neither certificate nor key changes after `init`; OpenSSL counts references atomically.
    let certificates: [OpaquePointer]
    let key: OpaquePointer

    private init(certificates: [OpaquePointer], key: OpaquePointer) {
        self.certificates = certificates
        self.key = key
    }

    deinit {
        for certificate in certificates { X509_free(certificate) }
        EVP_PKEY_free(key)
    }

    /// Reads a certificate, its chain (in order, the server's own first) and its unencrypted private key.
    ///
    /// - Throws: `.noCertificate`, `.noKey`, `.keyDoesNotMatch`.
    public convenience init(certificatePEM: [UInt8], keyPEM: [UInt8]) throws(CryptographyError) {
        let most = 16
        var found = [OpaquePointer?](repeating: nil, count: most)
        let count = copenssl_certificates_from_pem(certificatePEM, certificatePEM.count, &found, Int32(most))
        let certificates = found.prefix(max(0, Int(count))).compactMap { $0 }
        guard let first = certificates.first else { throw .noCertificate }
        guard let key = copenssl_key_from_pem(keyPEM, keyPEM.count) else {
            for certificate in certificates { X509_free(certificate) }
            throw .noKey
        }
        self.init(certificates: certificates, key: key)
        guard X509_check_private_key(first, key) == 1 else {
            _ = copenssl_take_error()
            throw .keyDoesNotMatch
        }
    }

    /// Makes a key on P-256 and a certificate signed by itself, good for `days` days from now.
    ///
    /// It names `localhost`, 127.0.0.1, ::1 and the given hosts. Browsers refuse more than 398 days, Apple's platforms
    /// more than 825 even from a private authority.
    /// - Parameters:
    ///   - hosts: names or addresses; the first is the common name.
    ///   - days: 1 to 365.
    /// - Throws: `.invalidHostName` for one that is neither a DNS name nor an address.
    public static func selfSigned(hosts: [String], days: Int = 365, world: World) throws(CryptographyError) -> Identity {
        precondition((1...365).contains(days), "a self-signed certificate is good for at most a year")
        var names = ["DNS:localhost", "IP:127.0.0.1", "IP:::1"]
        for host in hosts {
            guard let name = alternativeName(host) else { throw .invalidHostName(host) }
            if !names.contains(name) { names.append(name) }
        }
        // RFC 5280, ub-common-name: 64 characters.
        let commonName = hosts.first { $0.utf8.count <= 64 } ?? "localhost"
        let now = world.clock.wallMilliseconds / 1000
        guard let key = copenssl_make_p256_key() else { throw CryptographyError.taken() }
        // An hour back: clocks of clients are not exact.
        let made = copenssl_make_certificate(
            key, world.randomness.bytes(16), commonName, names.joined(separator: ","), now - 3600,
            now - 3600 + Int64(days) * 86400)
        guard let certificate = made else {
            EVP_PKEY_free(key)
            throw CryptographyError.taken()
        }
        return Identity(certificates: [certificate], key: key)
    }

    /// SHA-256 of the certificate as browsers show it: `AB:CD:…`, 32 pairs.
    public var fingerprint: String {
        var digest = [UInt8](repeating: 0, count: 32)
        guard let certificate = certificates.first, copenssl_certificate_fingerprint(certificate, &digest) == 1 else {
            preconditionFailure("an identity has a certificate")
        }
        return digest.map { Hexadecimal.encode([$0]).uppercased() }.joined(separator: ":")
    }

    /// Last moment of validity, seconds since 1970.
    public var expiresAtSeconds: Int64 {
        certificates.first.map { copenssl_certificate_not_after($0) } ?? 0
    }

    /// Whether the certificate is for that DNS name; wildcards count.
    public func matches(_ name: String) -> Bool {
        guard let certificate = certificates.first else { return false }
        return copenssl_certificate_matches_name(certificate, name, name.utf8.count) == 1
    }

    /// The certificates, the server's own first.
    public var certificatePEM: [UInt8] {
        certificates.flatMap { certificate in
            Identity.takeText { copenssl_certificate_to_pem(certificate, $0) }
        }
    }

    /// PKCS #8, unencrypted.
    public var keyPEM: [UInt8] { Identity.takeText { copenssl_key_to_pem(key, $0) } }

    private static func takeText(_ make: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>) -> Int) -> [UInt8] {
        var bytes: UnsafeMutablePointer<UInt8>?
        let count = make(&bytes)
        defer { copenssl_free(bytes, count) }
        return Array(UnsafeBufferPointer(start: bytes, count: count))
    }

    /// How OpenSSL's extension syntax writes a host; `nil` if it is none. Only letters, digits, `-`, `.` and `:` pass,
    /// so that a host cannot add a name of its own.
    private static func alternativeName(_ host: String) -> String? {
        let bytes = Array(host.utf8)
        guard !bytes.isEmpty, bytes.count <= 253 else { return nil }
        if let address = a2i_IPADDRESS(host) {
            ASN1_OCTET_STRING_free(address)
            return "IP:\(host)"
        }
        for label in host.split(separator: ".", omittingEmptySubsequences: false) {
            let isName = label.utf8.allSatisfy { $0.isLetterOrDigit || $0 == UInt8(ascii: "-") }
            guard isName, (1...63).contains(label.utf8.count), label.first != "-", label.last != "-" else { return nil }
        }
        return "DNS:\(host)"
    }
}

extension UInt8 {
    fileprivate var isLetterOrDigit: Bool {
        switch self {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "A")...UInt8(ascii: "Z"):
            true
        default: false
        }
    }
}
