import COpenSSL

/// Digests by which a peer proves in CHAP that it knows a secret.
///
/// Source: IANA, PPP authentication algorithms (the numbers that iSCSI's `CHAP_A` uses); RFC 1994 §4.1.
public enum ChallengeDigest: UInt8, Sendable, CaseIterable {
    case md5 = 5
    case sha1 = 6
    case sha256 = 7
    case sha3 = 8

    /// Whether this build and configuration of OpenSSL offers it; a FIPS provider, for example, has no MD5.
    public var isAvailable: Bool { Self.methods[Int(rawValue - 5)] != nil }

    /// The digest of the parts one after the other; `nil` if the algorithm is not available.
    public func digest(_ parts: [[UInt8]]) -> [UInt8]? {
        guard let method = Self.methods[Int(rawValue - 5)]?.method else { return nil }
        var input: [UInt8] = []
        for part in parts { input += part }
        var output = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        guard EVP_Digest(input, input.count, &output, &count, method, nil) == 1 else { return nil }
        return Array(output.prefix(Int(count)))
    }

    private static let methods: [Algorithms?] = ["MD5", "SHA1", "SHA256", "SHA3-256"].map { (name: String) in
        EVP_MD_fetch(nil, name, nil).map { Algorithms(method: $0) }
    }
}
