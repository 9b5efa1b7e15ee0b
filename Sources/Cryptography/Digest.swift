import COpenSSL

/// A SHA-256 digest: 32 bytes as four words, so that it is compared and hashed without memory.
///
/// Source: FIPS 180-4.
public struct Digest: Hashable, Sendable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    public static func == (left: Digest, right: Digest) -> Bool {
        let first = (left.words.0 ^ right.words.0) | (left.words.1 ^ right.words.1)
        let second = (left.words.2 ^ right.words.2) | (left.words.3 ^ right.words.3)
        return first | second == 0
    }

    public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }

    public init(of bytes: UnsafeRawBufferPointer) {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        let result = withUnsafeMutableBytes(of: &words) { out in
            EVP_Digest(bytes.baseAddress, bytes.count, out.bindMemory(to: UInt8.self).baseAddress, nil, Algorithms.sha256.method, nil)
        }
        precondition(result == 1, "SHA-256 fails only without memory")
        self.words = words
    }

    public init(of bytes: [UInt8]) { self = bytes.withUnsafeBytes { Digest(of: $0) } }
    public init(of bytes: ArraySlice<UInt8>) { self = bytes.withUnsafeBytes { Digest(of: $0) } }

    public init(of text: String) {
        var text = text
        self = text.withUTF8 { Digest(of: UnsafeRawBufferPointer($0)) }
    }

    init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    /// 32 bytes.
    public var bytes: [UInt8] { withUnsafeBytes(of: words) { Array($0) } }
    /// 64 lower-case digits.
    public var hexadecimal: String { withUnsafeBytes(of: words) { Hexadecimal.encode($0) } }
}

/// A digest of bytes that come in parts.
public struct DigestBuilder: ~Copyable {
    private let context: OpaquePointer

    public init() {
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex2(context, Algorithms.sha256.method, nil) == 1 else {
            preconditionFailure("SHA-256 fails only without memory")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        let result = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
        precondition(result == 1, "an unfinished digest takes bytes")
    }

    public consuming func finish() -> Digest {
        var words: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        let result = withUnsafeMutableBytes(of: &words) { out in
            EVP_DigestFinal_ex(context, out.bindMemory(to: UInt8.self).baseAddress, nil)
        }
        precondition(result == 1, "a digest ends once")
        return Digest(words: words)
    }
}

/// Algorithms looked up once: OpenSSL's own lookup costs more than hashing a token.
struct Algorithms: @unchecked Sendable {
    // An EVP_MD never changes after it was fetched.
    let method: OpaquePointer

    static let sha256: Algorithms = {
        guard let method = EVP_MD_fetch(nil, "SHA256", nil) else {
            preconditionFailure("every build of OpenSSL 3 has SHA-256")
        }
        return Algorithms(method: method)
    }()
}

/// Compares secrets in a time that depends on their length alone.
///
/// - Returns: `false` at once if the lengths differ.
public func constantTimeEquals(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    var difference: UInt8 = 0
    for (first, second) in zip(left, right) { difference |= first ^ second }
    return difference == 0
}
