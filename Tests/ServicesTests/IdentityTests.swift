import Domain
import Persistence
import Testing

@testable import Services

// Names, groups in groups, and the rules about failures: values and pure functions.

@Suite struct IdentityTests {
    @Test(arguments: [
        ("user@domain", "user@domain"), ("User@Domain.LOCAL", "user@domain.local"), ("DOMAIN\\user", "user@domain"),
        ("VSPHERE.LOCAL\\Administrator", "administrator@vsphere.local"), ("a@b@c", "a@b@c"), ("root", "root@vsphere.local"),
    ])
    func bothSpellingsNameTheSame(text: String, name: String) {
        #expect(PrincipalName(text, defaultDomain: "vsphere.local")?.description == name)
    }

    @Test(arguments: ["", "@", "a@", "@b", "\\", "\\u", "d\\", "a\\b\\c", "a\u{0}@b", "a\n@b", "a@b\u{7F}"])
    func othersAreNoNames(text: String) {
        #expect(PrincipalName(text, defaultDomain: "vsphere.local") == nil)
    }

    @Test func aNameHasItsLimits() {
        #expect(PrincipalName(String(repeating: "x", count: 400) + "@b") == nil)
        #expect(PrincipalName("root") == nil)
        #expect(PrincipalName("u@d")?.qualified == "D\\u")
        for name in ["a", "A-b_c.9", String(repeating: "x", count: 64)] { #expect(PrincipalName.isAcceptable(name)) }
        for name in ["", ".a", "a.", "a b", "a@b", "a\\b", "ä", "a/b", String(repeating: "x", count: 65)] {
            #expect(!PrincipalName.isAcceptable(name))
        }
    }

    /// Random memberships, circles included, against the closure computed by going round until nothing changes.
    @Test func membershipGoesThroughGroupsInGroups() async throws {
        for seed in UInt64(1)...30 {
            var generator = SeededGenerator(seed: seed)
            let names = (0..<12).map { "g\($0)" }
            let users = (0..<6).map { User(name: "u\($0)", domain: "d", createdAt: Timestamp(milliseconds: 0)) }
            let groups = names.map { name in
                var group = Group(name: name, domain: "d")
                for _ in 0..<Int.random(in: 0...3, using: &generator) {
                    let other = names[Int.random(in: 0..<12, using: &generator)]
                    group.add(.group(PrincipalName(name: other, domain: "d").group))
                }
                for user in users where Int.random(in: 0..<8, using: &generator) == 0 { group.add(.user(user.id)) }
                return group
            }
            let lab = try Laboratory(Medium.formatted())
            try await lab.store.commit(by: nil) { (draft) throws(Fault) in
                for user in users { try draft.insert(user) }
                for group in groups { try draft.insert(group) }
            }
            for user in users {
                var wanted: Set<Identifier<Group>> = []
                var before = -1
                while before != wanted.count {
                    before = wanted.count
                    for group in groups {
                        let isIn = group.members.contains { member in
                            switch member {
                            case .user(let id): id == user.id
                            case .group(let id): wanted.contains(id)
                            }
                        }
                        if isIn { wanted.insert(group.id) }
                    }
                }
                #expect(lab.inventory.groups(of: user.id) == wanted.sorted(), "seed \(seed)")
            }
            try await lab.close()
        }
    }

    @Test func administratorsAreThoseInTheGroup() async throws {
        let lab = try Laboratory(Medium.formatted())
        let name = PrincipalName(name: "Root", domain: "localos")
        try await lab.store.commit(by: nil) { (draft) throws(Fault) in
            try PredefinedIdentities.put(administratorHash: "", into: &draft)
            try draft.insert(User(name: "Root", domain: "localos", createdAt: draft.now))
        }
        #expect(lab.inventory.isAdministrator(User.administrator))
        #expect(!lab.inventory.isAdministrator(name.user))
        try await lab.store.commit(by: nil) { (draft) throws(Fault) in
            try draft.update(PrincipalName(name: "superAdmin", domain: "localos").group) { (group: inout Group) throws(Fault) in
                group.add(.user(name.user))
            }
        }
        #expect(lab.inventory.isAdministrator(name.user))
        try await lab.store.commit(by: nil) { (draft) throws(Fault) in try draft.remove(name.user) }
        #expect(!lab.inventory.isAdministrator(name.user))
        try await lab.close()
    }

    @Test func fiveFailuresWithinTheWindowLock() {
        let policy = IdentityPolicy()
        func locked(_ seconds: [Int64], at now: Int64) -> Bool {
            var failures = LoginFailures(of: User.administrator)
            for second in seconds { _ = failures.fail(at: Timestamp(milliseconds: second * 1000), under: policy) }
            return failures.isLocked(at: Timestamp(milliseconds: now * 1000), under: policy)
        }
        #expect(!locked([0, 1, 2, 3], at: 3))
        #expect(locked([0, 1, 2, 3, 179], at: 179))
        #expect(!locked([0, 1, 2, 3, 180], at: 180))
        #expect(locked([0, 1, 2, 3, 4], at: 303))
        #expect(!locked([0, 1, 2, 3, 4], at: 304))
        // The clock was set back by an hour.
        #expect(!locked([3600, 3601, 3602, 3603, 3604], at: 4))
        // Four more after the lock has ended do not lock again.
        #expect(!locked([0, 1, 2, 3, 4, 305, 306, 307, 308], at: 308))
    }

    @Test func aLockWithoutEndWaitsForAnAdministrator() {
        var policy = IdentityPolicy()
        policy.lockoutSeconds = 0
        var failures = LoginFailures(of: User.administrator)
        for second in 0..<5 { _ = failures.fail(at: Timestamp(milliseconds: Int64(second)), under: policy) }
        #expect(failures.isLocked(at: Timestamp(milliseconds: 1_000_000_000_000), under: policy))
        policy.failuresBeforeLockout = 0
        var never = LoginFailures(of: User.administrator)
        for _ in 0..<100 {
            let isLocked = never.fail(at: Timestamp(milliseconds: 0), under: policy)
            #expect(!isLocked)
        }
    }

    @Test func recordsKeepTheirForm() throws {
        let coder = RecordCoder()
        var group = Group(name: "Ops", domain: "D", members: [.group(Identifier("x@d")), .user(Identifier("u@d"))])
        group.add(.user(Identifier("u@d")))
        let text = String(decoding: try coder.encode(group), as: UTF8.self)
        #expect(text == #"{"domain":"d","id":"ops@d","members":["group:x@d","user:u@d"],"name":"Ops","summary":""}"#)
        #expect(try coder.decode(Group.self, from: Array(text.utf8)).members == group.members)
        let policy = try coder.encode(IdentityPolicy())
        #expect(try coder.decode(IdentityPolicy.self, from: policy) == IdentityPolicy())
        #expect(throws: RecordCodingError.self) { try coder.decode(GroupMember.self, from: Array(#""ops""#.utf8)) }
    }
}
