import Cryptography
import Sockets

/// A connection to a collector, plain or by TLS. Used by one thread, which may wait.
final class SyslogConnection {
    enum Failure: Error, CustomStringConvertible {
        case unknownHost(String)
        case socket(OutgoingSocket.Failure)
        /// What OpenSSL says of the server's certificate, or of the handshake.
        case security(String)

        var description: String {
            switch self {
            case .unknownHost(let host): "no address is known for \(host)"
            case .socket(let failure): "\(failure)"
            case .security(let reason): "TLS: \(reason)"
            }
        }
    }

    private let socket: OutgoingSocket
    private let transport = TLSTransport(capacity: 32 * 1024)
    private var session: TLSSession?
    private var received = [UInt8](repeating: 0, count: 16 * 1024)
    /// All that was given to the socket since the connection began.
    private(set) var sentBytes = 0

    static let patienceMilliseconds: Int32 = 10_000

    /// Connects, to the first address of the host that answers. Blocks.
    init(_ destination: SyslogDestination, security: TLSClientContext?, end: WakeupCall) throws(Failure) {
        var last = Failure.unknownHost(destination.host)
        var connected: OutgoingSocket?
        for address in SocketAddress.resolve(host: destination.host, port: destination.port) where connected == nil {
            do throws(OutgoingSocket.Failure) {
                connected = try OutgoingSocket(
                    address, timeoutMilliseconds: Self.patienceMilliseconds, end: end)
            } catch {
                last = .socket(error)
                if error == .interrupted { throw last }
            }
        }
        guard let connected else { throw last }
        socket = connected
        guard let security else { return }
        guard let session = TLSSession(client: security, host: destination.host, transport: transport) else {
            throw .security("no session for \(destination.host)")
        }
        self.session = session
        try shakeHands(session)
    }

    /// Bytes that the peer's system has acknowledged.
    var acknowledgedBytes: Int { sentBytes - min(sentBytes, socket.unacknowledgedBytes) }

    func send(_ bytes: [UInt8]) throws(Failure) {
        guard let session else { return try give(bytes) }
        let progress = bytes.withUnsafeBytes { session.write($0) }
        guard progress == .done else { throw .security("writing failed") }
        try giveOutput()
    }

    /// Waits for the peer to say something, which a collector never does but for its end and what TLS needs.
    ///
    /// - Parameter call: ends the wait.
    /// - Throws: when the connection has ended.
    func listen(milliseconds: Int32, call: WakeupCall) throws(Failure) {
        let count = try receive(milliseconds: milliseconds, call: call)
        guard count > 0, let session else { return }
        try withSupplied(count) { () throws(Failure) in
            var discarded = [UInt8](repeating: 0, count: 4096)
            while true {
                let progress = discarded.withUnsafeMutableBytes { session.read(into: $0) }.progress
                switch progress {
                case .done: continue
                case .wantsInput: return
                case .closed, .failed: throw .socket(.ended)
                }
            }
        }
        try giveOutput()
    }

    /// Says goodbye; errors do not matter any more.
    func close() {
        session?.close()
        do throws(Failure) { try giveOutput() } catch { return }
    }

    private func shakeHands(_ session: TLSSession) throws(Failure) {
        var progress = session.handshake()
        while progress == .wantsInput {
            try giveOutput()
            let count = try receive(milliseconds: Self.patienceMilliseconds)
            guard count > 0 else { throw .socket(.timedOut) }
            try withSupplied(count) { () throws(Failure) in progress = session.handshake() }
        }
        do throws(Failure) { try giveOutput() } catch { if progress == .done { throw error } }
        guard progress == .done else { throw .security(session.verificationFailure ?? "the handshake failed") }
    }

    private func receive(milliseconds: Int32, call: WakeupCall? = nil) throws(Failure) -> Int {
        let result: Result<Int, OutgoingSocket.Failure> = received.withUnsafeMutableBytes { buffer in
            do throws(OutgoingSocket.Failure) {
                return .success(try socket.receive(into: buffer, timeoutMilliseconds: milliseconds, call: call))
            } catch { return .failure(error) }
        }
        switch result {
        case .success(let count): return count
        case .failure(let error): throw .socket(error)
        }
    }

    /// Lends the session what was received.
    private func withSupplied(_ count: Int, _ body: () throws(Failure) -> Void) throws(Failure) {
        let failure: Failure? = received.withUnsafeBytes { buffer in
            transport.supply(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            defer { transport.dropInput() }
            do throws(Failure) {
                try body()
                return nil
            } catch { return error }
        }
        if let failure { throw failure }
    }

    private func giveOutput() throws(Failure) {
        let output = Array(transport.output)
        transport.removeOutput()
        try give(output)
    }

    private func give(_ bytes: [UInt8]) throws(Failure) {
        guard !bytes.isEmpty else { return }
        let failure: OutgoingSocket.Failure? = bytes.withUnsafeBytes { buffer in
            do throws(OutgoingSocket.Failure) {
                try socket.send(buffer, timeoutMilliseconds: Self.patienceMilliseconds)
                return nil
            } catch { return error }
        }
        if let failure { throw .socket(failure) }
        sentBytes += bytes.count
    }
}
