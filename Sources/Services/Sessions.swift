import Cryptography
import Domain
import Persistence
import Platform
import Synchronization

/// Logins: who is known, which tokens are live, when they end.
///
/// Sessions are records; what a request needs of them is kept beside the store in a dictionary by token digest that
/// follows the store's changes, so that checking a token costs one digest and one look-up.
public final class Sessions: Sendable {
    public struct Limits: Sendable {
        public var idleMilliseconds: Int64 = 30 * 60_000
        public var absoluteMilliseconds: Int64 = 48 * 3_600_000
        /// Sessions of one user at once.
        public var perUser = 550

        public init() {}
    }

    private let store: Store
    private let world: World
    private let limits: Limits
    private let live = Mutex(LiveSessions())

    public init(store: Store, world: World, limits: Limits) {
        self.store = store
        self.world = world
        self.limits = limits
        reload(store.snapshot)
        store.observe { [weak self] inventory, touched in self?.follow(inventory, touched) }
    }

    // MARK: - Use

    /// The session of a token, marked as used; `nil` if there is none or it has ended.
    public func session(forToken token: ArraySlice<UInt8>, at now: Timestamp) -> LiveSession? {
        let digest = Digest(of: token)
        guard let session = live.withLock({ $0.byDigest[digest] }), !session.isExpired(at: now) else { return nil }
        session.touch(now)
        return session
    }

    /// Makes a session for the call's user and returns its token, which is kept nowhere else.
    public func create(by call: Call) async throws(Fault) -> String {
        guard let user = call.user else { throw .unauthenticated }
        let token = world.randomness.token()
        let digest = Digest(of: token).hexadecimal
        let (limits, now) = (limits, call.receivedAt)
        try await store.commit(by: call) { (draft) throws(Fault) in
            let count = draft[Session.self].records(by: "user", user)
                .count { !$0.value.isExpired(at: now, lastUsedAt: $0.value.lastUsedAt) }
            guard count < limits.perUser else { throw .tooManySessions(limits.perUser, count, user) }
            // The password may have changed since it was checked.
            guard let holder = draft[User.self].record(Identifier(user))?.value, holder.isEnabled,
                call.credentialVersion == nil || call.credentialVersion == holder.credentialVersion
            else { throw .unauthenticated }
            let session = Session(
                id: draft.nextIdentifier(Session.self, prefix: "session-"), tokenDigest: digest, user: user,
                credentialVersion: holder.credentialVersion, peer: call.peer, createdAt: now,
                idleMilliseconds: limits.idleMilliseconds,
                expiresAt: Timestamp(milliseconds: now.milliseconds + limits.absoluteMilliseconds))
            try draft.insert(session)
            draft.audit(target: session.id.rawValue)
        }
        return token
    }

    public func end(by call: Call) async throws(Fault) {
        guard let session = call.session else { throw .unauthenticated }
        try await store.commit(by: call) { (draft) throws(Fault) in
            guard draft[Session.self].contains(session) else { throw .unauthenticated }
            try draft.remove(session)
            draft.audit(target: session.rawValue)
        }
    }

    /// The session of a call, with its last use up to now; `nil` if it has just ended.
    public func current(_ call: Call) -> Session? {
        guard let id = call.session else { return nil }
        return live.withLock { $0.byID[id] }?.current
    }

    /// What NSX's form login wants beside the cookie, in the form of a UUID. It follows from the token, so that it needs no
    /// place of its own, and tells nothing about it.
    public static func antiForgeryToken(of token: ArraySlice<UInt8>) -> String {
        UUIDText.named("anti-forgery " + String(decoding: token, as: UTF8.self))
    }

    /// The sessions that live now, oldest first, with their last use up to now.
    ///
    /// - Parameter user: of whom; `nil` for all.
    public func all(of user: String? = nil, at now: Timestamp) -> [Session] {
        let entries = live.withLock { Array($0.byID.values) }
        return entries.filter { (user == nil || $0.user == user) && !$0.isExpired(at: now) }.map(\.current).sorted { $0.id < $1.id }
    }

    /// Ends a session of whomever.
    ///
    /// - Throws: `not_found`.
    public func revoke(_ id: Identifier<Session>, by call: Call) async throws(Fault) {
        try await store.commit(by: call) { (draft) throws(Fault) in
            guard let user = draft[Session.self].record(id)?.value.user else { throw .sessionNotFound(id.rawValue) }
            try draft.remove(id)
            draft.audit(target: id.rawValue, detail: "session of " + user)
        }
    }

    // MARK: - Upkeep

