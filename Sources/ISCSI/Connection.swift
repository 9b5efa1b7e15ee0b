import Platform
import SCSI
import Sockets
import Synchronization

/// One connection: moves bytes between the socket and the session machine, and has commands carried out.
///
/// It decides nothing about the protocol: `SessionMachine` does. Everything happens on the thread of its loop.
final class Connection: EventSource, @unchecked Sendable {
    // Worker threads and other loops hold it, but use it by `loop.execute` alone; `commandCount` is safe from anywhere.
    let home: TargetLoop
    let peer: SocketAddress
    let commandCount = Atomic<UInt64>(0)

    var machine: SessionMachine
    var output: OutputQueue
    /// Who the array takes the session for, once it is there.
    var nexus: Nexus?
    /// TSIH.
    var handle: UInt16?

    private let buffer: UnsafeMutableRawBufferPointer
    private var inputStart = 0
    private var inputEnd = 0
    private var isDriving = false
    private var isEnding = false
    /// Sending is over; what still comes is thrown away until the peer closes too.
    private var isLingering = false
    private(set) var isClosed = false
    private var lastProgress: UInt64
    /// Told when the connection is closed and nothing of it is under way.
    private var quiet: [@Sendable () -> Void] = []

    /// Room for one receive beyond the longest PDU that is taken whole.
    private static let bufferBytes = 160 << 10
    private static let receiveBytes = 64 << 10
    private static let flushBytes = 256 << 10
    private static let lingerNanoseconds: UInt64 = 1_000_000_000

    init(descriptor: Int32, peer: SocketAddress, home: TargetLoop) {
        self.home = home
        self.peer = peer
        let context = home.context
        output = OutputQueue(pool: home.bufferPool)
        machine = SessionMachine(
            policy: context.policy.withLock { $0 }, limits: context.configuration.limits,
            portals: [StreamSocket.localAddress(descriptor).description], bufferPool: home.bufferPool,
            randomness: context.world.randomness, at: home.loop.now)
        buffer = .allocate(byteCount: Self.bufferBytes, alignment: 64)
        lastProgress = home.loop.now
        super.init(descriptor: descriptor, loop: home.loop)
        deadline = home.loop.now &+ context.configuration.limits.loginNanoseconds
    }

    deinit { buffer.deallocate() }

    // MARK: Readiness

    override func ready(_ readiness: Readiness) {
        if readiness.contains(.writable) {
            flush()
            if !isClosed { drive() }
        }
        if isClosed { return }
        if readiness.contains(.readable), interest.contains(.readable) {
            isLingering ? discard() : receive()
        } else if !readiness.isDisjoint(with: .failed) {
            close()
        }
    }

    private func receive() {
        // A few rounds, then other connections have their turn.
        for _ in 0..<4 where !isClosed && !isEnding {
            let (result, room) = receiveOnce()
            switch result {
            case .moved(let count):
                drive()
                if count < room { return }
            case .wouldBlock: return
            case .ended, .failed: return close()
            }
            guard interest.contains(.readable) else { return }
        }
    }

    private func receiveOnce() -> (Transfer, room: Int) {
        if inputStart == inputEnd, let target = machine.directTarget() {
            let result = StreamSocket.receive(descriptor, into: target)
            if case .moved(let count) = result { machine.directlyReceived(count, in: target, at: loop.now) }
            return (result, target.count)
        }
        if inputStart == inputEnd {
            (inputStart, inputEnd) = (0, 0)
        } else if buffer.count - inputEnd < Self.receiveBytes {
            let rest = UnsafeRawBufferPointer(rebasing: buffer[inputStart..<inputEnd])
            buffer.copyMemory(from: rest)
            (inputStart, inputEnd) = (0, rest.count)
        }
        let room = UnsafeMutableRawBufferPointer(rebasing: buffer[inputEnd..<min(buffer.count, inputEnd + Self.receiveBytes)])
        let result = StreamSocket.receive(descriptor, into: room)
        if case .moved(let count) = result { inputEnd += count }
        return (result, room.count)
    }

    private func discard() {
        let room = UnsafeMutableRawBufferPointer(rebasing: buffer[..<Self.receiveBytes])
        switch StreamSocket.receive(descriptor, into: room) {
        case .moved, .wouldBlock: break
        case .ended, .failed: close()
        }
    }

    // MARK: Driving the machine

    /// Goes on after something outside has happened.
    func goOn() { if !isClosed { drive() } }

