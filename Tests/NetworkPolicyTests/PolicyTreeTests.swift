import Domain
import NetworkPolicy
import Testing

// The tree on a plain dictionary: every type goes in and out by PATCH, PUT and hierarchy, and random requests are compared
// with what must be true after each.

struct PlainObjects: PolicyObjects {
    var byPath: [String: PolicyObject] = [:]

    func object(at path: String) -> PolicyObject? { byPath[path] }
    func paths(in collection: String) -> [String] { byPath.values.filter { $0.collection == collection }.map(\.path) }
    func referrers(of path: String) -> [String] { byPath.values.filter { $0.references.contains(path) }.map(\.path) }

    mutating func change(_ body: (inout PolicyDraft<PlainObjects>) throws(PolicyError) -> Void) throws(PolicyError) {
        var draft = PolicyDraft(self, user: "admin", now: Timestamp(milliseconds: 5))
        try body(&draft)
        for (path, object) in try draft.finish() { byPath[path] = object }
    }

    mutating func patch(_ path: String, _ body: PolicyValue) throws(PolicyError) {
        try change { draft throws(PolicyError) in try draft.patch(path, body) }
    }

    mutating func put(_ path: String, _ body: PolicyValue) throws(PolicyError) {
        try change { draft throws(PolicyError) in try draft.put(path, body) }
    }

    mutating func delete(_ path: String) throws(PolicyError) {
        try change { draft throws(PolicyError) in try draft.delete(path) }
    }

    func read(_ path: String, _ parameters: [String: String] = [:]) throws(PolicyError) -> PolicyFields {
        try PolicyDraft(self).read(path, parameters)
    }
}

/// One object of every type that can be made, parents first.
let samples: [(path: String, body: PolicyValue)] = [
    ("/infra/dhcp-server-configs/d", ["server_addresses": ["10.1.0.2/30"]]),
    ("/infra/dhcp-relay-configs/r", ["server_addresses": ["10.1.0.3"]]),
    ("/infra/tier-0s/t0", [:]),
    ("/infra/tier-1s/t1", ["tier0_path": "/infra/tier-0s/t0"]),
    ("/infra/tier-1s/t1/locale-services/ls", ["edge_cluster_path": "/infra/sites/default/enforcement-points/default/edge-clusters/default"]),
    ("/infra/tier-1s/t1/static-routes/s", ["network": "10.9.0.0/16", "next_hops": [["ip_address": "10.0.0.9"]]]),
    ("/infra/tier-1s/t1/nat/USER/nat-rules/n", ["action": "SNAT", "source_network": "10.2.0.0/24", "translated_network": "192.0.2.1"]),
    ("/infra/segments/s", ["connectivity_path": "/infra/tier-1s/t1", "subnets": [["gateway_address": "10.2.0.1/24"]]]),
    ("/infra/segments/s/ports/p", ["attachment": ["id": "vif"]]),
    ("/infra/domains/default/groups/g", ["expression": [["resource_type": "PathExpression", "paths": ["/infra/segments/s"]]]]),
    ("/infra/services/own", [:]),
    ("/infra/services/own/service-entries/e", ["resource_type": "L4PortSetServiceEntry", "l4_protocol": "TCP", "destination_ports": ["80"]]),
    ("/infra/domains/default/security-policies/sp", ["sequence_number": "7"]),
    ("/infra/domains/default/security-policies/sp/rules/r", ["destination_groups": ["/infra/domains/default/groups/g"]]),
    ("/infra/domains/default/gateway-policies/gp", [:]),
    ("/infra/domains/default/gateway-policies/gp/rules/r", ["action": "DROP", "scope": ["/infra/tier-1s/t1"]]),
    ("/infra/ip-blocks/b", ["cidr": "10.64.0.0/16"]),
    ("/infra/ip-pools/pool", [:]),
    ("/infra/ip-pools/pool/ip-subnets/u", ["resource_type": "IpAddressPoolStaticSubnet", "cidr": "10.7.0.0/24"]),
    ("/infra/context-profiles/c", ["attributes": [["key": "APP_ID", "value": ["SSL"]]]]),
]

