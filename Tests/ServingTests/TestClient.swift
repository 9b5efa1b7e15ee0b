// A blocking client of its own, so that the server is not tested with its own code.
import COpenSSL
import Glibc
import Sockets

struct ClientError: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

struct TestResponse {
    var status = 0
    var fields: [(name: String, value: String)] = []
    var body: [UInt8] = []

    var text: String { String(decoding: body, as: UTF8.self) }
    subscript(name: String) -> String? { fields.first { $0.name == name }?.value }
}

/// How a client speaks TLS.
struct ClientTLS {
    var minimum = TLS1_2_VERSION
    var maximum = TLS1_3_VERSION
    var serverName: String?
    /// In wire form: each name after its length.
    var protocols: [UInt8] = []
    var ciphers: String?
    var session: ClientSession?

    static var modern: ClientTLS { ClientTLS() }
}

/// A session that can be resumed.
final class ClientSession {
    let pointer: OpaquePointer
    init(_ pointer: OpaquePointer) { self.pointer = pointer }
    deinit { SSL_SESSION_free(pointer) }
}

final class TestClient {
    let descriptor: Int32
    private var context: OpaquePointer?
    private(set) var ssl: OpaquePointer?
    private var buffer: [UInt8] = []
    private var isOpen = true

    /// Connects, and shakes hands if `tls` is given. Every wait ends after 60 s.
    init(_ address: SocketAddress, tls: ClientTLS? = .modern) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var timeout = timeval(tv_sec: 60, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = address.port.bigEndian
        name.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw ClientError("connect: \(errno)") }
        if let tls { try shakeHands(tls) }
    }

    deinit { close() }

    func close() {
        guard isOpen else { return }
        isOpen = false
        SSL_free(ssl)
        SSL_CTX_free(context)
        Glibc.close(descriptor)
    }

    /// Closes with a reset.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    private func shakeHands(_ tls: ClientTLS) throws {
        context = SSL_CTX_new(TLS_client_method())
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(tls.minimum), nil)
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(tls.maximum), nil)
        // Level 0 lets a client offer what the server has to refuse.
        if tls.minimum < TLS1_2_VERSION { SSL_CTX_set_security_level(context, 0) }
        if let ciphers = tls.ciphers { SSL_CTX_set_cipher_list(context, ciphers) }
        ssl = SSL_new(context)
        SSL_set_fd(ssl, descriptor)
        if !tls.protocols.isEmpty { SSL_set_alpn_protos(ssl, tls.protocols, UInt32(tls.protocols.count)) }
        if var name = tls.serverName {
            _ = name.withUTF8 { bytes in
                (Array(bytes) + [0]).withUnsafeBytes {
                    SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, 0, UnsafeMutableRawPointer(mutating: $0.baseAddress))
                }
            }
        }
        if let session = tls.session { SSL_set_session(ssl, session.pointer) }
        ERR_clear_error()
        guard SSL_connect(ssl) == 1 else {
            let code = ERR_get_error()
            throw ClientError(ERR_reason_error_string(code).map { String(cString: $0) } ?? "handshake: errno \(errno)")
        }
    }

    var version: String { String(cString: SSL_get_version(ssl)) }
    var isResumed: Bool { SSL_session_reused(ssl) == 1 }
    var session: ClientSession? { SSL_get1_session(ssl).map { ClientSession($0) } }

    var chosenProtocol: String {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &count)
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
    }

    /// SHA-256 of the certificate the server showed, in the server's notation.
    var certificateFingerprint: String {
        let certificate = SSL_get1_peer_certificate(ssl)
        defer { X509_free(certificate) }
        var digest = [UInt8](repeating: 0, count: 32)
        copenssl_certificate_fingerprint(certificate, &digest)
        return digest.map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return digits.count == 1 ? "0" + digits : digits
        }.joined(separator: ":")
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ bytes: [UInt8]) throws {
        var start = 0
        while start < bytes.count {
            let count = bytes.withUnsafeBytes { all -> Int in
                let rest = UnsafeRawBufferPointer(rebasing: all[start...])
                if let ssl { return Int(SSL_write(ssl, rest.baseAddress, Int32(min(rest.count, 1 << 20)))) }
                return Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw ClientError("send failed: \(errno)") }
            start += count
        }
    }

    /// The next bytes; empty at the end.
    func receiveSome(atMost most: Int = 1 << 16) throws -> [UInt8] {
        if !buffer.isEmpty {
            defer { buffer = [] }
            return buffer
        }
        var bytes = [UInt8](repeating: 0, count: most)
        ERR_clear_error()
        let count = ssl.map { Int(SSL_read($0, &bytes, Int32(most))) } ?? recv(descriptor, &bytes, most, 0)
        if count > 0 { return Array(bytes.prefix(count)) }
        if let ssl {
            guard SSL_get_error(ssl, Int32(count)) == SSL_ERROR_ZERO_RETURN else { throw ClientError("no close_notify") }
            return []
        }
        guard count == 0 else { throw ClientError("receive: \(errno)") }
        return []
    }

    /// Reads until the peer ends; throws unless it ended properly.
    func receiveAll() throws -> [UInt8] {
        var all: [UInt8] = []
        while true {
            let some = try receiveSome()
            if some.isEmpty { return all }
            all += some
        }
    }

    /// Whether the end comes, and properly, with nothing before it.
    func isAtEnd() throws -> Bool { try receiveSome().isEmpty }

    private func fill() throws {
        let held = buffer
        buffer = []
        let some = try receiveSome()
        guard !some.isEmpty else { throw ClientError("ended within a response") }
        buffer = held + some
    }

    private func receiveLine() throws -> String {
        while true {
            if let end = buffer.firstIndex(of: 10) {
                guard end > 0, buffer[end - 1] == 13 else { throw ClientError("line without CR") }
                let line = String(decoding: buffer[..<(end - 1)], as: UTF8.self)
                buffer.removeFirst(end + 1)
                return line
            }
            try fill()
        }
    }

    private func receive(_ count: Int) throws -> [UInt8] {
        while buffer.count < count { try fill() }
        defer { buffer.removeFirst(count) }
        return Array(buffer.prefix(count))
    }

    /// Reads status line and fields.
    func receiveHead() throws -> TestResponse {
        var response = TestResponse()
        let words = try receiveLine().split(separator: " ", maxSplits: 2)
        guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else { throw ClientError("no status line") }
        response.status = status
        while true {
            let line = try receiveLine()
            if line.isEmpty { return response }
            guard let colon = line.firstIndex(of: ":") else { throw ClientError("no field: \(line)") }
            let value = line[line.index(after: colon)...].drop { $0 == " " }
            response.fields.append((line[..<colon].lowercased(), String(value)))
        }
    }

    /// Reads a response with its body. `hasBody` is false for an answer to HEAD.
    func receiveResponse(hasBody: Bool = true) throws -> TestResponse {
        var response = try receiveHead()
        guard hasBody, response.status != 204, response.status != 304, response.status >= 200 else { return response }
        if response["transfer-encoding"] == "chunked" {
            while true {
                guard let count = Int(try receiveLine(), radix: 16) else { throw ClientError("no chunk size") }
                response.body += try receive(count)
                guard try receiveLine().isEmpty else { throw ClientError("chunk without end") }
                if count == 0 { return response }
            }
        }
        if let length = response["content-length"].flatMap({ Int($0) }) {
            response.body = try receive(length)
        } else {
            response.body = try receiveAll()
        }
        return response
    }

    func get(_ target: String) throws -> TestResponse {
        try send("GET \(target) HTTP/1.1\r\nHost: test\r\n\r\n")
        return try receiveResponse()
    }
}

extension TestClient {
    /// Says that nothing more will be sent, and can still receive.
    func endSending() throws {
        if let ssl { SSL_shutdown(ssl) }
        shutdown(descriptor, Int32(SHUT_WR))
    }
}

extension TestClient {
    func setNonBlocking() {
        let flags = fcntl(descriptor, F_GETFL)
        _ = fcntl(descriptor, F_SETFL, flags | O_NONBLOCK)
        SSL_ctrl(ssl, SSL_CTRL_MODE, Int(SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER), nil)
    }

    /// How many bytes went out; 0 if there was no room.
    func sendWhatFits(_ bytes: [UInt8]) -> Int {
        max(0, Int(SSL_write(ssl, bytes, Int32(bytes.count))))
    }
}
