/// Where a packet starts.
public enum PacketOrigin: Hashable, Sendable {
    case port(Int)
    /// Outside, at the external interfaces of a tier-0.
    case external(gateway: Int)
}

/// What firewalls and gateways remember between packets.
public struct FlowState: Sendable {
    public var connections: ConnectionTable
    var translations = TranslationTable()

    public init(timeouts: ConnectionTimeouts = ConnectionTimeouts()) { connections = ConnectionTable(timeouts: timeouts) }
}

extension Topology {
    /// Follows a packet from its origin to wherever it ends.
    ///
    /// The order at a port: admin state, spoof guard, distributed firewall, segment. At a gateway: time to live, destination
    /// NAT, routing, source NAT, firewall. Traffic between networks below one gateway meets neither its NAT nor its firewall,
    /// which stand at its way up.
    public func send(
        _ packet: Packet, from origin: PacketOrigin, state: inout FlowState, nowMilliseconds: Int64
    ) -> PathAnswer {
        var walk = Walk(topology: self, state: state, now: nowMilliseconds, packet: packet)
        switch origin {
        case .port(let port): walk.leave(port)
        case .external(let gateway): walk.enter(gateway, from: .outside)
        }
        state = walk.state
        return PathAnswer(
            hops: walk.hops, outcome: walk.hops.last?.event ?? .dropped(.notConnected), deliveredTo: walk.deliveredTo)
    }
}

private struct Walk {
    enum Side { case below, above, outside }

    let topology: Topology
    var state: FlowState
    let now: Int64
    var packet: Packet
    var hops: [Hop] = []
    var deliveredTo: Int?

    private mutating func note(
        _ component: Hop.Component, _ name: String, _ event: Hop.Event, verdict: FirewallVerdict? = nil, natRule: Int? = nil
    ) {
        hops.append(Hop(component: component, name: name, event: event, packet: packet, verdict: verdict, natRule: natRule))
    }

    // MARK: Ports and segments

    mutating func leave(_ number: Int) {
        let port = topology.ports[number]
        guard port.isUp else { return note(.port, port.path, .dropped(.portDown)) }
        note(.port, port.path, .received)
        if port.isSpoofGuarded {
            let isOwn = port.addresses.contains(packet.source) && (packet.sourceMAC == nil || packet.sourceMAC == port.mac)
            guard isOwn else { return note(.spoofGuard, port.path, .dropped(.spoofGuard)) }
            note(.spoofGuard, port.path, .forwarded)
        }
        guard passesFirewall(number, .outgoing) else { return }
        let segment = topology.segments[port.segment]
        guard segment.isUp else { return note(.segment, segment.path, .dropped(.segmentDown)) }
        note(.segment, segment.path, .received)
        if let neighbour = owner(of: packet.destination, on: port.segment) { return arrive(neighbour) }
        guard let gateway = segment.gateway else { return note(.segment, segment.path, .dropped(.notConnected)) }
        let isNeighbour = segment.gatewayAddresses.contains {
            $0.prefix.contains(packet.destination) && $0.address != packet.destination
        }
        if isNeighbour { return note(.segment, segment.path, .dropped(.addressUnresolved)) }
        enter(gateway, from: .below)
    }

    private func owner(of address: IPAddress, on segment: Int) -> Int? {
        topology.ports.indices.first { topology.ports[$0].segment == segment && topology.ports[$0].addresses.contains(address) }
    }

    /// From a gateway onto a segment, to the port with `address`.
    private mutating func descend(to number: Int, neighbour address: IPAddress) {
        let segment = topology.segments[number]
        guard segment.isUp else { return note(.segment, segment.path, .dropped(.segmentDown)) }
        guard let port = owner(of: address, on: number) else {
            return note(.segment, segment.path, .dropped(.addressUnresolved))
        }
        note(.segment, segment.path, .received)
        arrive(port)
    }

    private mutating func arrive(_ number: Int) {
        let port = topology.ports[number]
        note(.segment, topology.segments[port.segment].path, .forwarded)
        guard port.isUp else { return note(.port, port.path, .dropped(.portDown)) }
        guard passesFirewall(number, .incoming) else { return }
        deliveredTo = number
        note(.port, port.path, .delivered)
    }

    private mutating func passesFirewall(_ number: Int, _ direction: FirewallRule.Direction) -> Bool {
        let port = topology.ports[number]
        let entity = topology.groups.entity(.init(.segmentPort, port.path))
        let verdict = state.connections.evaluate(
            FirewallQuestion(packet, port: entity, direction), at: number, topology.firewall, topology.groups,
            nowMilliseconds: now)
        note(.distributedFirewall, port.path, Self.event(verdict), verdict: verdict)
        return verdict.action == .allow
    }

    private static func event(_ verdict: FirewallVerdict) -> Hop.Event {
        switch verdict.action {
        case .allow: .forwarded
        case .drop: .dropped(.firewallRule)
        case .reject: .rejected
        case .undecided: .undecided
        }
    }

    // MARK: Gateways

