/// The translations gateways remember, so that answers find back.
struct TranslationTable: Sendable {
    struct Key: Hashable, Sendable {
        let gateway: Int
        let source: IPAddress
        let destination: IPAddress
        let protocolNumber: UInt8
        let sourcePort: UInt16
        let destinationPort: UInt16
    }

    /// What an answer becomes, and how the gateway firewall sees it (nil: not at all).
    struct Entry: Sendable {
        let key: Key
        let restored: Key
        let view: Key?
        let rule: Int
        var lastMilliseconds: Int64
    }

    private var entries: [Key: Entry] = [:]

    static func key(_ packet: Packet, _ gateway: Int) -> Key {
        let ports = packet.ports ?? (0, 0)
        return Key(
            gateway: gateway, source: packet.source, destination: packet.destination, protocolNumber: packet.protocolNumber,
            sourcePort: ports.0, destinationPort: ports.1)
    }

    static func answer(to packet: Packet, _ gateway: Int) -> Key {
        let key = key(packet, gateway)
        return Key(
            gateway: gateway, source: key.destination, destination: key.source, protocolNumber: key.protocolNumber,
            sourcePort: key.destinationPort, destinationPort: key.sourcePort)
    }

    /// The living translation for an answer; its life begins anew.
    mutating func find(_ key: Key, now: Int64, _ timeouts: ConnectionTimeouts) -> Entry? {
        guard var entry = living(key, now, timeouts) else { return nil }
        entry.lastMilliseconds = now
        entries[key] = entry
        return entry
    }

    mutating func remember(_ entry: Entry) { entries[entry.key] = entry }

    /// Whether an answer of this form belongs to nobody, or to the flow whose answers become `restored`.
    func isFree(_ key: Key, for restored: Key, now: Int64, _ timeouts: ConnectionTimeouts) -> Bool {
        living(key, now, timeouts).map { $0.restored == restored } ?? true
    }

    private func living(_ key: Key, _ now: Int64, _ timeouts: ConnectionTimeouts) -> Entry? {
        guard let entry = entries[key] else { return nil }
        let seconds =
            switch key.protocolNumber {
            case 6: timeouts.tcpSeconds
            case 1, 58: timeouts.icmpSeconds
            default: timeouts.udpSeconds
            }
        return now - entry.lastMilliseconds < seconds * 1000 ? entry : nil
    }
}

extension Packet {
    func with(_ key: TranslationTable.Key) -> Packet {
        var packet = withPorts(source: key.sourcePort, destination: key.destinationPort)
        packet.source = key.source
        packet.destination = key.destination
        return packet
    }
}

extension GatewayModel {
    /// The first rule for the packet's destination, before routing: lowest sequence number, then lowest rule number.
    func destinationRule(_ packet: Packet) -> NATRule? {
        ordered.first { rule in
            guard rule.service?.matches(packet) ?? true else { return false }
            return switch rule.action {
            case .destinationNAT, .noDestinationNAT: rule.fits(packet)
            case .reflexive: rule.translated?.contains(packet.destination) ?? false
            case .sourceNAT, .noSourceNAT: false
            }
        }
    }

    /// The first rule for the packet's source, after routing.
    func sourceRule(_ packet: Packet) -> NATRule? {
        ordered.first { rule in
            guard rule.service?.matches(packet) ?? true else { return false }
            return switch rule.action {
            case .sourceNAT, .noSourceNAT, .reflexive: rule.fits(packet)
            case .destinationNAT, .noDestinationNAT: false
            }
        }
    }

    private var ordered: [NATRule] {
        natRules.filter(\.isEnabled).sorted { ($0.sequenceNumber, $0.number) < ($1.sequenceNumber, $1.number) }
    }
}

extension NATRule {
    fileprivate func fits(_ packet: Packet) -> Bool {
        (source?.contains(packet.source) ?? true) && (destination?.contains(packet.destination) ?? true)
    }

    /// The address in `network` with the host bits of `address`: one to one between networks of one size.
    static func map(_ address: IPAddress, into network: IPPrefix) -> IPAddress {
        IPAddress(network.family, network.network.bits | address.bits & ~IPPrefix.mask(network.family, network.length))
    }

    /// Nil if the rule says not to translate.
    func translateDestination(_ packet: Packet) -> Packet? {
        guard action == .destinationNAT || action == .reflexive, let network = action == .reflexive ? source : translated,
            network.family == packet.family
        else { return nil }
        var packet = packet.withPorts(source: nil, destination: action == .reflexive ? nil : translatedPort)
        packet.destination = Self.map(packet.destination, into: network)
        return packet
    }

    func translateSource(_ packet: Packet) -> Packet? {
        guard action == .sourceNAT || action == .reflexive, let translated, translated.family == packet.family else { return nil }
        var packet = packet
        packet.source = Self.map(packet.source, into: translated)
        return packet
    }
}
