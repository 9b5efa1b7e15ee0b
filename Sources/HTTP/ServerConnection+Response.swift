extension ServerConnection {
    /// Answers the request of the last `.respond`.
    ///
    /// Does nothing if the connection has ended meanwhile. If the request body broke its framing, the peer gets the
    /// error for that instead.
    public mutating func respond(
        _ response: Response, _ context: inout ConnectionContext, at now: UInt64
    ) -> ResponseProgress {
        guard case .exchange = phase, case .awaited = self.response, let head else { return .complete }
        if let bodyFailure {
            refuse(bodyFailure, &context, at: now)
            return .complete
        }
        if isDraining || peerHasEnded || !canSkipBody(context.limits) { isPersistent = false }
        let plan = ResponsePlan(response, to: head, &context)
        guard context.write(response, plan, to: head, isPersistent: isPersistent && plan.framing != .untilClose) else {
            refuse(Refusal(500, "The answer could not be written."), &context, at: now)
            return .complete
        }
        switch (plan.framing, response.body) {
        case (.length(let length), .stream(let writer)) where plan.sendsBody:
            self.response = .length(remaining: length)
            return .stream(writer)
        case (.chunked, .stream(let writer)) where plan.sendsBody:
            self.response = .chunked
            return .stream(writer)
        case (.untilClose, .stream(let writer)) where plan.sendsBody:
            isPersistent = false
            self.response = .untilClose
            return .stream(writer)
        case (.length, _), (.chunked, _), (.untilClose, _), (.none, _):
            endExchange(&context, at: now)
            return .complete
        }
    }

    /// Sends a part of a streamed response.
    ///
    /// - Returns: `false` if the connection has ended or the writer gives more than it announced; ask for no more then.
    public mutating func write(_ part: [UInt8], _ context: inout ConnectionContext) -> Bool {
        guard openPart(bytes: part.count, &context) else { return false }
        context.output.append(part)
        closePart(&context)
        return true
    }

    /// As `write` for a loop that sends the bytes of the part itself: output, then the part, then `closePart`.
    ///
    /// - Parameter bytes: more than 0, else nothing is to be sent.
    public mutating func openPart(bytes: Int, _ context: inout ConnectionContext) -> Bool {
        guard case .exchange = phase else { return false }
        switch response {
        case .awaited: return false
        case .untilClose: return true
        case .chunked:
            if bytes > 0 {
                context.output.append(hexadecimal: UInt64(bytes))
                context.output.append("\r\n")
            }
            isPartOpen = bytes > 0
            return true
        case .length(let remaining):
            guard UInt64(bytes) <= remaining else {
                phase = .aborted
                return false
            }
            response = .length(remaining: remaining - UInt64(bytes))
            return true
        }
    }

    public mutating func closePart(_ context: inout ConnectionContext) {
        if isPartOpen { context.output.append("\r\n") }
        isPartOpen = false
    }

    /// The streamed response is complete. If it is shorter than announced, the connection is cut. Call `next` afterwards.
    public mutating func endBody(_ context: inout ConnectionContext, at now: UInt64) {
        guard case .exchange = phase else { return }
        switch response {
        case .awaited: return
        case .length(let remaining) where remaining > 0:
            phase = .aborted
            return
        case .length, .untilClose: break
        case .chunked: context.output.append("0\r\n\r\n")
        }
        endExchange(&context, at: now)
    }

    /// The streamed response can't be completed: the connection is cut, so that the peer does not take it for whole.
    /// Call `next` afterwards.
    public mutating func abortBody() {
        if case .exchange = phase { phase = .aborted }
    }

    /// The rest of the request body is short enough to read past, and the client does not wait for leave to send it.
    private func canSkipBody(_ limits: Limits) -> Bool {
        if decoder.isComplete { return true }
        guard !awaitsContinue, let remaining = decoder.remaining else { return false }
        return remaining <= limits.discardBytes
    }

    private mutating func endExchange(_ context: inout ConnectionContext, at now: UInt64) {
        head = nil
        response = .awaited
        body = []
        readerWaits = false
        heldBackNanoseconds = nil
        answersInOutput += 1
        // A streamed response takes time: what was true when it began may not be so now.
        guard isPersistent, !peerHasEnded, bodyFailure == nil else {
            inputDeadline = .max
            phase = .ending(lingers: !decoder.isComplete)
            return
        }
        awaitsContinue = false
        guard decoder.isComplete else {
            phase = .discarding
            inputDeadline = now + context.limits.bodyGraceNanoseconds
            return
        }
        beginHead(context.limits, at: now)
    }
}

/// How a response is framed. Source: RFC 9112 §6.
struct ResponsePlan {
    enum Framing: Equatable {
        /// A status that never has a body.
        case none
        case length(UInt64)
        case chunked
        case untilClose
    }

    var framing: Framing
    /// `false` for HEAD and for a status without a body.
    var sendsBody: Bool
    /// Replaces the body of the response.
    var gzip: [UInt8]?
    /// The body would have been chosen by `Accept-Encoding`.
    var varies = false

    init(_ response: Response, to head: RequestHead, _ context: inout ConnectionContext) {
        sendsBody = head.method != .head && response.status != 204 && response.status != 304
        switch response.body {
        case .none: framing = .length(0)
        case .bytes(let bytes):
            framing = .length(UInt64(bytes.count))
            if response.isCompressible { compress(bytes, response, head, &context) }
        case .headOnly(let length): framing = .length(head.method == .head ? length : 0)
        case .stream(let writer):
            if let length = writer.length {
                framing = .length(length)
            } else {
                framing = head.version == .http11 ? .chunked : .untilClose
            }
            // The head of a response to HEAD is its end; there is nothing to close for.
            if !sendsBody, framing == .untilClose { framing = .none }
        }
        if response.status == 204 || response.status == 304 { framing = .none }
    }

    private mutating func compress(
        _ bytes: [UInt8], _ response: Response, _ head: RequestHead, _ context: inout ConnectionContext
    ) {
        guard bytes.count >= context.limits.compressionBytes, response.status != 206 else { return }
        for field in response.fields
        where ResponseField.isNamed(field.name, "content-encoding") || ResponseField.isNamed(field.name, "content-range") {
            return
        }
        varies = true
        guard ContentNegotiation.accepts(head).gzip, let gzip = context.compressor.gzip(bytes) else { return }
        self.gzip = gzip
        framing = .length(UInt64(gzip.count))
    }
}
