import COpenSSL

/// What a TLS server is set up with: versions, ciphers, identities. Shared by all sessions begun with it.
///
/// TLS 1.2 and 1.3, no renegotiation, no compression, tickets instead of a session cache, `http/1.1` by ALPN. A reload
/// makes a new context; sessions keep the one they began with. Source: Mozilla Server Side TLS 5.7, "intermediate",
/// without its finite-field DHE suites (no client that has TLS 1.2 with AEAD needs them); RFC 7301 (ALPN), RFC 6066 §3
/// (server name).
public final class TLSContext: @unchecked Sendable {
    // OpenSSL counts references to a context atomically and allows sessions to be made from any thread; nothing here
    // changes after `init`.
    let contexts: [OpaquePointer]
    private let identities: [Identity]
    private let tickets: TicketKeys

    private static let ciphers = [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
        "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
    ]
    private static let groups = "X25519:P-256:P-384"
    private static let protocolName: StaticString = "http/1.1"

    /// - Parameters:
    ///   - identities: one or more; the first is shown to clients that name no server, or one that none is for.
    ///   - tickets: to be kept over a reload, so that clients can resume.
    /// - Throws: `.keyDoesNotMatch`, or what OpenSSL says of a certificate (for example a key that is too small).
    public init(identities: [Identity], tickets: TicketKeys) throws(CryptographyError) {
        precondition(!identities.isEmpty, "a TLS server has an identity")
        self.identities = identities
        self.tickets = tickets
        var contexts: [OpaquePointer] = []
        for identity in identities {
            do {
                contexts.append(try TLSContext.makeContext(identity))
            } catch {
                for context in contexts { SSL_CTX_free(context) }
                throw error
            }
        }
        self.contexts = contexts
        for context in contexts { installCallbacks(in: context) }
    }

    deinit {
        for context in contexts { SSL_CTX_free(context) }
    }

    /// Fingerprints of the identities, in order.
    public var fingerprints: [String] { identities.map(\.fingerprint) }

    private static func makeContext(_ identity: Identity) throws(CryptographyError) -> OpaquePointer {
        guard let context = copenssl_context_new() else { throw CryptographyError.taken() }
        let chain = identity.certificates.dropFirst().map { Optional($0) }
        let isSet =
            copenssl_context_set_ciphers(context, ciphers.joined(separator: ":")) == 1
            && copenssl_context_set_groups(context, groups) == 1
            && copenssl_context_set_identity(context, identity.certificates.first, identity.key, chain, chain.count) == 1
        guard isSet else {
            SSL_CTX_free(context)
            throw CryptographyError.taken()
        }
        protocolName.withUTF8Buffer { name in
            name.withMemoryRebound(to: CChar.self) { copenssl_context_set_protocol(context, $0.baseAddress) }
        }
        return context
    }

    /// The callbacks get this object without owning it: they run within sessions only, and a session owns it.
    private func installCallbacks(in context: OpaquePointer) {
        let this = Unmanaged.passUnretained(self).toOpaque()
        copenssl_context_set_ticket_callback(
            context,
            { name, key, argument in
                guard let argument, let key else { return 0 }
                return Unmanaged<TLSContext>.fromOpaque(argument).takeUnretainedValue().tickets.find(name, into: key)
            }, this)
        guard identities.count > 1 else { return }
        copenssl_context_set_name_callback(
            context,
            { name, argument in
                guard let argument, let name else { return nil }
                let context = Unmanaged<TLSContext>.fromOpaque(argument).takeUnretainedValue()
                return context.choose(String(cString: name))
            }, this)
    }

    private func choose(_ name: String) -> OpaquePointer? {
        for (identity, context) in zip(identities, contexts) where identity.matches(name) { return context }
        return contexts.first
    }
}
