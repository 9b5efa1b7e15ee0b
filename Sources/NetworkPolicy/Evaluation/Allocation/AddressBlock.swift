/// A block that is cut into subnets: powers of two in size, aligned to their size, the lowest place that fits.
public struct AddressBlock: Sendable {
    public enum Refusal: Error, Equatable, Sendable { case notAPowerOfTwo, tooLarge, exhausted, overlapping, notInBlock }

    public let prefix: IPPrefix
    /// In order; none overlaps another.
    public private(set) var subnets: [IPPrefix] = []

    public init(_ prefix: IPPrefix) { self.prefix = prefix }

    /// - Parameter size: how many addresses.
    public mutating func allocate(size: UInt128) throws(Refusal) -> IPPrefix {
        guard size > 0, size & (size - 1) == 0 else { throw .notAPowerOfTwo }
        guard size <= prefix.range.count else { throw .tooLarge }
        let length = prefix.family.bitCount - size.trailingZeroBitCount
        var candidate = prefix.network.bits
        for (place, subnet) in subnets.enumerated() {
            if candidate <= subnet.network.bits, subnet.network.bits - candidate >= size {
                return insert(candidate, length, at: place)
            }
            let (after, overflow) = subnet.last.bits.addingReportingOverflow(size)
            if overflow { throw .exhausted }
            candidate = max(candidate, after & ~(size - 1))
        }
        guard candidate <= prefix.last.bits, prefix.last.bits - candidate >= size - 1 else { throw .exhausted }
        return insert(candidate, length, at: subnets.count)
    }

    /// Takes one particular subnet.
    public mutating func allocate(_ subnet: IPPrefix) throws(Refusal) {
        guard prefix.contains(subnet) else { throw .notInBlock }
        guard !subnets.contains(where: { $0.range.overlaps(subnet.range) }) else { throw .overlapping }
        subnets.insert(subnet, at: subnets.firstIndex { $0 > subnet } ?? subnets.count)
    }

    /// Whether the subnet was allocated.
    @discardableResult
    public mutating func release(_ subnet: IPPrefix) -> Bool {
        guard let place = subnets.firstIndex(of: subnet) else { return false }
        subnets.remove(at: place)
        return true
    }

    private mutating func insert(_ bits: UInt128, _ length: Int, at place: Int) -> IPPrefix {
        let subnet = IPPrefix(IPAddress(prefix.family, bits), length: length)
        subnets.insert(subnet, at: place)
        return subnet
    }
}
