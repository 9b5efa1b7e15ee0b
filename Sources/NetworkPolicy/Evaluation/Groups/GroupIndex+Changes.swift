/// The changes: of an entity, of a group.
extension GroupIndex {
    /// Enters an entity, or replaces what is known of it.
    public mutating func set(_ entity: NetworkEntity) -> MembershipChange {
        let number = intern(entity.id)
        let old = entities[Int(number)]
        if old == entity { return MembershipChange() }
        let chainBefore = old?.id.kind == .segmentPort ? chainLeaves(number) : []
        replace(number, with: entity, old: old)
        return settle(number, chainBefore: chainBefore, old: old)
    }

    /// Forgets an entity; without effect if it is unknown.
    public mutating func remove(_ id: NetworkEntity.ID) -> MembershipChange {
        guard let number = entityByID[id], let old = entities[Int(number)] else { return MembershipChange() }
        let chainBefore = id.kind == .segmentPort ? chainLeaves(number) : []
        replace(number, with: nil, old: old)
        return settle(number, chainBefore: chainBefore, old: old)
    }

    /// Enters a group, or replaces its definition. Groups it refers to may come later.
    ///
    /// - Throws: `.circle` if the group would contain itself by path; nothing is changed then.
    public mutating func set(_ definition: GroupDefinition) throws(GroupError) -> MembershipChange {
        let number = Int32(group(definition.path))
        if nodes[Int(number)].definition == definition { return MembershipChange() }
        let compiled = compile(definition.expression)
        if let circle = circle(from: number, through: compiled.groups.named) { throw .circle(circle) }
        return redefine(number, definition, compiled)
    }

    /// Forgets a group; those that nest it keep their reference. Without effect if it is unknown.
    public mutating func removeGroup(_ path: String) -> MembershipChange {
        guard let number = nodeByPath[path], nodes[Int(number)].definition != nil else { return MembershipChange() }
        return redefine(number, nil, CompiledExpression())
    }
}

// MARK: Entities

extension GroupIndex {
    private mutating func intern(_ id: NetworkEntity.ID) -> Int32 {
        if let known = entityByID[id] { return known }
        let number = Int32(entities.count)
        entities.append(nil)
        identifiers.append(id)
        leavesOfEntity.append([])
        groupsOfEntity.append([])
        portsOfEntity.append([])
        entityByID[id] = number
        return number
    }

    /// Brings the lookup tables up to date, membership aside.
    private mutating func replace(_ number: Int32, with entity: NetworkEntity?, old: NetworkEntity?) {
        let (keysBefore, keysAfter) = (old?.keys ?? [], entity?.keys ?? [])
        for key in keysBefore.subtracting(keysAfter) {
            entitiesByKey[key]?.remove(number)
            if entitiesByKey[key]?.isEmpty == true { entitiesByKey[key] = nil }
        }
        for key in keysAfter.subtracting(keysBefore) { entitiesByKey[key, default: []].insert(number) }
        for address in old?.addresses ?? [] {
            portsByAddress[address]?.remove(number)
            if portsByAddress[address]?.isEmpty == true { portsByAddress[address] = nil }
        }
        for address in entity?.addresses ?? [] { portsByAddress[address, default: []].insert(number) }
        for owner in owners(old) { portsOfEntity[Int(owner)].remove(number) }
        entities[Int(number)] = entity
        for owner in ownersInterned(entity) { portsOfEntity[Int(owner)].insert(number) }
    }

    private func owners(_ entity: NetworkEntity?) -> [Int32] {
        guard let entity, entity.id.kind == .segmentPort else { return [] }
        let machine = entity.virtualMachine.flatMap { entityByID[.init(.virtualMachine, $0)] }
        let segment = entity.segment.flatMap { entityByID[.init(.segment, $0)] }
        return [machine, segment].compactMap { $0 }
    }

    private mutating func ownersInterned(_ entity: NetworkEntity?) -> [Int32] {
        guard let entity, entity.id.kind == .segmentPort else { return [] }
        if let machine = entity.virtualMachine { _ = intern(.init(.virtualMachine, machine)) }
        if let segment = entity.segment { _ = intern(.init(.segment, segment)) }
        return owners(entity)
    }

    /// The leaves of a port with those of its machine and segment.
    private func chainLeaves(_ number: Int32) -> Set<Int32> {
        owners(entities[Int(number)]).reduce(leavesOfEntity[Int(number)]) { $0.union(leavesOfEntity[Int($1)]) }
    }

    /// Asks the entity's questions again and carries every changed answer to the groups.
    private mutating func settle(_ number: Int32, chainBefore: Set<Int32>, old: NetworkEntity?) -> MembershipChange {
        let before = leavesOfEntity[Int(number)]
        let after = entities[Int(number)].map(leavesHolding) ?? []
        leavesOfEntity[Int(number)] = after
        var changed = before.symmetricDifference(after)
        if identifiers[Int(number)].kind == .segmentPort {
            changed.formUnion(chainBefore.symmetricDifference(chainLeaves(number)))
        }
        let groups = changed.reduce(into: Set<Int32>()) { $0.formUnion(leaves[Int($1)].groups) }
        var change = reevaluate(number, groups)
        for port in portsOfEntity[Int(number)] { change.merge(reevaluate(port, groups)) }
        if let entity = entities[Int(number)], let old, entity.addresses != old.addresses {
            // What the groups hold is the same; the addresses they stand for are not.
            change.groups.formUnion(groupsOfEntity[Int(number)].map(Int.init))
        }
        return change
    }