    /// Writes down last uses and removes what has ended. To be called about once a minute.
    public func sweep() async throws(Fault) {
        let now = Timestamp(milliseconds: world.clock.wallMilliseconds)
        let all = live.withLock { Array($0.byID.values) }
        let ended = all.filter { $0.isExpired(at: now) }.map(\.id).sorted()
        let used = all.filter { !$0.isExpired(at: now) && $0.lastUsedAt > $0.storedUse }.map { ($0.id, $0.lastUsedAt) }
        guard !ended.isEmpty || !used.isEmpty else { return }
        try await store.commit(by: nil) { (draft) throws(Fault) in
            for id in ended where draft[Session.self].contains(id) { try draft.remove(id) }
            for (id, time) in used where draft[Session.self].contains(id) {
                try draft.update(id) { (session: inout Session) throws(Fault) in session.lastUsedAt = time }
            }
        }
    }

    private func follow(_ inventory: Inventory, _ touched: [RecordKey]) {
        if touched.contains(where: { $0.kind == .user || $0.kind == .group }) { return reload(inventory) }
        let ids = touched.filter { $0.kind == .session }.map { Identifier<Session>($0.id) }
        guard !ids.isEmpty else { return }
        live.withLock { sessions in
            for id in ids {
                sessions.replace(id, with: inventory[Session.self][id].flatMap { LiveSession($0, inventory) })
            }
        }
    }

    private func reload(_ inventory: Inventory) {
        live.withLock { sessions in
            let known = sessions
            sessions = LiveSessions()
            for session in inventory[Session.self].all {
                guard let entry = LiveSession(session, inventory) else { continue }
                if let use = known.byID[session.id]?.lastUsedAt { entry.touch(use) }
                sessions.replace(session.id, with: entry)
            }
        }
    }
}

/// The live sessions under both names that requests have for them.
private struct LiveSessions {
    private(set) var byDigest: [Digest: LiveSession] = [:]
    private(set) var byID: [Identifier<Session>: LiveSession] = [:]

    /// Keeps the last use that is already known of the session.
    mutating func replace(_ id: Identifier<Session>, with entry: LiveSession?) {
        if let known = byID[id] {
            byDigest[known.digest] = nil
            entry?.touch(known.lastUsedAt)
        }
        byID[id] = entry
        if let entry { byDigest[entry.digest] = entry }
    }
}

/// A session as requests meet it.
public final class LiveSession: Sendable {
    public let id: Identifier<Session>
    public let user: String
    public let isAdministrator: Bool
    let digest: Digest
    /// Last use as the record has it.
    let storedUse: Timestamp
    let record: Session
    private let lastUse: Atomic<Int64>

    init?(_ session: Session, _ inventory: Inventory) {
        guard let digest = Digest(hexadecimal: session.tokenDigest) else { return nil }
        guard let user = inventory[User.self].record(Identifier(session.user))?.value, user.isEnabled,
            user.credentialVersion == session.credentialVersion
        else { return nil }
        self.digest = digest
        id = session.id
        self.user = session.user
        isAdministrator = inventory.isAdministrator(user.id)
        storedUse = session.lastUsedAt
        record = session
        lastUse = Atomic(session.lastUsedAt.milliseconds)
    }

    var lastUsedAt: Timestamp { Timestamp(milliseconds: lastUse.load(ordering: .relaxed)) }

    /// The record with the last use up to now.
    var current: Session {
        var session = record
        session.lastUsedAt = lastUsedAt
        return session
    }

    func isExpired(at now: Timestamp) -> Bool { record.isExpired(at: now, lastUsedAt: lastUsedAt) }

    func touch(_ now: Timestamp) {
        if now.milliseconds > lastUse.load(ordering: .relaxed) { lastUse.store(now.milliseconds, ordering: .relaxed) }
    }
}

extension Fault {
    static let unauthenticated = Fault(
        .unauthenticated, id: "com.vmware.vapi.endpoint.method.authentication.required", "Authentication required.")

    static func sessionNotFound(_ id: String) -> Fault {
        Fault(
            .notFound, id: "com.viaduct.session.not_found", "There is no session with the identifier '\(id)'.", arguments: [id])
    }

    static func tooManySessions(_ limit: Int, _ count: Int, _ user: String) -> Fault {
        Fault(
            .serviceUnavailable, id: "com.vmware.vapi.endpoint.failedToLoginMaxUserSessionCountReached",
            "User session count is limited to \(limit). Existing session count is \(count) for user \(user).",
            arguments: ["\(limit)", "\(count)", user])
    }

    static func internalError(_ detail: String) -> Fault {
        Fault(.internalServerError, id: "com.viaduct.internal_error", "The server could not do this.", detail: detail)
    }
}

extension Draft {
    /// Ends all sessions of a user as part of a change.
    mutating func endSessions(of user: Identifier<User>) throws(Fault) {
        for session in self[Session.self].ids(by: "user", user.rawValue) { try remove(session) }
    }
}