    private func drive() {
        guard !isDriving, !isClosed, !isEnding else { return }
        isDriving = true
        let outputBytes = home.context.configuration.limits.outputBytes
        var isHeldUp = false
        // What held the machine up may be sent by the time it is settled; then nothing else would wake it.
        repeat {
            isHeldUp = !takeInput(outputBytes)
            settle()
        } while !isClosed && !isEnding && output.count <= outputBytes && (isHeldUp || machine.isRunnable(output))
        isDriving = false
    }

    /// Has the machine take what was received.
    ///
    /// - Returns: `false` if too much output waits.
    private func takeInput(_ outputBytes: Int) -> Bool {
        var input = UnsafeRawBufferPointer(rebasing: buffer[inputStart..<inputEnd])
        defer { inputStart = inputEnd - input.count }
        while !isClosed, !isEnding {
            guard output.count <= outputBytes else { return false }
            let event = machine.next(&input, &output, at: loop.now)
            if case .wait = event { break }
            handle(event)
            if output.count >= Self.flushBytes { flush() }
        }
        return true
    }

    private func handle(_ event: SessionEvent) {
        switch event {
        case .wait: break
        case .open(let opening): open(opening)
        case .execute(let task): execute(task)
        case .manage(let management): manage(management)
        case .close:
            isEnding = true
            if let status = machine.loginFailure {
                home.context.configuration.observer?(
                    .loginRefused(initiator: machine.login.opening?.initiator, peer: peer, status: status.rawValue))
            }
        }
    }

    /// Sends what there is, and says what to wait for.
    func settle() {
        guard !isClosed else { return }
        home.registerForDurability()
        commandCount.store(machine.commandCount, ordering: .relaxed)
        flush()
        guard !isClosed else { return }
        if isEnding, output.isEmpty { return linger() }
        var interest: Readiness = []
        if !isEnding, output.count <= home.context.configuration.limits.outputBytes { interest.insert(.readable) }
        if !output.isEmpty { interest.insert(.writable) }
        watch(interest)
    }

    private func flush() {
        while !output.isEmpty, !isClosed {
            let result: Transfer
            if output.pieceCount == 1 {
                result = StreamSocket.send(descriptor, output.piece(0))
            } else {
                result = StreamSocket.send(descriptor, count: output.pieceCount) { output.piece($0) }
            }
            switch result {
            case .moved(let count):
                output.remove(count)
                lastProgress = loop.now
            case .wouldBlock: return
            case .ended, .failed: return close()
            }
        }
        lastProgress = loop.now
    }

    // MARK: Time

    override func expired() {
        let limits = home.context.configuration.limits
        if isLingering || isEnding || machine.phase == .login || machine.phase == .opening { return close() }
        if !output.isEmpty, loop.now &- lastProgress >= limits.answerNanoseconds { return close() }
        guard machine.tick(&output, at: loop.now) else { return close() }
        deadline = loop.now &+ limits.checkNanoseconds
        settle()
    }

    /// The login is over: from here on silence is looked at.
    func loggedIn() { deadline = loop.now &+ home.context.configuration.limits.checkNanoseconds }

    // MARK: Ending

    override func loopEnds() { close() }

    func drain() {
        guard machine.phase == .fullFeature, machine.opening?.isDiscovery == false else { return close() }
        machine.requestLogout(withinSeconds: home.context.configuration.drainSeconds, &output)
        settle()
    }

    /// Lets the peer take the last bytes: closing with unread input would make the kernel send a reset instead.
    private func linger() {
        guard !isLingering else { return }
        isLingering = true
        StreamSocket.endSending(descriptor)
        deadline = loop.now &+ Self.lingerNanoseconds
        watch(.readable)
        endIfQuiet()
    }

    func close() {
        guard !isClosed else { return }
        isClosed = true
        machine.abandon()
        output.removeAll()
        loop.remove(self)
        StreamSocket.close(descriptor)
        endIfQuiet()
        home.connectionEnded(peer)
    }

    /// Calls `body` when the session has ended and nothing of it is under way; ends it if it has not.
    func end(_ body: @escaping @Sendable () -> Void) {
        quiet.append(body)
        close()
        endIfQuiet()
    }

    /// The session is over when no command of it is under way any more: then its place is free.
    func endIfQuiet() {
        guard isClosed || isLingering, machine.runningCount == 0 else { return }
        if let nexus {
            home.context.target.nexusLost(nexus)
            home.context.configuration.observer?(.ended(initiator: nexus.initiator, peer: peer))
        }
        nexus = nil
        if let handle { home.context.registry.remove(handle) }
        handle = nil
        let bodies = quiet
        quiet = []
        for body in bodies { body() }
    }
}
