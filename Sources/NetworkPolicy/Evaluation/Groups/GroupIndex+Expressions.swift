/// An expression with every question replaced by the number of its leaf and every group by its number.
struct CompiledExpression: Sendable {
    indirect enum Term: Sendable {
        case anyLeaf([Int32])
        case anyGroup([Int32])
        /// A leaf or a group.
        case either([Int32], [Int32])
        /// Groups that fulfil the condition; `GroupIndex` keeps the list.
        case groupsThat(GroupCondition, Set<Int32>)
        case nested([[Term]])
        case never
    }

    var alternatives: [[Term]] = []

    /// Every leaf below.
    var leaves: Set<Int32> { Self.leaves(alternatives) }

    private static func leaves(_ alternatives: [[Term]]) -> Set<Int32> {
        var found: Set<Int32> = []
        for term in alternatives.joined() {
            switch term {
            case .anyLeaf(let leaves), .either(let leaves, _): found.formUnion(leaves)
            case .nested(let inner): found.formUnion(Self.leaves(inner))
            case .anyGroup, .groupsThat, .never: break
            }
        }
        return found
    }

    /// Groups named by path, and the groups found by condition.
    var groups: (named: Set<Int32>, found: Set<Int32>, hasCondition: Bool) { Self.groups(alternatives) }

    private static func groups(_ alternatives: [[Term]]) -> (named: Set<Int32>, found: Set<Int32>, hasCondition: Bool) {
        var result: (named: Set<Int32>, found: Set<Int32>, hasCondition: Bool) = ([], [], false)
        for term in alternatives.joined() {
            switch term {
            case .anyGroup(let groups), .either(_, let groups): result.named.formUnion(groups)
            case .groupsThat(_, let groups):
                result.found.formUnion(groups)
                result.hasCondition = true
            case .nested(let inner):
                let below = Self.groups(inner)
                result.named.formUnion(below.named)
                result.found.formUnion(below.found)
                result.hasCondition = result.hasCondition || below.hasCondition
            case .anyLeaf, .never: break
            }
        }
        return result
    }

    /// Asks each condition about groups again whether it finds `group`.
    mutating func setFound(_ group: Int32, where fits: (GroupCondition) -> Bool) {
        alternatives = Self.setFound(alternatives, group, fits)
    }

    private static func setFound(_ alternatives: [[Term]], _ group: Int32, _ fits: (GroupCondition) -> Bool) -> [[Term]] {
        alternatives.map { terms in
            terms.map { term in
                switch term {
                case .groupsThat(let condition, var found):
                    if fits(condition) { found.insert(group) } else { found.remove(group) }
                    return .groupsThat(condition, found)
                case .nested(let inner): return .nested(setFound(inner, group, fits))
                case .anyLeaf, .anyGroup, .either, .never: return term
                }
            }
        }
    }

    func holds(leaf: (Int32) -> Bool, group: (Int32) -> Bool) -> Bool {
        Self.holds(alternatives, leaf, group)
    }

    private static func holds(_ alternatives: [[Term]], _ leaf: (Int32) -> Bool, _ group: (Int32) -> Bool) -> Bool {
        alternatives.contains { terms in
            terms.allSatisfy { term in
                switch term {
                case .anyLeaf(let leaves): leaves.contains(where: leaf)
                case .anyGroup(let groups): groups.contains(where: group)
                case .either(let leaves, let groups): leaves.contains(where: leaf) || groups.contains(where: group)
                case .groupsThat(_, let groups): groups.contains(where: group)
                case .nested(let inner): holds(inner, leaf, group)
                case .never: false
                }
            }
        }
    }
}

extension GroupIndex {
    /// Numbers every question of `expression`; conditions about groups find nothing yet.
    mutating func compile(_ expression: GroupExpression) -> CompiledExpression {
        CompiledExpression(alternatives: compileAlternatives(expression))
    }

    private mutating func compileAlternatives(_ expression: GroupExpression) -> [[CompiledExpression.Term]] {
        var result: [[CompiledExpression.Term]] = []
        for terms in expression.alternatives {
            var compiled: [CompiledExpression.Term] = []
            for term in terms { compiled.append(compileTerm(term)) }
            result.append(compiled)
        }
        return result
    }

