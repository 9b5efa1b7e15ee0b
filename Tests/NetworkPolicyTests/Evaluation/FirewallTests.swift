// Groups and the distributed firewall against the naive reading, through random changes.
import Testing

@testable import NetworkPolicy

struct FirewallTests {
    private static func randomRun(_ seed: UInt64, packets: Int) throws {
        var network = RandomNetwork(seed: seed)
        var naive = NaiveFirewall()
        var index = GroupIndex()
        for step in 0..<70 {
            if network.random.chance(60) {
                let entity = network.entity()
                if network.random.chance(15) {
                    naive.entities[entity.id] = nil
                    _ = index.remove(entity.id)
                } else {
                    naive.entities[entity.id] = entity
                    _ = index.set(entity)
                }
            } else if network.random.chance(10) {
                let path = network.random.pick(RandomNetwork.groups)
                naive.groups[path] = nil
                _ = index.removeGroup(path)
            } else {
                let group = network.group()
                if (try? index.set(group)) != nil { naive.groups[group.path] = group }
            }
            if step % 7 == 6 { try compareMembership(index, naive, "seed \(seed), step \(step)") }
        }
        naive.policies = (0..<6).map { network.policy($0) }
        naive.excluded = network.random.chance(30) ? [network.random.pick(RandomNetwork.groups)] : []
        let firewall = Firewall(naive.policies, excludedGroups: naive.excluded, groups: &index)
        let ports = naive.entities.values.filter { $0.id.kind == .segmentPort }.sorted { $0.id < $1.id }
        guard !ports.isEmpty else { return }
        for _ in 0..<packets {
            let (port, packet) = (network.random.pick(ports), network.packet())
            let direction: FirewallRule.Direction = network.random.chance(50) ? .incoming : .outgoing
            let number = try #require(index.entity(port.id))
            let verdict = firewall.evaluate(FirewallQuestion(packet, port: number, direction), index)
            let (action, rule) = naive.verdict(packet, port: port, direction)
            try #require(verdict.action == action, "seed \(seed): \(packet)")
            try #require(Self.number(verdict, firewall) == rule, "seed \(seed): \(packet)")
            if case .rule(let place) = verdict.decision, place >= firewall.firstLayer3 {
                let told = Set(verdict.skipped.map(\.index) + [Int32(verdict.jump ?? place)])
                try #require(Set(Int32(firewall.firstLayer3)...Int32(place)).isSubset(of: told.union([Int32(place)])), "seed \(seed)")
                try #require(firewall.effectiveRules(ofPort: number, index).contains(place))
            }
        }
    }

    private static func number(_ verdict: FirewallVerdict, _ firewall: Firewall) -> Int {
        switch verdict.decision {
        case .rule(let place): firewall[place].rule.number
        case .connection(let rule): rule
        case .noConnection(let place): firewall[place].rule.number
        case .defaultRule: 2
        case .notFirewalled: 0
        }
    }

    private static func compareMembership(_ index: GroupIndex, _ naive: NaiveFirewall, _ place: String) throws {
        for path in RandomNetwork.groups {
            guard let group = index.knownGroup(path) else { continue }
            for entity in naive.entities.values {
                let number = try #require(index.entity(entity.id))
                try #require(index.contains(group: group, entity: number) == naive.isMember(entity, path), "\(place), \(path)")
            }
            for bits in UInt32(0)..<18 {
                let address = IPAddress(v4: 0x0A00_0000 + bits)
                try #require(index.namedAddresses(ofGroup: group).contains(address) == naive.names(path, address), "\(place)")
            }
            let gone = index.nodes[group].members.filter { index[Int($0)] == nil }
            try #require(gone.isEmpty, "\(place), \(path)")
        }
    }

    @Test func randomRulesDecideAsTheReferenceSays() throws {
        for seed in UInt64(0)..<(isLongEvaluation ? 10_000 : 120) { try Self.randomRun(seed, packets: isLongEvaluation ? 12 : 25) }
    }

    @Test func aGroupMayNotContainItself() throws {
        var index = GroupIndex()
        func nesting(_ path: String, _ child: String) -> GroupDefinition {
            GroupDefinition(path: path, expression: GroupExpression(.references(groups: [child], entities: [])))
        }
        _ = try index.set(nesting("a", "b"))
        _ = try index.set(nesting("b", "c"))
        #expect(throws: GroupError.circle(["c", "a", "b", "c"])) { try index.set(nesting("c", "a")) }
        #expect(throws: GroupError.circle(["d", "d"])) { try index.set(nesting("d", "d")) }
        _ = try index.set(GroupDefinition(path: "c", expression: GroupExpression(.references(groups: [], entities: [.init(.segment, "s")]))))
        let change = index.set(NetworkEntity(.init(.segment, "s")))
        #expect(Set(change.groups.map(index.path(ofGroup:))) == ["a", "b", "c"])
    }

    @Test func aReplyPassesUntilTheTimeoutAndStrictWantsABeginning() throws {
        var groups = GroupIndex()
        let allow = FirewallRule(1000, .allow, services: [.tcp(sources: [], destinations: [80...80])], direction: .outgoing)
        let policy = FirewallPolicy(path: "p", isTCPStrict: true, rules: [allow, FirewallRule(1001, sequenceNumber: 1, .drop)])
        let firewall = Firewall([policy], groups: &groups)
        _ = groups.set(NetworkEntity(.init(.segmentPort, "p")))
        let port = try #require(groups.entity(.init(.segmentPort, "p")))
        var table = ConnectionTable()
        let (client, server) = (IPAddress(v4: 1), IPAddress(v4: 2))
        func ask(_ isReply: Bool, _ flags: Packet.TCPFlags, _ now: Int64) -> FirewallVerdict {
            let packet = isReply
                ? Packet(from: server, to: client, .tcp(source: 80, destination: 5000, flags: flags))
                : Packet(from: client, to: server, .tcp(source: 5000, destination: 80, flags: flags))
            let question = FirewallQuestion(packet, port: port, isReply ? .incoming : .outgoing)
            return table.evaluate(question, at: port, firewall, groups, nowMilliseconds: now)
        }
        let answer1 = ask(true, .acknowledgement, 0)
        #expect(answer1.action == .drop)
        let answer2 = ask(false, .acknowledgement, 0)
        #expect(answer2.decision == .noConnection(rule: 0))
        let answer3 = ask(false, .syn, 0)
        #expect(answer3.action == .allow)
        let answer4 = ask(true, [.syn, .acknowledgement], 1)
        #expect(answer4.decision == .connection(rule: 1000))
        let answer5 = ask(true, .acknowledgement, 43_200_000)
        #expect(answer5.action == .allow)
        let answer6 = ask(true, .acknowledgement, 86_400_000)
        #expect(answer6.action == .drop)
        let answer7 = ask(false, .syn, 86_400_000)
        #expect(answer7.action == .allow)
        let answer8 = ask(true, .reset, 86_400_001)
        #expect(answer8.action == .allow)
        let answer9 = ask(true, .acknowledgement, 86_400_002)
        #expect(answer9.action == .drop)
    }
}
