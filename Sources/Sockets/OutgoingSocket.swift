import CLinux
import Glibc
import Platform

/// A connection to somebody else, for a thread of its own that may wait.
///
/// Whoever has a few connections and much time between two messages needs no event loop. Every wait ends at a deadline
/// and when the call to end comes.
public final class OutgoingSocket {
    private let descriptor: Int32
    private let end: WakeupCall

    public enum Failure: Error, Sendable, Equatable {
        /// With the error number.
        case system(Int32)
        case timedOut
        /// The call to end came first.
        case interrupted
        /// The peer has ended the connection.
        case ended
    }

    /// Connects. Blocks.
    ///
    /// - Parameter end: ends every wait of this connection.
    public init(_ address: SocketAddress, timeoutMilliseconds: Int32, end: WakeupCall) throws(Failure) {
        var raw = address.raw
        descriptor = clinux_connect(&raw)
        self.end = end
        guard descriptor >= 0 else { throw .system(lastError()) }
        do throws(Failure) {
            guard try wait(POLLOUT, milliseconds: timeoutMilliseconds) else { throw .timedOut }
        } catch {
            clinux_close(descriptor)
            throw error
        }
        let error = clinux_socket_error(descriptor)
        guard error == 0 else {
            clinux_close(descriptor)
            throw .system(error)
        }
        _ = clinux_set_nodelay(descriptor, 1)
        _ = clinux_set_keepalive(descriptor, 60)
    }

    deinit { clinux_close(descriptor) }

    /// Sends all bytes. Blocks while the peer takes nothing, for at most the time given since it last took something.
    public func send(_ bytes: UnsafeRawBufferPointer, timeoutMilliseconds: Int32) throws(Failure) {
        var rest = bytes
        while !rest.isEmpty {
            switch StreamSocket.send(descriptor, rest) {
            case .moved(let count): rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            case .wouldBlock:
                guard try wait(POLLOUT, milliseconds: timeoutMilliseconds) else { throw .timedOut }
            case .ended: throw .ended
            case .failed(let error): throw .system(error)
            }
        }
    }

    /// Receives what is there, or waits for it.
    ///
    /// - Parameter call: ends the wait, too.
    /// - Returns: the count of bytes; 0 if none came in time or before the call.
    public func receive(
        into buffer: UnsafeMutableRawBufferPointer, timeoutMilliseconds: Int32, call: WakeupCall? = nil
    ) throws(Failure) -> Int {
        while true {
            switch StreamSocket.receive(descriptor, into: buffer) {
            case .moved(let count): return count
            case .ended: throw .ended
            case .failed(let error): throw .system(error)
            case .wouldBlock: if try !wait(POLLIN, milliseconds: timeoutMilliseconds, call: call) { return 0 }
            }
        }
    }

    /// Bytes sent that the peer's system has not acknowledged (tcp(7), SIOCOUTQ).
    public var unacknowledgedBytes: Int { max(0, Int(clinux_unacknowledged(descriptor))) }

    /// - Returns: whether the socket is ready; `false` when the time is over or the call came.
    private func wait(_ events: Int32, milliseconds: Int32, call: WakeupCall? = nil) throws(Failure) -> Bool {
        var watched = [
            pollfd(fd: descriptor, events: Int16(events), revents: 0),
            pollfd(fd: end.descriptor, events: Int16(POLLIN), revents: 0),
            // A negative descriptor is passed over (poll(2)).
            pollfd(fd: call?.descriptor ?? -1, events: Int16(POLLIN), revents: 0),
        ]
        if poll(&watched, 3, milliseconds) < 0 {
            let error = lastError()
            if error != EINTR { throw .system(error) }
        }
        if watched[1].revents != 0 { throw .interrupted }
        return watched[0].revents != 0
    }
}

/// Ends the waits of one thread, from any other.
public final class WakeupCall: Sendable {
    let descriptor: Int32

    /// - Throws: `.system` if descriptors are short.
    public init() throws(SocketError) {
        descriptor = clinux_eventfd()
        guard descriptor >= 0 else { throw .system("wake-up call", lastError()) }
    }

    deinit { clinux_close(descriptor) }

    /// Ends the present wait, or the next one.
    public func send() { clinux_eventfd_signal(descriptor) }

    /// Takes the calls that came; later waits are no longer ended by them.
    public func clear() { clinux_eventfd_clear(descriptor) }

    /// Waits for a call. Blocks.
    ///
    /// - Returns: whether one came in time.
    public func wait(milliseconds: Int32) -> Bool {
        var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&watched, 1, milliseconds) > 0
    }
}
