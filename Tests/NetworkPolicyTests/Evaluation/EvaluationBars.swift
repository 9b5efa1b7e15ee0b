// The two bars at their size, measured; the long form only. Run it in a release build.
import Testing

@testable import NetworkPolicy

@Suite(.serialized, .enabled(if: isLongEvaluation))
struct EvaluationBars {
    private static func milliseconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) * 1e3 + Double(duration.components.attoseconds) / 1e15
    }

    /// 10,000 groups, one by tag each, and 10,000 machines with a port and three tags each.
    private static func inventory() throws -> GroupIndex {
        var index = GroupIndex()
        for number in 0..<10_000 {
            let condition = GroupCondition(.entity(.virtualMachine), .tag, .equals, "role|r\(number)")
            _ = try index.set(GroupDefinition(path: "g\(number)", expression: GroupExpression(.condition(condition))))
        }
        for number in 0..<10_000 {
            _ = index.set(machine(number, tag: number))
            _ = index.set(NetworkEntity(
                .init(.segmentPort, "p\(number)"), virtualMachine: "vm\(number)", addresses: [IPAddress(v4: 0x0A00_0000 + UInt32(number))]))
        }
        return index
    }

    private static func machine(_ number: Int, tag: Int) -> NetworkEntity {
        let tags = [0, 100, 5000].map { EntityTag(scope: "role", tag: "r\((tag + $0) % 10_000)") }
        return NetworkEntity(.init(.virtualMachine, "vm\(number)"), name: "vm\(number)", tags: tags)
    }

    @Test func aTagChangeAndAFlow() throws {
        var index = try Self.inventory()
        let rules = (0..<10_000).map { number in
            FirewallRule(
                1000 + number, sequenceNumber: number, .drop, from: .init(groups: ["g\(number)"]), to: .init(groups: ["g\((number * 7) % 10_000)"]),
                services: [.tcp(sources: [], destinations: [80...80, 443...443])], scope: ["g\(number)"])
        }
        let firewall = Firewall([FirewallPolicy(path: "p", rules: rules)], groups: &index)
        let clock = ContinuousClock()
        var changes: [Double] = []
        for round in 0..<200 {
            let number = round * 37
            let port = try #require(index.entity(.init(.segmentPort, "p\(number)")))
            var effective: [Int] = []
            changes.append(Self.milliseconds(clock.measure {
                _ = index.set(Self.machine(number, tag: number + 13))
                effective = firewall.effectiveRules(ofPort: port, index)
            }))
            #expect(effective.contains((number + 13) % 10_000) && effective.count == 3)
        }
        changes.sort()
        var flows: [Double] = []
        let port = try #require(index.entity(.init(.segmentPort, "p1")))
        let packet = Packet(
            from: IPAddress(v4: 0x0A00_0001), to: IPAddress(v4: 0x0A00_0005), .tcp(source: 1, destination: 81, flags: .syn))
        for _ in 0..<200 {
            var verdict: FirewallVerdict?
            flows.append(Self.milliseconds(clock.measure {
                verdict = firewall.evaluate(FirewallQuestion(packet, port: port, .outgoing), index)
            }))
            #expect(verdict?.decision == .defaultRule && verdict?.skipped.count == 10_000)
        }
        flows.sort()
        print("tag change to effective rules: median \(changes[100]) ms, worst \(changes[199]) ms (bar 10)")
        print("one flow against 10,000 rules: median \(flows[100]) ms, worst \(flows[199]) ms (bar 1)")
    }
}