@Test func everyTypeGoesRoundByPatchAndPutAndTheSecondRunMovesNoRevision() throws {
    var tree = PlainObjects()
    for (path, body) in samples { try tree.patch(path, body) }
    let first = tree.byPath
    for (path, body) in samples { try tree.patch(path, body) }
    #expect(tree.byPath == first)
    for (path, _) in samples {
        let read = try tree.read(path)
        #expect(read["_revision"] == 0)
        // Whole objects come back as they were given, read-only fields and all.
        try tree.put(path, .object(read))
        try tree.patch(path, .object(read))
    }
    #expect(tree.byPath == first)
    for (path, _) in samples {
        var read = try tree.read(path)
        read["description"] = "other"
        try tree.put(path, .object(read))
        #expect(try tree.read(path)["_revision"] == 1)
        var stale: PolicyError?
        do { try tree.put(path, .object(read)) } catch { stale = error }
        #expect(stale?.status == 412 && stale?.code == 604)
    }
}

@Test func aHierarchicalRequestIsOneChangeWithReferencesInAnyOrder() throws {
    var tree = PlainObjects()
    let segment: PolicyValue = ["resource_type": "ChildSegment", "Segment": ["id": "s", "connectivity_path": "/infra/tier-1s/t"]]
    let gateway: PolicyValue = ["resource_type": "ChildTier1", "Tier1": ["id": "t"]]
    var error: PolicyError?
    do { try tree.patch("/infra", ["children": [segment]]) } catch let problem { error = problem }
    #expect(error?.code == 500012)
    #expect(tree.byPath.isEmpty)
    try tree.patch("/infra", ["children": [segment, gateway]])
    #expect(tree.byPath.count == 2)
    do { try tree.delete("/infra/tier-1s/t") } catch let problem { error = problem }
    #expect(error?.code == 500030)
    try tree.patch("/infra", ["children": [
        ["resource_type": "ChildTier1", "marked_for_delete": true, "Tier1": ["id": "t"]],
        ["resource_type": "ChildSegment", "marked_for_delete": true, "Segment": ["id": "s"]],
    ]])
    #expect(tree.byPath.isEmpty)
}

@Test(arguments: [
    ("/infra/segments/s", ["overlay_id": -1], 255), ("/infra/segments/s", ["admin_state": "LEFT"], 255),
    ("/infra/segments/s", ["subnets": [["gateway_address": "10.0.0.1"]]], 255), ("/infra/segments/s", ["subnets": [[:], [:]]], 255),
    ("/infra/segments/s", ["subnets": [["gateway_address": "10.0.0.0/24"]]], 255), ("/infra", ["children": "s"], 255),
    ("/infra", ["children": [["resource_type": "ChildSegment"]]], 255),
    ("/infra/domains/default/groups/g", ["expression": [["resource_type": "Condition", "key": "Tag", "operator": "EQUALS"]]], 255),
    ("/infra/domains/default/groups/g", ["expression": [["resource_type": "NestedExpression", "expressions": [[:]]]]], 255),
    ("/infra/domains/default/groups/g",
        ["expression": [["resource_type": "IPAddressExpression", "ip_addresses": ["10.0.0.1", "::1"]]]], 255),
    ("/infra/segments/s", ["vlan_ids": ["5000"]], 255), ("/infra/segments/s", ["vlan_ids": ["5"]], 255),
    ("/infra/segments/s", ["connectivity_path": "/infra/tier-1s/none"], 500012),
    ("/infra/segments/s", ["connectivity_path": "/infra/services/HTTP"], 500012),
    ("/infra/segments/none/ports/p", [:], 500012), ("/infra/segments/s", ["id": "other"], 255),
    ("/infra/nothing/s", [:], 600), ("/infra/domains/default/groups/g", ["expression": [[:], [:]]], 255),
    ("/infra/services/HTTP/service-entries/e", ["resource_type": "Unknown"], 255), ("/infra/services/HTTP", ["description": "x"], 289),
    ("/infra/domains/default/security-policies/p", ["category": "Ethernet"], 255),
    ("/infra/domains/default/security-policies/p", ["sequence_number": 1_000_000], 255),
    ("/infra/tier-1s/t", ["arp_limit": 4999], 255), ("/infra/dhcp-server-configs/d", ["lease_time": 59], 255),
    ("/infra/context-profiles/c", [:], 255), ("/infra/ip-blocks/b", ["cidr": "10.0.0.0/33"], 255),
    ("/infra/segments/s", ["tags": [["scope": .string(String(repeating: "x", count: 129))]]], 255),
] as [(String, PolicyValue, Int)])
func whatDoesNotFitIsRefusedAndChangesNothing(_ path: String, _ body: PolicyValue, _ code: Int) {
    var tree = PlainObjects()
    var error: PolicyError?
    do throws(PolicyError) { try tree.patch(path, body) } catch let problem { error = problem }
    #expect(error?.code == code)
    #expect(tree.byPath.isEmpty)
}

