import Contract
import Domain
import HTTP

/// Asks the schemes in turn who is calling.
struct Authenticator: Sendable {
    let authority: any SessionAuthority
    /// Whether name and password count on operations other than login.
    ///
    /// vCenter accepts them at login only; each such call costs a password hash.
    let acceptsCredentialsOnEveryCall: Bool

    enum Verdict: Sendable {
        /// Nobody in particular may call this.
        case anyone
        case accepted(Principal)
        /// A password has to be checked, which takes time.
        case check(Credentials)
        case refused(AuthenticationRefusal)
    }

    /// Judges a call by the fields of its request.
    func judge(_ head: RequestHead, rule: AuthenticationRule, at now: Timestamp) -> Verdict {
        switch rule {
        case .open: .anyone
        case .credentials: judge(AuthorizationScheme.read(head), rule: rule, at: now)
        case .session: judgeSession(head, credentialsCount: acceptsCredentialsOnEveryCall, at: now)
        }
    }

    /// A session or, if none was presented, a bearer token or, where that is allowed, name and password.
    func judgeSession(_ head: RequestHead, credentialsCount: Bool, at now: Timestamp) -> Verdict {
        let presented = SessionTokenScheme.read(head)
        if case .nothing = presented {
            switch AuthorizationScheme.read(head) {
            case .credentials(let credentials): return credentialsCount ? .check(credentials) : .refused(.notAcceptedHere)
            case let other: return judge(other, rule: .session, at: now)
            }
        }
        return judge(presented, rule: .session, at: now)
    }

    /// Judges what one scheme found.
    func judge(_ presented: Presented, rule: AuthenticationRule, at now: Timestamp) -> Verdict {
        if rule == .open { return .anyone }
        switch presented {
        case .nothing: return .refused(.nothingPresented)
        case .unusable(let reason): return .refused(reason)
        case .token(let token):
            guard rule == .session else { return .refused(.notAcceptedHere) }
            return authority.session(forToken: token, at: now).map { .accepted($0) } ?? .refused(.unknownSession)
        case .formToken(let token, let antiForgery):
            guard rule == .session else { return .refused(.notAcceptedHere) }
            guard Self.equal(antiForgery, authority.antiForgeryToken(of: token)) else { return .refused(.wrongAntiForgeryToken) }
            return authority.session(forToken: token, at: now).map { .accepted($0) } ?? .refused(.unknownSession)
        case .bearer(let token):
            return authority.bearer(token, at: now).map { .accepted($0) } ?? .refused(.invalidToken)
        case .credentials(let credentials):
            return rule == .credentials || acceptsCredentialsOnEveryCall ? .check(credentials) : .refused(.notAcceptedHere)
        }
    }

    func check(_ credentials: Credentials, for call: Call) async throws(Fault) -> Principal {
        try await authority.authenticate(user: credentials.user, password: credentials.password, call: call)
    }

    /// The fault for a caller who was not let in, which is recorded.
    func refuse(_ reason: AuthenticationRefusal, _ call: Call) -> Fault {
        authority.noteRefusal(reason, of: call)
        return reason == .unsupportedScheme ? StandardFault.unsupportedScheme : StandardFault.unauthenticated
    }

    /// In a time that depends on the lengths alone.
    private static func equal(_ presented: ArraySlice<UInt8>, _ wanted: String) -> Bool {
        guard presented.count == wanted.utf8.count else { return false }
        var difference: UInt8 = 0
        for (left, right) in zip(presented, wanted.utf8) { difference |= left ^ right }
        return difference == 0
    }
}
