import CLinux
import Glibc

/// A listening socket on one loop. Several loops listen at the same address and the kernel spreads connections over them
/// (SO_REUSEPORT, socket(7)).
public final class Listener: EventSource {
    private let quota: ConnectionQuota
    private let accepted: (Int32, SocketAddress) -> Void
    private let refused: () -> Void
    /// Kept open to be given up when descriptors run out, so that a waiting peer can be taken and turned away instead of
    /// keeping the socket readable for ever.
    private var spare: Int32

    private static let acceptsPerTurn = 64
    private static let backlog: Int32 = 4096
    private static let pauseNanoseconds: UInt64 = 100_000_000

    /// Begins to listen. On the loop's thread, or before it is started.
    ///
    /// - Parameters:
    ///   - isFirst: whether the address must be free; the others join the first.
    ///   - accepted: is given a non-blocking descriptor, which it owns, with TCP_NODELAY set. It releases the quota.
    ///   - refused: called for each connection turned away by the quota or for want of descriptors.
    public init(
        _ address: SocketAddress, isFirst: Bool, on loop: EventLoop, quota: ConnectionQuota,
        accepted: @escaping (Int32, SocketAddress) -> Void, refused: @escaping () -> Void
    ) throws(SocketError) {
        var raw = address.raw
        if isFirst, clinux_probe(&raw) != 0 { throw Listener.failure(address) }
        let descriptor = clinux_listen(&raw, Listener.backlog)
        guard descriptor >= 0 else { throw Listener.failure(address) }
        self.quota = quota
        self.accepted = accepted
        self.refused = refused
        spare = clinux_eventfd()
        super.init(descriptor: descriptor, loop: loop)
        try loop.add(self, watching: .readable)
    }

    /// The address with the port that was chosen if 0 was asked for.
    public var boundAddress: SocketAddress {
        var raw = clinux_address()
        clinux_local_address(descriptor, &raw)
        return SocketAddress(raw)
    }

    public override func ready(_ readiness: Readiness) { accept(atMost: Listener.acceptsPerTurn) }

    public override func expired() { watch(.readable) }

    public override func loopEnds() { close() }

    /// Takes whoever waits already, then listens no more.
    public func close() {
        guard isRegistered else { return }
        accept(atMost: Int.max)
        loop.remove(self)
        clinux_close(descriptor)
        if spare >= 0 { clinux_close(spare) }
        spare = -1
    }

    private func accept(atMost most: Int) {
        var count = 0
        while count < most {
            count += 1
            var raw = clinux_address()
            let descriptor = clinux_accept(self.descriptor, &raw)
            guard descriptor >= 0 else {
                if goesOn(after: lastError()) { continue }
                return
            }
            let peer = SocketAddress(raw)
            if quota.admit(peer) {
                accepted(descriptor, peer)
            } else {
                refused()
                clinux_close(descriptor)
            }
        }
    }

    /// accept(2): errors of the network belong to that one connection; the next may be well.
    private func goesOn(after error: Int32) -> Bool {
        switch error {
        case EAGAIN: return false
        case EMFILE, ENFILE: return turnOneAway()
        case ENOBUFS, ENOMEM:
            pause()
            return false
        default: return error == EINTR || error == ECONNABORTED || error == EPROTO || error == EPERM
        }
    }

    private func turnOneAway() -> Bool {
        guard spare >= 0 else {
            pause()
            return false
        }
        clinux_close(spare)
        var raw = clinux_address()
        let descriptor = clinux_accept(self.descriptor, &raw)
        if descriptor >= 0 {
            refused()
            clinux_close(descriptor)
        }
        spare = clinux_eventfd()
        if spare < 0 { pause() }
        return descriptor >= 0 && spare >= 0
    }

    private func pause() {
        watch([])
        deadline = loop.now + Listener.pauseNanoseconds
    }

    private static func failure(_ address: SocketAddress) -> SocketError {
        let error = lastError()
        return error == EADDRINUSE ? .addressInUse(address) : .cannotListen(address, error)
    }
}
