extension ServerConnection {
    /// The next part of a streamed request body. Ask `wantsInput` afterwards: there may be room again.
    ///
    /// The first call lets a client send that waits for `100 Continue`.
    public mutating func readBody(_ context: inout ConnectionContext, at now: UInt64) -> BodyPart {
        guard case .exchange = phase else { return .aborted }
        if awaitsContinue { startBody(&context, at: now) }
        guard body.isEmpty else { return .bytes(takePart(context.limits, at: now)) }
        if bodyFailure != nil { return .aborted }
        if decoder.isComplete { return .end }
        readerWaits = true
        return .wait
    }

    /// Empties the window and fills it from what was held back. Only if nothing of the body is left there does the
    /// peer's clock run again.
    private mutating func takePart(_ limits: Limits, at now: UInt64) -> [UInt8] {
        var part: [UInt8] = []
        swap(&part, &body)
        if let left = heldBackNanoseconds {
            inputDeadline = now + left
            heldBackNanoseconds = nil
        }
        if !held.isEmpty { withHeld { connection, window in connection.decodeStream(&window, limits, at: now) } }
        return part
    }

    /// While the application works: input is body, or belongs to a later request.
    mutating func advanceStream(
        _ input: inout UnsafeRawBufferPointer, _ limits: Limits, at now: UInt64
    ) -> ConnectionAction {
        decodeStream(&input, limits, at: now)
        guard readerWaits, !body.isEmpty || decoder.isComplete || bodyFailure != nil else { return .wait }
        readerWaits = false
        return .bodyProgress
    }

    private mutating func decodeStream(_ input: inout UnsafeRawBufferPointer, _ limits: Limits, at now: UInt64) {
        guard !decoder.isComplete, bodyFailure == nil, !input.isEmpty else { return }
        // A body that comes unasked needs no leave any more.
        if awaitsContinue {
            awaitsContinue = false
            inputDeadline = now + limits.bodyGraceNanoseconds
        }
        let before = body.count
        let verdict = decoder.decode(
            &input, into: &body, bound: limits.streamWindowBytes, overheadLimit: limits.chunkOverheadBytes)
        noteArrival(body.count - before, limits, at: now)
        switch verdict {
        case .more: break
        case .full:
            guard heldBackNanoseconds == nil else { return }
            heldBackNanoseconds = inputDeadline > now ? inputDeadline - now : 0
            inputDeadline = .max
        case .complete: inputDeadline = .max
        case .refused(let refusal):
            bodyFailure = refusal
            inputDeadline = .max
        }
    }

    /// Each byte buys time at the least rate, up to the longest pause.
    mutating func noteArrival(_ bytes: Int, _ limits: Limits, at now: UInt64) {
        guard bytes > 0, inputDeadline != .max else { return }
        let bought = UInt64(bytes) * (1_000_000_000 / max(1, limits.bodyBytesPerSecond))
        inputDeadline = min(inputDeadline &+ bought, now + max(limits.bodyPauseNanoseconds, limits.bodyGraceNanoseconds))
    }
}
