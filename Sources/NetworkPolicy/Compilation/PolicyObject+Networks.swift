extension PolicyObject {
    func segmentModel(gateway: Int?) -> SegmentModel {
        let isConnected = content["advanced_config"]?.fields?["connectivity"] != "OFF"
        let addresses = (content["subnets"]?.array ?? []).compactMap { $0.fields?["gateway_address"]?.string }
        return SegmentModel(
            path: path, isUp: text("admin_state") != "DOWN", gatewayAddresses: addresses.compactMap { InterfaceAddress($0) },
            gateway: isConnected ? gateway : nil)
    }

    /// The gateway that a segment is connected to.
    var connectivity: String? {
        if let named = text("connectivity_path"), !named.isEmpty { return named }
        // A segment below a tier-1 belongs to it.
        return type == "Segment" ? Self.gateway(of: path) : nil
    }

    /// The gateway that an object stands below; `nil` if below none.
    static func gateway(of path: String) -> String? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        guard let place = parts.firstIndex(where: { $0 == "tier-1s" || $0 == "tier-0s" }), parts.count > place + 2 else { return nil }
        return parts[...(place + 1)].joined(separator: "/")
    }

    /// Addresses bound by hand: single ones, for a range is not an address of anybody's.
    var boundAddresses: [IPAddress] {
        (content["address_bindings"]?.array ?? []).compactMap { $0.fields?["ip_address"]?.string.flatMap { IPAddress($0) } }
    }

    var boundMAC: MACAddress? {
        (content["address_bindings"]?.array ?? []).lazy.compactMap { $0.fields?["mac_address"]?.string.flatMap { MACAddress($0) } }.first
    }

    var attachment: String? { content["attachment"]?.fields?["id"]?.string }

    var staticRoutes: [StaticRoute] {
        guard let network = text("network").flatMap({ InterfaceAddress($0) })?.prefix else { return [] }
        return (content["next_hops"]?.array ?? []).map { hop in
            StaticRoute(
                network, via: hop.fields?["ip_address"]?.string.flatMap { IPAddress($0) },
                distance: Int(hop.fields?["admin_distance"]?.integer ?? 1))
        }
    }

    var advertisements: GatewayModel.Advertisement {
        texts("route_advertisement_types").reduce(into: []) { found, name in
            switch name {
            case "TIER1_CONNECTED": found.insert(.connected)
            case "TIER1_STATIC_ROUTES": found.insert(.staticRoutes)
            case "TIER1_NAT": found.insert(.nat)
            default: break
            }
        }
    }

    var advertisementRules: [GatewayModel.AdvertisementRule] {
        (content["route_advertisement_rules"]?.array ?? []).compactMap { element in
            guard let fields = element.fields else { return nil }
            let networks = (fields["subnets"]?.array ?? []).compactMap { $0.string.flatMap { InterfaceAddress($0)?.prefix } }
            return GatewayModel.AdvertisementRule(
                networks: networks, includesSmaller: fields["prefix_operator"] != "EQ", isPermitted: fields["action"] != "DENY")
        }
    }

    /// The rule of translation that the object is; `nil` if it is none, or names a range: every packet would match one left out.
    func translation(service: ServiceMatch?) -> NATRule? {
        let actions: [String: NATRule.Action] = [
            "SNAT": .sourceNAT, "DNAT": .destinationNAT, "REFLEXIVE": .reflexive, "NO_SNAT": .noSourceNAT,
            "NO_DNAT": .noDestinationNAT,
        ]
        let matches: [String: NATRule.FirewallMatch] = ["MATCH_EXTERNAL_ADDRESS": .externalAddress, "BYPASS": .bypass]
        let networks = ["source_network", "destination_network", "translated_network"]
        let isWhole = networks.allSatisfy { text($0)?.isEmpty ?? true || prefix($0) != nil }
        guard isWhole, let action = actions[text("action") ?? ""] else { return nil }
        return NATRule(
            RuleNumber.of(self), sequenceNumber: number("sequence_number") ?? 0, action, source: prefix("source_network"),
            destination: prefix("destination_network"), translated: prefix("translated_network"),
            translatedPort: text("translated_ports").flatMap { UInt16($0) }, service: service,
            firewallMatch: matches[text("firewall_match") ?? ""] ?? .internalAddress,
            isEnabled: content["enabled"]?.boolean ?? true)
    }

    /// A network or a single address.
    private func prefix(_ name: String) -> IPPrefix? {
        guard let text = text(name) else { return nil }
        if let address = IPAddress(text) { return IPPrefix(address, length: address.family.bitCount) }
        return InterfaceAddress(text)?.prefix
    }
}

/// The numbers that packets, counters and traces name rules by.
enum RuleNumber {
    /// The rule's own `rule_id`; otherwise one made of the path, so that it stays the same: in NSX's range of local managers.
    static func of(_ object: PolicyObject) -> Int { object.number("rule_id") ?? of(object.path) }

    static func of(_ path: String) -> Int {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in path.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        return 2_000_000 + Int(hash % 2_000_000_000)
    }
}
