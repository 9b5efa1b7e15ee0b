/// Where a gateway sends a packet.
enum Route: Hashable, Sendable {
    case segment(Int)
    case gateway(Int)
    /// Through a segment to the neighbour with this address.
    case neighbour(IPAddress, segment: Int)
    case external
    case discard
}

extension Topology {
    /// The route for `destination` at a gateway: the longest prefix, then the smallest distance, then the smallest next hop.
    ///
    /// Connected networks have distance 0, static routes their own, networks a tier-1 advertises 3 and its way up 255.
    func route(at gateway: Int, to destination: IPAddress) -> Route? {
        var best: (length: Int, distance: Int, order: IPAddress?, route: Route)?
        func offer(_ network: IPPrefix, _ distance: Int, _ order: IPAddress? = nil, _ route: Route) {
            guard network.contains(destination) else { return }
            if let best {
                if network.length != best.length {
                    if network.length < best.length { return }
                } else if distance != best.distance {
                    if distance > best.distance { return }
                } else {
                    guard let order, let old = best.order, order < old else { return }
                }
            }
            best = (network.length, distance, order, route)
        }
        for (index, segment) in segments.enumerated() where segment.gateway == gateway {
            for address in segment.gatewayAddresses { offer(address.prefix, 0, nil, .segment(index)) }
        }
        let model = gateways[gateway]
        for interface in model.externalInterfaces { offer(interface.prefix, 0, nil, .external) }
        for route in model.staticRoutes {
            guard let nextHop = route.nextHop else {
                offer(route.network, route.distance, nil, .discard)
                continue
            }
            if let way = resolve(nextHop, at: gateway) { offer(route.network, route.distance, nextHop, way) }
        }
        if let uplink = model.uplink {
            offer(IPPrefix(IPAddress(destination.family, 0), length: 0), 255, nil, .gateway(uplink))
        }
        for (index, below) in gateways.enumerated() where below.uplink == gateway {
            for network in advertised(by: index) { offer(network, 3, nil, .gateway(index)) }
        }
        return best?.route
    }

    /// The way to a static route's next hop, which must be a neighbour; nil while it is none.
    private func resolve(_ nextHop: IPAddress, at gateway: Int) -> Route? {
        if gateways[gateway].externalInterfaces.contains(where: { $0.prefix.contains(nextHop) }) { return .external }
        let segment = segments.indices.first { index in
            segments[index].gateway == gateway && segments[index].gatewayAddresses.contains { $0.prefix.contains(nextHop) }
        }
        return segment.map { .neighbour(nextHop, segment: $0) }
    }

    /// The networks a tier-1 makes known above.
    func advertised(by gateway: Int) -> [IPPrefix] {
        let model = gateways[gateway]
        var networks: [IPPrefix] = []
        if model.advertises.contains(.connected) {
            networks += segments.filter { $0.gateway == gateway }.flatMap { $0.gatewayAddresses.map(\.prefix) }
        }
        if model.advertises.contains(.staticRoutes) { networks += model.staticRoutes.map(\.network) }
        if model.advertises.contains(.nat) {
            for rule in model.natRules where rule.isEnabled {
                switch rule.action {
                case .destinationNAT: if let network = rule.destination { networks.append(network) }
                case .sourceNAT, .reflexive: if let network = rule.translated { networks.append(network) }
                case .noSourceNAT, .noDestinationNAT: break
                }
            }
        }
        return networks.filter { network in
            let rule = model.advertisementRules.first { rule in
                rule.networks.contains { $0 == network || rule.includesSmaller && $0.contains(network) }
            }
            return rule?.isPermitted ?? true
        }
    }
}
