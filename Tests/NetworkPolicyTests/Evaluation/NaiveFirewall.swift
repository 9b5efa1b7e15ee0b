// The reference read literally: no index, no numbers, every question answered from the definitions.
@testable import NetworkPolicy

struct NaiveFirewall {
    var entities: [NetworkEntity.ID: NetworkEntity] = [:]
    var groups: [String: GroupDefinition] = [:]
    var policies: [FirewallPolicy] = []
    var excluded: [String] = []

    // MARK: Membership

    func isMember(_ entity: NetworkEntity, _ path: String) -> Bool {
        guard let group = groups[path] else { return false }
        return holds(group.expression, entity)
    }

    private func holds(_ expression: GroupExpression, _ entity: NetworkEntity) -> Bool {
        fold(expression, empty: false, value: { holds($0, entity) }, and: { $0 && $1 }, or: { $0 || $1 })
    }

    /// AND before OR, by splitting at each OR.
    private func fold<Value>(
        _ expression: GroupExpression, empty: Value, value: (GroupExpression.Term) -> Value, and: (Value, Value) -> Value,
        or: (Value, Value) -> Value
    ) -> Value {
        var total = empty
        var product: Value?
        for (index, term) in expression.terms.enumerated() {
            if index > 0, expression.conjunctions[index - 1] == .or, let done = product {
                total = or(total, done)
                product = nil
            }
            product = product.map { and($0, value(term)) } ?? value(term)
        }
        return product.map { or(total, $0) } ?? total
    }

    private func holds(_ term: GroupExpression.Term, _ entity: NetworkEntity) -> Bool {
        var family = [entity]
        if entity.id.kind == .segmentPort {
            if let machine = entity.virtualMachine.flatMap({ entities[.init(.virtualMachine, $0)] }) { family.append(machine) }
            if let segment = entity.segment.flatMap({ entities[.init(.segment, $0)] }) { family.append(segment) }
        }
        switch term {
        case .condition(let condition):
            if condition.subject == .group { return found(condition).contains { isMember(entity, $0) } }
            return family.contains { condition.holds(for: $0) }
        case .nested(let inner): return holds(inner, entity)
        case .references(let paths, let members):
            return paths.contains { isMember(entity, $0) } || family.contains { members.contains($0.id) }
        case .addresses: return false
        case .macAddresses(let addresses): return entity.id.kind == .segmentPort && entity.mac.map(addresses.contains) ?? false
        case .externalIDs(let machines, let interfaces):
            return family.contains { $0.id.kind == .virtualMachine && machines.contains($0.id.key) }
                || entity.id.kind == .segmentPort && entity.interface.map(interfaces.contains) ?? false
        }
    }

    private func found(_ condition: GroupCondition) -> [String] {
        groups.values.filter { !nests($0.expression) && condition.holds(forGroupNamed: $0.name, tags: $0.tags) }.map(\.path)
    }

    private func nests(_ expression: GroupExpression) -> Bool {
        expression.terms.contains { term in
            switch term {
            case .condition(let condition): condition.subject == .group
            case .nested(let inner): nests(inner)
            case .references(let paths, _): !paths.isEmpty
            default: false
            }
        }
    }

    func names(_ path: String, _ address: IPAddress) -> Bool {
        guard let group = groups[path] else { return false }
        return names(group.expression) { term in
            if case .addresses(let set) = term { return set.contains(address) }
            return false
        } group: { names($0, address) }
    }

    func names(_ path: String, _ mac: MACAddress) -> Bool {
        guard let group = groups[path] else { return false }
        return names(group.expression) { term in
            if case .macAddresses(let set) = term { return set.contains(mac) }
            return false
        } group: { names($0, mac) }
    }

    private func names(
        _ expression: GroupExpression, _ own: (GroupExpression.Term) -> Bool, group: (String) -> Bool
    ) -> Bool {
        fold(
            expression, empty: false,
            value: { term in
                switch term {
                case .nested(let inner): names(inner, own, group: group)
                case .references(let paths, _): paths.contains(where: group)
                case .condition(let condition): condition.subject == .group && found(condition).contains(where: group)
                default: own(term)
                }
            }, and: { $0 && $1 }, or: { $0 || $1 })
    }

    // MARK: Verdict

    /// The action and the deciding rule's number; 2 is the default rule, 0 none.
    func verdict(_ packet: Packet, port: NetworkEntity, _ direction: FirewallRule.Direction) -> (FirewallVerdict.Action, Int) {
        if excluded.contains(where: { isMember(port, $0) }) { return (.allow, 0) }
        var rules: [(FirewallPolicy, FirewallRule)] = []
        for category in [FirewallPolicy.Category.ethernet, .emergency, .infrastructure, .environment, .application] {
            let inCategory = policies.filter { $0.category == category }.sorted { left, right in
                if left.sequenceNumber != right.sequenceNumber { return left.sequenceNumber < right.sequenceNumber }
                if left.createdMilliseconds != right.createdMilliseconds { return left.createdMilliseconds < right.createdMilliseconds }
                return left.path < right.path
            }
            for policy in inCategory {
                let ordered = policy.rules.sorted { left, right in
                    left.sequenceNumber == right.sequenceNumber ? left.number < right.number : left.sequenceNumber < right.sequenceNumber
                }
                rules += ordered.map { (policy, $0) }
            }
        }
        var isAllowedByEthernet = false
        var onlyApplication = false
        for (policy, rule) in rules {
            if policy.category == .ethernet && isAllowedByEthernet { continue }
            if onlyApplication && policy.category != .application { continue }
            guard matches(policy, rule, packet, port, direction) else { continue }
            if rule.needsPayload && !(policy.category == .ethernet && rule.action == .allow) { return (.undecided, rule.number) }
            switch rule.action {
            case .drop: return (.drop, rule.number)
            case .reject: return (.reject, rule.number)
            case .jumpToApplication: onlyApplication = true
            case .allow:
                if policy.category != .ethernet { return (.allow, rule.number) }
                isAllowedByEthernet = true
            }
        }
        return (.allow, 2)
    }

    private func matches(
        _ policy: FirewallPolicy, _ rule: FirewallRule, _ packet: Packet, _ port: NetworkEntity,
        _ direction: FirewallRule.Direction
    ) -> Bool {
        guard policy.isActive, !rule.isDisabled else { return false }
        if let scope = policy.scope ?? rule.scope, !scope.contains(where: { isMember(port, $0) }) { return false }
        guard rule.direction == .both || rule.direction == direction else { return false }
        if policy.category != .ethernet, let family = rule.family, family != packet.family { return false }
        let isOut = direction == .outgoing
        let isEthernet = policy.category == .ethernet
        guard fits(rule.sources, packet.source, packet.sourceMAC, isOut ? port : nil, isEthernet),
            fits(rule.destinations, packet.destination, packet.destinationMAC, isOut ? nil : port, isEthernet)
        else { return false }
        return rule.services.map { $0.contains { $0.matches(packet) } } ?? true
    }

    private func fits(
        _ side: FirewallRule.Side, _ address: IPAddress, _ mac: MACAddress?, _ port: NetworkEntity?, _ isEthernet: Bool
    ) -> Bool {
        let holders = entities.values.filter { $0.addresses.contains(address) } + (port.map { [$0] } ?? [])
        let lists = side.isAny
            || side.groups.contains { group in
                holders.contains { isMember($0, group) }
                    || (isEthernet ? mac.map { names(group, $0) } ?? false : names(group, address))
            } || !isEthernet && side.addresses.contains(address)
        return lists != side.isExcluded
    }
}
