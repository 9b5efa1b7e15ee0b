/// What a firewall looks at in one packet.
public struct Packet: Hashable, Sendable {
    public enum Payload: Hashable, Sendable {
        case tcp(source: UInt16, destination: UInt16, flags: TCPFlags)
        case udp(source: UInt16, destination: UInt16)
        /// ICMP or ICMPv6; the identifier of an echo request or reply, 0 for other types.
        case icmp(type: UInt8, code: UInt8, identifier: UInt16)
        /// Any other protocol by its IANA number.
        case other(UInt8)
    }

    public struct TCPFlags: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8
        public init(rawValue: UInt8) { self.rawValue = rawValue }
        /// RFC 9293 §3.1.
        public static let fin = TCPFlags(rawValue: 1)
        public static let syn = TCPFlags(rawValue: 2)
        public static let reset = TCPFlags(rawValue: 4)
        public static let acknowledgement = TCPFlags(rawValue: 16)
    }

    public var source: IPAddress
    public var destination: IPAddress
    public var payload: Payload
    public var timeToLive: UInt8
    public var sourceMAC: MACAddress?
    public var destinationMAC: MACAddress?

    /// - Parameter destination: of the family of `source`.
    public init(
        from source: IPAddress, to destination: IPAddress, _ payload: Payload, timeToLive: UInt8 = 64,
        sourceMAC: MACAddress? = nil, destinationMAC: MACAddress? = nil
    ) {
        precondition(source.family == destination.family, "a packet has addresses of one family")
        self.source = source
        self.destination = destination
        self.payload = payload
        self.timeToLive = timeToLive
        self.sourceMAC = sourceMAC
        self.destinationMAC = destinationMAC
    }

    public var family: IPAddress.Family { source.family }
    public var etherType: UInt16 { family == .v4 ? 0x0800 : 0x86DD }

    public var protocolNumber: UInt8 {
        switch payload {
        case .tcp: 6
        case .udp: 17
        case .icmp: family == .v4 ? 1 : 58
        case .other(let number): number
        }
    }

    /// Source and destination port of TCP and UDP.
    public var ports: (source: UInt16, destination: UInt16)? {
        switch payload {
        case .tcp(let source, let destination, _), .udp(let source, let destination): (source, destination)
        case .icmp, .other: nil
        }
    }

    /// The packet with other ports; without effect where the protocol has none.
    func withPorts(source: UInt16?, destination: UInt16?) -> Packet {
        var packet = self
        switch payload {
        case .tcp(let from, let to, let flags):
            packet.payload = .tcp(source: source ?? from, destination: destination ?? to, flags: flags)
        case .udp(let from, let to): packet.payload = .udp(source: source ?? from, destination: destination ?? to)
        case .icmp, .other: break
        }
        return packet
    }
}

/// One entry of a service: which packets it means.
public enum ServiceMatch: Hashable, Sendable {
    /// Empty port lists mean any port.
    case tcp(sources: [ClosedRange<UInt16>], destinations: [ClosedRange<UInt16>])
    case udp(sources: [ClosedRange<UInt16>], destinations: [ClosedRange<UInt16>])
    /// ICMP of one family; nil for any type, any code.
    case icmp(IPAddress.Family, type: UInt8?, code: UInt8?)
    case ipProtocol(UInt8)
    case etherType(UInt16)

    public func matches(_ packet: Packet) -> Bool {
        switch (self, packet.payload) {
        case (.tcp(let sources, let destinations), .tcp(let source, let destination, _)),
            (.udp(let sources, let destinations), .udp(let source, let destination)):
            Self.allow(sources, source) && Self.allow(destinations, destination)
        case (.icmp(let family, let type, let code), .icmp(let packetType, let packetCode, _)):
            family == packet.family && type ?? packetType == packetType && code ?? packetCode == packetCode
        case (.ipProtocol(let number), _): number == packet.protocolNumber
        case (.etherType(let type), _): type == packet.etherType
        case (.tcp, _), (.udp, _), (.icmp, _): false
        }
    }

    private static func allow(_ ranges: [ClosedRange<UInt16>], _ port: UInt16) -> Bool {
        ranges.isEmpty || ranges.contains { $0.contains(port) }
    }
}
