/// One observation on a packet's way, as traceflow reports them.
public struct Hop: Hashable, Sendable {
    public enum Component: Hashable, Sendable {
        case spoofGuard, port, segment, distributedFirewall, tier1, tier0, gatewayFirewall, nat
    }

    public enum DropReason: Hashable, Sendable {
        case spoofGuard, portDown, segmentDown, firewallRule, noRoute, timeToLive, addressUnresolved, notConnected
        case natPortsExhausted
    }

    public enum Event: Hashable, Sendable {
        case received, forwarded, delivered
        /// Left through a tier-0's external interface.
        case leftNetwork
        case dropped(DropReason)
        case rejected
        /// What happens from here on depends on payload.
        case undecided
    }

    public var component: Component
    /// The path of the port, segment or gateway.
    public var name: String
    public var event: Event
    /// The packet as it leaves this hop.
    public var packet: Packet
    public var verdict: FirewallVerdict?
    /// The number of the NAT rule that translated here.
    public var natRule: Int?
}

/// A packet's whole way.
public struct PathAnswer: Hashable, Sendable {
    public var hops: [Hop]
    /// The event the way ends with.
    public var outcome: Hop.Event
    /// The port it was delivered to.
    public var deliveredTo: Int?
}