@Test func listsGoOnBehindTheLastObjectAndSearchesFindTagsAndPatterns() throws {
    var tree = PlainObjects()
    for number in 10..<35 {
        try tree.patch("/infra/segments/s\(number)", ["tags": [["scope": "n", "tag": .string("\(number % 5)")]]])
    }
    var seen: [String] = []
    var parameters = ["page_size": "10"]
    repeat {
        let page = try tree.read("/infra/segments", parameters)
        #expect((page["result_count"] != nil) == (parameters["cursor"] == nil))
        seen += (page["results"]?.array ?? []).compactMap { $0.fields?["id"]?.string }
        parameters["cursor"] = page["cursor"]?.string
    } while parameters["cursor"] != nil
    #expect(seen == (10..<35).map { "s\($0)" })
    let found = try tree.read("/search", ["query": "resource_type:Segment AND tags.tag:3 AND NOT id:s1*"])
    #expect(found["result_count"] == 3)
    #expect(throws: PolicyError.self) { try tree.read("/search", ["query": "(a"]) }
    #expect(throws: PolicyError.self) { try tree.read("/search", [:]) }
}

@Test func randomRequestsLeaveNoDanglingNameAndRefusedOnesLeaveNothing() {
    let seed = UInt64.random(in: 0..<1 << 32)
    var state = seed
    func pick(_ count: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int((state >> 33) % UInt64(count))
    }
    var tree = PlainObjects()
    for step in 0..<2000 {
        let (path, body) = samples[pick(samples.count)]
        let before = tree.byPath
        do throws(PolicyError) {
            if pick(3) == 0 { try tree.delete(path) } else { try tree.patch(path, body) }
        } catch {
            #expect(tree.byPath == before, "seed \(seed) step \(step)")
        }
        let draft = PolicyDraft(tree)
        let dangling = tree.byPath.values.contains { $0.references.contains { draft.object(at: $0) == nil } }
        #expect(!dangling, "seed \(seed) step \(step)")
        if dangling { return }
    }
}

@Test func aRequestAsLargeAsAllowedTakesTimeInProportion() throws {
    var tree = PlainObjects()
    func request(deletes: Bool) -> PolicyValue {
        ["children": .array((0..<10_000).map { number in
            ["resource_type": "ChildSegment", "marked_for_delete": .boolean(deletes), "Segment": ["id": .string("s\(number)")]]
        })]
    }
    let creation = request(deletes: false)
    var draft = PolicyDraft(tree)
    try draft.patch("/infra", creation)
    try draft.patch("/infra", request(deletes: true))
    #expect(try draft.finish().isEmpty)
    tree.byPath = [:]
    var more = creation
    if case .object(var fields) = more {
        fields["children"] = .array((fields["children"]?.array ?? []) + (fields["children"]?.array ?? []).prefix(1))
        more = .object(fields)
    }
    #expect(throws: PolicyError.self) { try tree.patch("/infra", more) }
    #expect(tree.byPath.isEmpty)
}
