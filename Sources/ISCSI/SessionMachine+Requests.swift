// Requests other than commands and data: NOP-Out, text, logout, and the order in which numbered ones are taken.

extension SessionMachine {
    /// A request with a CmdSN. Outside of the window it is ignored; before its turn it is kept.
    ///
    /// Source: RFC 7143 §4.2.2.1.
    mutating func takeNumbered(
        _ header: PDUHeader, _ data: UnsafeRawBufferPointer, _ output: inout OutputQueue
    ) -> SessionEvent? {
        if header.isImmediate { return perform(header, data, &output) }
        let number = header.field24
        guard window.contains(number), held[number] == nil else { return nil }
        guard number == window.expected else {
            held[number] = .other(header, Array(data))
            return nil
        }
        window.advance()
        let event = perform(header, data, &output)
        if !held.isEmpty { deliverHeld(&output) }
        return event
    }

    /// The number of a request that was refused counts as used.
    mutating func consume(_ header: PDUHeader) {
        guard !header.isImmediate, window.contains(header.field24) else { return }
        if header.field24 == window.expected {
            window.advance()
        } else if held[header.field24] == nil {
            held[header.field24] = .skipped
        }
    }

    /// A request whose turn has come.
    mutating func perform(
        _ header: PDUHeader, _ data: UnsafeRawBufferPointer, _ output: inout OutputQueue
    ) -> SessionEvent? {
        switch header.opcode {
        case .nopOut: answerPing(header, data, &output)
        case .taskManagement: return manage(header, &output)
        case .text: exchangeText(header, data, &output)
        case .logout: beginLogout(header, &output)
        default: reject(header, .notSupported, &output)
        }
        return nil
    }

    // MARK: NOP. Source: RFC 7143 §11.18, §11.19.

    private mutating func answerPing(
        _ request: PDUHeader, _ data: UnsafeRawBufferPointer, _ output: inout OutputQueue
    ) {
        if request.field20 != PDUHeader.noTag { isPinged = false }
        guard request.tag != PDUHeader.noTag else { return }
        var header = PDUHeader(.nopIn, flags: 0x80, tag: request.tag)
        header.word1 = request.word1
        header.field20 = PDUHeader.noTag
        number(&header)
        send(&header, UnsafeRawBufferPointer(rebasing: data.prefix(parameters.initiatorSegmentBytes)), &output)
    }

    /// Asks the initiator for a sign of life.
    mutating func ping(_ output: inout OutputQueue) {
        var header = PDUHeader(.nopIn, flags: 0x80)
        header.field20 = nextTransferTag
        nextTransferTag &+= 1
        if nextTransferTag == PDUHeader.noTag { nextTransferTag = 1 }
        // StatSN is told, not used: RFC 7143 §11.19.3.
        header.field24 = statusNumber
        isPinged = true
        send(&header, &output)
    }

    // MARK: Logout. Source: RFC 7143 §11.14, §11.15.

    private mutating func beginLogout(_ request: PDUHeader, _ output: inout OutputQueue) {
        let reason = request.flags & 0x7F
        guard reason <= 1 else { return answerLogout(request, reason == 2 ? .recoveryNotSupported : .cleanupFailed, &output) }
        if reason == 1, let opening, request.connection != opening.connection {
            return answerLogout(request, .connectionNotFound, &output)
        }
        logout = request
        phase = .loggingOut
        drop { _ in true }
        endLogout(&output)
    }

    /// Answers when nothing is under way any more.
    mutating func endLogout(_ output: inout OutputQueue) {
        guard runningCount == 0, let request = logout else { return }
        logout = nil
        answerLogout(request, .closed, &output)
        phase = .closed
        later = [.close]
    }

    private mutating func answerLogout(_ request: PDUHeader, _ response: LogoutResponse, _ output: inout OutputQueue) {
        var header = PDUHeader(.logoutResponse, flags: 0x80, tag: request.tag)
        header.byte2 = response.rawValue
        header.field40 = UInt32(parameters.timeToWaitSeconds) << 16 | UInt32(parameters.timeToRetainSeconds)
        number(&header)
        send(&header, &output)
    }

    private enum LogoutResponse: UInt8 {
        case closed = 0
        case connectionNotFound = 1
        case recoveryNotSupported = 2
        case cleanupFailed = 3
    }

    // MARK: Asynchronous messages. Source: RFC 7143 §11.9.

    /// Asks the initiator to log out, because the target is about to end.
    mutating func requestLogout(withinSeconds seconds: UInt16, _ output: inout OutputQueue) {
        guard phase == .fullFeature else { return }
        var header = PDUHeader(.asynchronousMessage, flags: 0x80)
        header.field20 = PDUHeader.noTag
        header.field36 = 1 << 24
        header.field44 = UInt32(seconds) << 16
        number(&header)
        send(&header, &output)
    }
}
