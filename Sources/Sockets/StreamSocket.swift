import CLinux
import Glibc

/// The result of one non-blocking transfer.
public enum Transfer: Sendable, Equatable {
    /// So many bytes, 1 or more.
    case moved(Int)
    /// Nothing now; wait for readiness.
    case wouldBlock
    /// The peer has sent its last byte (reading only).
    case ended
    /// The connection is gone; with the error number.
    case failed(Int32)
}

/// Calls on a connected, non-blocking stream socket.
public enum StreamSocket {
    public static func receive(_ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer) -> Transfer {
        while true {
            let count = clinux_receive(descriptor, buffer.baseAddress, buffer.count)
            if count > 0 { return .moved(count) }
            if count == 0 { return .ended }
            let error = lastError()
            if error == EINTR { continue }
            return error == EAGAIN ? .wouldBlock : .failed(error)
        }
    }

    /// - Parameter bytes: 1 or more.
    public static func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Transfer {
        while true {
            let count = clinux_send(descriptor, bytes.baseAddress, bytes.count)
            if count >= 0 { return count == 0 ? .wouldBlock : .moved(count) }
            let error = lastError()
            if error == EINTR { continue }
            return error == EAGAIN ? .wouldBlock : .failed(error)
        }
    }

    /// Most pieces that one call of `send(_:count:_:)` takes.
    public static let partLimit = 64

    /// Sends several pieces in one call.
    ///
    /// - Parameters:
    ///   - count: of pieces, 1 or more; those beyond `partLimit` are left for the next call.
    ///   - piece: gives the piece with an index from 0; 1 or more bytes.
    public static func send(_ descriptor: Int32, count: Int, _ piece: (Int) -> UnsafeRawBufferPointer) -> Transfer {
        let count = min(count, partLimit)
        return withUnsafeTemporaryAllocation(of: clinux_part.self, capacity: count) { parts in
            for index in 0..<count {
                let bytes = piece(index)
                parts.initializeElement(at: index, to: clinux_part(start: bytes.baseAddress, count: bytes.count))
            }
            while true {
                let moved = clinux_send_parts(descriptor, parts.baseAddress, Int32(count))
                if moved >= 0 { return moved == 0 ? .wouldBlock : .moved(moved) }
                let error = lastError()
                if error == EINTR { continue }
                return error == EAGAIN ? .wouldBlock : .failed(error)
            }
        }
    }

    /// The address of this end.
    public static func localAddress(_ descriptor: Int32) -> SocketAddress {
        var raw = clinux_address()
        clinux_local_address(descriptor, &raw)
        return SocketAddress(raw)
    }

    /// Says that nothing more will be sent (FIN).
    public static func endSending(_ descriptor: Int32) { clinux_shutdown_write(descriptor) }

    /// Ends the connection so that the peer sees an error (RST), not an end.
    public static func reset(_ descriptor: Int32) { clinux_reset(descriptor) }

    public static func close(_ descriptor: Int32) { clinux_close(descriptor) }
}