    private func leavesHolding(for entity: NetworkEntity) -> Set<Int32> {
        var found: Set<Int32> = []
        for key in entity.keys {
            if let leaf = leafByQuestion[.exact(key)] { found.insert(leaf) }
        }
        for leaf in comparedLeaves[entity.id.kind] ?? [] {
            if case .compared(let condition) = leaves[Int(leaf)].question, condition.holds(for: entity) { found.insert(leaf) }
        }
        return found
    }

    /// Asks `groups`, and the groups that nest one whose answer changed, whether they hold for the entity; children first.
    private mutating func reevaluate(_ entity: Int32, _ groups: Set<Int32>) -> MembershipChange {
        var change = MembershipChange()
        var pending: [Int: Set<Int32>] = [:]
        for group in groups { pending[nodes[Int(group)].rank, default: []].insert(group) }
        while let rank = pending.keys.min(), let ready = pending.removeValue(forKey: rank) {
            let chain = [entity] + owners(entities[Int(entity)])
            for group in ready where update(group, entity, chain) {
                change.groups.insert(Int(group))
                change.entities.insert(Int(entity))
                for parent in nodes[Int(group)].parents { pending[nodes[Int(parent)].rank, default: []].insert(parent) }
            }
        }
        return change
    }

    /// Whether the answer changed.
    private mutating func update(_ group: Int32, _ entity: Int32, _ chain: [Int32]) -> Bool {
        let holds = entities[Int(entity)] != nil && nodes[Int(group)].compiled.holds(
            leaf: { leaf in chain.contains { leavesOfEntity[Int($0)].contains(leaf) } },
            group: { nodes[Int($0)].members.contains(entity) })
        guard holds != nodes[Int(group)].members.contains(entity) else { return false }
        if holds {
            nodes[Int(group)].members.insert(entity)
            groupsOfEntity[Int(entity)].insert(group)
        } else {
            nodes[Int(group)].members.remove(entity)
            groupsOfEntity[Int(entity)].remove(group)
        }
        return true
    }
}

// MARK: Groups

extension GroupIndex {
    private mutating func redefine(
        _ number: Int32, _ definition: GroupDefinition?, _ compiled: CompiledExpression
    ) -> MembershipChange {
        let place = Int(number)
        for leaf in nodes[place].compiled.leaves { leaves[Int(leaf)].groups.remove(number) }
        nodes[place].definition = definition
        nodes[place].compiled = compiled
        for leaf in compiled.leaves { leaves[Int(leaf)].groups.insert(number) }
        if compiled.groups.hasCondition {
            askingAboutGroups.insert(number)
            var expression = compiled
            for other in nodes.indices { expression.setFound(Int32(other)) { isFound(Int32(other), by: $0) } }
            nodes[place].compiled = expression
        } else {
            askingAboutGroups.remove(number)
        }
        var change = relink(number)
        for asking in askingAboutGroups.sorted() where asking != number {
            var expression = nodes[Int(asking)].compiled
            expression.setFound(number) { isFound(number, by: $0) }
            if expression.groups.found == nodes[Int(asking)].compiled.groups.found { continue }
            nodes[Int(asking)].compiled = expression
            change.merge(relink(asking))
        }
        return change
    }

    /// Brings children, rank, members and addresses of a group in line with its expression.
    private mutating func relink(_ number: Int32) -> MembershipChange {
        let place = Int(number)
        let before = nodes[place].children
        let groups = nodes[place].compiled.groups
        let after = groups.named.union(groups.found)
        for child in before.subtracting(after) { nodes[Int(child)].parents.remove(number) }
        for child in after.subtracting(before) { nodes[Int(child)].parents.insert(number) }
        nodes[place].children = after
        raiseRank(number)
        var candidates = nodes[place].members
        for child in after { candidates.formUnion(nodes[Int(child)].members) }
        for leaf in nodes[place].compiled.leaves {
            for entity in entitiesFulfilling(leaves[Int(leaf)].question) {
                candidates.insert(entity)
                candidates.formUnion(portsOfEntity[Int(entity)])
            }
        }
        var change = MembershipChange()
        for entity in candidates { change.merge(reevaluate(entity, [number])) }
        change.merge(renewAddresses(number))
        return change
    }

    private mutating func raiseRank(_ number: Int32) {
        var pending = [number]
        while let group = pending.popLast() {
            let rank = nodes[Int(group)].children.reduce(0) { max($0, nodes[Int($1)].rank + 1) }
            guard rank != nodes[Int(group)].rank else { continue }
            nodes[Int(group)].rank = rank
            pending += nodes[Int(group)].parents
        }
    }

    private mutating func renewAddresses(_ number: Int32) -> MembershipChange {
        var change = MembershipChange()
        var pending = [number]
        while let group = pending.popLast() {
            let node = nodes[Int(group)]
            let named = named(node.definition?.expression ?? GroupExpression(), found: node.compiled.groups.found)
            guard named.addresses != node.addresses || named.macAddresses != node.macAddresses else { continue }
            nodes[Int(group)].addresses = named.addresses
            nodes[Int(group)].macAddresses = named.macAddresses
            change.groups.insert(Int(group))
            pending += node.parents
        }
        return change
    }

    /// The way from `number` back to itself if it nested `children`. Groups found by condition nest nothing and close none.
    private func circle(from number: Int32, through children: Set<Int32>) -> [String]? {
        var visited: Set<Int32> = []
        func search(_ group: Int32, _ trail: [String]) -> [String]? {
            if group == number { return trail + [paths[Int(group)]] }
            guard visited.insert(group).inserted else { return nil }
            for child in nodes[Int(group)].children.sorted() {
                if let found = search(child, trail + [paths[Int(group)]]) { return found }
            }
            return nil
        }
        for child in children.sorted() {
            if let found = search(child, [paths[Int(number)]]) { return found }
        }
        return nil
    }
}
