import Contract
import ContractTypes
import Domain
import Persistence
import Testing

@testable import Services

// Users, groups and passwords through the services that the contract has for them.

@Suite struct DirectoryTests {
    static let good = "Secret-word-1"

    /// A product with the administrator and one session of the administrator's.
    struct Bench {
        let lab: Laboratory
        let product: Product

        init() async throws {
            lab = try Laboratory(Medium.formatted())
            product = try lab.product()
            try await lab.store.commit(by: nil) { (draft) throws(Fault) in
                try PredefinedIdentities.put(administratorHash: "", into: &draft)
            }
        }

        var users: any IdentityUsersService { product.services.identityUsers }
        var groups: any IdentityGroupsService { product.services.identityGroups }
        var accounts: any LocalAccountsService { product.services.localAccounts }
        var policy: any LocalAccountsPolicyService { product.services.localAccountsPolicy }
        var sessions: any SessionAdministrationService { product.services.sessionAdministration }
        var call: Call { lab.call() }

        @discardableResult
        func make(_ name: String, password: String? = DirectoryTests.good) async throws -> String {
            try await users.create(
                spec: ViaductIdentityUsersCreateSpec(name: name, password: password.map { Secret($0) }), call: call)
        }

        func canLogIn(_ user: String, _ password: String) async -> Bool {
            await faultIfAny { () throws(Fault) in
                try await product.logins.authenticate(user: user, password: password, call: lab.call(by: nil))
            } == nil
        }

        func openSession(_ user: String) async throws -> String {
            try await product.sessions.create(by: lab.call(by: user))
        }

        func lives(_ token: String) -> Bool {
            product.sessions.session(forToken: Array(token.utf8)[...], at: Timestamp(milliseconds: lab.clock.wallMilliseconds)) != nil
        }

        func setPassword(_ user: String, _ new: String, old: String? = nil) async -> Fault? {
            let spec = ViaductIdentityUsersPasswordSpec(password: Secret(new), oldPassword: old.map { Secret($0) })
            return await faultIfAny { () throws(Fault) in try await users.setPassword(user: user, spec: spec, call: call) }
        }
    }

    // MARK: - Users

    @Test func aUserIsMadeShownChangedAndRemoved() async throws {
        let bench = try await Bench()
        let spec = ViaductIdentityUsersCreateSpec(
            name: "Ada", password: Secret(Self.good), fullName: "Ada L.", email: "ada@example.com", description: "first")
        let id = try await bench.users.create(spec: spec, call: bench.call)
        #expect(id == "ada@vsphere.local")
        var info = try bench.users.get(user: "VSPHERE.LOCAL\\ada", call: bench.call)
        #expect(info.name == "Ada" && info.domain == "vsphere.local" && info.fullName == "Ada L." && info.email == "ada@example.com")
        #expect(info.enabled && info.hasPassword && !info.locked && info.groups.isEmpty && info.passwordExpiresAt == nil)
        #expect(await bench.canLogIn("ada", Self.good))
        #expect(await fault { try await bench.make("ADA") }?.type == .alreadyExists)
        #expect(await fault { try await bench.make("Administrators") }?.type == .alreadyExists)
        let token = try await bench.openSession(id)
        try await bench.users.update(user: id, spec: ViaductIdentityUsersUpdateSpec(fullName: "Ada"), call: bench.call)
        #expect(bench.lives(token))
        try await bench.users.update(user: id, spec: ViaductIdentityUsersUpdateSpec(enabled: false), call: bench.call)
        info = try bench.users.get(user: id, call: bench.call)
        #expect(info.fullName == "Ada" && info.email == "ada@example.com" && !info.enabled)
        #expect(!bench.lives(token) && bench.lab.inventory[Session.self].isEmpty)
        #expect(await !bench.canLogIn(id, Self.good))
        try await bench.users.update(user: id, spec: ViaductIdentityUsersUpdateSpec(enabled: true), call: bench.call)
        #expect(await bench.canLogIn(id, Self.good))
        let last = try await bench.openSession(id)
        try await bench.users.delete(user: id, call: bench.call)
        #expect(!bench.lives(last) && bench.lab.inventory[Session.self].isEmpty)
        #expect(await fault { try bench.users.get(user: id, call: bench.call) }?.type == .notFound)
        #expect(await fault { try await bench.users.delete(user: id, call: bench.call) }?.type == .notFound)
        // A new user of the same name is another one.
        try await bench.make("ada")
        #expect(!bench.lives(token) && !bench.lives(last))
        try await bench.lab.close()
    }

