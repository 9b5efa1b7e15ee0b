import Testing

@testable import NetworkPolicy

// Random trees, changed at random: what was compiled change by change says the same as what is compiled anew.

/// What a compilation says, by path: the numbers of places are its own business.
private struct Meaning: Equatable {
    var segments: [String: SegmentModel] = [:]
    var ports: [String: PortModel] = [:]
    var gateways: [String: [String]] = [:]
    var rules: [String] = []
    var members: [String: [String]] = [:]

    init(_ compilation: NetworkCompilation, groups: [String]) {
        let topology = compilation.topology
        func gateway(_ number: Int?) -> String { number.map { topology.gateways[$0].path } ?? "none" }
        for segment in topology.segments where !segment.path.isEmpty {
            var plain = segment
            plain.gateway = nil
            segments[segment.path + " at " + gateway(segment.gateway)] = plain
        }
        for port in topology.ports where !port.path.isEmpty {
            var plain = port
            plain.segment = 0
            ports[port.path + " on " + topology.segments[port.segment].path] = plain
        }
        for model in topology.gateways where !model.path.isEmpty {
            gateways[model.path] = [
                "\(model.isTier0) \(gateway(model.uplink)) \(model.externalInterfaces) \(model.staticRoutes) \(model.natRules)",
                "\(model.advertises) \(model.advertisementRules)", model.firewall.map { "\(Self.rules($0))" } ?? "none",
            ]
        }
        rules = Self.rules(topology.firewall)
        for path in groups {
            guard let number = topology.groups.knownGroup(path) else { continue }
            let found = NetworkEntity.Kind.allCases.flatMap { topology.groups.members(ofGroup: number, $0).map(\.key) }
            members[path] = found + topology.groups.addresses(ofGroup: number).ranges.map(\.description)
        }
        members = members.filter { !$0.value.isEmpty }
    }

    private static func rules(_ firewall: Firewall) -> [String] {
        (0..<firewall.ruleCount).map { "\(firewall[$0].policy.path) \(firewall[$0].policy.scope ?? []) \(firewall[$0].rule)" }
    }
}

private struct RandomTree {
    var random: EvaluationRandom
    var objects = PlainObjects()
    var machines: [String: NetworkMachine] = [:]
    static let groups = (0..<5).map { "/infra/domains/default/groups/g\($0)" }

    init(seed: UInt64) { random = EvaluationRandom(seed: seed) }

    /// Changes something; what the tree refuses changes nothing.
    mutating func step() -> (paths: [String], machines: [String: NetworkMachine?]) {
        if random.chance(20) { return ([], machine()) }
        let (path, body) = request()
        var draft = PolicyDraft(objects, user: "admin")
        do throws(PolicyError) {
            if random.chance(25) { try draft.delete(path) } else { try draft.patch(path, body) }
            let changes = try draft.finish()
            for (path, object) in changes { objects.byPath[path] = object }
            return (changes.map(\.path), [:])
        } catch {
            return ([], [:])
        }
    }

    private mutating func machine() -> [String: NetworkMachine?] {
        let id = "vm\(random.below(4))"
        guard random.chance(75) else {
            machines[id] = nil
            return [id: Optional<NetworkMachine>.none]
        }
        let interfaces = (0..<random.below(3)).map { number in
            NetworkMachine.Interface(
                id: "\(id)-\(number)", label: "a", mac: MACAddress(bits: UInt64(random.below(9))),
                addresses: random.chance(60) ? [IPAddress(v4: 0x0A01_0000 + UInt32(random.below(3) << 8 + random.below(9)))] : [])
        }
        let new = NetworkMachine(
            externalID: id, name: random.pick(["web-1", "web-2", "db"]),
            tags: (0..<random.below(3)).map { _ in EntityTag(scope: random.pick(["", "tier"]), tag: random.pick(["web", "db"])) },
            operatingSystem: random.pick([nil, "Debian"]), interfaces: interfaces)
        machines[id] = new
        return [id: new]
    }