    mutating func enter(_ number: Int, from side: Side) {
        let gateway = topology.gateways[number]
        let component: Hop.Component = gateway.isTier0 ? .tier0 : .tier1
        note(component, gateway.path, .received)
        guard packet.timeToLive > 1 else { return note(component, gateway.path, .dropped(.timeToLive)) }
        packet.timeToLive -= 1
        guard let passage = serve(number, from: side) else { return }
        switch passage {
        case .itself: note(component, gateway.path, .delivered)
        case .route(.external):
            note(component, gateway.path, .leftNetwork)
        case .route(.segment(let segment)):
            note(component, gateway.path, .forwarded)
            descend(to: segment, neighbour: packet.destination)
        case .route(.neighbour(let address, let segment)):
            note(component, gateway.path, .forwarded)
            descend(to: segment, neighbour: address)
        case .route(.gateway(let next)):
            note(component, gateway.path, .forwarded)
            enter(next, from: gateway.uplink == next ? .below : .above)
        case .route(.discard): note(component, gateway.path, .dropped(.noRoute))
        }
    }

    private enum Passage { case itself, route(Route) }

    /// Translation, routing and firewall; nil if the packet ended here.
    private mutating func serve(_ number: Int, from side: Side) -> Passage? {
        let gateway = topology.gateways[number]
        let component: Hop.Component = gateway.isTier0 ? .tier0 : .tier1
        let answerKey = TranslationTable.key(packet, number)
        let known = state.translations.find(answerKey, now: now, state.connections.timeouts)
        let isBetweenNetworksBelow = side == .below && known == nil && isBelow(topology.route(at: number, to: packet.destination), number)
        let before = packet
        var view: Packet? = packet
        if let known {
            packet = packet.with(known.restored)
            view = known.view.map { before.with($0) }
            note(.nat, gateway.path, .forwarded, natRule: known.rule)
        } else if !isBetweenNetworksBelow, let rule = gateway.destinationRule(packet),
            let translated = rule.translateDestination(packet)
        {
            packet = translated
            view = Self.view(rule, external: before, internal: translated)
            note(.nat, gateway.path, .forwarded, natRule: rule.number)
        }
        if isOwnAddress(packet.destination, number) { return .itself }
        guard let route = topology.route(at: number, to: packet.destination), route != .discard else {
            note(component, gateway.path, .dropped(.noRoute))
            return nil
        }
        if isBetweenNetworksBelow { return .route(route) }
        if known == nil {
            guard translateSource(number, before, &view) else { return nil }
        }
        return passesGatewayFirewall(number, side, view) ? .route(route) : nil
    }

    private static func view(_ rule: NATRule, external: Packet, internal inner: Packet) -> Packet? {
        switch rule.firewallMatch {
        case .externalAddress: external
        case .internalAddress: inner
        case .bypass: nil
        }
    }

    /// Source translation, and the memory of both. False if no port is free.
    private mutating func translateSource(_ number: Int, _ before: Packet, _ view: inout Packet?) -> Bool {
        let gateway = topology.gateways[number]
        let afterDestination = packet
        var natRule = before == packet ? nil : gateway.destinationRule(before)
        if let rule = gateway.sourceRule(packet), let translated = rule.translateSource(packet) {
            guard let free = withFreePort(translated, number, restored: TranslationTable.answer(to: before, number)) else {
                note(.nat, gateway.path, .dropped(.natPortsExhausted))
                return false
            }
            packet = free
            if let seen = view {
                var outside = seen
                outside.source = free.source
                view = Self.view(rule, external: outside.withPorts(source: free.ports?.source, destination: nil), internal: seen)
            }
            natRule = natRule ?? rule
            note(.nat, gateway.path, .forwarded, natRule: rule.number)
        }
        // A reflexive rule translates the answer by itself.
        let isReflexive = natRule?.action == .reflexive && (afterDestination == before || afterDestination == packet)
        if let natRule, !isReflexive {
            state.translations.remember(
                .init(
                    key: TranslationTable.answer(to: packet, number), restored: TranslationTable.answer(to: before, number),
                    view: view.map { TranslationTable.answer(to: $0, number) }, rule: natRule.number, lastMilliseconds: now))
        }
        return true
    }

    /// The packet with its source port, or the lowest from 1024 whose answers belong to nobody else.
    private func withFreePort(_ packet: Packet, _ gateway: Int, restored: TranslationTable.Key) -> Packet? {
        func isFree(_ packet: Packet) -> Bool {
            let key = TranslationTable.answer(to: packet, gateway)
            return state.translations.isFree(key, for: restored, now: now, state.connections.timeouts)
        }
        if packet.ports == nil || isFree(packet) { return packet }
        return (UInt16(1024)...UInt16.max).lazy.map { packet.withPorts(source: $0, destination: nil) }.first(where: isFree)
    }

    private mutating func passesGatewayFirewall(_ number: Int, _ side: Side, _ view: Packet?) -> Bool {
        let gateway = topology.gateways[number]
        guard let firewall = gateway.firewall, let view else { return true }
        let direction: FirewallRule.Direction = side == .below ? .outgoing : .incoming
        let verdict = state.connections.evaluate(
            FirewallQuestion(view, port: nil, place: [gateway.path], direction), at: -1 - number, firewall, topology.groups,
            nowMilliseconds: now)
        note(.gatewayFirewall, gateway.path, Self.event(verdict), verdict: verdict)
        return verdict.action == .allow
    }

    private func isBelow(_ route: Route?, _ gateway: Int) -> Bool {
        switch route {
        case .segment, .neighbour: true
        case .gateway(let next): topology.gateways[next].uplink == gateway
        case .external, .discard, nil: false
        }
    }

    private func isOwnAddress(_ address: IPAddress, _ gateway: Int) -> Bool {
        topology.gateways[gateway].externalInterfaces.contains { $0.address == address }
            || topology.segments.contains { $0.gateway == gateway && $0.gatewayAddresses.contains { $0.address == address } }
    }
}
