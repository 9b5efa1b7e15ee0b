import Cryptography
import HTTP
import Sockets

/// Output of one connection that its peer has not taken yet.
struct Backlog {
    /// Encrypted, or plain without TLS; goes first.
    private(set) var ready: [UInt8] = []
    private var readyStart = 0
    /// To be encrypted when there is room: so a slow peer costs its response once, not twice.
    private(set) var plain: [UInt8] = []
    private var plainStart = 0

    var isEmpty: Bool { readyCount == 0 && plainCount == 0 }
    var count: Int { readyCount + plainCount }
    var readyCount: Int { ready.count - readyStart }
    var plainCount: Int { plain.count - plainStart }

    mutating func append(ready bytes: UnsafeRawBufferPointer) { ready.append(contentsOf: bytes) }
    mutating func append(plain bytes: UnsafeRawBufferPointer) { plain.append(contentsOf: bytes) }

    func withReady<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        ready.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[readyStart...])) }
    }

    /// At most `limit` plain bytes.
    func withPlain<Result>(atMost limit: Int, _ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        plain.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[plainStart...].prefix(limit))) }
    }

    /// Memory is given back when all of a kind is gone.
    mutating func removeReady(_ count: Int) {
        readyStart += count
        guard readyCount == 0 else { return }
        ready = []
        readyStart = 0
    }

    mutating func removePlain(_ count: Int) {
        plainStart += count
        guard plainCount == 0 else { return }
        plain = []
        plainStart = 0
    }
}

extension Connection {
    /// Most that is encrypted before it is sent.
    private static let stepBytes = 256 * 1024

    /// Sends what the machine and the session have written, and tells the machine how far that went.
    func flush() {
        let output = worker.context.output.bytes
        send(output)
        worker.context.output.removeAll()
        if !isClosed { machine.noteOutput(waitingBytes: backlog.count, worker.context, at: loop.now) }
    }

    /// Sends bytes after all that waits already; what the kernel does not take is kept.
    func send(_ bytes: UnsafeRawBufferPointer) {
        guard !isClosed else { return }
        guard let session else { return sendReady(bytes) }
        // What the session wrote by itself (handshake, tickets, alerts) was made before, so that it goes before.
        guard backlog.isEmpty, !bytes.isEmpty else {
            sendReady(worker.transport.output)
            worker.transport.removeOutput()
            if !isClosed { keepPlain(bytes) }
            return
        }
        var rest = bytes
        while !rest.isEmpty, backlog.isEmpty, !isClosed {
            let step = UnsafeRawBufferPointer(rebasing: rest.prefix(Connection.stepBytes))
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(step.count))
            encrypt(step, session)
        }
        if !isClosed { keepPlain(rest) }
    }

    /// The socket has room again.
    func sendBacklog() {
        // A few steps, then other connections have their turn.
        for _ in 0..<4 where !backlog.isEmpty && !isClosed {
            if backlog.readyCount > 0 {
                let moved = transfer(backlog.withReady { StreamSocket.send(descriptor, $0) })
                noteWaiting(-moved)
                backlog.removeReady(moved)
                if backlog.readyCount > 0 { break }
            } else if let session {
                let count = min(Connection.stepBytes, backlog.plainCount)
                let isWritten = backlog.withPlain(atMost: count) { session.write($0) == .done }
                guard isWritten else { return close() }
                noteWaiting(-count)
                backlog.removePlain(count)
                sendReady(worker.transport.output)
                worker.transport.removeOutput()
            }
        }
        guard !isClosed else { return }
        machine.noteOutput(waitingBytes: backlog.count, worker.context, at: loop.now)
        // Requests, or the end, may have been waiting for this.
        if backlog.isEmpty { goOn() } else { settle() }
    }

    private func encrypt(_ bytes: UnsafeRawBufferPointer, _ session: TLSSession) {
        guard session.write(bytes) == .done else { return close() }
        sendReady(worker.transport.output)
        worker.transport.removeOutput()
    }

    /// Sends bytes that are as they go out.
    private func sendReady(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        var rest = bytes
        if backlog.isEmpty {
            let moved = transfer(StreamSocket.send(descriptor, bytes))
            rest = UnsafeRawBufferPointer(rebasing: bytes[moved...])
        }
        guard !rest.isEmpty, !isClosed else { return }
        backlog.append(ready: rest)
        noteWaiting(rest.count)
    }

    private func keepPlain(_ bytes: UnsafeRawBufferPointer) {
        guard !bytes.isEmpty else { return }
        backlog.append(plain: bytes)
        noteWaiting(bytes.count)
    }

    /// - Returns: how many bytes went out; the connection is closed if it is broken.
    private func transfer(_ result: Transfer) -> Int {
        switch result {
        case .moved(let count):
            worker.counters.sentBytes.add(count)
            return count
        case .wouldBlock: return 0
        case .ended, .failed:
            close()
            return 0
        }
    }
}