    private mutating func request() -> (String, PolicyValue) {
        switch random.below(12) {
        case 0: return ("/infra/tier-0s/t0", ["disable_firewall": .boolean(random.chance(50))])
        case 1:
            return (
                "/infra/tier-1s/t\(random.below(2))",
                [
                    "tier0_path": random.pick(["", "/infra/tier-0s/t0"]), "disable_firewall": .boolean(random.chance(30)),
                    "route_advertisement_types": random.pick([[], ["TIER1_CONNECTED"], ["TIER1_CONNECTED", "TIER1_NAT"]]),
                ]
            )
        case 2, 3:
            let number = random.below(3)
            return (
                "/infra/segments/s\(number)",
                [
                    "connectivity_path": random.pick(["", "/infra/tier-1s/t0", "/infra/tier-1s/t1"]),
                    "subnets": [["gateway_address": .string("10.1.\(number).1/24")]],
                    "admin_state": random.pick(["UP", "UP", "DOWN"]),
                    "advanced_config": ["connectivity": random.pick(["ON", "ON", "OFF"])], "tags": [["scope": "tier", "tag": "web"]],
                ]
            )
        case 4, 5:
            return (
                "/infra/segments/s\(random.below(3))/ports/p\(random.below(4))",
                [
                    "attachment": ["id": .string("vm\(random.below(4))-\(random.below(2))")],
                    "admin_state": random.pick(["UP", "UP", "DOWN"]),
                    "address_bindings": random.chance(40) ? [["ip_address": .string("10.1.\(random.below(3)).\(random.below(9))")]] : [],
                ]
            )
        case 6, 7: return (random.pick(Self.groups), ["expression": expression()])
        case 8:
            return (
                "/infra/services/v\(random.below(3))/service-entries/e\(random.below(2))",
                random.chance(35)
                    ? ["resource_type": "NestedServiceServiceEntry", "nested_service_path": .string("/infra/services/v\(random.below(3))")]
                    : [
                        "resource_type": "L4PortSetServiceEntry", "l4_protocol": "TCP",
                        "destination_ports": [.string("\(random.below(4))")],
                    ]
            )
        case 9: return ("/infra/services/v\(random.below(3))", [:])
        case 10:
            return (
                "/infra/tier-1s/t\(random.below(2))/nat/USER/nat-rules/n\(random.below(2))",
                [
                    "action": "DNAT", "destination_network": "192.0.2.7", "translated_network": "10.1.0.5",
                    "service": random.pick(["", "/infra/services/v0", "/infra/services/HTTP"]),
                ]
            )
        default: return policy()
        }
    }

    private mutating func policy() -> (String, PolicyValue) {
        let isGateway = random.chance(30)
        let path = "/infra/domains/default/\(isGateway ? "gateway" : "security")-policies/p\(random.below(3))"
        if random.chance(30) {
            return (path, ["sequence_number": .integer(Int64(random.below(3))), "stateful": .boolean(random.chance(70))])
        }
        let side: [PolicyValue] = [["ANY"], [.string(random.pick(Self.groups))], ["10.1.0.0/24"]]
        let rule: PolicyValue = [
            "action": random.pick(["ALLOW", "DROP", "REJECT"]), "source_groups": random.pick(side), "destination_groups": random.pick(side),
            "services": random.pick([["ANY"], ["/infra/services/v0"], ["/infra/services/v1", "/infra/services/SSH"]]),
            "scope": isGateway ? random.pick([["ANY"], ["/infra/tier-1s/t0"]]) : random.pick([["ANY"], [.string(random.pick(Self.groups))]]),
            "disabled": .boolean(random.chance(10)), "sequence_number": .integer(Int64(random.below(4))),
        ]
        return (path + "/rules/r\(random.below(3))", rule)
    }

