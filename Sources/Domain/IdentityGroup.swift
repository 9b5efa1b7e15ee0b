/// A group of the embedded directory. `id` is the full name in lower case, for example `administrators@vsphere.local`.
public struct Group: Resource {
    public static let kind = ResourceKind.group
    public static let indexes: [Index<Group>] = [Index("member") { $0.members.map(\.key) }, Index("domain") { [$0.domain] }]

    public let id: Identifier<Group>
    /// As it was written when the group was made, without domain.
    public let name: String
    /// Lower case.
    public let domain: String
    public var summary: String
    /// Without repetition, in order.
    public private(set) var members: [GroupMember]

    public init(name: String, domain: String, summary: String = "", members: [GroupMember] = []) {
        id = PrincipalName(name: name, domain: domain).group
        self.name = name
        self.domain = domain.lowercased()
        self.summary = summary
        self.members = Set(members).sorted()
    }

    public var principal: PrincipalName { PrincipalName(name: name, domain: domain) }

    /// - Returns: whether it was no member before.
    @discardableResult
    public mutating func add(_ member: GroupMember) -> Bool {
        guard !members.contains(member) else { return false }
        members.append(member)
        members.sort()
        return true
    }

    /// - Returns: whether it was a member.
    @discardableResult
    public mutating func remove(_ member: GroupMember) -> Bool {
        guard let place = members.firstIndex(of: member) else { return false }
        members.remove(at: place)
        return true
    }

    /// The group that every installation has; its members may do everything.
    public static let administrators = PrincipalName(name: "Administrators", domain: EmbeddedDomain.standard).group
}

/// What a group contains.
public enum GroupMember: Hashable, Comparable, Sendable {
    case user(Identifier<User>)
    case group(Identifier<Group>)

    /// Under which the groups that contain it are found: `user:` or `group:` and the full name.
    public var key: String {
        switch self {
        case .user(let id): "user:" + id.rawValue
        case .group(let id): "group:" + id.rawValue
        }
    }

    public init?(key: String) {
        if key.hasPrefix("user:") {
            self = .user(Identifier(String(key.dropFirst(5))))
        } else if key.hasPrefix("group:") {
            self = .group(Identifier(String(key.dropFirst(6))))
        } else {
            return nil
        }
    }

    public static func < (left: Self, right: Self) -> Bool { left.key < right.key }
}

extension GroupMember: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard let member = GroupMember(key: text) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "not a member of a group: \(text)")
        }
        self = member
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(key)
    }
}

/// Who belongs to what, through any number of groups in groups.
public enum Membership {
    /// All groups that contain a member directly or through other groups, in order.
    ///
    /// Circles, which the directory refuses but a record might hold, do no harm.
    /// - Parameter containing: the groups that contain a member directly.
    public static func groups(
        of member: GroupMember, containing: (GroupMember) -> [Identifier<Group>]
    ) -> [Identifier<Group>] {
        var found = Set(containing(member))
        var open = Array(found)
        while let group = open.popLast() {
            for outer in containing(.group(group)) where found.insert(outer).inserted { open.append(outer) }
        }
        return found.sorted()
    }
}
