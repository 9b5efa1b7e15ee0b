/// A port as packets see it.
public struct PortModel: Hashable, Sendable {
    public var path: String
    /// The place of its segment in the topology.
    public var segment: Int
    public var mac: MACAddress?
    public var addresses: [IPAddress]
    public var isUp: Bool
    /// Whether only packets from the port's own addresses may leave it.
    public var isSpoofGuarded: Bool

    public init(
        path: String, segment: Int, mac: MACAddress? = nil, addresses: [IPAddress], isUp: Bool = true,
        isSpoofGuarded: Bool = false
    ) {
        self.path = path
        self.segment = segment
        self.mac = mac
        self.addresses = addresses
        self.isUp = isUp
        self.isSpoofGuarded = isSpoofGuarded
    }
}

public struct SegmentModel: Hashable, Sendable {
    public var path: String
    public var isUp: Bool
    /// The addresses of its gateway, and the gateway's place; nil if the segment is connected to none.
    public var gatewayAddresses: [InterfaceAddress]
    public var gateway: Int?

    public init(path: String, isUp: Bool = true, gatewayAddresses: [InterfaceAddress] = [], gateway: Int? = nil) {
        self.path = path
        self.isUp = isUp
        self.gatewayAddresses = gatewayAddresses
        self.gateway = gateway
    }
}

public struct StaticRoute: Hashable, Sendable {
    public var network: IPPrefix
    /// Nil discards what the route matches.
    public var nextHop: IPAddress?
    public var distance: Int

    public init(_ network: IPPrefix, via nextHop: IPAddress?, distance: Int = 1) {
        self.network = network
        self.nextHop = nextHop
        self.distance = distance
    }
}

public struct NATRule: Hashable, Sendable {
    public enum Action: Hashable, Sendable { case sourceNAT, destinationNAT, reflexive, noSourceNAT, noDestinationNAT }
    /// Which form of a translated packet the gateway firewall sees.
    public enum FirewallMatch: Hashable, Sendable { case externalAddress, internalAddress, bypass }

    public var number: Int
    public var sequenceNumber: Int
    public var action: Action
    /// Nil for any.
    public var source: IPPrefix?
    public var destination: IPPrefix?
    /// Nil only where nothing is translated.
    public var translated: IPPrefix?
    /// Of the destination, where a destination is translated.
    public var translatedPort: UInt16?
    public var service: ServiceMatch?
    public var firewallMatch: FirewallMatch
    public var isEnabled: Bool

    public init(
        _ number: Int, sequenceNumber: Int = 0, _ action: Action, source: IPPrefix? = nil, destination: IPPrefix? = nil,
        translated: IPPrefix? = nil, translatedPort: UInt16? = nil, service: ServiceMatch? = nil,
        firewallMatch: FirewallMatch = .internalAddress, isEnabled: Bool = true
    ) {
        self.number = number
        self.sequenceNumber = sequenceNumber
        self.action = action
        self.source = source
        self.destination = destination
        self.translated = translated
        self.translatedPort = translatedPort
        self.service = service
        self.firewallMatch = firewallMatch
        self.isEnabled = isEnabled
    }
}

/// A tier-0 or tier-1 gateway.
public struct GatewayModel: Sendable {
    public struct Advertisement: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        public static let connected = Advertisement(rawValue: 1)
        public static let staticRoutes = Advertisement(rawValue: 2)
        public static let nat = Advertisement(rawValue: 4)
    }

    /// Narrows what is advertised; the first that fits a network decides, none lets it through.
    public struct AdvertisementRule: Hashable, Sendable {
        public var networks: [IPPrefix]
        /// Whether smaller networks inside fit too.
        public var includesSmaller: Bool
        public var isPermitted: Bool

        public init(networks: [IPPrefix], includesSmaller: Bool = true, isPermitted: Bool) {
            self.networks = networks
            self.includesSmaller = includesSmaller
            self.isPermitted = isPermitted
        }
    }

    public var path: String
    /// The tier-0 above a tier-1; nil for a tier-0 and for a tier-1 that stands alone.
    public var uplink: Int?
    public var isTier0: Bool
    /// Interfaces to the outside, of a tier-0.
    public var externalInterfaces: [InterfaceAddress]
    public var staticRoutes: [StaticRoute]
    public var natRules: [NATRule]
    public var advertises: Advertisement
    public var advertisementRules: [AdvertisementRule]
    /// Nil if the gateway has no firewall or it is switched off.
    public var firewall: Firewall?

    public init(
        path: String, isTier0: Bool, uplink: Int? = nil, externalInterfaces: [InterfaceAddress] = [],
        staticRoutes: [StaticRoute] = [], natRules: [NATRule] = [], advertises: Advertisement = [],
        advertisementRules: [AdvertisementRule] = [], firewall: Firewall? = nil
    ) {
        self.path = path
        self.isTier0 = isTier0
        self.uplink = uplink
        self.externalInterfaces = externalInterfaces
        self.staticRoutes = staticRoutes
        self.natRules = natRules
        self.advertises = advertises
        self.advertisementRules = advertisementRules
        self.firewall = firewall
    }
}

/// Everything a packet can meet on its way.
public struct Topology: Sendable {
    public var segments: [SegmentModel]
    public var ports: [PortModel]
    public var gateways: [GatewayModel]
    public var firewall: Firewall
    public var groups: GroupIndex

    public init(
        segments: [SegmentModel], ports: [PortModel], gateways: [GatewayModel], firewall: Firewall, groups: GroupIndex
    ) {
        self.segments = segments
        self.ports = ports
        self.gateways = gateways
        self.firewall = firewall
        self.groups = groups
    }
}
