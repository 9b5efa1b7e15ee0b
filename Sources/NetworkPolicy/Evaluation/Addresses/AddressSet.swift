/// A set of addresses as sorted ranges that neither overlap nor touch: one set has one representation.
public struct AddressSet: Hashable, Sendable {
    public private(set) var ranges: [IPRange]

    public init() { ranges = [] }

    public init(_ unordered: some Sequence<IPRange>) {
        ranges = []
        for range in unordered.sorted() { append(range) }
    }

    public var isEmpty: Bool { ranges.isEmpty }

    /// One binary search.
    public func contains(_ address: IPAddress) -> Bool {
        let index = firstIndex(endingAtOrAfter: address)
        return index < ranges.count && ranges[index].first <= address
    }

    /// Whether all of `range` is in the set.
    public func contains(_ range: IPRange) -> Bool {
        let index = firstIndex(endingAtOrAfter: range.first)
        return index < ranges.count && ranges[index].contains(range)
    }

    public func overlaps(_ range: IPRange) -> Bool {
        let index = firstIndex(endingAtOrAfter: range.first)
        return index < ranges.count && ranges[index].overlaps(range)
    }

    public func union(_ other: AddressSet) -> AddressSet {
        if other.isEmpty { return self }
        if isEmpty { return other }
        return AddressSet(ranges + other.ranges)
    }

    public func intersection(_ other: AddressSet) -> AddressSet {
        var result = AddressSet()
        var (left, right) = (0, 0)
        while left < ranges.count, right < other.ranges.count {
            let (mine, theirs) = (ranges[left], other.ranges[right])
            if let both = IPRange(max(mine.first, theirs.first), min(mine.last, theirs.last)) { result.append(both) }
            if mine.last < theirs.last { left += 1 } else { right += 1 }
        }
        return result
    }

    /// - Parameter range: begins no earlier than every range before it.
    private mutating func append(_ range: IPRange) {
        guard let last = ranges.last, last.family == range.family, range.first <= (last.last.next ?? last.last) else {
            ranges.append(range)
            return
        }
        if range.last > last.last { ranges[ranges.count - 1] = IPRange(uncheckedFirst: last.first, last: range.last) }
    }

    private func firstIndex(endingAtOrAfter address: IPAddress) -> Int {
        var (low, high) = (0, ranges.count)
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].last < address { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