    private mutating func compileTerm(_ term: GroupExpression.Term) -> CompiledExpression.Term {
        switch term {
        case .condition(let condition):
            switch condition.subject {
            case .group: return .groupsThat(condition, [])
            case .entity(let kind): return .anyLeaf([number(GroupLeaf(condition, kind))])
            }
        case .nested(let inner): return .nested(compileAlternatives(inner))
        case .references(let groups, let entities):
            let leaves = numbers(entities.map { .identity($0) })
            var children: [Int32] = []
            for path in groups { children.append(Int32(group(path))) }
            return .either(leaves, children)
        case .addresses: return .never
        case .macAddresses(let addresses): return .anyLeaf(numbers(addresses.sorted().map { .mac($0) }))
        case .externalIDs(let machines, let interfaces):
            let leaves = machines.map { GroupLeaf.identity(.init(.virtualMachine, $0)) } + interfaces.map { .interface($0) }
            return .anyLeaf(numbers(leaves))
        }
    }

    private mutating func numbers(_ questions: [GroupLeaf]) -> [Int32] {
        var result: [Int32] = []
        for question in questions { result.append(number(question)) }
        return result
    }

    private mutating func number(_ question: GroupLeaf) -> Int32 {
        if let known = leafByQuestion[question] { return known }
        let number = Int32(leaves.count)
        leaves.append(Leaf(question: question))
        leafByQuestion[question] = number
        for entity in entitiesFulfilling(question) { leavesOfEntity[Int(entity)].insert(number) }
        if case .compared(let condition) = question, case .entity(let kind) = condition.subject {
            comparedLeaves[kind, default: []].insert(number)
        }
        return number
    }

    /// The entities, ports through machine or segment aside.
    func entitiesFulfilling(_ question: GroupLeaf) -> Set<Int32> {
        switch question {
        case .exact(let key): entitiesByKey[key] ?? []
        case .compared(let condition):
            Set(entities.indices.lazy.filter { self.entities[$0].map(condition.holds) ?? false }.map { Int32($0) })
        }
    }

    /// The addresses and hardware addresses `expression` names, with those of nested groups. Both halves of an AND must
    /// name an address.
    func named(_ expression: GroupExpression, found: Set<Int32>) -> (addresses: AddressSet, macAddresses: Set<MACAddress>) {
        var addresses = AddressSet()
        var macAddresses: Set<MACAddress> = []
        for terms in expression.alternatives {
            let parts = terms.map { named(by: $0, found: found) }
            guard let first = parts.first else { continue }
            addresses = addresses.union(parts.dropFirst().reduce(first.addresses) { $0.intersection($1.addresses) })
            macAddresses.formUnion(parts.dropFirst().reduce(first.macAddresses) { $0.intersection($1.macAddresses) })
        }
        return (addresses, macAddresses)
    }

    private func named(
        by term: GroupExpression.Term, found: Set<Int32>
    ) -> (addresses: AddressSet, macAddresses: Set<MACAddress>) {
        switch term {
        case .addresses(let addresses): return (addresses, [])
        case .macAddresses(let addresses): return (AddressSet(), addresses)
        case .nested(let inner): return named(inner, found: found)
        case .references(let groups, _): return union(groups.compactMap { nodeByPath[$0] })
        case .condition(let condition):
            guard case .group = condition.subject else { return (AddressSet(), []) }
            return union(found.filter { isFound($0, by: condition) }.sorted())
        case .externalIDs: return (AddressSet(), [])
        }
    }

    private func union(_ groups: [Int32]) -> (addresses: AddressSet, macAddresses: Set<MACAddress>) {
        let children = groups.map { nodes[Int($0)] }
        return (
            AddressSet(children.flatMap(\.addresses.ranges)), children.reduce(into: []) { $0.formUnion($1.macAddresses) }
        )
    }

    /// Only groups that nest none are found by condition.
    func isFound(_ group: Int32, by condition: GroupCondition) -> Bool {
        let node = nodes[Int(group)]
        guard let definition = node.definition else { return false }
        let nesting = node.compiled.groups
        return nesting.named.isEmpty && !nesting.hasCondition
            && condition.holds(forGroupNamed: definition.name, tags: definition.tags)
    }
}
