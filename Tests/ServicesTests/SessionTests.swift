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
    private static func made(_ change: (inout Sessions.Limits) -> Void = { _ in }) async throws -> (Laboratory, Sessions) {
        let lab = try Laboratory(Medium.formatted())
        try await lab.store.commit(by: nil) { (draft) throws(Fault) in
            try PredefinedIdentities.put(administratorHash: "", into: &draft)
        }
        return (lab, sessions(lab, change))
    }

    private static func sessions(
        _ lab: Laboratory, _ change: (inout Sessions.Limits) -> Void = { _ in }
    ) -> Sessions {
        var limits = Sessions.Limits()
        change(&limits)
        return Sessions(store: lab.store, world: lab.world, limits: limits)
    }

    private static func now(_ lab: Laboratory) -> Timestamp { Timestamp(milliseconds: lab.clock.wallMilliseconds) }

    private static func look(_ token: String, _ sessions: Sessions, _ lab: Laboratory) -> LiveSession? {
        sessions.session(forToken: Array(token.utf8)[...], at: now(lab))
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
        let reopened = Self.sessions(again)
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

    @Test func aLoginWhosePasswordIsNoLongerTheOneOpensNothing() async throws {
        let (lab, sessions) = try await Self.made()
        var call = lab.call(by: Self.user)
        call.credentialVersion = 1
        let token = try await sessions.create(by: call)
        try await lab.store.commit(by: nil) { (draft) throws(Fault) in
            try draft.update(User.administrator) { (user: inout User) throws(Fault) in user.credentialVersion += 1 }
        }
        // The session of before is no more, even though nobody took its record away.
        #expect(Self.look(token, sessions, lab) == nil)
        #expect(await fault { try await sessions.create(by: call) }?.type == .unauthenticated)
        call.credentialVersion = 2
        _ = try await sessions.create(by: call)
        try await lab.store.commit(by: nil) { (draft) throws(Fault) in
            try draft.update(User.administrator) { (user: inout User) throws(Fault) in user.isEnabled = false }
        }
        #expect(await fault { try await sessions.create(by: call) }?.type == .unauthenticated)
        #expect(sessions.all(at: Self.now(lab)).isEmpty)
        try await lab.close()
    }

    @Test func sessionsAreSeenAndEndedByWhomeverMayDoThat() async throws {
        let (lab, sessions) = try await Self.made()
        try await lab.store.commit(by: nil) { (draft) throws(Fault) in
            try draft.insert(User(name: "other", domain: "vsphere.local", createdAt: draft.now))
        }
        let tokens = [
            try await sessions.create(by: lab.call(by: Self.user)), try await sessions.create(by: lab.call(by: "other@vsphere.local")),
        ]
        lab.clock.advance(milliseconds: 1000)
        let other = try found(Self.look(tokens[1], sessions, lab))
        let all = sessions.all(at: Self.now(lab))
        #expect(all.map(\.user) == [Self.user, "other@vsphere.local"] && all.map(\.peer) == ["192.0.2.1", "192.0.2.1"])
        #expect(all[1].lastUsedAt == Self.now(lab) && all[0].lastUsedAt < Self.now(lab))
        #expect(sessions.all(of: "other@vsphere.local", at: Self.now(lab)).map(\.id) == [other.id])
        try await sessions.revoke(other.id, by: lab.call(by: Self.user))
        #expect(Self.look(tokens[1], sessions, lab) == nil && Self.look(tokens[0], sessions, lab) != nil)
        #expect(await fault { try await sessions.revoke(other.id, by: lab.call(by: Self.user)) }?.type == .notFound)
        let entry = try found(lab.store.audit(AuditQuery(newestFirst: true, limit: 1)).first)
        #expect(entry.facts == [AuditFact(target: other.id.rawValue, detail: "session of other@vsphere.local")])
        try await lab.close()
    }

    @Test func theAntiForgeryTokenFollowsFromTheTokenAndLooksLikeAUUID() {
        let one = Sessions.antiForgeryToken(of: Array("a".utf8)[...])
        #expect(one == Sessions.antiForgeryToken(of: Array("a".utf8)[...]) && one != Sessions.antiForgeryToken(of: Array("b".utf8)[...]))
        #expect(one.split(separator: "-").map(\.utf8.count) == [8, 4, 4, 4, 12])
    }
}
