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
        case refused
    }

    /// Judges a call by the fields of its request.
    func judge(_ head: RequestHead, rule: AuthenticationRule, at now: Timestamp) -> Verdict {
        switch rule {
        case .open: .anyone
        case .credentials: judge(BasicScheme.read(head), rule: rule, at: now)
        case .session: judgeSession(head, credentialsCount: acceptsCredentialsOnEveryCall, at: now)
        }
    }

    /// A session or, where that is allowed and no session was presented, name and password.
    func judgeSession(_ head: RequestHead, credentialsCount: Bool, at now: Timestamp) -> Verdict {
        switch SessionTokenScheme.read(head) {
        case .token(let token): judge(.token(token), rule: .session, at: now)
        case .unusable, .credentials: .refused
        case .nothing:
            if credentialsCount, case .credentials(let credentials) = BasicScheme.read(head) {
                .check(credentials)
            } else {
                .refused
            }
        }
    }

    /// Judges what one scheme found.
    func judge(_ presented: Presented, rule: AuthenticationRule, at now: Timestamp) -> Verdict {
        if rule == .open { return .anyone }
        switch presented {
        case .nothing, .unusable: return .refused
        case .token(let token):
            guard rule == .session, let principal = authority.session(forToken: token, at: now) else { return .refused }
            return .accepted(principal)
        case .credentials(let credentials):
            return rule == .credentials || acceptsCredentialsOnEveryCall ? .check(credentials) : .refused
        }
    }

    func check(_ credentials: Credentials, in exchange: Exchange) async throws(Fault) -> Principal {
        try await authority.authenticate(
            user: credentials.user, password: credentials.password, peer: exchange.peer, at: exchange.receivedAt)
    }
}