    @Test func usersAreListedByNameAndDomain() async throws {
        let bench = try await Bench()
        try await bench.make("zoe")
        try await bench.make("bob", password: nil)
        try await bench.accounts.create(
            username: "root", config: ApplianceLocalAccountsConfig(password: Secret(Self.good), roles: ["superAdmin"]), call: bench.call)
        let all = try bench.users.list(filter: nil, call: bench.call).map(\.user)
        #expect(all == ["administrator@vsphere.local", "bob@vsphere.local", "root@localos", "zoe@vsphere.local"])
        let some = try bench.users.list(filter: ViaductIdentityUsersFilterSpec(domains: ["LocalOS"]), call: bench.call).map(\.user)
        #expect(some == ["root@localos"])
        try await bench.lab.close()
    }

    @Test(arguments: ["", "a b", "a@b", "a\\b", ".a", "ü", String(repeating: "x", count: 65), "a\n"])
    func aNameMustBeOne(name: String) async throws {
        let bench = try await Bench()
        #expect(await fault { try await bench.make(name) }?.type == .invalidArgument)
        #expect(await fault { try await bench.groups.create(spec: .init(name: name), call: bench.call) }?.type == .invalidArgument)
        try await bench.lab.close()
    }

    @Test func textsAndDomainsHaveTheirBounds() async throws {
        let bench = try await Bench()
        for spec in [
            ViaductIdentityUsersCreateSpec(name: "a", domain: "example.com"),
            ViaductIdentityUsersCreateSpec(name: "a", fullName: "x\ny"),
            ViaductIdentityUsersCreateSpec(name: "a", description: String(repeating: "x", count: 1025)),
        ] {
            #expect(await fault { try await bench.users.create(spec: spec, call: bench.call) }?.type == .invalidArgument)
        }
        try await bench.lab.close()
    }