    private mutating func expression() -> PolicyValue {
        let terms: [PolicyValue] = [
            ["resource_type": "Condition", "member_type": "VirtualMachine", "key": "Tag", "operator": "EQUALS", "value": "tier|web"],
            ["resource_type": "Condition", "member_type": "VirtualMachine", "key": "Name", "operator": "STARTSWITH", "value": "web"],
            ["resource_type": "Condition", "member_type": "Segment", "key": "Tag", "operator": "EQUALS", "value": "|web"],
            ["resource_type": "PathExpression", "paths": [.string(random.pick(Self.groups))]],
            ["resource_type": "PathExpression", "paths": [.string("/infra/segments/s\(random.below(3))")]],
            ["resource_type": "IPAddressExpression", "ip_addresses": ["10.1.0.0/28"]],
            ["resource_type": "ExternalIDExpression", "member_type": "VirtualMachine", "external_ids": ["vm1"]],
        ]
        if random.chance(50) { return [random.pick(terms)] }
        let conjunction: PolicyValue = ["resource_type": "ConjunctionOperator", "conjunction_operator": random.pick(["AND", "OR"])]
        return [random.pick(terms), conjunction, random.pick(terms)]
    }
}

@Test(arguments: isLongEvaluation ? Array(1...200) : Array(1...8))
func compilingChangeByChangeIsCompilingAnew(seed: UInt64) {
    var tree = RandomTree(seed: seed)
    var compilation = NetworkCompilation(tree.objects, machines: [])
    for step in 0..<150 {
        let change = tree.step()
        compilation.update(change.paths, machines: change.machines, in: tree.objects)
        guard step % 5 == 4 || step > 140 else { continue }
        let anew = NetworkCompilation(tree.objects, machines: tree.machines.values.sorted { $0.externalID < $1.externalID })
        let (left, right) = (Meaning(compilation, groups: RandomTree.groups), Meaning(anew, groups: RandomTree.groups))
        #expect(left == right, "seed \(seed), step \(step)")
        if left != right { return }
    }
}

@Test func groupsInACircleHaveNoMembersAndRecoverWhenItIsBroken() throws {
    var objects = PlainObjects()
    func nesting(_ path: String) -> PolicyValue {
        [
            "expression": [
                ["resource_type": "PathExpression", "paths": [.string(path)]],
                ["resource_type": "ConjunctionOperator", "conjunction_operator": "OR"],
                ["resource_type": "IPAddressExpression", "ip_addresses": ["10.0.0.1"]],
            ]
        ]
    }
    let (first, second) = (RandomTree.groups[0], RandomTree.groups[1])
    let plain: PolicyValue = ["expression": [["resource_type": "IPAddressExpression", "ip_addresses": ["10.0.0.2"]]]]
    var compilation = NetworkCompilation()
    for (path, body) in [(second, plain), (first, nesting(second)), (second, nesting(first))] {
        try objects.patch(path, body)
        compilation.update([path], in: objects)
    }
    #expect(compilation.circularGroups == [first, second])
    try objects.patch(second, plain)
    compilation.update([second], in: objects)
    #expect(compilation.circularGroups.isEmpty)
    let number = try #require(compilation.topology.groups.knownGroup(first))
    #expect(compilation.topology.groups.addresses(ofGroup: number).ranges.map(\.description) == ["10.0.0.1-10.0.0.2"])
}

@Test func aTranslationOfARangeTranslatesNothingRatherThanEverything() throws {
    var objects = PlainObjects()
    try objects.patch("/infra/tier-1s/t0", [:])
    let rule = "/infra/tier-1s/t0/nat/USER/nat-rules/n0"
    func translations(_ source: PolicyValue) throws -> Int {
        let body: PolicyValue = ["action": "SNAT", "source_network": source, "translated_network": "192.0.2.7"]
        try objects.patch(rule, body)
        return try #require(NetworkCompilation(objects, machines: []).topology.gateways.first).natRules.count
    }
    #expect(try translations("10.1.0.0/24") == 1)
    #expect(try translations("10.1.0.5") == 1)
    #expect(try translations("10.1.0.5-10.1.0.9") == 0)
}
