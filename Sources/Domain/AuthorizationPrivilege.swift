/// One thing that a role may allow, for example `VirtualMachine.Interact.PowerOn`. The privileges are fixed.
public struct Privilege: Hashable, Sendable {
    /// Place in `all`.
    let index: Int

    /// - Returns: `nil` if there is no such privilege.
    public init?(_ id: String) {
        guard let index = Self.indexes[id] else { return nil }
        self.index = index
    }

    init(index: Int) { self.index = index }

    public var id: String { Self.ids[index] }

    /// The last part of the identifier, for example `PowerOn`; vSphere calls it the name.
    public var name: String { String(id.split(separator: ".").last ?? "") }

    /// What stands before the name, for example `VirtualMachine.Interact`.
    public var group: String { id.split(separator: ".").dropLast().joined(separator: ".") }

    /// Every privilege in the order of the identifiers.
    public static let all: [Privilege] = ids.indices.map { Privilege(index: $0) }

    private static let ids: [String] = {
        var ids: [String] = []
        for line in listing.split(separator: "\n") {
            let parts = line.split(separator: ":")
            for name in parts.last?.split(separator: " ") ?? [] { ids.append("\(parts[0]).\(name)") }
        }
        precondition(ids.count <= PrivilegeSet.capacity, "There are more privileges than a set of them has room for.")
        return ids.sorted()
    }()

    private static let indexes = Dictionary(uniqueKeysWithValues: ids.enumerated().map { ($0.element, $0.offset) })
}

/// A set of privileges: one bit each, so that the sets which every request combines cost no memory.
public struct PrivilegeSet: Hashable, Sendable {
    static let capacity = 512
    private var words: SIMD8<UInt64>

    public init() { words = .zero }

    public init(_ privileges: some Sequence<Privilege>) {
        self.init()
        for privilege in privileges { insert(privilege) }
    }

    /// Of identifiers, leaving out those that are no privileges.
    public init(ids: some Sequence<String>) { self.init(ids.lazy.compactMap { Privilege($0) }) }

    public static let none = PrivilegeSet()
    public static let all = PrivilegeSet(Privilege.all)

    public var isEmpty: Bool { words == .zero }

    public func contains(_ privilege: Privilege) -> Bool {
        words[privilege.index >> 6] & (1 << UInt64(privilege.index & 63)) != 0
    }

    public mutating func insert(_ privilege: Privilege) { words[privilege.index >> 6] |= 1 << UInt64(privilege.index & 63) }

    public func isSuperset(of other: PrivilegeSet) -> Bool { other.words & ~words == .zero }

    public func union(_ other: PrivilegeSet) -> PrivilegeSet {
        var result = self
        result.words |= other.words
        return result
    }

    public func intersection(_ other: PrivilegeSet) -> PrivilegeSet {
        var result = self
        result.words &= other.words
        return result
    }

    public func subtracting(_ other: PrivilegeSet) -> PrivilegeSet {
        var result = self
        result.words &= ~other.words
        return result
    }

    /// In the order of the identifiers.
    public var privileges: [Privilege] { Privilege.all.filter(contains) }
    public var ids: [String] { privileges.map(\.id) }
}

extension PrivilegeSet {
    /// Without it an object is as if it did not exist.
    public static let view = PrivilegeSet(ids: ["System.View"])
    public static let read = PrivilegeSet(ids: ["System.Read"])
    /// What every role has besides `No access`. Source: vSphere Security, "Using Roles to Assign Privileges".
    public static let basic = PrivilegeSet(ids: ["System.Anonymous", "System.View", "System.Read"])
}
