import COpenSSL

/// What can go wrong with keys, certificates and hashes.
public enum CryptographyError: Error, Sendable, Equatable {
    /// What OpenSSL says; may be empty. For the log.
    case library(String)
    /// Not a PEM text with at least one certificate.
    case noCertificate
    /// Not a PEM text with an unencrypted private key.
    case noKey
    /// The key does not belong to the certificate.
    case keyDoesNotMatch
    case invalidHostName(String)
    /// Reading or writing a file; with the error number.
    case file(String, Int32)

    /// The oldest error of this thread.
    static func taken() -> CryptographyError {
        let code = copenssl_take_error()
        guard code != 0, let reason = ERR_reason_error_string(code) else { return .library("") }
        return .library(String(cString: reason))
    }
}
