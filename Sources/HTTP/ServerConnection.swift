/// What the event loop does next for a connection.
public enum ConnectionAction: Sendable {
    /// Nothing, until input, a response, body bytes or the deadline. Send the output. The input has been taken.
    case wait
    /// The output holds enough answers: send it, call `noteOutput`, then `next` again. The input has been taken.
    case flush
    /// A request with a body: ask the application, call `decide`, then `next` again.
    case decide(RequestHead)
    /// A request is to be answered: call `respond`, now or later, then `next` again. Until then `next` may be called and
    /// answers `.wait` or `.bodyProgress`.
    case respond(RequestHead, IncomingBody)
    /// A reader that was told to wait can read: `readBody`.
    case bodyProgress
    /// Send the output, then close the sending side (TLS: close_notify first), and pass input on until `.close`.
    case halfClose
    /// Send the output, then close properly.
    case close
    /// Close at once and improperly, so that the peer notices that its response is not whole.
    case abort
}

/// The body of a request to be answered.
public enum IncomingBody: Sendable {
    case none
    case bytes([UInt8])
    /// To be read with `readBody`; `nil` means that the length is not known.
    case stream(length: UInt64?)
}

/// What a reader of a streamed request body gets.
public enum BodyPart: Sendable {
    /// At least one byte.
    case bytes([UInt8])
    case end
    /// Nothing yet; `next` will answer `.bodyProgress`.
    case wait
    case aborted
}

/// What is left to do of a response.
public enum ResponseProgress: Sendable {
    /// Nothing.
    case complete
    /// Ask the writer for parts, pass each to `write` and the end to `endBody`.
    case stream(any BodyWriter)
}

/// The server's side of one HTTP/1.1 connection as a value: bytes and events in, actions and output out.
///
/// No socket and no clock: every call that depends on time takes `now`, monotonic nanoseconds. The loop calls
/// `next` with what it received and goes on calling it until it answers `.wait`, `.flush` or an end. One request is
/// in work at a time; pipelined ones wait in order.
///
/// A connection owns memory only for an incomplete head, a request body, or input that arrived while it could not be
/// used. Source: RFC 9112 §9; the page "Driving a connection" shows the loop.
public struct ServerConnection: ~Copyable, Sendable {
    enum Phase {
        case handshake
        /// Between requests or within a head.
        case head
        /// `.decide` was answered.
        case deciding
        case collecting(limit: Int)
        /// The application has said `.stream`, `.respond` is next.
        case streamReady
        /// `.respond` was answered; the response is being made or sent.
        case exchange
        /// The response is complete; the rest of the request body is thrown away.
        case discarding
        /// The output says that the connection ends. `lingers`: the peer may still be sending.
        case ending(lingers: Bool)
        case lingering
        case closed
        case aborted
    }

    /// How far the response of the exchange is.
    enum ResponseState {
        case awaited
        case length(remaining: UInt64)
        case chunked
        case untilClose
    }

    var phase: Phase
    var response = ResponseState.awaited
    /// A chunk has been begun.
    var isPartOpen = false
    var parser = HeadParser()
    /// Input that could not be used yet: from `heldStart` on.
    var held: [UInt8] = []
    var heldStart = 0

    /// Of the exchange.
    var head: RequestHead?
    var isPersistent = true
    var decoder = BodyDecoder.complete
    var body: [UInt8] = []
    /// The client waits for `100 Continue` before it sends the body.
    var awaitsContinue = false
    /// Why a streamed body can't be read further.
    var bodyFailure: Refusal?
    var readerWaits = false

    var isDraining = false
    var peerHasEnded = false
    var answersInOutput = 0
    var outputWaitingBytes = 0
    var lingerBudgetBytes: UInt64 = 0

    var inputDeadline: UInt64
    var sendDeadline = UInt64.max
    /// What was left of the body's time when the peer was told to stop sending; the clock stands still while it is.
    var heldBackNanoseconds: UInt64?

