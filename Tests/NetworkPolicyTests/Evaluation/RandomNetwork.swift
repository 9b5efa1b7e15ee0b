// Small random inventories, groups and policies: few names and addresses, so that everything meets everything.
@testable import NetworkPolicy

struct RandomNetwork {
    var random: EvaluationRandom
    static let groups = (0..<9).map { "/infra/domains/default/groups/g\($0)" }

    init(seed: UInt64) { random = EvaluationRandom(seed: seed) }

    mutating func tags() -> [EntityTag] {
        (0..<random.below(3)).map { _ in EntityTag(scope: random.pick(["", "env", "app"]), tag: random.pick(["a", "b", "ab"])) }
    }

    mutating func address() -> IPAddress {
        random.chance(85) ? IPAddress(v4: 0x0A00_0000 + UInt32(random.below(16))) : IPAddress(v6: UInt128(random.below(8)))
    }

    mutating func entity() -> NetworkEntity {
        let name = random.pick(["a", "ab", "b", "web-1", "web-2"])
        switch random.below(4) {
        case 0:
            return NetworkEntity(
                .init(.virtualMachine, "vm\(random.below(5))"), name: name, tags: tags(),
                operatingSystem: random.pick([nil, "Debian", "Windows"]), computerName: random.pick([nil, "a", "b"]))
        case 1: return NetworkEntity(.init(.segment, "s\(random.below(3))"), name: name, tags: tags())
        default:
            let number = random.below(8)
            return NetworkEntity(
                .init(.segmentPort, "p\(number)"), name: name, tags: tags(),
                virtualMachine: random.pick([nil, "vm\(random.below(5))"]), segment: random.pick([nil, "s\(random.below(3))"]),
                interface: random.pick([nil, "vif\(number)"]), mac: MACAddress(bits: UInt64(random.below(4))),
                addresses: (0..<random.below(3)).map { _ in address() })
        }
    }

    mutating func condition() -> GroupCondition {
        let subject: GroupCondition.Subject = random.chance(15) ? .group : .entity(random.pick(NetworkEntity.Kind.allCases))
        let key = random.pick([GroupCondition.Key.tag, .tag, .name, .operatingSystem, .computerName])
        let comparison = random.pick([
            GroupCondition.Operator.equals, .equals, .notEquals, .contains, .startsWith, .endsWith, .isIn, .matches,
        ])
        let text = comparison == .matches ? random.pick(["*b", "a?", "web-*", "*"]) : random.pick(["a", "b", "ab", "a, b", "web"])
        let value = key == .tag ? random.pick(["", "|", "env|", "app|"]) + text : text
        return GroupCondition(subject, key, comparison, value, scopeMustDiffer: random.chance(20))
    }

    mutating func addressSet() -> AddressSet {
        AddressSet((0..<random.below(3)).map { _ in
            let first = address()
            return IPRange(first, first.next ?? first) ?? IPRange(first)
        })
    }

    mutating func term(depth: Int) -> GroupExpression.Term {
        switch random.below(depth == 0 ? 8 : 9) {
        case 0...2: return .condition(condition())
        case 3, 4:
            let entities = [NetworkEntity.ID(.segment, "s\(random.below(3))"), .init(.segmentPort, "p\(random.below(8))")]
            return .references(
                groups: random.chance(60) ? [random.pick(Self.groups)] : [], entities: random.chance(50) ? [random.pick(entities)] : [])
        case 5: return .addresses(addressSet())
        case 6: return .macAddresses([MACAddress(bits: UInt64(random.below(4)))])
        case 7: return .externalIDs(virtualMachines: ["vm\(random.below(5))"], interfaces: ["vif\(random.below(8))"])
        default: return .nested(expression(depth: depth - 1))
        }
    }

    mutating func expression(depth: Int = 1) -> GroupExpression {
        let terms = (0..<(1 + random.below(3))).map { _ in term(depth: depth) }
        return GroupExpression(terms, terms.dropFirst().map { _ in random.chance(50) ? .and : .or })
    }

    mutating func group() -> GroupDefinition {
        GroupDefinition(path: random.pick(Self.groups), name: random.pick(["a", "ab"]), tags: tags(), expression: expression())
    }

    mutating func side() -> FirewallRule.Side {
        if random.chance(35) { return .any }
        return FirewallRule.Side(
            groups: random.chance(70) ? [random.pick(Self.groups)] : [], addresses: random.chance(50) ? addressSet() : AddressSet(),
            isExcluded: random.chance(20))
    }

    mutating func service() -> ServiceMatch {
        switch random.below(6) {
        case 0, 1: .tcp(sources: random.chance(20) ? [0...2] : [], destinations: [UInt16(random.below(3))...UInt16(3 + random.below(2))])
        case 2: .udp(sources: [], destinations: [1...2])
        case 3: .icmp(random.chance(70) ? .v4 : .v6, type: random.pick([nil, 8, 128]), code: random.pick([nil, 0]))
        case 4: .ipProtocol(random.pick([1, 6, 17, 47]))
        default: .etherType(random.pick([0x0800, 0x86DD]))
        }
    }

    mutating func policy(_ number: Int) -> FirewallPolicy {
        let category = random.pick([FirewallPolicy.Category.ethernet, .emergency, .infrastructure, .environment, .application])
        let actions: [FirewallRule.Action] =
            category == .environment ? [.allow, .drop, .reject, .jumpToApplication] : category == .ethernet ? [.allow, .drop] : [.allow, .drop, .reject]
        let rules = (0..<random.below(4)).map { rule in
            FirewallRule(
                1000 + number * 10 + rule, sequenceNumber: random.below(3), random.pick(actions), from: side(), to: side(),
                services: random.chance(50) ? [service(), service()] : nil, needsPayload: random.chance(4),
                scope: random.chance(30) ? [random.pick(Self.groups)] : nil,
                direction: random.pick([.both, .both, .incoming, .outgoing]), family: random.pick([nil, nil, .v4, .v6]),
                isDisabled: random.chance(8))
        }
        return FirewallPolicy(
            path: "p\(number)", category, sequenceNumber: random.below(3), createdMilliseconds: Int64(random.below(2)),
            isStateful: category != .ethernet, isTCPStrict: random.chance(50),
            scope: random.chance(25) ? [random.pick(Self.groups)] : nil, isActive: random.chance(93), rules: rules)
    }

    mutating func packet() -> Packet {
        let isV4 = random.chance(85)
        func address(_ random: inout EvaluationRandom) -> IPAddress {
            isV4 ? IPAddress(v4: 0x0A00_0000 + UInt32(random.below(16))) : IPAddress(v6: UInt128(random.below(8)))
        }
        let (from, to) = (UInt16(random.below(6)), UInt16(random.below(6)))
        let payload = random.pick([
            Packet.Payload.tcp(source: from, destination: to, flags: .syn), .udp(source: from, destination: to),
            .icmp(type: isV4 ? 8 : 128, code: 0, identifier: 1), .other(47),
        ])
        return Packet(
            from: address(&random), to: address(&random), payload, sourceMAC: MACAddress(bits: UInt64(random.below(4))),
            destinationMAC: MACAddress(bits: UInt64(random.below(4))))
    }
}
