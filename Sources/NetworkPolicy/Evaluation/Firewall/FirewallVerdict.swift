/// An earlier rule that did not decide, and the first reason why.
public struct SkippedRule: Hashable, Sendable {
    public enum Reason: UInt8, Hashable, Sendable {
        case disabled, notScheduled, notInScope, direction, family, source, destination, service
        /// An Environment rule has sent the packet on to the application category.
        case jumpedOver
    }

    /// The rule's place in the order; `Firewall` gives the rule for it.
    public let index: Int32
    public let reason: Reason
}

/// What the firewall does with a packet at one place, and why.
public struct FirewallVerdict: Hashable, Sendable {
    public enum Action: Hashable, Sendable {
        case allow, drop, reject
        /// A rule with a context or access profile would decide; without payload nobody knows how.
        case undecided
    }

    public enum Decision: Hashable, Sendable {
        /// The rule at this place of the order.
        case rule(Int)
        /// The packet belongs to a connection that the rule with this number let through.
        case connection(rule: Int)
        /// A policy wants a connection for a TCP packet that does not begin one; the rule's place.
        case noConnection(rule: Int)
        case defaultRule
        /// The port is on the exclude list, or the place has no firewall.
        case notFirewalled
    }

    public var action: Action
    public var decision: Decision
    /// The Environment rule that sent the packet on to the application category.
    public var jump: Int?
    /// The rules asked before the deciding one, in order.
    public var skipped: [SkippedRule]
}

/// One evaluation: a packet at a place, in a direction.
public struct FirewallQuestion: Sendable {
    public var packet: Packet
    /// The port whose firewall is asked; nil at a gateway.
    public var port: Int?
    /// At a gateway: the paths a scope may name for this place.
    public var place: [String]
    /// `.incoming` or `.outgoing`, seen from the port.
    public var direction: FirewallRule.Direction

    public init(_ packet: Packet, port: Int?, place: [String] = [], _ direction: FirewallRule.Direction) {
        self.packet = packet
        self.port = port
        self.place = place
        self.direction = direction
    }
}
