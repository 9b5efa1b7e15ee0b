import Cryptography
import Domain
import Persistence
import Platform
import Synchronization
import Testing

@testable import Services

// Names and passwords: who is let in, what refusals cost, and when guessing ends. Work is counted, not timed.

/// Those who are in a lane stay until they are let go.
private final class Waiters: Sendable {
    private let inside = Mutex<[UnsafeContinuation<Void, Never>]>([])
    private let arrivals = Mutex<[Int]>([])

    var insideCount: Int { inside.withLock { $0.count } }
    var order: [Int] { arrivals.withLock { $0 } }

    func pass(_ number: Int, _ lanes: LoginLanes, _ lane: String) async {
        do throws(Fault) {
            try await lanes.run(in: lane) { () throws(Fault) in
                self.arrivals.withLock { $0.append(number) }
                await withUnsafeContinuation { turn in self.inside.withLock { $0.append(turn) } }
            }
        } catch {
            Issue.record("\(number) was refused")
        }
    }

    func releaseOne() { inside.withLock { $0.removeFirst() }.resume() }
}

@Suite struct LoginTests {
    static let administrator = "administrator@vsphere.local"
    static let password = "VMware1!"

    /// A laboratory with the administrator and `ops@vsphere.local`, who have the same password.
    static func made(_ medium: Medium? = nil, queueLimit: Int = 32) async throws -> (lab: Laboratory, logins: Logins, hasher: PasswordHasher) {
        let lab = try Laboratory(medium ?? Medium.formatted())
        let hasher = try lab.hasher()
        if medium == nil {
            let hash = try await hasher.hash(password)
            try await lab.store.commit(by: nil) { (draft) throws(Fault) in
                try PredefinedIdentities.put(administratorHash: hash, into: &draft)
                try draft.insert(
                    User(
                        name: "Ops", domain: "vsphere.local", password: StoredPassword(hash: hash, changedAt: draft.now),
                        createdAt: draft.now))
            }
        }
        return (lab, Logins(store: lab.store, hasher: hasher, queueLimit: queueLimit), hasher)
    }

    static func refusal(_ logins: Logins, _ lab: Laboratory, _ user: String, _ password: String, peer: String = "192.0.2.1") async -> Fault? {
        var call = lab.call("create", by: nil, service: "com.vmware.cis.session")
        call.peer = peer
        let known = call
        return await faultIfAny { () throws(Fault) in
            try await logins.authenticate(user: user, password: password, call: known)
        }
    }

    private static func lastAudit(_ lab: Laboratory) throws -> AuditEntry {
        try found(lab.store.audit(AuditQuery(newestFirst: true, limit: 1)).first)
    }

    @Test(arguments: ["ops@vsphere.local", "Ops@VSPHERE.LOCAL", "VSPHERE.LOCAL\\ops", "ops"])
    func bothSpellingsLogIn(name: String) async throws {
        let (lab, logins, hasher) = try await Self.made()
        let before = hasher.evaluations
        let user = try await logins.authenticate(user: name, password: Self.password, call: lab.call(by: nil))
        #expect(user.id.rawValue == "ops@vsphere.local" && hasher.evaluations == before + 1)
        try await lab.close()
    }

