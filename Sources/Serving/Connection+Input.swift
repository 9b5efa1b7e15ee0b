import Cryptography
import HTTP
import Sockets

extension Connection {
    /// Takes what the kernel has, once: readiness is reported again if there is more.
    func receive() {
        switch StreamSocket.receive(descriptor, into: worker.received) {
        case .wouldBlock: break
        case .failed: close()
        case .ended: endInput()
        case .moved(let count):
            worker.counters.receivedBytes.add(count)
            let bytes = UnsafeRawBufferPointer(rebasing: worker.received[..<count])
            if let session {
                decrypt(bytes, session)
            } else {
                drive(bytes)
            }
        }
    }

    private func endInput() {
        peerHasEnded = true
        machine.inputEnded()
        goOn()
    }

    private func decrypt(_ bytes: UnsafeRawBufferPointer, _ session: TLSSession) {
        let transport = worker.transport
        transport.supply(bytes)
        defer { transport.dropInput() }
        if !session.isEstablished, !goOnWithHandshake(session) { return }
        var count = 0
        var progress = TLSSession.Progress.done
        // A record is taken whole or not at all, so that nothing waits inside the session when the input is empty.
        while progress == .done, !transport.isInputEmpty {
            let room = UnsafeMutableRawBufferPointer(rebasing: worker.decrypted[count...])
            let read = session.read(into: room)
            progress = read.progress
            count += read.count
        }
        drive(UnsafeRawBufferPointer(rebasing: worker.decrypted[..<count]))
        guard !isClosed else { return }
        switch progress {
        case .done, .wantsInput: break
        case .closed: endInput()
        case .failed:
            flush()
            close()
        }
    }

    /// - Returns: whether the handshake is complete.
    private func goOnWithHandshake(_ session: TLSSession) -> Bool {
        switch session.handshake() {
        case .done:
            worker.counters.handshakes.add(1)
            if session.isResumed { worker.counters.resumed.add(1) }
            machine.handshakeCompleted(worker.context, at: loop.now)
            return true
        case .wantsInput:
            settle()
            return false
        case .closed, .failed:
            worker.counters.failedHandshakes.add(1)
            // The alert, if there is one, tells the peer why.
            flush()
            close()
            return false
        }
    }
}
