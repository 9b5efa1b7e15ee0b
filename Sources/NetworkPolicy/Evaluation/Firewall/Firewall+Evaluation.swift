/// What one side of a packet is: looked up once per evaluation, asked by every rule.
///
/// NSX's rules carry the addresses of their groups. So an address belongs to a group if the group names it or if a port that
/// has it is a member. The port whose firewall is asked is known as such, even if its address is not.
private struct SideView {
    let address: IPAddress
    let memberships: BitSet

    init(_ address: IPAddress, port: Int?, _ groups: GroupIndex) {
        self.address = address
        var memberships = BitSet(count: groups.groupCount)
        if let port { for group in groups.groups(ofEntity: port) { memberships.insert(group) } }
        for owner in groups.ports(withAddress: address) {
            for group in groups.groups(ofEntity: Int(owner)) { memberships.insert(group) }
        }
        self.memberships = memberships
    }

    func fits(_ side: Firewall.Side, mac: MACAddress?, isEthernet: Bool, _ groups: GroupIndex) -> Bool {
        if side.isAny { return !side.isExcluded }
        return lists(side, mac: mac, isEthernet: isEthernet, groups) != side.isExcluded
    }

    private func lists(_ side: Firewall.Side, mac: MACAddress?, isEthernet: Bool, _ groups: GroupIndex) -> Bool {
        for group in side.groups {
            if memberships.contains(group) { return true }
            if isEthernet {
                if let mac, groups.nodes[Int(group)].macAddresses.contains(mac) { return true }
            } else if groups.nodes[Int(group)].addresses.contains(address) {
                return true
            }
        }
        return !isEthernet && side.addresses.contains(address)
    }
}

struct BitSet: Sendable {
    private var words: [UInt64]

    init(count: Int) { words = Array(repeating: 0, count: (count + 63) / 64) }

    mutating func insert(_ number: Int32) { words[Int(number) >> 6] |= 1 << UInt64(number & 63) }
    func contains(_ number: Int32) -> Bool { words[Int(number) >> 6] & (1 << UInt64(number & 63)) != 0 }
}

extension Firewall {
    /// The verdict on a packet without regard to connections. First match decides.
    ///
    /// "Everything but ANY" matches nothing. Ethernet rules compare members and hardware addresses, never IP addresses.
    public func evaluate(_ question: FirewallQuestion, _ groups: GroupIndex) -> FirewallVerdict {
        if let port = question.port, isExcluded(port: port, groups) {
            return FirewallVerdict(action: .allow, decision: .notFirewalled, skipped: [])
        }
        var pass = Pass(self, question, groups)
        if let ethernet = pass.firstMatch(0..<firstLayer3), rules[ethernet].rule.action != .allow {
            return pass.verdict(ethernet)
        }
        var start = firstLayer3
        while let index = pass.firstMatch(start..<rules.count) {
            guard rules[index].rule.action == .jumpToApplication, !rules[index].rule.needsPayload else {
                return pass.verdict(index)
            }
            pass.jump = index
            start = max(index + 1, firstApplication)
            for over in (index + 1)..<start { pass.skipped.append(SkippedRule(index: Int32(over), reason: .jumpedOver)) }
        }
        return FirewallVerdict(
            action: Self.action(defaultRule), decision: .defaultRule, jump: pass.jump, skipped: pass.skipped)
    }

    private static func action(_ rule: FirewallRule) -> FirewallVerdict.Action {
        if rule.needsPayload { return .undecided }
        return switch rule.action {
        case .allow, .jumpToApplication: .allow
        case .drop: .drop
        case .reject: .reject
        }
    }

    private struct Pass {
        let firewall: Firewall
        let question: FirewallQuestion
        let groups: GroupIndex
        let source: SideView
        let destination: SideView
        let scopes: BitSet
        var jump: Int?
        var skipped: [SkippedRule] = []

        init(_ firewall: Firewall, _ question: FirewallQuestion, _ groups: GroupIndex) {
            self.firewall = firewall
            self.question = question
            self.groups = groups
            let isOutgoing = question.direction == .outgoing
            source = SideView(question.packet.source, port: isOutgoing ? question.port : nil, groups)
            destination = SideView(question.packet.destination, port: isOutgoing ? nil : question.port, groups)
            var scopes = BitSet(count: groups.groupCount)
            if let port = question.port { for group in groups.groups(ofEntity: port) { scopes.insert(group) } }
            self.scopes = scopes
        }

        /// The first rule of `range` that matches; the others are noted as skipped.
        mutating func firstMatch(_ range: Range<Int>) -> Int? {
            for index in range {
                guard let reason = reasonToSkip(index) else { return index }
                skipped.append(SkippedRule(index: Int32(index), reason: reason))
            }
            return nil
        }

        private func reasonToSkip(_ index: Int) -> SkippedRule.Reason? {
            let isEthernet = index < firewall.firstLayer3
            return firewall.rules.withUnsafeBufferPointer { rules in
                let compiled = rules[index]
                if compiled.rule.isDisabled { return .disabled }
                if !firewall.policies[Int(compiled.policy)].isActive { return .notScheduled }
                if !isInScope(compiled) { return .notInScope }
                if compiled.rule.direction != .both, compiled.rule.direction != question.direction { return .direction }
                if !isEthernet, let family = compiled.rule.family, family != question.packet.family { return .family }
                let packet = question.packet
                if !source.fits(compiled.source, mac: packet.sourceMAC, isEthernet: isEthernet, groups) { return .source }
                if !destination.fits(compiled.destination, mac: packet.destinationMAC, isEthernet: isEthernet, groups) {
                    return .destination
                }
                if let services = compiled.rule.services, !services.contains(where: { $0.matches(packet) }) {
                    return .service
                }
                return nil
            }
        }

        private func isInScope(_ rule: Firewall.Rule) -> Bool {
            if question.port == nil { return rule.scopePaths?.contains(where: question.place.contains) ?? true }
            return rule.scope?.contains(where: scopes.contains) ?? true
        }

        func verdict(_ index: Int) -> FirewallVerdict {
            FirewallVerdict(
                action: Firewall.action(firewall.rules[index].rule), decision: .rule(index), jump: jump, skipped: skipped)
        }
    }
}
