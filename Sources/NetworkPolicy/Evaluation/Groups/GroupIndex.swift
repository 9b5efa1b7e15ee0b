/// Which entity is a member of which group, kept up to date change by change.
///
/// Membership is a question about one entity: a group holds for it if the expression does. A port also has what its machine
/// and its segment have, so a group of machines holds for the ports of these machines. A change of an entity therefore
/// touches only the groups that ask something whose answer changed, and the groups that nest those.
///
/// A tag with the empty scope and `scope|` are told apart as NSX writes them: a condition cannot ask for the empty scope.
public struct GroupIndex: Sendable {
    struct Node: Sendable {
        var definition: GroupDefinition?
        var compiled = CompiledExpression()
        /// Groups this one nests, and groups that nest it.
        var children: Set<Int32> = []
        var parents: Set<Int32> = []
        /// Longer than that of every child.
        var rank = 0
        /// Entities the group holds for.
        var members: Set<Int32> = []
        /// Addresses the expression names, nested groups included; those of member ports are not among them.
        var addresses = AddressSet()
        var macAddresses: Set<MACAddress> = []
    }

    struct Leaf: Sendable {
        let question: GroupLeaf
        var groups: Set<Int32> = []
    }

    var nodes: [Node] = []
    var paths: [String] = []
    var nodeByPath: [String: Int32] = [:]
    /// Groups with a condition about groups.
    var askingAboutGroups: Set<Int32> = []

    var leaves: [Leaf] = []
    var leafByQuestion: [GroupLeaf: Int32] = [:]
    /// The leaves that are not equalities, by the kind they ask about.
    var comparedLeaves: [NetworkEntity.Kind: Set<Int32>] = [:]

    var entities: [NetworkEntity?] = []
    var identifiers: [NetworkEntity.ID] = []
    var entityByID: [NetworkEntity.ID: Int32] = [:]
    /// By entity: the leaves that hold for it alone, and the groups that hold for it.
    var leavesOfEntity: [Set<Int32>] = []
    var groupsOfEntity: [Set<Int32>] = []
    /// By machine or segment: its ports.
    var portsOfEntity: [Set<Int32>] = []
    var entitiesByKey: [GroupLeaf.Key: Set<Int32>] = [:]
    var portsByAddress: [IPAddress: Set<Int32>] = [:]

    public init() {}
}

/// What a change of the index did.
public struct MembershipChange: Sendable, Equatable {
    /// Groups whose members or addresses changed.
    public var groups: Set<Int> = []
    /// Entities that entered or left a group.
    public var entities: Set<Int> = []

    public init() {}

    public var isEmpty: Bool { groups.isEmpty && entities.isEmpty }

    mutating func merge(_ other: MembershipChange) {
        groups.formUnion(other.groups)
        entities.formUnion(other.entities)
    }
}

public enum GroupError: Error, Equatable, Sendable {
    /// The group would contain itself; the paths from the group to itself.
    case circle([String])
}

extension GroupIndex {
    /// The number of a group, also of one that is only referred to so far. Numbers are never reused.
    public mutating func group(_ path: String) -> Int {
        if let known = nodeByPath[path] { return Int(known) }
        let number = Int32(nodes.count)
        nodes.append(Node())
        paths.append(path)
        nodeByPath[path] = number
        return Int(number)
    }

    public func knownGroup(_ path: String) -> Int? { nodeByPath[path].map(Int.init) }
    public func path(ofGroup group: Int) -> String { paths[group] }
    public func entity(_ id: NetworkEntity.ID) -> Int? { entityByID[id].flatMap { entities[Int($0)] == nil ? nil : Int($0) } }
    public func id(ofEntity entity: Int) -> NetworkEntity.ID { identifiers[entity] }
    public subscript(entity: Int) -> NetworkEntity? { entities[entity] }
    public var groupCount: Int { nodes.count }

    public func contains(group: Int, entity: Int) -> Bool { nodes[group].members.contains(Int32(entity)) }
    public func groups(ofEntity entity: Int) -> Set<Int32> { groupsOfEntity[entity] }
    /// The addresses the group names itself, without those of its member ports.
    public func namedAddresses(ofGroup group: Int) -> AddressSet { nodes[group].addresses }
    public func namedMACAddresses(ofGroup group: Int) -> Set<MACAddress> { nodes[group].macAddresses }
    public func ports(withAddress address: IPAddress) -> Set<Int32> { portsByAddress[address] ?? [] }

    /// Members of one kind, in the order of their identifiers. Machines include those only a port of which is a member.
    public func members(ofGroup group: Int, _ kind: NetworkEntity.Kind) -> [NetworkEntity.ID] {
        var found: Set<NetworkEntity.ID> = []
        for member in nodes[group].members {
            guard let entity = entities[Int(member)] else { continue }
            if entity.id.kind == kind { found.insert(entity.id) }
            if kind == .virtualMachine, let owner = entity.virtualMachine { found.insert(.init(.virtualMachine, owner)) }
        }
        return found.sorted()
    }

    /// The addresses a rule that names the group matches: those it names and those of its member ports.
    public func addresses(ofGroup group: Int) -> AddressSet {
        let own = nodes[group].members.flatMap { entities[Int($0)]?.addresses ?? [] }
        return nodes[group].addresses.union(AddressSet(own.map { IPRange($0) }))
    }
}
