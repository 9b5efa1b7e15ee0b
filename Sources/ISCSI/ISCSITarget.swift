import Platform
import SCSI
import Sockets
import Synchronization

/// An iSCSI target: the LUNs of an array for initiators on the network.
///
/// Source: RFC 7143, at error recovery level 0 and with one connection per session.
public final class ISCSITarget: Sendable {
    /// Where it listens, with real ports; in the order of the configuration.
    public let boundAddresses: [SocketAddress]
    private let context: TargetContext
    private let loops: [TargetLoop]

    /// Binds the addresses. Initiators wait in the kernel until `start`.
    ///
    /// - Throws: `.addressInUse`, `.cannotListen`, or `.system` if descriptors or threads are short.
    public init(target: ArrayTarget, configuration: ISCSIConfiguration, world: World = .system) throws(SocketError) {
        precondition(configuration.loops > 0, "a target has an event loop")
        do throws(ThreadError) {
            context = try TargetContext(target: target, configuration: configuration, world: world)
        } catch {
            switch error {
            case .system(let number): throw .system("thread", number)
            }
        }
        var loops: [TargetLoop] = []
        var addresses = configuration.listen
        for index in 0..<configuration.loops {
            let loop = try TargetLoop(index: index, context: context)
            for position in addresses.indices {
                addresses[position] = try loop.listen(addresses[position], isFirst: index == 0)
            }
            loops.append(loop)
        }
        self.loops = loops
        boundAddresses = addresses
    }

    deinit { end() }

    /// Begins to serve.
    public func start() throws(SocketError) {
        for loop in loops { try loop.loop.start() }
    }

    /// Asks initiators to log out, gives them the time that the configuration says, and ends what is left.
    public func stop() async {
        await withTaskGroup(of: Void.self) { group in
            for loop in loops { group.addTask { await Self.drain(loop) } }
        }
        end()
    }

    private static func drain(_ home: TargetLoop) async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            let once = Once { continuation.resume() }
            let isTaken = home.loop.execute {
                home.drain { once.run() }
                DrainLimit.start(on: home) { once.run() }
            }
            if !isTaken { once.run() }
        }
    }

    /// Ends the loops and closes every connection. Blocks until that is done; a second call does nothing.
    private func end() {
        context.workers.shutdown()
        for loop in loops { loop.loop.stop() }
    }

    /// Who is logged in.
    public var sessions: [ISCSISession] { context.registry.sessions }

    /// Sets what an initiator has to prove from its next login on; `nil` if nothing.
    public func setCredentials(_ credentials: ISCSICredentials?, of initiator: String) {
        context.policy.withLock { $0.credentials[ISCSIName.normalized(initiator)] = credentials }
    }

    /// Sets by what the target proves itself from the next login on.
    public func setTargetCredentials(_ credentials: ISCSICredentials?) {
        context.policy.withLock { $0.ownCredentials = credentials }
    }

    /// Ends the sessions of an initiator, for example after it has lost its LUNs or got other secrets.
    public func disconnect(_ initiator: String) {
        context.registry.disconnect(ISCSIName.normalized(initiator))
    }
}

/// Runs a closure the first time it is asked to.
private final class Once: Sendable {
    private let hasRun = Atomic(false)
    private let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }

    func run() { if !hasRun.exchange(true, ordering: .relaxed) { body() } }
}

/// The end of the time for draining.
private final class DrainLimit: EventSource {
    private let body: () -> Void

    private init(_ home: TargetLoop, _ body: @escaping () -> Void) {
        self.body = body
        super.init(descriptor: -1, loop: home.loop)
        deadline = home.loop.now &+ UInt64(home.context.configuration.drainSeconds) * 1_000_000_000
    }

    static func start(on home: TargetLoop, _ body: @escaping () -> Void) {
        let limit = DrainLimit(home, body)
        // Without a descriptor there is no system call that could fail; if there were one, there would be no grace.
        do throws(SocketError) { try home.loop.add(limit, watching: []) } catch { body() }
    }

    override func expired() {
        loop.remove(self)
        body()
    }

    override func loopEnds() { body() }
}
