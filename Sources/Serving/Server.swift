import Cryptography
import HTTP
import Logging
import Platform
import Sockets
import Synchronization

/// An HTTPS server: event loops that accept connections and call one application.
public final class Server: Sendable {
    public struct Configuration: Sendable {
        public var listen: [SocketAddress]
        /// Event loops, each with a thread; best one per processor.
        public var loops: Int
        /// `nil` for plain HTTP, which is for tests and measurements.
        public var tls: TLSContext?
        public var limits: Limits
        /// Connections in all; `nil` takes what the limit of open files allows.
        public var connectionLimit: Int?
        /// Connections from one IPv4 address or IPv6 /64.
        public var connectionLimitPerAddress: Int

        public init(
            listen: [SocketAddress], loops: Int = EventLoop.processorCount, tls: TLSContext?, limits: Limits = Limits(),
            connectionLimit: Int? = nil, connectionLimitPerAddress: Int = 2000
        ) {
            self.listen = listen
            self.loops = loops
            self.tls = tls
            self.limits = limits
            self.connectionLimit = connectionLimit
            self.connectionLimitPerAddress = connectionLimitPerAddress
        }
    }

    /// Where it listens, with real ports; in the order of `Configuration.listen`.
    public let boundAddresses: [SocketAddress]
    private let workers: [Worker]
    private let logger: Logger

    /// Binds the addresses. Connections wait in the kernel until `start`.
    ///
    /// - Throws: `.addressInUse`, `.cannotListen`, or `.system` if descriptors are short.
    public init(
        configuration: Configuration, application: any Application, logger: Logger, world: World = .system
    ) throws(SocketError) {
        precondition(configuration.loops > 0, "a server has an event loop")
        let quota = ConnectionQuota(
            total: configuration.connectionLimit ?? ConnectionQuota.totalFromDescriptorLimit(),
            perAddress: configuration.connectionLimitPerAddress)
        var workers: [Worker] = []
        var addresses = configuration.listen
        for index in 0..<configuration.loops {
            let worker = try Worker(
                name: "loop-\(index)", configuration: configuration, application: application, quota: quota,
                logger: logger, clock: world.clock)
            for position in addresses.indices {
                addresses[position] = try worker.listen(addresses[position], isFirst: index == 0)
            }
            workers.append(worker)
        }
        self.workers = workers
        self.logger = logger
        boundAddresses = addresses
    }

    deinit { stop() }

    /// Begins to serve.
    public func start() throws(SocketError) {
        for worker in workers { try worker.loop.start() }
        logger.info("serving", metadata: ["addresses": "\(boundAddresses.map(\.description).joined(separator: " "))"])
    }

    /// New connections use `tls` from now on; those that exist keep what they began with.
    public func reload(tls: TLSContext) {
        for worker in workers { worker.loop.execute { worker.tls = tls } }
    }

    /// Takes no new connections, answers what is under way with `Connection: close`, closes idle connections, and returns
    /// when none is left, or cuts those that are after `deadlineNanoseconds`.
    public func drain(deadlineNanoseconds: UInt64) async {
        logger.info("draining", metadata: ["connections": .stringConvertible(statistics.connections)])
        await withTaskGroup(of: Void.self) { group in
            for worker in workers {
                group.addTask { await Server.drain(worker, deadlineNanoseconds) }
            }
        }
        logger.info("drained")
    }

    private static func drain(_ worker: Worker, _ deadlineNanoseconds: UInt64) async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let isTaken = worker.loop.execute {
                let limit = DrainLimit(worker: worker, afterNanoseconds: deadlineNanoseconds)
                worker.drain {
                    limit.cancel()
                    continuation.resume()
                }
            }
            if !isTaken { continuation.resume() }
        }
    }

    /// Ends the loops and closes every connection, whatever it is doing. Blocks until that is done; a second call does
    /// nothing.
    public func stop() {
        for worker in workers { worker.loop.stop() }
    }

    public var statistics: ServerStatistics {
        var total = ServerStatistics()
        for worker in workers { worker.counters.add(to: &total) }
        return total
    }
}

/// Cuts the connections that are left when the time for draining is over.
private final class DrainLimit: EventSource, @unchecked Sendable {
    // Made and used on the loop's thread; the closure that holds it runs there.
    private let worker: Worker

    init(worker: Worker, afterNanoseconds: UInt64) {
        self.worker = worker
        super.init(descriptor: -1, loop: worker.loop)
        deadline = loop.now &+ afterNanoseconds
        do throws(SocketError) {
            try loop.add(self, watching: [])
        } catch {
            // Without a descriptor there is no system call that could fail.
            worker.logger.error("no deadline for draining", metadata: ["error": "\(error)"])
        }
    }

    override func expired() {
        loop.remove(self)
        worker.logger.warning(
            "cutting connections", metadata: ["connections": .stringConvertible(worker.counters.connections.value)])
        worker.cutConnections()
    }

    func cancel() { loop.remove(self) }
}
