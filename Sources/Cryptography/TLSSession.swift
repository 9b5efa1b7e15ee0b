import COpenSSL
import Glibc

/// The bytes that the TLS sessions of one thread exchange with their sockets.
///
/// A session owns no buffer: whoever received bytes supplies them, calls the session, and sends `output`.
public final class TLSTransport {
    let pointer: UnsafeMutablePointer<copenssl_transport>
    private let capacity: Int

    /// - Parameter capacity: bytes of output kept between uses.
    public init(capacity: Int = 320 * 1024) {
        guard let pointer = copenssl_transport_new(capacity) else {
            preconditionFailure("no memory for the buffers of an event loop")
        }
        self.pointer = pointer
        self.capacity = capacity
    }

    deinit { copenssl_transport_free(pointer) }

    /// Gives the next session call its received bytes; they must stay valid until it has taken them or
    /// `dropInput` is called.
    public func supply(_ input: UnsafeRawBufferPointer) {
        pointer.pointee.input = input.bindMemory(to: UInt8.self).baseAddress
        pointer.pointee.input_count = input.count
    }

    public func dropInput() {
        pointer.pointee.input = nil
        pointer.pointee.input_count = 0
    }

    /// Whether all that was supplied has been taken.
    public var isInputEmpty: Bool { pointer.pointee.input_count == 0 }

    /// What is to be sent; valid until the next call of a session.
    public var output: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: pointer.pointee.output, count: pointer.pointee.output_count)
    }

    /// Forgets the output. Memory far beyond the usual is given back.
    public func removeOutput() {
        pointer.pointee.output_count = 0
        guard pointer.pointee.output_capacity > 4 * capacity, let smaller = realloc(pointer.pointee.output, capacity) else {
            return
        }
        pointer.pointee.output = smaller.assumingMemoryBound(to: UInt8.self)
        pointer.pointee.output_capacity = capacity
    }
}

/// One side of a TLS connection. Used by one thread.
public final class TLSSession {
    public enum Progress: Sendable, Equatable {
        /// The operation is complete.
        case done
        /// It goes on when more was received.
        case wantsInput
        /// The peer has said that it sends no more.
        case closed
        /// Broken for good. Output may hold an alert for the peer.
        case failed
    }

    private let session: OpaquePointer
    /// What the session was begun with; OpenSSL's callbacks point to it.
    private let context: AnyObject
    private let transport: TLSTransport
    public private(set) var isEstablished = false

    /// - Returns: `nil` if memory is short.
    public init?(context: TLSContext, transport: TLSTransport) {
        guard let session = copenssl_session_new(context.contexts[0], transport.pointer) else { return nil }
        self.session = session
        self.context = context
        self.transport = transport
    }

    /// The client's side.
    ///
    /// - Parameter host: DNS name or numeric address that the server's certificate has to be for.
    /// - Returns: `nil` if memory is short or `host` is neither.
    public init?(client context: TLSClientContext, host: String, transport: TLSTransport) {
        guard let session = copenssl_client_session_new(context.context, transport.pointer, host) else { return nil }
        self.session = session
        self.context = context
        self.transport = transport
    }

    deinit { SSL_free(session) }

    /// Why the server's certificate was not accepted; `nil` if it was, or if none came.
    public var verificationFailure: String? {
        let result = SSL_get_verify_result(session)
        return result == Int(X509_V_OK) ? nil : String(cString: X509_verify_cert_error_string(result))
    }

    /// Goes on with the handshake.
    public func handshake() -> Progress {
        let progress = TLSSession.progress(copenssl_accept(session))
        isEstablished = progress == .done
        return progress
    }

    /// Reads at most one record.
    ///
    /// - Returns: with `.done`, the count of bytes put into `buffer`, 1 or more.
    public func read(into buffer: UnsafeMutableRawBufferPointer) -> (progress: Progress, count: Int) {
        var count = 0
        let result = copenssl_read(session, buffer.baseAddress, buffer.count, &count)
        return (TLSSession.progress(result), count)
    }

    /// Encrypts all of `bytes` into the transport's output.
    public func write(_ bytes: UnsafeRawBufferPointer) -> Progress {
        TLSSession.progress(copenssl_write(session, bytes.baseAddress, bytes.count))
    }

    /// Says that nothing more will be sent (close_notify); a second call does nothing.
    public func close() { copenssl_close(session) }

    /// `TLSv1.2` or `TLSv1.3`.
    public var version: String { String(cString: SSL_get_version(session)) }
    /// Whether the client came back with a ticket.
    public var isResumed: Bool { SSL_session_reused(session) == 1 }

    private static func progress(_ result: copenssl_result) -> Progress {
        switch result {
        case COPENSSL_DONE: .done
        case COPENSSL_WANTS_INPUT: .wantsInput
        case COPENSSL_CLOSED: .closed
        default: .failed
        }
    }
}
