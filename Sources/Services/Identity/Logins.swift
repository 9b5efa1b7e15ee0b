import Domain
import Persistence
import Platform

/// Checks names and passwords.
///
/// Every refusal costs one hash, one record and one audit entry whatever its reason, and answers the same, so that neither
/// text nor time tells a name that nobody has from a wrong password or a locked account.
public final class Logins: Sendable {
    /// Why somebody was not let in; for the audit log alone.
    enum Refusal: String {
        case unknownUser = "unknown user"
        case wrongPassword = "wrong password"
        case locked = "account locked"
        case addressLimited = "too many failures from this address"
        case disabled = "account disabled"
        case noPassword = "account without password"
        case expired = "password expired"
    }

    /// Who knocks, as far as the directory knows.
    private struct Candidate {
        let name: PrincipalName?
        let user: User?
        let obstacle: Refusal?
        /// The client where the account is the one that is never locked.
        let address: String?
    }

    private let store: Store
    private let hasher: PasswordHasher
    private let lanes: LoginLanes
    private let addresses = AddressLimiter()
    /// Stands for all names that nobody has: its record is written so that their refusals cost what the others do.
    private static let nobody = Identifier<User>("(nobody)")

    /// - Parameter queueLimit: how many logins may wait, half of them for one name.
    public init(store: Store, hasher: PasswordHasher, queueLimit: Int = 32) {
        self.store = store
        self.hasher = hasher
        lanes = LoginLanes(limit: queueLimit, limitPerLane: max(1, queueLimit / 2))
    }

    /// The user that a name and a password belong to.
    ///
    /// - Parameters:
    ///   - text: `user@domain`, `DOMAIN\user`, or a name of the standard domain.
    ///   - call: what is asked for, for the audit log.
    /// - Throws: `unauthenticated`, always the same; `service_unavailable` when too many wait, or when a failure could not
    ///   be recorded: guesses that leave no trace must not be free.
    public func authenticate(user text: String, password: String, call: Call) async throws(Fault) -> User {
        if store.writability != .ready { try await probe(call.receivedAt) }
        let name = PrincipalName(text, defaultDomain: EmbeddedDomain.standard)
        let address = name?.user == User.administrator ? AddressLimiter.key(of: call.peer) : nil
        let lane = (name?.description ?? "") + "\n" + (address ?? "")
        return try await lanes.run(in: lane) { () throws(Fault) in
            try await self.judge(name, address, password, call)
        }
    }

    private func judge(
        _ name: PrincipalName?, _ address: String?, _ password: String, _ call: Call
    ) async throws(Fault) -> User {
        let candidate = self.candidate(name, address, at: call.receivedAt)
        let stored = candidate.obstacle == nil ? candidate.user?.password?.hash : nil
        let isRight = try await hasher.matches(password, stored)
        guard isRight, let user = candidate.user, candidate.obstacle == nil else {
            try await refuse(candidate, candidate.obstacle ?? .wrongPassword, call)
            throw .unauthenticated
        }
        try await accept(user, address, password)
        return user
    }

    private func candidate(_ name: PrincipalName?, _ address: String?, at now: Timestamp) -> Candidate {
        let inventory = store.snapshot
        let user = name.flatMap { inventory[User.self][$0.user] }
        return Candidate(
            name: name, user: user, obstacle: obstacle(user, address, inventory, at: now), address: user == nil ? nil : address)
    }

    private func obstacle(_ user: User?, _ address: String?, _ inventory: Inventory, at now: Timestamp) -> Refusal? {
        guard let user else { return .unknownUser }
        let policy = inventory.identityPolicy
        if let address {
            if addresses.isLocked(address, at: now, under: policy) { return .addressLimited }
        } else if inventory[LoginFailures.self][LoginFailures.identifier(of: user.id)]?.isLocked(at: now, under: policy) == true {
            return .locked
        }
        guard user.isEnabled else { return .disabled }
        guard let password = user.password else { return .noPassword }
        return password.isExpired(at: now) ? .expired : nil
    }

    /// Counts and records a failure; returns when both are durable.
    private func refuse(_ candidate: Candidate, _ reason: Refusal, _ call: Call) async throws(Fault) {
        let now = call.receivedAt
        let policy = store.snapshot.identityPolicy
        let counts = reason == .wrongPassword
        if counts, let address = candidate.address { addresses.fail(address, at: now, under: policy) }
        let countsForUser = counts && candidate.address == nil
        let user = countsForUser ? candidate.user?.id ?? Self.nobody : Self.nobody
        let hasLocked = try await store.commit(by: nil) { (draft) throws(Fault) -> Bool in
            let known = draft[LoginFailures.self][LoginFailures.identifier(of: user)]
            var failures = user == Self.nobody ? LoginFailures(of: user) : known ?? LoginFailures(of: user)
            let hasLocked = failures.fail(at: now, under: policy)
            try draft.put(failures)
            return hasLocked && user != Self.nobody
        }
        let detail = hasLocked ? reason.rawValue + "; account locked" : reason.rawValue
        try await store.recordAudit(
            call, refused: .unauthenticated, facts: [AuditFact(target: Self.shown(candidate.name), detail: detail)])
    }

    /// Tries whether the log takes changes again, so that no guess is judged that would leave no trace.
    private func probe(_ now: Timestamp) async throws(Fault) {
        let policy = store.snapshot.identityPolicy
        try await store.commit(by: nil) { (draft) throws(Fault) in
            var failures = LoginFailures(of: Self.nobody)
            _ = failures.fail(at: now, under: policy)
            try draft.put(failures)
        }
    }

    /// A name as the audit log may keep it: somebody may have typed the password in its place.
    private static func shown(_ name: PrincipalName?) -> String {
        guard let name, PrincipalName.isAcceptable(name.name), PrincipalName.isAcceptable(name.domain) else {
            return "(unusable name)"
        }
        return name.description
    }

    /// Forgets failures, and hashes anew where method or price have changed.
    private func accept(_ user: User, _ address: String?, _ password: String) async throws(Fault) {
        if let address { addresses.succeed(address) }
        let failures = LoginFailures.identifier(of: user.id)
        let hasFailures = store.snapshot[LoginFailures.self].contains(failures)
        let old = user.password?.hash
        let hash = old.map(hasher.isOutdated) == true ? try await hasher.hash(password) : nil
        guard hasFailures || hash != nil else { return }
        try await store.commit(by: nil) { (draft) throws(Fault) in
            if draft[LoginFailures.self].contains(failures) { try draft.remove(failures) }
            if let hash, draft[User.self].record(user.id)?.value.password?.hash == old {
                try draft.update(user.id) { (user: inout User) throws(Fault) in user.password?.hash = hash }
            }
        }
    }
}
