/// A network in CIDR form; no bit beyond the length is set.
public struct IPPrefix: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let network: IPAddress
    public let length: Int

    /// - Parameter length: 0 to the width of the family; the bits of `address` beyond it are cleared.
    public init(_ address: IPAddress, length: Int) {
        precondition(0...address.family.bitCount ~= length, "a prefix is no longer than an address")
        network = IPAddress(address.family, address.bits & Self.mask(address.family, length))
        self.length = length
    }

    /// Nil unless `text` is an address, a slash and a length, with no host bit set.
    public init?(_ text: some StringProtocol) {
        guard let interface = InterfaceAddress(text), interface.address == interface.prefix.network else { return nil }
        self = interface.prefix
    }

    public var family: IPAddress.Family { network.family }
    public var last: IPAddress { IPAddress(family, network.bits | ~Self.mask(family, length)) }
    public var range: IPRange { IPRange(uncheckedFirst: network, last: last) }
    public var description: String { "\(network)/\(length)" }

    public func contains(_ address: IPAddress) -> Bool {
        address.family == family && address.bits & Self.mask(family, length) == network.bits
    }

    /// Whether `other` lies inside this prefix, or is it.
    public func contains(_ other: IPPrefix) -> Bool { other.length >= length && contains(other.network) }

    public static func < (left: IPPrefix, right: IPPrefix) -> Bool {
        left.network == right.network ? left.length < right.length : left.network < right.network
    }

    static func mask(_ family: IPAddress.Family, _ length: Int) -> UInt128 {
        let host = family.bitCount - length
        let ones: UInt128 = family == .v4 ? 0xFFFF_FFFF : .max
        return host >= 128 ? 0 : ones & (ones << UInt128(host))
    }
}

/// An address together with the network it stands in, as a gateway or server address is written: `10.20.1.1/24`.
public struct InterfaceAddress: Hashable, Sendable, CustomStringConvertible {
    public let address: IPAddress
    public let prefix: IPPrefix

    public init(_ address: IPAddress, length: Int) {
        self.address = address
        prefix = IPPrefix(address, length: length)
    }

    public init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, let address = IPAddress(parts[0]),
            let length = IPAddress.decimal(Array(parts[1].utf8)[...], limit: address.family.bitCount)
        else { return nil }
        self.init(address, length: length)
    }

    public var description: String { "\(address)/\(prefix.length)" }
}

/// All addresses from `first` to `last`, both included and of one family.
public struct IPRange: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let first: IPAddress
    public let last: IPAddress

    /// Nil if the ends are of two families or in the wrong order.
    public init?(_ first: IPAddress, _ last: IPAddress) {
        guard first.family == last.family, first <= last else { return nil }
        self.init(uncheckedFirst: first, last: last)
    }

    /// An address, a network in CIDR form, or two addresses with a hyphen between them. Nil for anything else.
    ///
    /// Host bits in a network are cleared: NSX accepts `10.1.1.7/24` where it wants a set of addresses.
    public init?(_ text: some StringProtocol) {
        if let address = IPAddress(text) {
            self.init(uncheckedFirst: address, last: address)
        } else if let interface = InterfaceAddress(text) {
            self = interface.prefix.range
        } else {
            let ends = text.split(separator: "-", omittingEmptySubsequences: false)
            guard ends.count == 2, let first = IPAddress(ends[0]), let last = IPAddress(ends[1]) else { return nil }
            self.init(first, last)
        }
    }

    public init(_ address: IPAddress) { self.init(uncheckedFirst: address, last: address) }

    init(uncheckedFirst first: IPAddress, last: IPAddress) {
        self.first = first
        self.last = last
    }

    public var family: IPAddress.Family { first.family }
    /// How many addresses; the whole of IPv6 counts as the largest number.
    public var count: UInt128 {
        let (count, overflow) = (last.bits - first.bits).addingReportingOverflow(1)
        return overflow ? .max : count
    }
    public var description: String { first == last ? "\(first)" : "\(first)-\(last)" }

    public func contains(_ address: IPAddress) -> Bool { first <= address && address <= last }
    public func contains(_ other: IPRange) -> Bool { first <= other.first && other.last <= last }
    public func overlaps(_ other: IPRange) -> Bool { first <= other.last && other.first <= last }

    public static func < (left: IPRange, right: IPRange) -> Bool {
        left.first == right.first ? left.last < right.last : left.first < right.first
    }
}
