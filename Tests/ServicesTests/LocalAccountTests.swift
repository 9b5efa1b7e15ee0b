import Contract
import ContractTypes
import Domain
import Persistence
import Testing

@testable import Services

// What VMware's own operations have for accounts, the rules of passwords, and the sessions of everybody.

@Suite struct LocalAccountTests {
    typealias Bench = DirectoryTests.Bench

    private static func config(_ change: (inout Configuration) -> Void = { _ in }) -> ApplianceLocalAccountsConfig {
        var values = Configuration()
        change(&values)
        return ApplianceLocalAccountsConfig(
            password: Secret(values.password), oldPassword: values.old.map { Secret($0) }, fullName: values.fullName, roles: values.roles,
            passwordExpires: values.expires, passwordExpiresAt: values.expiresAt, daysAfterPasswordExpiration: values.daysAfter,
            maxDaysBetweenPasswordChange: values.maximumDays)
    }

    private struct Configuration {
        var password = DirectoryTests.good
        var old: String?
        var fullName: String?
        var roles = ["operator"]
        var expires: Bool?
        var expiresAt: Timestamp?
        var daysAfter: Int64?
        var maximumDays: Int64?
    }

    @Test func anAccountHasRolesThatAreGroups() async throws {
        let bench = try await Bench()
        try await bench.accounts.create(username: "root", config: Self.config { $0.roles = ["superAdmin"] }, call: bench.call)
        try await bench.accounts.create(username: "op", config: Self.config { $0.fullName = "Operator" }, call: bench.call)
        #expect(try bench.accounts.list(call: bench.call) == ["op", "root"])
        #expect(bench.lab.inventory.isAdministrator(Identifier("root@localos")))
        #expect(!bench.lab.inventory.isAdministrator(Identifier("op@localos")))
        var info = try bench.accounts.get(username: "op", call: bench.call)
        #expect(info.roles == ["operator"] && info.fullname == "Operator" && info.enabled && info.hasPassword)
        #expect(await bench.canLogIn("op@localos", DirectoryTests.good))
        #expect(await !bench.canLogIn("op", DirectoryTests.good))
        try await bench.accounts.update(
            username: "op", config: ApplianceLocalAccountsUpdateConfig(email: "o@e", roles: ["admin", "superAdmin"], enabled: false), call: bench.call)
        info = try bench.accounts.get(username: "OP", call: bench.call)
        #expect(info.roles == ["admin", "superAdmin"] && info.fullname == "Operator" && info.email == "o@e" && !info.enabled)
        try await bench.accounts.set(username: "op", config: Self.config { $0.password = "Secret-word-2" }, call: bench.call)
        info = try bench.accounts.get(username: "op", call: bench.call)
        #expect(info.roles == ["operator"] && info.fullname == "" && info.email == "" && info.enabled)
        #expect(await bench.canLogIn("op@localos", "Secret-word-2"))
        try await bench.accounts.delete(username: "op", call: bench.call)
        for call in [bench.call] {
            #expect(await fault { try bench.accounts.get(username: "op", call: call) }?.type == .notFound)
            #expect(await fault { try await bench.accounts.delete(username: "op", call: call) }?.type == .notFound)
            #expect(await fault { try await bench.accounts.update(username: "op", config: .init(), call: call) }?.type == .notFound)
            #expect(await fault { try await bench.accounts.set(username: "op", config: Self.config(), call: call) }?.type == .notFound)
        }
        #expect(await fault { try await bench.accounts.create(username: "ROOT", config: Self.config(), call: bench.call) }?.type == .alreadyExists)
        // Users of the product are none of the appliance's.
        #expect(await fault { try bench.accounts.get(username: "administrator", call: bench.call) }?.type == .notFound)
        try await bench.lab.close()
    }

    @Test func whatWouldHaveNoEffectIsRefused() async throws {
        let bench = try await Bench()
        let cases: [(ApplianceLocalAccountsConfig, FaultType)] = [
            (Self.config { $0.roles = ["root"] }, .invalidArgument), (Self.config { $0.daysAfter = 3 }, .unsupported),
            (Self.config { $0.expires = true }, .invalidArgument), (Self.config { $0.maximumDays = 0 }, .invalidArgument),
            (Self.config { $0.expires = false; $0.maximumDays = 3 }, .invalidArgument), (Self.config { $0.password = "x" }, .invalidArgument),
        ]
        for (config, type) in cases {
            #expect(await fault { try await bench.accounts.create(username: "op", config: config, call: bench.call) }?.type == type)
        }
        #expect(try bench.accounts.list(call: bench.call).isEmpty)
        try await bench.lab.close()
    }

    @Test func aPasswordThatExpiresLetsNobodyInAfterwards() async throws {
        let bench = try await Bench()
        try await bench.accounts.create(username: "op", config: Self.config { $0.maximumDays = 2 }, call: bench.call)
        let end = bench.call.receivedAt.milliseconds + 2 * 86_400_000
        #expect(try bench.accounts.get(username: "op", call: bench.call).passwordExpiresAt?.milliseconds == end)
        bench.lab.clock.advance(milliseconds: 2 * 86_400_000 - 1)
        #expect(await bench.canLogIn("op@localos", DirectoryTests.good))
        bench.lab.clock.advance(milliseconds: 1)
        #expect(await !bench.canLogIn("op@localos", DirectoryTests.good))
        try await bench.accounts.update(username: "op", config: .init(passwordExpires: false), call: bench.call)
        #expect(await bench.canLogIn("op@localos", DirectoryTests.good))
        try await bench.lab.close()
    }

