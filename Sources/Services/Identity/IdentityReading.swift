import Domain
import Persistence

// What is asked of users and groups: pure functions of one inventory.
extension Inventory {
    /// All groups a user belongs to, directly or through other groups, in order.
    public func groups(of user: Identifier<User>) -> [Identifier<Group>] { groups(of: .user(user)) }

    /// All groups that contain a member, directly or through other groups, in order.
    public func groups(of member: GroupMember) -> [Identifier<Group>] {
        let table = self[Group.self]
        return Membership.groups(of: member) { table.ids(by: "member", $0.key) }
    }

    /// Whether a user is in `Administrators`. Somebody who does not exist is not.
    public func isAdministrator(_ user: Identifier<User>) -> Bool {
        self[User.self].contains(user) && groups(of: user).contains(Group.administrators)
    }

    /// The password and lockout rules in force.
    public var identityPolicy: IdentityPolicy { self[IdentityPolicy.self][IdentityPolicy.identifier] ?? IdentityPolicy() }
}
