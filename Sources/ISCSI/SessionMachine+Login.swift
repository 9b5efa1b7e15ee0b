// From the first byte to the full feature phase. Source: RFC 7143 §6.3, §11.12, §11.13.

extension SessionMachine {
    /// A PDU before the session is there: login requests and nothing else.
    mutating func takeLogin(_ header: PDUHeader, _ data: UnsafeRawBufferPointer, _ output: inout OutputQueue) {
        guard header.opcode == .login else {
            return failLogin(header, .invalidDuringLogin, &output)
        }
        if statusNumber == 1, login.opening == nil { window = CommandWindow(first: header.field24, limit: limits.commands) }
        do throws(LoginStatus) {
            switch try login.request(header, data) {
            case .respond(let keys, let transit):
                sendLogin(header, keys, transit: transit, session: header.targetSession, &output)
            case .open(let opening, let keys):
                pendingLogin = (header, keys)
                self.opening = opening
                phase = .opening
                later.append(.open(opening))
            }
        } catch {
            failLogin(header, error, &output)
        }
    }

    /// The session is there: the login is over.
    ///
    /// - Parameter session: its TSIH.
    mutating func sessionOpened(_ session: UInt16, _ output: inout OutputQueue, at now: UInt64) {
        guard phase == .opening, let (header, keys) = pendingLogin else { return }
        pendingLogin = nil
        phase = .login
        sendLogin(header, keys, transit: .fullFeature, session: session, &output)
        parameters = login.parameters
        // What unsolicited data may take up in all is bounded by the number of commands.
        let most = limits.dataBytes / max(1, parameters.unsolicitedBytes)
        window = CommandWindow(first: window.expected, limit: max(1, min(limits.commands, most)))
        phase = .fullFeature
        lastInput = now
    }

    /// There can be no session.
    mutating func sessionRefused(_ status: LoginStatus, _ output: inout OutputQueue) {
        guard phase == .opening, let (header, _) = pendingLogin else { return }
        pendingLogin = nil
        phase = .login
        failLogin(header, status, &output)
    }

    private mutating func failLogin(_ request: PDUHeader, _ status: LoginStatus, _ output: inout OutputQueue) {
        var header = loginResponse(request, session: request.targetSession)
        header.field36 = UInt32(status.rawValue) << 16
        number(&header)
        send(&header, &output)
        loginFailure = status
        phase = .closed
    }

    private func loginResponse(_ request: PDUHeader, session: UInt16) -> PDUHeader {
        // The stage of the request; version 0 both ways.
        var header = PDUHeader(.loginResponse, flags: request.flags & 0x0C, tag: request.tag)
        header.word1 = request.initiatorSession << 16 | UInt64(session)
        return header
    }

    private mutating func sendLogin(
        _ request: PDUHeader, _ keys: TextKeys, transit: LoginStage?, session: UInt16, _ output: inout OutputQueue
    ) {
        var header = loginResponse(request, session: session)
        if let transit { header.flags |= 0x80 | transit.rawValue }
        number(&header)
        keys.encoded.withUnsafeBytes { send(&header, $0, &output) }
    }
}
