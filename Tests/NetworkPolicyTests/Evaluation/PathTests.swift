// A packet's way: two tier-1 gateways below one tier-0, every kind of drop, NAT there and back.
import Testing

@testable import NetworkPolicy

struct PathTests {
    private static func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }
    private static func prefix(_ text: String) throws -> IPPrefix { try #require(IPPrefix(text)) }
    private static func interface(_ text: String) throws -> InterfaceAddress { try #require(InterfaceAddress(text)) }

    private static let web = 0, database = 1, app = 2

    /// web (10.1.1.0/24) and app (10.1.2.0/24) below the first tier-1, database (10.2.1.0/24) below the second.
    private static func topology(rules: [FirewallRule] = []) throws -> Topology {
        var groups = GroupIndex()
        let segments = [
            SegmentModel(path: "web", gatewayAddresses: [try interface("10.1.1.1/24")], gateway: 0),
            SegmentModel(path: "database", gatewayAddresses: [try interface("10.2.1.1/24")], gateway: 1),
            SegmentModel(path: "app", gatewayAddresses: [try interface("10.1.2.1/24")], gateway: 0),
        ]
        let ports = try [("p0", web, "10.1.1.10"), ("p1", database, "10.2.1.10"), ("p2", app, "10.1.2.10"), ("p3", web, "10.1.1.11")]
            .map { path, segment, text in
                PortModel(path: path, segment: segment, addresses: [try address(text)], isSpoofGuarded: true)
            }
        for port in ports { _ = groups.set(NetworkEntity(.init(.segmentPort, port.path), addresses: port.addresses)) }
        let gateways = [
            GatewayModel(path: "t1a", isTier0: false, uplink: 2, advertises: [.connected, .nat]),
            GatewayModel(path: "t1b", isTier0: false, uplink: 2, advertises: [.connected, .nat]),
            GatewayModel(
                path: "t0", isTier0: true, externalInterfaces: [try interface("192.0.2.2/24")],
                staticRoutes: [StaticRoute(try prefix("0.0.0.0/0"), via: try address("192.0.2.1"))]),
        ]
        let firewall = Firewall([FirewallPolicy(path: "policy", rules: rules)], groups: &groups)
        return Topology(segments: segments, ports: ports, gateways: gateways, firewall: firewall, groups: groups)
    }

    private static func packet(_ from: String, _ to: String, ttl: UInt8 = 64) throws -> Packet {
        Packet(from: try address(from), to: try address(to), .tcp(source: 5000, destination: 80, flags: .syn), timeToLive: ttl)
    }

    private static func answer(to packet: Packet) -> Packet {
        let ports = packet.ports ?? (0, 0)
        return Packet(
            from: packet.destination, to: packet.source,
            .tcp(source: ports.destination, destination: ports.source, flags: [.syn, .acknowledgement]))
    }

    private static func send(_ topology: Topology, _ packet: Packet, from origin: PacketOrigin = .port(0)) -> PathAnswer {
        var state = FlowState()
        return topology.send(packet, from: origin, state: &state, nowMilliseconds: 0)
    }

    @Test func aPacketBetweenTiersMeetsEveryGateway() throws {
        let answer = Self.send(try Self.topology(), try Self.packet("10.1.1.10", "10.2.1.10"))
        #expect(answer.outcome == .delivered && answer.deliveredTo == 1)
        let received = answer.hops.filter { $0.event == .received }.map(\.name)
        #expect(received == ["p0", "web", "t1a", "t0", "t1b", "database"])
        #expect(answer.hops.last?.packet.timeToLive == 61)
        #expect(answer.hops.filter { $0.component == .distributedFirewall }.map(\.name) == ["p0", "p1"])
    }

    @Test func aNeighbourIsReachedWithoutAGateway() throws {
        let answer = Self.send(try Self.topology(), try Self.packet("10.1.1.10", "10.1.1.11"))
        #expect(answer.deliveredTo == 3 && answer.hops.last?.packet.timeToLive == 64)
    }

    @Test func everyObstacleHasItsReason() throws {
        let usual = try Self.packet("10.1.1.10", "10.2.1.10")
        func outcome(_ packet: Packet, _ change: (inout Topology) -> Void = { _ in }) throws -> Hop.Event {
            var topology = try Self.topology()
            change(&topology)
            return Self.send(topology, packet).outcome
        }
        #expect(try outcome(Self.packet("10.1.1.99", "10.2.1.10")) == .dropped(.spoofGuard))
        #expect(try outcome(usual) { $0.ports[0].isUp = false } == .dropped(.portDown))
        #expect(try outcome(usual) { $0.ports[1].isUp = false } == .dropped(.portDown))
        #expect(try outcome(usual) { $0.segments[0].isUp = false } == .dropped(.segmentDown))
        #expect(try outcome(usual) { $0.segments[1].isUp = false } == .dropped(.segmentDown))
        #expect(try outcome(usual) { $0.segments[0].gateway = nil } == .dropped(.notConnected))
        #expect(try outcome(usual) { $0.gateways[0].uplink = nil } == .dropped(.noRoute))
        #expect(try outcome(usual) { $0.gateways[1].advertises = [] } == .leftNetwork)
        #expect(try outcome(Self.packet("10.1.1.10", "10.2.1.99")) == .dropped(.addressUnresolved))
        #expect(try outcome(Self.packet("10.1.1.10", "10.1.1.99")) == .dropped(.addressUnresolved))
        for ttl in UInt8(1)...3 { #expect(try outcome(Self.packet("10.1.1.10", "10.2.1.10", ttl: ttl)) == .dropped(.timeToLive)) }
        #expect(try outcome(Self.packet("10.1.1.10", "10.2.1.10", ttl: 4)) == .delivered)
        #expect(try outcome(Self.packet("10.1.1.10", "10.1.2.1")) == .delivered)
        let denied = GatewayModel.AdvertisementRule(networks: [try Self.prefix("10.2.0.0/16")], isPermitted: false)
        #expect(try outcome(usual) { $0.gateways[1].advertisementRules = [denied] } == .leftNetwork)
        let hole = StaticRoute(try Self.prefix("10.2.1.0/25"), via: nil)
        #expect(try outcome(usual) { $0.gateways[2].staticRoutes.append(hole) } == .dropped(.noRoute))
        let farHole = StaticRoute(try Self.prefix("10.2.1.0/24"), via: nil, distance: 4)
        #expect(try outcome(usual) { $0.gateways[2].staticRoutes.append(farHole) } == .delivered)
    }

    @Test func theFirewallStandsAtBothEnds() throws {
        let outgoing = FirewallRule(1000, .drop, direction: .outgoing)
        let incoming = FirewallRule(1001, .reject, direction: .incoming)
        let first = Self.send(try Self.topology(rules: [outgoing]), try Self.packet("10.1.1.10", "10.2.1.10"))
        #expect(first.outcome == .dropped(.firewallRule) && first.hops.last?.name == "p0")
        let second = Self.send(try Self.topology(rules: [incoming]), try Self.packet("10.1.1.10", "10.2.1.10"))
        #expect(second.outcome == .rejected && second.hops.last?.name == "p1")
    }

    @Test func sourceTranslationFindsTheWayBackAndKeepsFlowsApart() throws {
        var topology = try Self.topology()
        topology.gateways[0].natRules = [
            NATRule(1, .sourceNAT, source: try Self.prefix("10.1.0.0/16"), translated: try Self.prefix("198.51.100.1/32"))
        ]
        var state = FlowState()
        var sent: [PathAnswer] = []
        for (port, source) in [(0, "10.1.1.10"), (3, "10.1.1.11"), (0, "10.1.1.10"), (3, "10.1.1.11")] {
            let packet = try Self.packet(source, "203.0.113.7")
            sent.append(topology.send(packet, from: .port(port), state: &state, nowMilliseconds: 0))
        }
        let outside = sent.compactMap { $0.hops.last?.packet }
        #expect(sent.allSatisfy { $0.outcome == .leftNetwork } && outside.allSatisfy { $0.source.description == "198.51.100.1" })
        #expect(outside.map { $0.ports?.source } == [5000, 1024, 5000, 1024])
        for (packet, expected) in zip(outside, [0, 3]) {
            let back = topology.send(Self.answer(to: packet), from: .external(gateway: 2), state: &state, nowMilliseconds: 5)
            #expect(back.deliveredTo == expected && back.hops.last?.packet.ports?.destination == 5000)
        }
        let late = topology.send(
            Self.answer(to: outside[0]), from: .external(gateway: 2), state: &state, nowMilliseconds: 90_000_000)
        #expect(late.outcome != .delivered)
    }

    @Test func destinationTranslationComesBeforeRoutingAndTheFirewallSeesTheFormAsked() throws {
        var groups = GroupIndex()
        let outside = FirewallRule(2000, .drop, to: .init(addresses: AddressSet([try #require(IPRange("198.51.100.5"))])))
        let gatewayFirewall = Firewall([FirewallPolicy(path: "g", .localGatewayRules, rules: [outside])], groups: &groups)
        for (match, expected) in [
            (NATRule.FirewallMatch.externalAddress, Hop.Event.dropped(.firewallRule)), (.internalAddress, .delivered), (.bypass, .delivered),
        ] {
            var topology = try Self.topology()
            topology.gateways[1].firewall = gatewayFirewall
            topology.gateways[1].natRules = [
                NATRule(
                    1, .destinationNAT, destination: try Self.prefix("198.51.100.5/32"), translated: try Self.prefix("10.2.1.10/32"),
                    translatedPort: 8080, firewallMatch: match)
            ]
            var state = FlowState()
            let packet = try Self.packet("203.0.113.7", "198.51.100.5")
            let answer = topology.send(packet, from: .external(gateway: 2), state: &state, nowMilliseconds: 0)
            #expect(answer.outcome == expected)
            guard expected == .delivered, let arrived = answer.hops.last?.packet else { continue }
            #expect(arrived.ports?.destination == 8080)
            let back = topology.send(Self.answer(to: arrived), from: .port(1), state: &state, nowMilliseconds: 1)
            #expect(back.outcome == .leftNetwork && back.hops.last?.packet.source.description == "198.51.100.5")
            #expect(back.hops.last?.packet.ports?.source == 80)
        }
    }

    @Test func aRuleNotToTranslateComesFirstAndReflexiveWorksBothWays() throws {
        var topology = try Self.topology()
        topology.gateways[0].natRules = [
            NATRule(1, sequenceNumber: 5, .reflexive, source: try Self.prefix("10.1.1.0/24"), translated: try Self.prefix("198.51.100.0/24")),
            NATRule(2, sequenceNumber: 1, .noSourceNAT, destination: try Self.prefix("203.0.113.8/32")),
        ]
        let left = Self.send(topology, try Self.packet("10.1.1.10", "203.0.113.7"))
        #expect(left.hops.last?.packet.source.description == "198.51.100.10")
        let plain = Self.send(topology, try Self.packet("10.1.1.10", "203.0.113.8"))
        #expect(plain.hops.last?.packet.source.description == "10.1.1.10")
        let came = Self.send(topology, try Self.packet("203.0.113.7", "198.51.100.11"), from: .external(gateway: 2))
        #expect(came.deliveredTo == 3)
        let inside = Self.send(topology, try Self.packet("10.1.1.10", "10.1.2.10"))
        #expect(inside.deliveredTo == 2 && inside.hops.allSatisfy { $0.component != .nat })
    }
}
