import COpenSSL

/// What connections to TLS servers are set up with: whom they trust. TLS 1.2 and 1.3; the server's name is checked.
public final class TLSClientContext: @unchecked Sendable {
    // OpenSSL counts references to a context atomically; nothing here changes after `init`.
    let context: OpaquePointer

    /// - Parameter trustedPEM: certificates of authorities, or of servers themselves; `nil` for those of the system.
    /// - Throws: `.noCertificate`.
    public init(trustedPEM: [UInt8]?) throws(CryptographyError) {
        let made =
            if let trustedPEM { trustedPEM.withUnsafeBufferPointer { copenssl_client_context_new($0.baseAddress, $0.count) } } else {
                copenssl_client_context_new(nil, 0)
            }
        guard let made else { throw .noCertificate }
        context = made
    }

    /// Trusts the certificates of a file.
    ///
    /// - Throws: `.file` if it cannot be read, `.noCertificate`.
    public convenience init(trustedPath: String) throws(CryptographyError) {
        try self.init(trustedPEM: try PEMFile.read(trustedPath))
    }

    deinit { SSL_CTX_free(context) }
}
