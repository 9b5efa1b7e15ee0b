import Cryptography
import HTTP
import Sockets

/// One connection: moves bytes between the socket, the TLS session and the HTTP machine, and calls the application.
///
/// It decides nothing about HTTP: `ServerConnection` does, and says by its actions what to do. Idle it owns no buffer.
/// Everything happens on the thread of its loop.
final class Connection: EventSource, @unchecked Sendable {
    // Tasks of the application hold it, but use it on the loop's thread alone: they prefer the loop as executor, and
    // `StreamedBody` goes there by itself.
    let worker: Worker
    let peer: SocketAddress
    let session: TLSSession?
    var machine: ServerConnection
    let info: ConnectionInfo

    /// Output that the kernel has not taken.
    var backlog = Backlog()
    var ending = Ending.none
    /// `next` is being called in a loop further up the stack; it will see whatever has changed.
    var isDriving = false
    var peerHasEnded = false
    /// Closed; nothing may be done any more.
    private(set) var isClosed = false
    /// Counts requests, so that a body is not read by the handler of an earlier one.
    var exchange: UInt64 = 0
    /// A handler that waits for a part of the request body.
    var reader: UnsafeContinuation<StreamedBody.Part, Never>?
    /// A response that waits until the backlog is gone.
    var writer: UnsafeContinuation<Void, Never>?

    enum Ending {
        case none
        /// After the output the sending side is closed.
        case halfClose
        /// After the output all is closed.
        case close
    }

    init(descriptor: Int32, peer: SocketAddress, session: TLSSession?, worker: Worker) {
        self.worker = worker
        self.peer = peer
        self.session = session
        info = ConnectionInfo(peer: peer.host, isSecure: session != nil)
        machine = ServerConnection(isSecure: session != nil, worker.context, at: worker.loop.now)
        super.init(descriptor: descriptor, loop: worker.loop)
        deadline = machine.deadline
    }

    override func ready(_ readiness: Readiness) {
        assert(worker.isOutputEmpty, "output of one connection must not reach the next")
        if readiness.contains(.writable) { sendBacklog() }
        if isClosed { return }
        if readiness.contains(.readable), interest.contains(.readable) {
            receive()
        } else if !readiness.isDisjoint(with: .failed) {
            // Both sides are closed or the connection is broken: nobody would take an answer.
            close()
        }
    }

    override func expired() {
        if loop.now >= machine.deadline {
            machine.expire(&worker.context, at: loop.now)
            goOn()
        } else {
            deadline = machine.deadline
        }
    }

    override func loopEnds() { close() }

    /// The next answer is the last; without a request in sight there is none.
    func drain() {
        machine.drain()
        guard machine.isIdle, session?.isEstablished ?? true else { return }
        ending = .close
        settle()
    }

    /// Ends the connection whatever it is doing.
    func cut() {
        if isClosed { return }
        reset()
    }

    /// Has the machine go on without new input.
    func goOn() { drive(UnsafeRawBufferPointer(start: nil, count: 0)) }

    /// Has the machine go on with what was received, until it wants to wait, and does what it says.
    func drive(_ received: UnsafeRawBufferPointer) {
        guard !isDriving, !isClosed else { return }
        isDriving = true
        var input = received
        steps: while !isClosed {
            switch machine.next(&input, &worker.context, at: loop.now) {
            case .wait: break steps
            case .flush:
                flush()
                if !backlog.isEmpty { break steps }
            case .decide(let head):
                let policy = worker.application.policy(for: head)
                machine.decide(policy, &worker.context, at: loop.now)
            case .respond(let head, let body): answer(head, body)
            case .bodyProgress: resumeReader()
            case .halfClose:
                ending = .halfClose
                break steps
            case .close:
                ending = .close
                break steps
            case .abort:
                reset()
                break steps
            }
        }
        isDriving = false
        settle()
    }

    /// Sends what there is, ends what is to end, and says what to wait for. After every change.
    func settle() {
        guard !isClosed else { return }
        flush()
        guard !isClosed else { return }
        if case .none = ending {} else if backlog.isEmpty { finish() }
        guard !isClosed else { return }
        var interest: Readiness = []
        if machine.wantsInput, !peerHasEnded { interest.insert(.readable) }
        if !backlog.isEmpty { interest.insert(.writable) }
        watch(interest)
        deadline = machine.deadline
        if backlog.isEmpty, let continuation = writer {
            writer = nil
            continuation.resume()
        }
    }

    /// The output is out: says so to the peer (close_notify, then FIN), and closes.
    private func finish() {
        session?.close()
        flush()
        guard backlog.isEmpty, !isClosed else { return }
        if case .close = ending { return close() }
        StreamSocket.endSending(descriptor)
        ending = .none
    }

    /// Closes without further words.
    func close() {
        end { StreamSocket.close($0) }
    }

    /// Closes so that the peer sees an error.
    private func reset() {
        end { StreamSocket.reset($0) }
    }

    private func end(_ closeDescriptor: (Int32) -> Void) {
        guard !isClosed else { return }
        isClosed = true
        // The output is the loop's: what this connection can't send any more must not go to the next one.
        worker.dropOutput()
        loop.remove(self)
        closeDescriptor(descriptor)
        noteWaiting(-backlog.count)
        backlog = Backlog()
        worker.connectionEnded(peer)
        if let continuation = reader {
            reader = nil
            continuation.resume(returning: .aborted)
        }
        if let continuation = writer {
            writer = nil
            continuation.resume()
        }
    }

    func noteWaiting(_ change: Int) {
        guard change != 0 else { return }
        let counters = worker.counters
        counters.waitingBytes.add(change)
        if counters.waitingBytes.value > counters.mostWaitingBytes.value {
            counters.mostWaitingBytes.set(counters.waitingBytes.value)
        }
    }
}