    /// - Parameters:
    ///   - isSecure: a TLS handshake comes first; call `handshakeCompleted` after it.
    ///   - now: monotonic nanoseconds, here and everywhere.
    public init(isSecure: Bool, _ context: borrowing ConnectionContext, at now: UInt64) {
        phase = isSecure ? .handshake : .head
        inputDeadline = now + (isSecure ? context.limits.handshakeNanoseconds : context.limits.idleNanoseconds)
    }

    public mutating func handshakeCompleted(_ context: borrowing ConnectionContext, at now: UInt64) {
        guard case .handshake = phase else { return }
        phase = .head
        inputDeadline = now + context.limits.idleNanoseconds
    }

    /// When to call `expire`; `UInt64.max` for never. Read it after each batch of calls.
    public var deadline: UInt64 { min(inputDeadline, sendDeadline) }

    /// Whether to read from the peer. While this is false, what the peer sends is left in the kernel, which holds the
    /// peer back.
    public var wantsInput: Bool {
        switch phase {
        case .handshake, .collecting, .discarding, .lingering: true
        case .head: outputWaitingBytes == 0
        // One read is taken while a response is made, so that a loop need not change its interest for each.
        case .exchange: heldBackNanoseconds == nil && held.isEmpty
        case .deciding, .streamReady, .ending, .closed, .aborted: false
        }
    }

    /// Between requests, with nothing received of the next: may be closed without loss.
    public var isIdle: Bool {
        if case .head = phase { return held.isEmpty && outputWaitingBytes == 0 }
        return false
    }

    /// From now on every answer ends its connection.
    public mutating func drain() { isDraining = true }

    /// The loop has tried to send.
    ///
    /// - Parameter waitingBytes: of output that the kernel has not taken; 0 when all went out. When it becomes 0, call
    ///   `next` again: requests may have been waiting for that.
    public mutating func noteOutput(waitingBytes: Int, _ context: borrowing ConnectionContext, at now: UInt64) {
        if waitingBytes == 0 {
            answersInOutput = 0
            sendDeadline = .max
        } else if outputWaitingBytes == 0 || waitingBytes < outputWaitingBytes {
            sendDeadline = now + context.limits.sendNanoseconds
        }
        outputWaitingBytes = waitingBytes
    }

    /// The peer has ended its sending side, or the connection broke. Call `next` afterwards.
    public mutating func inputEnded() {
        peerHasEnded = true
        switch phase {
        case .exchange, .streamReady:
            if !decoder.isComplete, bodyFailure == nil { bodyFailure = Refusal(400, "The body ended early.") }
        // The output may still be on its way; it ends the connection anyway.
        case .ending: phase = .ending(lingers: false)
        case .handshake, .head, .deciding, .collecting, .discarding, .lingering: phase = .closed
        case .closed, .aborted: break
        }
    }

    /// The deadline has passed. Call `next` afterwards.
    public mutating func expire(_ context: inout ConnectionContext, at now: UInt64) {
        if now >= sendDeadline {
            phase = .aborted
            return
        }
        guard now >= inputDeadline else { return }
        inputDeadline = .max
        switch phase {
        case .head where held.isEmpty: phase = .closed
        case .head, .collecting: refuse(Refusal(408, "The request came too slowly."), &context, at: now)
        case .exchange:
            if !decoder.isComplete, bodyFailure == nil { bodyFailure = Refusal(408, "The body came too slowly.") }
        case .handshake, .discarding, .lingering: phase = .closed
        case .deciding, .streamReady, .ending, .closed, .aborted: break
        }
    }

    /// Answers with an error instead of serving, and ends the connection.
    mutating func refuse(_ refusal: Refusal, _ context: inout ConnectionContext, at now: UInt64) {
        context.writeRefusal(refusal, omitsBody: head?.method == .head)
        head = nil
        body = []
        inputDeadline = .max
        phase = .ending(lingers: !peerHasEnded)
    }
}
