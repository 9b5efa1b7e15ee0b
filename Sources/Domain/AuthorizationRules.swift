/// What the permissions say about one user, before any object is looked at.
///
/// The rules are vCenter's (vSphere Security, "Hierarchical Inheritance of Permissions"):
/// - A permission on an object overrides, for that object and what it hands down, whatever comes from above.
/// - On one object the user's own permission beats those of the user's groups; the groups' are added together.
/// - What an object with two parents gets from each is added together.
/// - A permission that does not propagate counts on its object alone.
/// - A global permission propagates from above the root folder.
public struct AccessRules: Sendable {
    /// What a place gives on itself, and what it hands down in place of what it got; `nil`: that.
    private struct Grant {
        var here: PrivilegeSet
        var handedDown: PrivilegeSet?
    }

    private let grants: [String: Grant]
    /// The places with permissions that concern the user, apart from above the root folder.
    public let places: [ManagedObject]
    /// Whether any of them is a tenant or a virtual datacenter.
    public let isMember: Bool
    /// From above the root folder.
    private let global: PrivilegeSet

    /// - Parameters:
    ///   - groups: every group the user is in, also through other groups.
    ///   - permissions: those of other users and groups are passed over.
    ///   - role: the privileges of a role; `nil` if there is none.
    public init(
        user: Identifier<User>, groups: [Identifier<Group>], permissions: some Sequence<Permission>,
        role: (Identifier<Role>) -> PrivilegeSet?
    ) {
        let groups = Set(groups)
        var byPlace: [PermissionPlace: [Permission]] = [:]
        for permission in permissions {
            switch permission.principal {
            case .user(let id) where id == user: byPlace[permission.place, default: []].append(permission)
            case .group(let id) where groups.contains(id): byPlace[permission.place, default: []].append(permission)
            case .user, .group: break
            }
        }
        var grants: [String: Grant] = [:]
        var places: [ManagedObject] = []
        for (place, permissions) in byPlace {
            guard case .object(let object) = place else { continue }
            places.append(object)
            grants[object.id] = Grant(
                here: Self.combined(permissions, role) ?? .none,
                handedDown: Self.combined(permissions.filter(\.propagates), role))
        }
        self.grants = grants
        self.places = places.sorted { $0.id < $1.id }
        isMember = places.contains { $0.type == .tenant || $0.type == .tenantDatacenter }
        global = Self.combined((byPlace[.everywhere] ?? []).filter(\.propagates), role) ?? .none
    }

    /// What permissions on one place give together; `nil` if there are none.
    private static func combined(_ permissions: [Permission], _ role: (Identifier<Role>) -> PrivilegeSet?) -> PrivilegeSet? {
        var own: PrivilegeSet?
        var ofGroups: PrivilegeSet?
        for permission in permissions {
            let privileges = role(permission.role) ?? .none
            if case .user = permission.principal {
                own = privileges
            } else {
                ofGroups = (ofGroups ?? .none).union(privileges)
            }
        }
        return own ?? ofGroups
    }

    /// What the user may do on every object, if it is the same on all.
    public var everywhere: PrivilegeSet? { grants.isEmpty ? global : nil }

    /// What the user may do on an object.
    ///
    /// - Parameter inherited: what the object gets from its parents, added together.
    public func privileges(on id: String, inherited: () -> PrivilegeSet) -> PrivilegeSet {
        grants[id]?.here ?? inherited()
    }

    /// What an object hands down to those below it.
    ///
    /// - Parameter inherited: what it gets from its parents, added together.
    public func handedDown(by id: String, inherited: () -> PrivilegeSet) -> PrivilegeSet {
        grants[id]?.handedDown ?? inherited()
    }

    /// What the permissions on one object hand down; `nil` if none of them does.
    public func granted(by id: String) -> PrivilegeSet? { grants[id]?.handedDown }

    /// What comes from above the root folder.
    public var fromAbove: PrivilegeSet { global }
}
