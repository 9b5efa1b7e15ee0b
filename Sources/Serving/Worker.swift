import Cryptography
import HTTP
import Logging
import Platform
import Sockets

/// One event loop of a server with everything its connections share: buffers, clock line, counters.
///
/// Used on the loop's thread, and before the loop starts on the one that makes it.
final class Worker: @unchecked Sendable {
    // `loop` and `counters` may be used from any thread; whoever needs more goes through `loop.execute`.
    let loop: EventLoop
    let counters = LoopCounters()
    let application: any Application
    let quota: ConnectionQuota
    let logger: Logger
    let transport = TLSTransport()
    var context: ConnectionContext
    var tls: TLSContext?
    private var listeners: [Listener] = []
    private var drained: [@Sendable () -> Void] = []
    private(set) var isDraining = false

    /// Received bytes: one call of the kernel.
    let received = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 64)
    /// Decrypted bytes: what `received` can hold, and a record that had begun before.
    let decrypted = UnsafeMutableRawBufferPointer.allocate(byteCount: 96 * 1024, alignment: 64)

    init(
        name: String, configuration: Server.Configuration, application: any Application, quota: ConnectionQuota,
        logger: Logger, clock: any Platform.Clock
    ) throws(SocketError) {
        loop = try EventLoop(name: name, clock: clock)
        self.application = application
        self.quota = quota
        self.logger = logger
        context = ConnectionContext(limits: configuration.limits)
        tls = configuration.tls
        context.setTime(unixSeconds: clock.wallMilliseconds / 1000)
        loop.onTurn = { [unowned self] in context.setTime(unixSeconds: clock.wallMilliseconds / 1000) }
    }

    deinit {
        received.deallocate()
        decrypted.deallocate()
    }

    /// - Returns: the address with its real port.
    func listen(_ address: SocketAddress, isFirst: Bool) throws(SocketError) -> SocketAddress {
        let listener = try Listener(
            address, isFirst: isFirst, on: loop, quota: quota,
            accepted: { [unowned self] descriptor, peer in accept(descriptor, peer) },
            refused: { [unowned self] in counters.refused.add(1) })
        listeners.append(listener)
        return listener.boundAddress
    }

    private func accept(_ descriptor: Int32, _ peer: SocketAddress) {
        var session: TLSSession?
        if let tls {
            session = TLSSession(context: tls, transport: transport)
            guard session != nil else { return turnAway(descriptor, peer) }
        }
        let connection = Connection(descriptor: descriptor, peer: peer, session: session, worker: self)
        do throws(SocketError) {
            try loop.add(connection, watching: .readable)
        } catch {
            logger.warning("no room for a connection", metadata: ["error": "\(error)"])
            return turnAway(descriptor, peer)
        }
        counters.accepted.add(1)
        counters.connections.add(1)
        if isDraining { connection.drain() }
    }

    private func turnAway(_ descriptor: Int32, _ peer: SocketAddress) {
        counters.refused.add(1)
        StreamSocket.close(descriptor)
        quota.release(peer)
    }

    /// Whether nothing waits in the buffers that connections share, as it has to be between two connections.
    var isOutputEmpty: Bool { context.output.isEmpty && transport.output.isEmpty }

    func dropOutput() {
        context.output.removeAll()
        transport.removeOutput()
    }

    /// A connection has been closed.
    func connectionEnded(_ peer: SocketAddress) {
        quota.release(peer)
        counters.connections.add(-1)
        reportIfDrained()
    }

    /// Takes no new connections, and tells the others that the next answer is their last. `completion` is called when
    /// none is left.
    func drain(completion: @escaping @Sendable () -> Void) {
        isDraining = true
        drained.append(completion)
        for listener in listeners { listener.close() }
        listeners = []
        loop.forEachSource { ($0 as? Connection)?.drain() }
        reportIfDrained()
    }

    /// Cuts what is left.
    func cutConnections() {
        loop.forEachSource { ($0 as? Connection)?.cut() }
    }

    private func reportIfDrained() {
        guard isDraining, counters.connections.value == 0 else { return }
        let reports = drained
        drained = []
        for report in reports { report() }
    }
}