    // MARK: - Rules

    @Test func theRulesAreVCentersUntilTheyAreSet() async throws {
        let bench = try await Bench()
        let info = try bench.policy.get(call: bench.call)
        #expect(info.minimumLength == 8 && info.failedAttemptCountBeforeAccountLockout == 5 && info.failIntervalBetweenAttempts == 180)
        #expect(info.lengthOfLockoutPeriodInSeconds == 300 && info.priorPasswordRememberCount == 5 && info.maxDays == nil)
        try await bench.policy.set(
            policy: ApplianceLocalAccountsPolicyInfo(
                maxDays: 90, priorPasswordRememberCount: 0, failedAttemptCountBeforeAccountLockout: 3, lengthOfLockoutPeriodInSeconds: 0,
                minimumLength: 15, minimumSpecialCharCount: 0), call: bench.call)
        let set = try bench.policy.get(call: bench.call)
        #expect(set.maxDays == 90 && set.minimumLength == 15 && set.minimumUppercaseCharCount == 1 && set.minimumSpecialCharCount == 0)
        #expect(await fault { try await bench.make("ada") }?.type == .invalidArgument)
        let user = try await bench.make("ada", password: "Long secret words 1")
        #expect(try bench.users.get(user: user, call: bench.call).passwordExpiresAt?.milliseconds == bench.call.receivedAt.milliseconds + 90 * 86_400_000)
        #expect(await bench.setPassword(user, "Long secret words 1") == nil)
        for _ in 0..<3 { #expect(await !bench.canLogIn(user, "wrong")) }
        bench.lab.clock.advance(milliseconds: 80 * 86_400_000)
        #expect(await !bench.canLogIn(user, "Long secret words 1"))
        try await bench.users.unlock(user: user, call: bench.call)
        #expect(await bench.canLogIn(user, "Long secret words 1"))
        try await bench.lab.close()
    }

    @Test func rulesOutOfBoundsAreRefused() async throws {
        let bench = try await Bench()
        for policy in [
            ApplianceLocalAccountsPolicyInfo(maxDays: -1), .init(minimumLength: 0), .init(minimumLength: 129),
            .init(priorPasswordRememberCount: 25), .init(failIntervalBetweenAttempts: 0), .init(minimumNumericsCharCount: Int64.max),
            .init(maxDays: 5, minDays: 5),
        ] {
            #expect(await fault { try await bench.policy.set(policy: policy, call: bench.call) }?.type == .invalidArgument)
        }
        #expect(await fault { try await bench.policy.set(policy: .init(managedAtFleet: true), call: bench.call) }?.type == .unsupported)
        #expect(!bench.lab.inventory[IdentityPolicy.self].contains(IdentityPolicy.identifier))
        try await bench.lab.close()
    }

    @Test func whoeverChangesTheOwnPasswordKeepsItForAWhile() async throws {
        let bench = try await Bench()
        let user = try await bench.make("ada")
        try await bench.policy.set(policy: .init(minDays: 1), call: bench.call)
        #expect(await bench.setPassword(user, "Secret-word-2", old: DirectoryTests.good)?.type == .invalidArgument)
        #expect(await bench.setPassword(user, "Secret-word-2") == nil)
        bench.lab.clock.advance(milliseconds: 86_400_000)
        #expect(await bench.setPassword(user, "Secret-word-3", old: "Secret-word-2") == nil)
        try await bench.lab.close()
    }

    // MARK: - Sessions

    @Test func administratorsSeeAllSessionsAndOthersTheirOwn() async throws {
        let bench = try await Bench()
        let user = try await bench.make("ada")
        for name in ["administrator@vsphere.local", user] { _ = try await bench.openSession(name) }
        let all = try bench.sessions.list(filter: nil, call: bench.call)
        #expect(all.map(\.user) == ["administrator@vsphere.local", user] && all.allSatisfy { $0.clientAddress == "192.0.2.1" })
        var own = bench.lab.call(by: user)
        own.session = Identifier(all[1].session)
        let seen = try bench.sessions.list(filter: nil, call: own)
        #expect(seen.map(\.session) == [all[1].session] && seen[0].thisSession)
        #expect(try bench.sessions.list(filter: .init(users: ["VSPHERE.LOCAL\\Ada"]), call: bench.call).map(\.user) == [user])
        #expect(try bench.sessions.list(filter: .init(users: ["administrator@vsphere.local"]), call: own).isEmpty)
        let known = own
        #expect(await fault { try await bench.sessions.delete(session: all[0].session, call: known) }?.type == .notFound)
        #expect(await fault { try await bench.sessions.delete(session: "session-9999", call: known) }?.type == .notFound)
        try await bench.sessions.delete(session: all[1].session, call: own)
        try await bench.sessions.delete(session: all[0].session, call: bench.call)
        #expect(try bench.sessions.list(filter: nil, call: bench.call).isEmpty)
        #expect(await fault { try bench.sessions.list(filter: nil, call: bench.lab.call(by: nil)) }?.type == .unauthenticated)
        try await bench.lab.close()
    }
}