    /// Each reason in turn: the same fault, one hash, as many commits, and its reason in the audit log alone.
    @Test func everyRefusalLooksAndCostsTheSame() async throws {
        let (lab, logins, hasher) = try await Self.made()
        let ops = Identifier<User>("ops@vsphere.local")
        let change = { (_ body: @escaping @Sendable (inout User) -> Void) async throws in
            try await lab.store.commit(by: nil) { (draft) throws(Fault) in
                try draft.update(ops) { (user: inout User) throws(Fault) in body(&user) }
            }
        }
        var costs: Set<[Int]> = []
        var faults: [Fault?] = []
        var reasons: [String] = []
        func refuse(_ name: String, _ password: String) async throws {
            let before = (hasher.evaluations, lab.store.snapshot.sequence)
            faults.append(await Self.refusal(logins, lab, name, password))
            costs.insert([hasher.evaluations - before.0, Int(lab.store.snapshot.sequence - before.1)])
            let entry = try Self.lastAudit(lab)
            #expect(entry.outcome == .refused(.unauthenticated) && entry.user == nil && entry.peer == "192.0.2.1")
            reasons.append((entry.facts.first?.target ?? "") + ": " + (entry.facts.first?.detail ?? ""))
        }
        try await refuse("nobody", Self.password)
        try await refuse("ops", "wrong")
        try await refuse(Self.administrator, "wrong")
        try await refuse("VMware1!", "x")
        for name in ["", "\u{0}", "a\\b\\c", String(repeating: "x", count: 10_000)] { try await refuse(name, "") }
        try await change { $0.isEnabled = false }
        try await refuse("ops", Self.password)
        try await change { $0.isEnabled = true; $0.password?.expiresAt = Timestamp(milliseconds: 1) }
        try await refuse("ops", Self.password)
        try await change { $0.password = nil }
        try await refuse("ops", Self.password)
        #expect(costs == [[1, 2]])
        #expect(Set(faults.map { $0?.shape ?? "" }) == ["unauthenticated com.vmware.vapi.endpoint.method.authentication.required"])
        #expect(Set(faults.map { $0?.messages.count ?? 0 }) == [1])
        let unusable = [String](repeating: "(unusable name): unknown user", count: 5)
        #expect(
            reasons == ["nobody@vsphere.local: unknown user", "ops@vsphere.local: wrong password", Self.administrator + ": wrong password"]
                + unusable + ["account disabled", "password expired", "account without password"].map { "ops@vsphere.local: " + $0 })
        try await lab.close()
    }

    @Test func fiveFailuresLockAndARestartDoesNotHelp() async throws {
        let (lab, logins, _) = try await Self.made()
        for index in 0..<5 {
            #expect(await Self.refusal(logins, lab, "ops", "wrong") != nil)
            #expect(try Self.lastAudit(lab).facts.first?.detail == (index == 4 ? "wrong password; account locked" : "wrong password"))
        }
        #expect(await Self.refusal(logins, lab, "ops", Self.password) != nil)
        #expect(try Self.lastAudit(lab).facts.first?.detail == "account locked")
        try await lab.close()
        let (again, later, _) = try await Self.made(lab.medium)
        #expect(await Self.refusal(later, again, "ops", Self.password) != nil)
        again.clock.advance(milliseconds: 299_000)
        #expect(await Self.refusal(later, again, "ops", Self.password) != nil)
        again.clock.advance(milliseconds: 1000)
        #expect(await Self.refusal(later, again, "ops", Self.password) == nil)
        #expect(!again.inventory[LoginFailures.self].contains(Identifier("ops@vsphere.local")))
        try await again.close()
    }

    @Test func aLoginForgetsTheFailuresBeforeIt() async throws {
        let (lab, logins, _) = try await Self.made()
        for _ in 0..<3 {
            for _ in 0..<4 { #expect(await Self.refusal(logins, lab, "ops", "wrong") != nil) }
            #expect(await Self.refusal(logins, lab, "ops", Self.password) == nil)
        }
        try await lab.close()
    }

    /// Guesses at once get no more tries than guesses in turn: the sixth is not looked at, even if it is right.
    @Test func guessesAtOnceAreJudgedInTurn() async throws {
        let (lab, logins, hasher) = try await Self.made(queueLimit: 200)
        let before = hasher.evaluations
        let answers = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<64 { group.addTask { await Self.refusal(logins, lab, "ops", "wrong") != nil } }
            return await group.reduce(into: [Bool]()) { $0.append($1) }
        }
        #expect(answers.count == 64 && !answers.contains(false))
        let details = try lab.store.audit(AuditQuery(limit: 1000)).compactMap { $0.facts.first?.detail }
        #expect(details.count { $0.hasPrefix("wrong password") } == 5)
        #expect(details.count { $0 == "account locked" } == 59)
        #expect(hasher.evaluations == before + 64)
        #expect(await Self.refusal(logins, lab, "ops", Self.password) != nil)
        try await lab.close()
    }

    @Test func theAdministratorIsLimitedPerAddressAndNeverLocked() async throws {
        let (lab, logins, _) = try await Self.made()
        for _ in 0..<5 { #expect(await Self.refusal(logins, lab, Self.administrator, "wrong", peer: "2001:db8::1") != nil) }
        #expect(await Self.refusal(logins, lab, Self.administrator, Self.password, peer: "2001:db8::2") != nil)
        #expect(try Self.lastAudit(lab).facts.first?.detail == "too many failures from this address")
        #expect(await Self.refusal(logins, lab, Self.administrator, Self.password, peer: "2001:db8:0:1::2") == nil)
        #expect(await Self.refusal(logins, lab, Self.administrator, Self.password, peer: "198.51.100.1") == nil)
        lab.clock.advance(milliseconds: 300_000)
        #expect(await Self.refusal(logins, lab, Self.administrator, Self.password, peer: "2001:db8::1") == nil)
        try await lab.close()
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8::1", "2001:db8:0:0::/64"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("::1", "0:0:0:0::/64"), ("fe80::", "fe80:0:0:0::/64"), ("", ""),
    ])
    func anAddressIsAnIPv4AddressOrAnIPv6Network(peer: String, key: String) {
        #expect(AddressLimiter.key(of: peer) == key)
    }

    @Test func theLimiterForgetsTheOldestFirst() {
        let limiter = AddressLimiter(limit: 8)
        let policy = IdentityPolicy()
        for index in 0..<8 {
            for _ in 0..<5 { limiter.fail("a\(index)", at: Timestamp(milliseconds: Int64(index)), under: policy) }
        }
        limiter.fail("b", at: Timestamp(milliseconds: 100), under: policy)
        let locked = (0..<8).filter { limiter.isLocked("a\($0)", at: Timestamp(milliseconds: 100), under: policy) }
        #expect(locked == [3, 4, 5, 6, 7])
    }

    @Test func whoWaitsTooLongALineIsToldToComeBack() async throws {
        let lanes = LoginLanes(limit: 3, limitPerLane: 2)
        let waiters = Waiters()
        func until(_ condition: () -> Bool) async { while !condition() { await Task.yield() } }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await waiters.pass(1, lanes, "a") }
            await until { waiters.insideCount == 1 }
            group.addTask { await waiters.pass(2, lanes, "a") }
            await until { lanes.waitingCount == 1 }
            group.addTask { await waiters.pass(3, lanes, "a") }
            await until { lanes.waitingCount == 2 }
            // The lane is full, another is free, and one more may wait in all.
            #expect(await fault { try await lanes.run(in: "a") { () throws(Fault) in 0 } }?.type == .serviceUnavailable)
            group.addTask { await waiters.pass(4, lanes, "b") }
            await until { waiters.insideCount == 2 }
            group.addTask { await waiters.pass(5, lanes, "b") }
            await until { lanes.waitingCount == 3 }
            #expect(await fault { try await lanes.run(in: "b") { () throws(Fault) in 0 } }?.type == .serviceUnavailable)
            for _ in 0..<5 {
                await until { waiters.insideCount > 0 }
                waiters.releaseOne()
            }
        }
        #expect(waiters.order.filter { $0 < 4 } == [1, 2, 3] && lanes.waitingCount == 0)
        // Nothing is left of a lane that nobody is in.
        #expect(try await lanes.run(in: "a") { () throws(Fault) in 7 } == 7)
    }

    @Test func tooManyHashesAtOnceAreRefused() async throws {
        let lab = try Laboratory(Medium.formatted())
        let pool = try WorkerPool(threads: 1, queueLimit: 0)
        let hasher = try PasswordHasher(
            pool: pool, randomness: lab.world.randomness, method: .argon2id(memoryKiB: 8, passes: 1, lanes: 1))
        #expect(await fault { try await hasher.matches("x", nil) }?.shape == "service_unavailable com.viaduct.session.too_many_logins")
        #expect(hasher.evaluations == 0)
        pool.shutdown()
        try await lab.close()
    }

    @Test func aLoginHashesAnewWhatWasHashedForAnotherPriceAndKeepsItsSessions() async throws {
        let (lab, logins, _) = try await Self.made()
        let dear = try PasswordHasher(
            pool: lab.workers, randomness: lab.world.randomness, method: .scrypt(logarithmOfN: 4, r: 1, p: 1))
        let ops = Identifier<User>("ops@vsphere.local")
        let before = try found(lab.inventory[User.self][ops])
        let stricter = Logins(store: lab.store, hasher: dear)
        #expect(await Self.refusal(stricter, lab, "ops", "wrong") != nil)
        #expect(lab.inventory[User.self][ops]?.password?.hash == before.password?.hash)
        #expect(await Self.refusal(stricter, lab, "ops", Self.password) == nil)
        let after = try found(lab.inventory[User.self][ops])
        #expect(after.password?.hash.hasPrefix("$scrypt$") == true && after.credentialVersion == before.credentialVersion)
        #expect(await Self.refusal(logins, lab, "ops", Self.password) == nil)
        try await lab.close()
    }

    @Test func whatCannotBeRecordedIsNotJudged() async throws {
        let (lab, logins, hasher) = try await Self.made()
        await lab.die()
        #expect(await Self.refusal(logins, lab, "ops", "wrong")?.type == .serviceUnavailable)
        let before = hasher.evaluations
        for name in ["ops", "nobody"] { #expect(await Self.refusal(logins, lab, name, Self.password)?.type == .serviceUnavailable) }
        #expect(hasher.evaluations == before)
    }

    @Test func refusalsWithoutPasswordAreRecordedWithinBounds() async throws {
        let lab = try Laboratory(Medium.formatted())
        let recorder = RefusalRecorder(store: lab.store, world: lab.world)
        for _ in 0..<150 { recorder.note("unknown or ended session", of: lab.call(by: nil)) }
        try await lab.store.commit(by: nil, { (draft) throws(Fault) in draft.audit(target: "end") })
        let entries = try lab.store.audit(AuditQuery(limit: 1000)).dropLast()
        #expect(entries.count == 100)
        #expect(entries.allSatisfy { $0.outcome == .refused(.unauthenticated) && $0.facts.first?.detail == "unknown or ended session" })
        try await lab.close()
    }
}
