import ContractTypes
import Cryptography
import Domain
import Persistence
import Platform
import Testing

@testable import Services

// Logins and the sessions that come of them, by a clock that the test moves.

@Suite struct SessionTests {
    private static let user = "administrator@vsphere.local"
    private static let password = "VMware1!"

    private static func made(_ change: (inout Sessions.Limits) -> Void = { _ in }) async throws -> (Laboratory, Sessions) {
        let lab = try Laboratory(Medium.formatted())
        let cheap = PasswordHash.Method.argon2id(memoryKiB: 8, passes: 1, lanes: 1)
        let hash = try PasswordHash(of: password, by: cheap, randomness: lab.world.randomness).text
        try await lab.store.commit(by: nil) { (draft) throws(Fault) in
            try PredefinedIdentities.put(administratorHash: hash, into: &draft)
        }
        return (lab, try sessions(lab, change))
    }

    private static func sessions(
        _ lab: Laboratory, _ change: (inout Sessions.Limits) -> Void = { _ in }
    ) throws -> Sessions {
        var limits = Sessions.Limits()
        change(&limits)
        return try Sessions(store: lab.store, world: lab.world, hashing: lab.workers, limits: limits)
    }

    private static func now(_ lab: Laboratory) -> Timestamp { Timestamp(milliseconds: lab.clock.wallMilliseconds) }

    private static func look(_ token: String, _ sessions: Sessions, _ lab: Laboratory) -> LiveSession? {
        sessions.session(forToken: Array(token.utf8)[...], at: now(lab))
    }

    @Test func aWrongPasswordAndAnUnknownUserAreTheSame() async throws {
        let (lab, sessions) = try await Self.made()
        let user = try await sessions.authenticate(user: "Administrator@VSPHERE.local", password: Self.password)
        #expect(user.id.rawValue == Self.user && lab.inventory.isAdministrator(user.id))
        let wrong = await fault { try await sessions.authenticate(user: Self.user, password: "VMware1") }
        let unknown = await fault { try await sessions.authenticate(user: "nobody@vsphere.local", password: Self.password) }
        #expect(wrong == unknown)
        #expect(wrong?.shape == "unauthenticated com.vmware.vapi.endpoint.method.authentication.required")
        for name in ["", "\u{0}", String(repeating: "x", count: 10_000)] {
            #expect(await fault { try await sessions.authenticate(user: name, password: "") } == wrong)
        }
        try await lab.close()
    }

    @Test func aSessionLivesUntilItEnds() async throws {
        let (lab, sessions) = try await Self.made()
        let token = try await sessions.create(by: lab.call(by: Self.user))
        let live = try found(Self.look(token, sessions, lab))
        #expect(live.user == Self.user && live.isAdministrator)
        #expect(Self.look(token + "x", sessions, lab) == nil && Self.look("", sessions, lab) == nil)
        var call = lab.call(by: Self.user)
        call.session = live.id
        let info = try SessionOperations(sessions: sessions).get(call: call)
        #expect(info.user == Self.user && info.createdTime == Self.now(lab))
        try await sessions.end(by: call)
        #expect(Self.look(token, sessions, lab) == nil)
        #expect(await fault { try await sessions.end(by: call) }?.type == .unauthenticated)
        #expect(await fault { try SessionOperations(sessions: sessions).get(call: call) }?.type == .unauthenticated)
        #expect(await fault { try await sessions.create(by: lab.call(by: nil)) }?.type == .unauthenticated)
        #expect(await fault { try await sessions.end(by: lab.call()) }?.type == .unauthenticated)
        try await lab.close()
    }