    @Test func theAdministratorStays() async throws {
        let bench = try await Bench()
        let administrator = "administrator@vsphere.local"
        let disabled = ViaductIdentityUsersUpdateSpec(enabled: false)
        #expect(await fault { try await bench.users.update(user: administrator, spec: disabled, call: bench.call) }?.type == .invalidArgument)
        #expect(await fault { try await bench.users.delete(user: administrator, call: bench.call) }?.type == .invalidArgument)
        let member = ViaductIdentityGroupsMember(type: .user, name: administrator)
        #expect(
            await fault { try await bench.groups.removeMember(group: "Administrators", member: member, call: bench.call) }?.type
                == .invalidArgument)
        #expect(await fault { try await bench.groups.delete(group: "Administrators", call: bench.call) }?.type == .invalidArgument)
        #expect(await fault { try await bench.groups.delete(group: "superAdmin@localos", call: bench.call) }?.type == .invalidArgument)
        try await bench.lab.close()
    }

    // MARK: - Passwords

    @Test(arguments: [
        ("Short-1", "at least 8"), ("secret-word-1", "upper-case"), ("SECRET-WORD-1", "lower-case"), ("Secret-word", "digits"),
        ("Secretword1", "special"), ("Secret-wooood-1", "in a row"), ("Secret-word-1\u{7}", "control"),
        (String(repeating: "Secret-1", count: 17), "at most 128"),
    ])
    func aWeakPasswordIsRefusedWithItsWeakness(password: String, text: String) async throws {
        let bench = try await Bench()
        let refusal = await fault { try await bench.make("ada", password: password) }
        #expect(refusal?.shape == "invalid_argument com.viaduct.identity.password_refused")
        #expect(refusal?.messages.contains { $0.defaultMessage.contains(text) } == true)
        #expect(refusal?.messages.contains { $0.defaultMessage.contains(password) } == false)
        #expect(!bench.lab.inventory[User.self].contains(Identifier("ada@vsphere.local")))
        try await bench.lab.close()
    }

    @Test func everyWeaknessIsNamedAtOnce() {
        #expect(IdentityPolicy().weaknesses(of: "").count == 5)
        #expect(IdentityPolicy().weaknesses(of: "Größe-9äöü").isEmpty && IdentityPolicy().weaknesses(of: "密码Ab-1密码").isEmpty)
        #expect(IdentityPolicy().weaknesses(of: "Secret-wooord-1").isEmpty)
    }

    @Test func aPasswordMayNotComeBackWhileItIsRemembered() async throws {
        let bench = try await Bench()
        let user = try await bench.make("ada", password: "Secret-word-0")
        for index in 1...5 { #expect(await bench.setPassword(user, "Secret-word-\(index)") == nil) }
        for index in 1...5 {
            #expect(await bench.setPassword(user, "Secret-word-\(index)")?.messages.first?.defaultMessage == "The password was in use before.")
        }
        #expect(await bench.setPassword(user, "Secret-word-0") == nil)
        #expect(await bench.setPassword(user, "Secret-word-1") == nil)
        #expect(await bench.canLogIn(user, "Secret-word-1"))
        #expect(await !bench.canLogIn(user, "Secret-word-0"))
        try await bench.lab.close()
    }

    @Test func aNewPasswordEndsTheSessions() async throws {
        let bench = try await Bench()
        let user = try await bench.make("ada")
        let (token, other) = (try await bench.openSession(user), try await bench.openSession("administrator@vsphere.local"))
        #expect(await bench.setPassword(user, "Secret-word-2") == nil)
        #expect(!bench.lives(token) && bench.lives(other))
        try await bench.lab.close()
    }

    @Test func theOldPasswordIsCheckedWhereItIsGivenAndGuessesCount() async throws {
        let bench = try await Bench()
        let user = try await bench.make("ada")
        #expect(await bench.setPassword(user, "Secret-word-2", old: Self.good) == nil)
        for _ in 0..<5 {
            let refusal = await bench.setPassword(user, "Secret-word-3", old: "wrong")
            #expect(refusal?.type == .invalidArgument && refusal?.messages.first?.arguments.first == "old_password")
        }
        #expect(try bench.users.get(user: user, call: bench.call).locked)
        #expect(await bench.setPassword(user, "Secret-word-3", old: "Secret-word-2")?.type == .invalidArgument)
        try await bench.users.unlock(user: user, call: bench.call)
        #expect(await bench.canLogIn(user, "Secret-word-2"))
        #expect(await fault { try await bench.users.unlock(user: "nobody", call: bench.call) }?.type == .notFound)
        try await bench.lab.close()
    }

    @Test func ofTwoChangesAtOnceOneIsToldToLookAgain() async throws {
        let bench = try await Bench()
        let user = try await bench.make("ada")
        let present = try found(bench.lab.inventory[User.self][Identifier(user)])
        let one = try await bench.product.directory.prepare("Secret-word-2", for: present, old: nil, by: bench.call)
        #expect(await bench.setPassword(user, "Secret-word-3") == nil)
        let refusal = await fault {
            try await bench.lab.store.commit(by: nil) { (draft) throws(Fault) in
                try draft.update(Identifier<User>(user)) { [draft] (user: inout User) throws(Fault) in try one.set(on: &user, in: draft) }
            }
        }
        #expect(refusal?.type == .concurrentChange)
        try await bench.lab.close()
    }

    // MARK: - Groups

    @Test func groupsHoldUsersAndGroupsAndNeverThemselves() async throws {
        let bench = try await Bench()
        let user = try await bench.make("ada")
        for name in ["Ops", "Admins", "All"] { _ = try await bench.groups.create(spec: .init(name: name, description: "d"), call: bench.call) }
        func add(_ type: ViaductIdentityGroupsMemberType, _ name: String, _ group: String) async -> FaultType? {
            await faultIfAny { () throws(Fault) in
                try await bench.groups.addMember(group: group, member: .init(type: type, name: name), call: bench.call)
            }?.type
        }
        #expect(await add(.user, "VSPHERE.LOCAL\\Ada", "ops") == nil)
        #expect(await add(.group, "ops", "Admins") == nil)
        #expect(await add(.group, "Admins", "All") == nil)
        #expect(await add(.group, "All", "ops") == .invalidArgument)
        #expect(await add(.group, "ops", "ops") == .invalidArgument)
        #expect(await add(.user, "ada", "ops") == .alreadyInDesiredState)
        #expect(await add(.user, "nobody", "ops") == .notFound)
        #expect(await add(.group, "nobody", "ops") == .notFound)
        #expect(await add(.user, "ada", "nobody") == .notFound)
        #expect(await add(.user, "", "ops") == .invalidArgument)
        #expect(try bench.users.get(user: user, call: bench.call).groups == ["all@vsphere.local", "ops@vsphere.local", "admins@vsphere.local"])
        let info = try bench.groups.get(group: "Admins", call: bench.call)
        #expect(info.name == "Admins" && info.members.map(\.name) == ["ops@vsphere.local"] && info.groups == ["all@vsphere.local"])
        try await bench.groups.update(group: "ops", spec: .init(description: "new"), call: bench.call)
        #expect(try bench.groups.get(group: "OPS", call: bench.call).description == "new")
        try await bench.groups.delete(group: "ops", call: bench.call)
        #expect(try bench.groups.get(group: "Admins", call: bench.call).members.isEmpty)
        #expect(try bench.users.get(user: user, call: bench.call).groups.isEmpty)
        let member = ViaductIdentityGroupsMember(type: .user, name: "ada")
        #expect(
            await fault { try await bench.groups.removeMember(group: "All", member: member, call: bench.call) }?.type
                == .alreadyInDesiredState)
        try await bench.lab.close()
    }

    @Test func whoeverHasTheNameLaterInheritsNoPermission() async throws {
        let bench = try await Bench()
        let user = try await bench.make("ada")
        let group = try await bench.groups.create(spec: .init(name: "ops"), call: bench.call)
        let holders: [GroupMember] = [.user(Identifier(user)), .group(Identifier(group)), .user(User.administrator)]
        try await bench.lab.store.commit(by: nil) { (draft) throws(Fault) in
            for (number, holder) in holders.enumerated() {
                try draft.insert(
                    Permission(
                        id: Identifier("permission-9\(number)"), place: .everywhere, principal: holder, role: Role.readOnly.id,
                        propagates: true))
            }
        }
        try await bench.users.delete(user: user, call: bench.call)
        try await bench.groups.delete(group: group, call: bench.call)
        #expect(bench.lab.inventory[Permission.self].all.map(\.principal) == [.user(User.administrator)])
        try await bench.lab.close()
    }

    @Test func aRemovedUserLeavesItsGroups() async throws {
        let bench = try await Bench()
        let user = try await bench.make("ada")
        try await bench.groups.addMember(group: "Administrators", member: .init(type: .user, name: user), call: bench.call)
        #expect(bench.lab.inventory.isAdministrator(Identifier(user)))
        let token = try await bench.openSession(user)
        try await bench.groups.removeMember(group: "Administrators", member: .init(type: .user, name: user), call: bench.call)
        // The session stays, but is an administrator's no longer.
        let now = Timestamp(milliseconds: bench.lab.clock.wallMilliseconds)
        #expect(bench.product.sessions.session(forToken: Array(token.utf8)[...], at: now)?.isAdministrator == false)
        try await bench.groups.addMember(group: "Administrators", member: .init(type: .user, name: user), call: bench.call)
        try await bench.users.delete(user: user, call: bench.call)
        #expect(bench.lab.inventory[Group.self][Group.administrators]?.members.contains(.user(Identifier(user))) == false)
        try await bench.lab.close()
    }
}
