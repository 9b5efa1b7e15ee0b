/// How long a connection without packets is remembered.
public struct ConnectionTimeouts: Hashable, Sendable {
    public var tcpSeconds: Int64
    public var udpSeconds: Int64
    public var icmpSeconds: Int64

    public init(tcpSeconds: Int64 = 43_200, udpSeconds: Int64 = 30, icmpSeconds: Int64 = 10) {
        self.tcpSeconds = tcpSeconds
        self.udpSeconds = udpSeconds
        self.icmpSeconds = icmpSeconds
    }
}

/// The connections stateful rules have let through, at every place that has a firewall.
///
/// A connection is made by a packet that an ALLOW rule of a stateful policy decides, and lets the packets of both directions
/// pass until its timeout, a TCP reset, or a TCP FIN from each side. Echo requests make connections; other ICMP does not.
public struct ConnectionTable: Sendable {
    struct Key: Hashable, Sendable {
        let place: Int
        let protocolNumber: UInt8
        let source: IPAddress
        let destination: IPAddress
        let sourcePort: UInt16
        let destinationPort: UInt16

        var reversed: Key {
            Key(
                place: place, protocolNumber: protocolNumber, source: destination, destination: source,
                sourcePort: destinationPort, destinationPort: sourcePort)
        }
    }

    struct Connection: Sendable {
        let rule: Int
        var lastMilliseconds: Int64
        var originatorIsDone = false
        var responderIsDone = false
    }

    public let timeouts: ConnectionTimeouts
    private var connections: [Key: Connection] = [:]

    public init(timeouts: ConnectionTimeouts = ConnectionTimeouts()) { self.timeouts = timeouts }

    public var count: Int { connections.count }

    /// The verdict on a packet, connections considered; remembers the connection the packet makes.
    ///
    /// - Parameter place: the port's number, or a negative number for a gateway.
    public mutating func evaluate(
        _ question: FirewallQuestion, at place: Int, _ firewall: Firewall, _ groups: GroupIndex, nowMilliseconds: Int64
    ) -> FirewallVerdict {
        let key = Self.key(question.packet, place)
        if let key, let rule = pass(key, question.packet, nowMilliseconds) {
            return FirewallVerdict(action: .allow, decision: .connection(rule: rule), skipped: [])
        }
        var verdict = firewall.evaluate(question, groups)
        guard verdict.action == .allow, case .rule(let index) = verdict.decision else { return verdict }
        let policy = firewall[index].policy
        guard policy.isStateful, let key else { return verdict }
        if case .tcp(_, _, let flags) = question.packet.payload, !Self.begins(flags) {
            if policy.isTCPStrict {
                verdict.action = .drop
                verdict.decision = .noConnection(rule: index)
                return verdict
            }
            if flags.contains(.reset) { return verdict }
        }
        if Self.isEchoReply(question.packet) { return verdict }
        connections[key] = Connection(rule: firewall[index].rule.number, lastMilliseconds: nowMilliseconds)
        return verdict
    }

    /// Forgets every connection whose timeout is over.
    public mutating func expire(nowMilliseconds: Int64) {
        connections = connections.filter { key, connection in
            nowMilliseconds - connection.lastMilliseconds < lifetimeMilliseconds(key)
        }
    }

    /// The rule that let the packet's connection through; nil if there is no living one.
    private mutating func pass(_ key: Key, _ packet: Packet, _ now: Int64) -> Int? {
        let isOriginal = connections[key] != nil
        let stored = isOriginal ? key : key.reversed
        guard var connection = connections[stored] else { return nil }
        guard now - connection.lastMilliseconds < lifetimeMilliseconds(stored) else {
            connections[stored] = nil
            return nil
        }
        if case .icmp = packet.payload, isOriginal == Self.isEchoReply(packet) { return nil }
        connection.lastMilliseconds = now
        connections[stored] = connection
        if case .tcp(_, _, let flags) = packet.payload {
            if flags.contains(.fin) {
                if isOriginal { connection.originatorIsDone = true } else { connection.responderIsDone = true }
                connections[stored] = connection
            }
            if flags.contains(.reset) || connection.originatorIsDone && connection.responderIsDone {
                connections[stored] = nil
            }
        }
        return connection.rule
    }

    private func lifetimeMilliseconds(_ key: Key) -> Int64 {
        switch key.protocolNumber {
        case 6: timeouts.tcpSeconds * 1000
        case 1, 58: timeouts.icmpSeconds * 1000
        default: timeouts.udpSeconds * 1000
        }
    }

    private static func begins(_ flags: Packet.TCPFlags) -> Bool {
        flags.contains(.syn) && flags.isDisjoint(with: [.acknowledgement, .reset, .fin])
    }

    private static func isEchoReply(_ packet: Packet) -> Bool {
        if case .icmp(let type, _, _) = packet.payload { return type == (packet.family == .v4 ? 0 : 129) }
        return false
    }

    /// Nil for what makes no connection.
    private static func key(_ packet: Packet, _ place: Int) -> Key? {
        let ports: (UInt16, UInt16)
        switch packet.payload {
        case .tcp(let source, let destination, _), .udp(let source, let destination): ports = (source, destination)
        case .icmp(let type, 0, let identifier):
            guard (packet.family == .v4 ? [0, 8] : [128, 129]).contains(type) else { return nil }
            ports = (identifier, identifier)
        case .icmp: return nil
        case .other: ports = (0, 0)
        }
        return Key(
            place: place, protocolNumber: packet.protocolNumber, source: packet.source, destination: packet.destination,
            sourcePort: ports.0, destinationPort: ports.1)
    }
}
