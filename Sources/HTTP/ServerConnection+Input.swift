extension ServerConnection {
    /// Goes on with what was received.
    ///
    /// - Parameter input: bytes received since the last call; moved forward as they are used. With `.wait`, `.flush` and
    ///   the ends it is empty afterwards: what could not be used was copied.
    public mutating func next(
        _ input: inout UnsafeRawBufferPointer, _ context: inout ConnectionContext, at now: UInt64
    ) -> ConnectionAction {
        if held.isEmpty {
            let action = advance(&input, &context, at: now)
            if action.takesInput, !input.isEmpty {
                if keepsInput { held.append(contentsOf: input) }
                input = UnsafeRawBufferPointer(start: nil, count: 0)
            }
            return action
        }
        held.append(contentsOf: input)
        input = UnsafeRawBufferPointer(start: nil, count: 0)
        return withHeld { connection, window in connection.advance(&window, &context, at: now) }
    }

    /// Runs `body` over the held input and drops what it used.
    mutating func withHeld<Result>(
        _ body: (inout ServerConnection, inout UnsafeRawBufferPointer) -> Result
    ) -> Result {
        let bytes = held
        let start = heldStart
        held = []
        let (result, rest) = bytes.withUnsafeBytes { bytes in
            var window = UnsafeRawBufferPointer(rebasing: bytes[start...])
            let result = body(&self, &window)
            return (result, window.count)
        }
        heldStart = 0
        guard rest > 0, keepsInput else { return result }
        if rest * 2 >= bytes.count {
            held = bytes
            heldStart = bytes.count - rest
        } else {
            held = Array(bytes[(bytes.count - rest)...])
        }
        return result
    }

    /// Whether input that was not used may be used later.
    private var keepsInput: Bool {
        switch phase {
        case .ending, .lingering, .closed, .aborted: false
        case .handshake, .head, .deciding, .collecting, .streamReady, .exchange, .discarding: true
        }
    }

    private mutating func advance(
        _ input: inout UnsafeRawBufferPointer, _ context: inout ConnectionContext, at now: UInt64
    ) -> ConnectionAction {
        while true {
            switch phase {
            case .handshake, .deciding: return .wait
            case .head:
                if let action = advanceHead(&input, &context, at: now) { return action }
            case .collecting(let limit):
                if let action = collect(&input, limit: limit, &context, at: now) { return action }
            case .streamReady:
                guard let head else { return .abort }
                phase = .exchange
                return .respond(head, .stream(length: decoder.remaining))
            case .exchange: return advanceStream(&input, context.limits, at: now)
            case .discarding:
                if let action = discard(&input, context.limits, at: now) { return action }
            case .ending(let lingers): return end(lingers: lingers, &input, context.limits, at: now)
            case .lingering: return linger(&input)
            case .closed: return .close
            case .aborted: return .abort
            }
        }
    }

    private mutating func advanceHead(
        _ input: inout UnsafeRawBufferPointer, _ context: inout ConnectionContext, at now: UInt64
    ) -> ConnectionAction? {
        if input.isEmpty { return .wait }
        // An answer to a peer that does not take its answers would only pile up.
        if outputWaitingBytes > 0 { return .wait }
        if answersInOutput >= context.limits.pipelineDepth { return .flush }
        if !parser.hasBegun { inputDeadline = now + context.limits.headNanoseconds }
        switch parser.parse(input, context.limits) {
        case .more: return .wait
        case .refused(let refusal):
            refuse(refusal, &context, at: now)
            return nil
        case .complete(let bytes):
            return take(headBytes: bytes, &input, &context, at: now)
        }
    }

    private mutating func take(
        headBytes: Int, _ input: inout UnsafeRawBufferPointer, _ context: inout ConnectionContext, at now: UInt64
    ) -> ConnectionAction? {
        let facts = parser.facts
        let head = parser.takeHead(input)
        input = UnsafeRawBufferPointer(rebasing: input[headBytes...])
        self.head = head
        isPersistent = facts.isPersistent(head.version)
        decoder = facts.bodyDecoder
        response = .awaited
        inputDeadline = .max
        if decoder.isComplete {
            phase = .exchange
            return .respond(head, .none)
        }
        if facts.isContentCoded {
            refuse(Refusal(415, "A content coding of requests is not supported."), &context, at: now)
            return nil
        }
        // Who already sends the body does not wait for leave: RFC 9110 §10.1.1.
        if case .proceed = facts.expectation { awaitsContinue = head.version == .http11 && input.isEmpty }
        phase = .deciding
        return .decide(head)
    }

    /// What the application wants with the body of the request it was asked about.
    public mutating func decide(_ policy: BodyPolicy, _ context: inout ConnectionContext, at now: UInt64) {
        guard case .deciding = phase else { return }
        switch policy {
        case .collect(let limit):
            if let length = decoder.remaining, length > UInt64(max(0, limit)) {
                refuse(Self.tooLarge, &context, at: now)
                return
            }
            phase = .collecting(limit: limit)
            // Room for the announced length is made as it arrives: an announcement costs the peer nothing.
            body.reserveCapacity(Int(min(decoder.remaining ?? 0, 64 * 1024)))
            startBody(&context, at: now)
        case .stream:
            phase = .streamReady
            if !awaitsContinue { startBody(&context, at: now) }
        }
    }

    /// Lets the client send, if it waits for leave, and starts the clock of the body.
    mutating func startBody(_ context: inout ConnectionContext, at now: UInt64) {
        if awaitsContinue {
            context.output.append("HTTP/1.1 100 Continue\r\n\r\n")
            awaitsContinue = false
        }
        inputDeadline = now + context.limits.bodyGraceNanoseconds
    }

    private mutating func collect(
        _ input: inout UnsafeRawBufferPointer, limit: Int, _ context: inout ConnectionContext, at now: UInt64
    ) -> ConnectionAction? {
        let before = body.count
        let verdict = decoder.decode(&input, into: &body, bound: limit, overheadLimit: context.limits.chunkOverheadBytes)
        noteArrival(body.count - before, context.limits, at: now)
        switch verdict {
        case .more: return .wait
        case .full: refuse(Self.tooLarge, &context, at: now)
        case .refused(let refusal): refuse(refusal, &context, at: now)
        case .complete:
            guard let head else { return .abort }
            inputDeadline = .max
            phase = .exchange
            var whole: [UInt8] = []
            swap(&whole, &body)
            return .respond(head, .bytes(whole))
        }
        return nil
    }

    private mutating func discard(
        _ input: inout UnsafeRawBufferPointer, _ limits: Limits, at now: UInt64
    ) -> ConnectionAction? {
        let verdict = decoder.decode(&input, into: &body, bound: Int.max, overheadLimit: limits.chunkOverheadBytes)
        noteArrival(body.count, limits, at: now)
        body = []
        switch verdict {
        case .more, .full: return .wait
        case .refused: phase = .closed
        case .complete: beginHead(limits, at: now)
        }
        return nil
    }

    /// Ready for the next request.
    mutating func beginHead(_ limits: Limits, at now: UInt64) {
        phase = .head
        inputDeadline = now + limits.idleNanoseconds
    }

    private mutating func end(
        lingers: Bool, _ input: inout UnsafeRawBufferPointer, _ limits: Limits, at now: UInt64
    ) -> ConnectionAction {
        // Closing with unread input makes the kernel send a reset, which can destroy the answer before the peer has
        // read it: RFC 9112 §9.6.
        guard lingers || !input.isEmpty, !peerHasEnded else {
            phase = .closed
            return .close
        }
        phase = .lingering
        inputDeadline = now + limits.lingerNanoseconds
        lingerBudgetBytes = limits.lingerBytes
        input = UnsafeRawBufferPointer(start: nil, count: 0)
        return .halfClose
    }

    private mutating func linger(_ input: inout UnsafeRawBufferPointer) -> ConnectionAction {
        let count = UInt64(input.count)
        input = UnsafeRawBufferPointer(start: nil, count: 0)
        guard count <= lingerBudgetBytes else {
            phase = .closed
            return .close
        }
        lingerBudgetBytes -= count
        return .wait
    }

    static let tooLarge = Refusal(413, "The body is larger than this operation takes.")
}

extension ConnectionAction {
    /// The loop comes back with new input only.
    fileprivate var takesInput: Bool {
        switch self {
        case .wait, .flush, .halfClose, .close, .abort: true
        case .decide, .respond, .bodyProgress: false
        }
    }
}

extension HeadFacts {
    /// Of a head without conflict.
    var bodyDecoder: BodyDecoder {
        if case .chunked = transferCoding { return .chunked(ChunkedDecoder()) }
        if case .bytes(let length) = contentLength, length > 0 { return .length(remaining: length) }
        return .complete
    }
}
