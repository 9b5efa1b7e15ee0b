/// Answers what a rule's references stand for, and remembers whom it asked about.
struct ServiceResolver<Base: PolicyObjects> {
    let draft: PolicyDraft<Base>
    /// Every service that was looked at, nested ones included.
    private(set) var services: Set<String> = []

    init(_ draft: PolicyDraft<Base>) { self.draft = draft }

    /// The entries of services, those of nested ones included.
    mutating func matches(_ paths: [String]) -> [ServiceMatch] {
        var found: [ServiceMatch] = []
        var visited: Set<String> = []
        for path in paths { collect(path, &visited, &found) }
        return found
    }

    private mutating func collect(_ path: String, _ visited: inout Set<String>, _ found: inout [ServiceMatch]) {
        services.insert(path)
        guard visited.insert(path).inserted else { return }
        for entry in draft.objects(in: path + "/service-entries") {
            if let nested = entry.text("nested_service_path") {
                collect(nested, &visited, &found)
            } else if let match = ServiceMatch(entry.content) {
                found.append(match)
            }
        }
    }
}

extension ServiceMatch {
    /// An entry of a service as its object describes it.
    init?(_ fields: PolicyFields) {
        func ports(_ name: String) -> [ClosedRange<UInt16>] {
            (fields[name]?.array ?? []).compactMap { value in
                let ends = (value.string ?? "").split(separator: "-").compactMap { UInt16($0) }
                guard let first = ends.first, let last = ends.last, first <= last else { return nil }
                return first...last
            }
        }
        switch fields["resource_type"]?.string {
        case "L4PortSetServiceEntry":
            let (sources, destinations) = (ports("source_ports"), ports("destination_ports"))
            self = fields["l4_protocol"] == "UDP"
                ? .udp(sources: sources, destinations: destinations) : .tcp(sources: sources, destinations: destinations)
        case "ALGTypeServiceEntry":
            let isUDP = ["TFTP", "SUN_RPC_UDP", "MS_RPC_UDP", "NBNS_BROADCAST", "NBDG_BROADCAST"].contains(fields["alg"]?.string ?? "")
            self = isUDP
                ? .udp(sources: ports("source_ports"), destinations: ports("destination_ports"))
                : .tcp(sources: ports("source_ports"), destinations: ports("destination_ports"))
        case "ICMPTypeServiceEntry":
            self = .icmp(
                fields["protocol"] == "ICMPv6" ? .v6 : .v4, type: fields["icmp_type"]?.integer.map { UInt8(clamping: $0) },
                code: fields["icmp_code"]?.integer.map { UInt8(clamping: $0) })
        case "IPProtocolServiceEntry": self = .ipProtocol(UInt8(clamping: fields["protocol_number"]?.integer ?? 0))
        // RFC 3376 §4: IGMP is IP protocol 2.
        case "IGMPTypeServiceEntry": self = .ipProtocol(2)
        case "EtherTypeServiceEntry": self = .etherType(UInt16(clamping: fields["ether_type"]?.integer ?? 0))
        default: return nil
        }
    }
}

extension PolicyObject {
    private static let categories: [String: FirewallPolicy.Category] = [
        "Ethernet": .ethernet, "Emergency": .emergency, "Infrastructure": .infrastructure, "Environment": .environment,
        "Application": .application,
    ]
    private static let gatewayCategories: [String: FirewallPolicy.Category] = [
        "Emergency": .gatewayEmergency, "SystemRules": .systemRules, "SharedPreRules": .sharedPreRules,
        "LocalGatewayRules": .localGatewayRules, "AutoServiceRules": .autoServiceRules, "Default": .gatewayDefault,
    ]

    func firewallPolicy<Base>(_ resolver: inout ServiceResolver<Base>) -> FirewallPolicy {
        let name = text("category") ?? ""
        let isStateful = content["stateful"]?.boolean ?? true
        var rules = resolver.draft.objects(in: path + "/rules").map { $0.firewallRule(&resolver) }
        if type == "SecurityPolicy", let last = connectivityRule { rules.append(last) }
        return FirewallPolicy(
            path: path,
            type == "GatewayPolicy" ? Self.gatewayCategories[name] ?? .localGatewayRules : Self.categories[name] ?? .application,
            sequenceNumber: number("sequence_number") ?? 0, createdMilliseconds: createdAt.milliseconds, isStateful: isStateful,
            isTCPStrict: isStateful && isTrue("tcp_strict"), scope: Self.named(texts("scope")), rules: rules)
    }

    /// The rule that a policy with a connectivity preference ends with, in its scope. Source: NSX Policy API 9.1.1,
    /// `SecurityPolicy.connectivity_preference`.
    private var connectivityRule: FirewallRule? {
        guard let preference = text("connectivity_preference"), preference != "NONE", Self.named(texts("scope")) != nil else { return nil }
        let path = path + "/default-rule"
        return FirewallRule(
            RuleNumber.of(path), path: path, sequenceNumber: Int(Int32.max), preference.hasPrefix("ALLOWLIST") ? .drop : .allow)
    }

    private func firewallRule<Base>(_ resolver: inout ServiceResolver<Base>) -> FirewallRule {
        let actions: [String: FirewallRule.Action] = [
            "ALLOW": .allow, "DROP": .drop, "REJECT": .reject, "JUMP_TO_APPLICATION": .jumpToApplication,
        ]
        let paths = Self.named(texts("services")) ?? []
        let inline = (content["service_entries"]?.array ?? []).compactMap { $0.fields.flatMap { ServiceMatch($0) } }
        let services = paths.isEmpty && inline.isEmpty ? nil : resolver.matches(paths) + inline
        let directions: [String: FirewallRule.Direction] = ["IN": .incoming, "OUT": .outgoing]
        let families: [String: IPAddress.Family] = ["IPV4": .v4, "IPV6": .v6]
        return FirewallRule(
            RuleNumber.of(self), path: path, sequenceNumber: number("sequence_number") ?? 0,
            actions[text("action") ?? ""] ?? .allow, from: side("source_groups", "sources_excluded"),
            to: side("destination_groups", "destinations_excluded"), services: services,
            needsPayload: Self.named(texts("profiles")) != nil, scope: Self.named(texts("scope")),
            direction: directions[text("direction") ?? ""] ?? .both, family: families[text("ip_protocol") ?? ""],
            isDisabled: isTrue("disabled"))
    }

    private func side(_ name: String, _ exclusion: String) -> FirewallRule.Side {
        guard let listed = Self.named(texts(name)) else { return FirewallRule.Side(isExcluded: isTrue(exclusion)) }
        return FirewallRule.Side(
            groups: listed.filter { $0.hasPrefix("/") }, addresses: AddressSet(listed.compactMap { IPRange($0) }),
            isExcluded: isTrue(exclusion))
    }

    /// What is listed; `nil` for ANY.
    private static func named(_ texts: [String]) -> [String]? {
        texts.isEmpty || texts.contains { $0.uppercased() == "ANY" } ? nil : texts
    }
}
