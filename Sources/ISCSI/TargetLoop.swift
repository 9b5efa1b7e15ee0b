import Platform
import SCSI
import Sockets
import StorageArray
import Synchronization

/// What all loops of a target share.
final class TargetContext: Sendable {
    let target: ArrayTarget
    let configuration: ISCSIConfiguration
    let registry: SessionRegistry
    let workers: WorkerPool
    let world: World
    let quota: ConnectionQuota
    /// Secrets may change while the target runs.
    let policy: Mutex<LoginPolicy>

    init(target: ArrayTarget, configuration: ISCSIConfiguration, world: World) throws(ThreadError) {
        self.target = target
        self.configuration = configuration
        self.world = world
        registry = SessionRegistry(limits: configuration.limits, clock: world.clock)
        workers = try WorkerPool(name: "iscsi-work", threads: max(1, configuration.workers))
        quota = ConnectionQuota(
            total: configuration.limits.connections, perAddress: configuration.limits.connections)
        policy = Mutex(configuration.policy)
    }
}

/// One event loop with what its connections share. Used on the loop's thread, and before it starts by whoever makes it.
final class TargetLoop: @unchecked Sendable {
    // `loop` and `context` are safe from any thread; whoever needs more goes through `loop.execute`.
    let loop: EventLoop
    let context: TargetContext
    let bufferPool = BufferPool()
    private var listeners: [Listener] = []
    private var connectionCount = 0
    private var isDraining = false
    private var drained: (@Sendable () -> Void)?

    /// Commands whose effect is not durable yet.
    private var waiting: [Pending] = []
    private var isRegistered = false

    private struct Pending {
        let ticket: CommitTicket
        let connection: Connection
        let task: CommandTask
    }

    init(index: Int, context: TargetContext) throws(SocketError) {
        loop = try EventLoop(name: "iscsi-\(index)", clock: context.world.clock)
        self.context = context
    }

    /// - Returns: the address with its real port.
    func listen(_ address: SocketAddress, isFirst: Bool) throws(SocketError) -> SocketAddress {
        let listener = try Listener(
            address, isFirst: isFirst, on: loop, quota: context.quota,
            accepted: { [unowned self] descriptor, peer in accept(descriptor, peer) }, refused: {})
        listeners.append(listener)
        return listener.boundAddress
    }

    private func accept(_ descriptor: Int32, _ peer: SocketAddress) {
        let connection = Connection(descriptor: descriptor, peer: peer, home: self)
        do throws(SocketError) {
            try loop.add(connection, watching: .readable)
            connectionCount += 1
        } catch {
            StreamSocket.close(descriptor)
            context.quota.release(peer)
        }
    }

    /// A connection is closed and nothing of it is under way.
    func connectionEnded(_ peer: SocketAddress) {
        context.quota.release(peer)
        connectionCount -= 1
        reportIfDrained()
    }

    // MARK: Durability

    /// Has the command's response sent when the ticket is durable; `registerForDurability` has to follow.
    func await(_ ticket: CommitTicket, _ connection: Connection, _ task: CommandTask) {
        waiting.append(Pending(ticket: ticket, connection: connection, task: task))
    }

    /// Asks the pool to tell when the first of those that wait is durable: one call for all of a turn.
    func registerForDurability() {
        guard !isRegistered, let first = waiting.lazy.map(\.ticket).min() else { return }
        isRegistered = true
        context.target.pool.whenDurable(first) { [weak self] failure in
            guard let self else { return }
            loop.execute { self.durable(failure) }
        }
    }

    private func durable(_ failure: ArrayError?) {
        isRegistered = false
        let pool = context.target.pool
        var ready: [Pending] = []
        var rest: [Pending] = []
        for pending in waiting {
            if failure != nil || pool.isDurable(pending.ticket) { ready.append(pending) } else { rest.append(pending) }
        }
        waiting = rest
        var touched: [Connection] = []
        for pending in ready {
            if let failure { pending.task.completion = Completion(failure) }
            pending.connection.finish(pending.task)
            if touched.last !== pending.connection, !touched.contains(where: { $0 === pending.connection }) {
                touched.append(pending.connection)
            }
        }
        for connection in touched { connection.goOn() }
        registerForDurability()
    }

    // MARK: Stopping

    /// Takes no new connections and asks initiators to log out; `completion` is called when none is left.
    func drain(completion: @escaping @Sendable () -> Void) {
        isDraining = true
        drained = completion
        for listener in listeners { listener.close() }
        listeners = []
        loop.forEachSource { ($0 as? Connection)?.drain() }
        reportIfDrained()
    }

    private func reportIfDrained() {
        guard isDraining, connectionCount == 0, let report = drained else { return }
        drained = nil
        report()
    }
}

extension Completion {
    /// A command whose effect may be lost.
    init(_ failure: ArrayError) { self.init(.checkCondition, sense: .internalTargetFailure) }
}
