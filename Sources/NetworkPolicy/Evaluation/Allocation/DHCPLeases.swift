/// The leases of one DHCP server on one segment: messages in, answers out.
///
/// A client keeps its address while its lease runs and gets the same one again afterwards if nobody else has it.
/// Source: RFC 2131 §4.3.
public struct DHCPLeases: Sendable {
    public struct Configuration: Hashable, Sendable {
        public var ranges: [IPRange]
        public var leaseSeconds: Int64
        /// How long an offered address is held for the client to ask for it.
        public var offerSeconds: Int64
        /// Clients with a fixed address.
        public var bindings: [MACAddress: IPAddress]

        public init(
            ranges: [IPRange], leaseSeconds: Int64 = 86_400, offerSeconds: Int64 = 60, bindings: [MACAddress: IPAddress] = [:]
        ) {
            self.ranges = ranges
            self.leaseSeconds = leaseSeconds
            self.offerSeconds = offerSeconds
            self.bindings = bindings
        }
    }

    public struct Lease: Hashable, Sendable {
        public let mac: MACAddress
        public let address: IPAddress
        public let startMilliseconds: Int64
        public let expiryMilliseconds: Int64
    }

    public enum Message: Hashable, Sendable {
        case discover
        /// Asks for an address: offered, leased or remembered.
        case request(IPAddress)
        case release
        /// The client found the address in use by someone unknown.
        case decline(IPAddress)
    }

    public enum Answer: Hashable, Sendable {
        case offer(IPAddress)
        case acknowledge(Lease)
        case refuse
        case silence
    }

    public private(set) var configuration: Configuration
    private var leases: [MACAddress: Lease] = [:]
    private var offers: [MACAddress: Lease] = [:]
    /// Who has, or is offered, an address.
    private var holders: [IPAddress: MACAddress] = [:]
    private var lastAddress: [MACAddress: IPAddress] = [:]
    /// Addresses somebody else uses, until the moment given.
    private var declined: [IPAddress: Int64] = [:]

    public init(_ configuration: Configuration) { self.configuration = configuration }

    /// The leases that run, in the order of their addresses.
    public func current(nowMilliseconds: Int64) -> [Lease] {
        leases.values.filter { $0.expiryMilliseconds > nowMilliseconds }.sorted { $0.address < $1.address }
    }

    public mutating func handle(_ message: Message, from mac: MACAddress, nowMilliseconds now: Int64) -> Answer {
        expire(now)
        switch message {
        case .discover: return offer(mac, now)
        case .request(let address): return request(address, mac, now)
        case .release:
            end(\.leases, mac)
            return .silence
        case .decline(let address):
            guard holders[address] == mac else { return .silence }
            end(\.leases, mac)
            end(\.offers, mac)
            lastAddress[mac] = nil
            declined[address] = now + configuration.leaseSeconds * 1000
            return .silence
        }
    }

    /// Ends every lease (NSX: `delete_dhcp_leases`).
    public mutating func removeAll() {
        for mac in leases.keys.sorted() { end(\.leases, mac) }
    }

    private mutating func offer(_ mac: MACAddress, _ now: Int64) -> Answer {
        guard let address = leases[mac]?.address ?? offers[mac]?.address ?? choose(mac) else { return .silence }
        if leases[mac] == nil { hold(\.offers, mac, address, now, configuration.offerSeconds) }
        return .offer(address)
    }

    private mutating func request(_ address: IPAddress, _ mac: MACAddress, _ now: Int64) -> Answer {
        guard mayHave(address, mac) else { return .refuse }
        if let old = leases[mac], old.address != address { end(\.leases, mac) }
        end(\.offers, mac)
        hold(\.leases, mac, address, now, configuration.leaseSeconds)
        lastAddress[mac] = address
        return leases[mac].map { .acknowledge($0) } ?? .refuse
    }

    private func choose(_ mac: MACAddress) -> IPAddress? {
        if let bound = configuration.bindings[mac] { return mayHave(bound, mac) ? bound : nil }
        if let last = lastAddress[mac], mayHave(last, mac) { return last }
        for range in configuration.ranges.sorted() {
            var candidate: IPAddress? = range.first
            while let address = candidate, range.contains(address) {
                if mayHave(address, mac) { return address }
                candidate = address.next
            }
        }
        return nil
    }

    private func mayHave(_ address: IPAddress, _ mac: MACAddress) -> Bool {
        guard declined[address] == nil, holders[address] ?? mac == mac else { return false }
        if let bound = configuration.bindings[mac] { return address == bound }
        return configuration.ranges.contains { $0.contains(address) } && !configuration.bindings.values.contains(address)
    }

    private mutating func hold(
        _ table: WritableKeyPath<DHCPLeases, [MACAddress: Lease]>, _ mac: MACAddress, _ address: IPAddress, _ now: Int64, _ seconds: Int64
    ) {
        let before = self[keyPath: table][mac]
        let start = before?.address == address ? before?.startMilliseconds ?? now : now
        self[keyPath: table][mac] = Lease(mac: mac, address: address, startMilliseconds: start, expiryMilliseconds: now + seconds * 1000)
        holders[address] = mac
    }

    private mutating func end(_ table: WritableKeyPath<DHCPLeases, [MACAddress: Lease]>, _ mac: MACAddress) {
        guard let gone = self[keyPath: table].removeValue(forKey: mac) else { return }
        if holders[gone.address] == mac { holders[gone.address] = nil }
    }

    private mutating func expire(_ now: Int64) {
        for (mac, lease) in leases where lease.expiryMilliseconds <= now { end(\.leases, mac) }
        for (mac, offer) in offers where offer.expiryMilliseconds <= now { end(\.offers, mac) }
        declined = declined.filter { $0.value > now }
    }
}
