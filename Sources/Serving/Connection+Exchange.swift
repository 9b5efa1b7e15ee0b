import HTTP
import Logging
import Sockets

extension Connection {
    /// Asks the application. Its answer is sent now, or when it is there.
    func answer(_ head: RequestHead, _ body: IncomingBody) {
        exchange &+= 1
        worker.counters.requests.add(1)
        let content: RequestBody =
            switch body {
            case .none: .none
            case .bytes(let bytes): .bytes(bytes)
            case .stream(let length): .stream(StreamedBody(connection: self, exchange: exchange, length: length))
            }
        let isOverdue = loop.turnNanoseconds > worker.context.limits.overdueNanoseconds
        if isOverdue { worker.counters.overdue.add(1) }
        let request = Request(head: head, body: content, connection: info, isOverdue: isOverdue)
        switch worker.application.respond(to: request) {
        case .now(let response):
            guard let writer = begin(response) else { return }
            _ = Task.immediate(executorPreference: loop) { await self.pump(writer) }
        case .later(let work):
            _ = Task.immediate(executorPreference: loop) {
                let response = await work()
                guard let writer = self.begin(response) else { return self.goOn() }
                await self.pump(writer)
            }
        }
    }

    /// Writes the response, or its head.
    ///
    /// - Returns: where the rest comes from, if there is a rest.
    private func begin(_ response: Response) -> (any BodyWriter)? {
        guard !isClosed else { return nil }
        switch machine.respond(response, &worker.context, at: loop.now) {
        case .complete: return nil
        case .stream(let writer):
            // The output belongs to whoever writes next; the head must not lie there while the first part is made.
            settle()
            return writer
        }
    }

    /// Sends a streamed response: asks for a part when the peer has taken the last.
    private func pump(_ source: any BodyWriter) async {
        var unyieldedBytes = 0
        while true {
            await waitUntilSent()
            guard !isClosed else { return }
            let part: [UInt8]?
            do {
                part = try await source.next()
            } catch {
                worker.logger.warning("a response broke off", metadata: ["error": "\(error)", "peer": "\(info.peer)"])
                machine.abortBody()
                return goOn()
            }
            guard !isClosed else { return }
            guard let part else {
                machine.endBody(&worker.context, at: loop.now)
                return goOn()
            }
            guard send(part: part) else { return goOn() }
            unyieldedBytes += part.count
            // Who takes everything at once must not keep the loop from the others.
            if unyieldedBytes >= Connection.yieldBytes {
                unyieldedBytes = 0
                await Task.yield()
            }
        }
    }

    private static let yieldBytes = 512 * 1024
    /// Parts below are joined with their framing into one send.
    private static let copiedPartBytes = 16 * 1024

    private func send(part: [UInt8]) -> Bool {
        if part.count <= Connection.copiedPartBytes {
            guard machine.write(part, &worker.context) else { return false }
        } else {
            guard machine.openPart(bytes: part.count, &worker.context) else { return false }
            flush()
            part.withUnsafeBytes { send($0) }
            if isClosed { return false }
            machine.closePart(&worker.context)
        }
        settle()
        return true
    }

    private func waitUntilSent() async {
        guard !backlog.isEmpty, !isClosed else { return }
        await withUnsafeContinuation { writer = $0 }
    }

    /// Reads a part of the request body for the handler of that exchange. On the loop's thread.
    func read(_ exchange: UInt64, _ continuation: UnsafeContinuation<StreamedBody.Part, Never>) {
        guard !isClosed, exchange == self.exchange else { return continuation.resume(returning: .aborted) }
        precondition(reader == nil, "one reader at a time")
        switch machine.readBody(&worker.context, at: loop.now) {
        case .bytes(let bytes): continuation.resume(returning: .bytes(bytes))
        case .end: continuation.resume(returning: .end)
        case .aborted: continuation.resume(returning: .aborted)
        case .wait: reader = continuation
        }
        // There is room now, or leave to send: more can come.
        goOn()
    }

    func resumeReader() {
        guard let continuation = reader else { return }
        reader = nil
        read(exchange, continuation)
    }
}

/// The body of a request while it arrives.
struct StreamedBody: BodyReader {
    enum Part: Sendable {
        case bytes([UInt8])
        case end
        case aborted
    }

    let connection: Connection
    let exchange: UInt64
    let length: UInt64?

    func next() async throws(BodyError) -> [UInt8]? {
        let part = await withUnsafeContinuation { (continuation: UnsafeContinuation<Part, Never>) in
            let loop = connection.loop
            if loop.isCurrent { return connection.read(exchange, continuation) }
            let isTaken = loop.execute { connection.read(exchange, continuation) }
            if !isTaken { continuation.resume(returning: .aborted) }
        }
        switch part {
        case .bytes(let bytes): return bytes
        case .end: return nil
        case .aborted: throw .aborted
        }
    }
}