    @Test func sessionsEndWhenIdleAndInAnyCaseOneDay() async throws {
        let (lab, sessions) = try await Self.made {
            $0.idleMilliseconds = 1000
            $0.absoluteMilliseconds = 5000
        }
        let token = try await sessions.create(by: lab.call(by: Self.user))
        for _ in 0..<5 {
            lab.clock.advance(milliseconds: 999)
            #expect(Self.look(token, sessions, lab) != nil)
        }
        lab.clock.advance(milliseconds: 5)
        #expect(Self.look(token, sessions, lab) == nil)
        let idle = try await sessions.create(by: lab.call(by: Self.user))
        lab.clock.advance(milliseconds: 1000)
        #expect(Self.look(idle, sessions, lab) == nil)
        #expect(lab.inventory[Session.self].count == 2)
        try await sessions.sweep()
        #expect(lab.inventory[Session.self].isEmpty)
        try await lab.close()
    }

    @Test func aUserHasOnlySoManySessionsAtOnce() async throws {
        let (lab, sessions) = try await Self.made { $0.perUser = 3 }
        for _ in 0..<3 { _ = try await sessions.create(by: lab.call(by: Self.user)) }
        let refusal = await fault { try await sessions.create(by: lab.call(by: Self.user)) }
        #expect(refusal?.shape == "service_unavailable com.vmware.vapi.endpoint.failedToLoginMaxUserSessionCountReached")
        #expect(refusal?.messages.first?.arguments == ["3", "3", Self.user])
        // Those that have ended do not count, swept or not.
        lab.clock.advance(milliseconds: 30 * 60_000)
        _ = try await sessions.create(by: lab.call(by: Self.user))
        try await lab.close()
    }

    @Test func theLastUseIsWrittenDownByTheSweepAlone() async throws {
        let (lab, sessions) = try await Self.made()
        let token = try await sessions.create(by: lab.call(by: Self.user))
        let created = Self.now(lab)
        lab.clock.advance(milliseconds: 40_000)
        let live = try found(Self.look(token, sessions, lab))
        let before = lab.store.snapshot.sequence
        #expect(lab.inventory[Session.self][live.id]?.lastUsedAt == created)
        var call = lab.call(by: Self.user)
        call.session = live.id
        #expect(sessions.current(call)?.lastUsedAt == Self.now(lab))
        #expect(lab.store.snapshot.sequence == before)
        try await sessions.sweep()
        #expect(lab.inventory[Session.self][live.id]?.lastUsedAt == Self.now(lab))
        let swept = lab.store.snapshot.sequence
        try await sessions.sweep()
        #expect(lab.store.snapshot.sequence == swept)
        try await lab.close()
    }

    @Test func sessionsSurviveARestartAndNoRecordHoldsATokenInClear() async throws {
        let (lab, sessions) = try await Self.made()
        var tokens: [String] = []
        for _ in 0..<4 { tokens.append(try await sessions.create(by: lab.call(by: Self.user))) }
        #expect(Set(tokens).count == 4)
        try await lab.close()
        let texts = try lab.medium.log.open().records.map { String(decoding: $0.body, as: UTF8.self) }
        let changes = try lab.medium.log.changes(after: 0, limit: .max).map { "\($0)" }
        for token in tokens { #expect(!(texts + changes).contains { $0.contains(token) }) }
        #expect(texts.filter { $0.contains(Digest(of: tokens[0]).hexadecimal) }.count == 1)
        let again = try Laboratory(lab.medium, seed: 5)
        let reopened = try Self.sessions(again)
        for token in tokens { #expect(Self.look(token, reopened, again) != nil) }
        try await again.close()
    }

    @Test func aUserThatIsGoneHasNoSessions() async throws {
        let (lab, sessions) = try await Self.made()
        let token = try await sessions.create(by: lab.call(by: Self.user))
        try await lab.store.commit(by: nil) { (draft) throws(Fault) in
            try draft.update(Group.administrators) { (group: inout Group) throws(Fault) in group.remove(.user(User.administrator)) }
        }
        #expect(Self.look(token, sessions, lab)?.isAdministrator == false)
        try await lab.store.commit(by: nil) { (draft) throws(Fault) in try draft.remove(Identifier<User>(Self.user)) }
        #expect(Self.look(token, sessions, lab) == nil)
        try await lab.close()
    }
}
