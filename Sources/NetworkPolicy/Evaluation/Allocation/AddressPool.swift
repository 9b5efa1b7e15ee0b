/// The addresses of one pool and who has them.
///
/// Allocation takes the lowest address that is free; a released address is free again after the pool's delay, so that what
/// still talks to its old owner does not reach a new one. Time is given with every call and never goes back.
public struct AddressPool: Sendable {
    public enum Refusal: Error, Equatable, Sendable {
        case exhausted
        /// The address asked for is allocated, or was released too short a time ago.
        case inUse
        case notInPool
        /// Ranges may not overlap, nor leave while addresses of theirs are allocated.
        case overlapping, hasAllocations
    }

    public let releaseDelayMilliseconds: Int64
    public private(set) var ranges: [IPRange] = []
    public private(set) var allocated: Set<IPAddress> = []
    /// Released addresses with the moment they are free again; in the order of release, so that the first are due first.
    private var cooling: [IPAddress: Int64] = [:]
    private var coolingOrder: [(address: IPAddress, until: Int64)] = []
    private var coolingStart = 0
    /// By range: every address before the mark was handed out at least once and is not in `returned`.
    private var marks: [IPAddress?] = []
    /// Free addresses before the marks: a heap, the lowest first.
    private var returned = AddressHeap()

    public init(releaseDelayMilliseconds: Int64 = 120_000) { self.releaseDelayMilliseconds = releaseDelayMilliseconds }

    public var coolingCount: Int { cooling.count }
    public var totalCount: UInt128 {
        ranges.reduce(0) { sum, range in
            let (total, overflow) = sum.addingReportingOverflow(range.count)
            return overflow ? .max : total
        }
    }

    public mutating func add(_ range: IPRange) throws(Refusal) {
        guard !ranges.contains(where: range.overlaps) else { throw .overlapping }
        let place = ranges.firstIndex { $0.first > range.first } ?? ranges.count
        ranges.insert(range, at: place)
        marks.insert(range.first, at: place)
    }

    /// What was released keeps its delay, also if the range comes back.
    ///
    /// - Parameter force: forgets the range's allocations.
    public mutating func remove(_ range: IPRange, force: Bool = false) throws(Refusal) {
        guard let place = ranges.firstIndex(of: range) else { throw .notInPool }
        let inside = allocated.filter(range.contains)
        guard force || inside.isEmpty else { throw .hasAllocations }
        allocated.subtract(inside)
        returned.removeAll(in: range)
        ranges.remove(at: place)
        marks.remove(at: place)
    }

    public mutating func allocate(nowMilliseconds: Int64) throws(Refusal) -> IPAddress {
        cool(nowMilliseconds)
        let fresh = lowestFresh()
        if let back = returned.first, fresh.map({ back < $0.address }) ?? true {
            returned.removeFirst()
            allocated.insert(back)
            return back
        }
        guard let fresh else { throw .exhausted }
        marks[fresh.range] = fresh.address == ranges[fresh.range].last ? nil : fresh.address.next
        allocated.insert(fresh.address)
        return fresh.address
    }

    public mutating func allocate(_ address: IPAddress, nowMilliseconds: Int64) throws(Refusal) {
        cool(nowMilliseconds)
        guard ranges.contains(where: { $0.contains(address) }) else { throw .notInPool }
        guard !allocated.contains(address), cooling[address] == nil else { throw .inUse }
        allocated.insert(address)
        returned.remove(address)
    }

    /// Whether the address was allocated.
    @discardableResult
    public mutating func release(_ address: IPAddress, nowMilliseconds: Int64) -> Bool {
        guard allocated.remove(address) != nil else { return false }
        let until = nowMilliseconds + releaseDelayMilliseconds
        cooling[address] = until
        coolingOrder.append((address, until))
        return true
    }

    /// The lowest address at or after a mark that nobody asked for by name, with its range.
    private mutating func lowestFresh() -> (address: IPAddress, range: Int)? {
        for index in ranges.indices {
            while let mark = marks[index], isTaken(mark) || returned.contains(mark) {
                marks[index] = mark == ranges[index].last ? nil : mark.next
            }
            if let mark = marks[index] { return (mark, index) }
        }
        return nil
    }

    private func isTaken(_ address: IPAddress) -> Bool { allocated.contains(address) || cooling[address] != nil }

    /// Makes free what was released long enough ago.
    private mutating func cool(_ now: Int64) {
        while coolingStart < coolingOrder.count, coolingOrder[coolingStart].until <= now {
            let due = coolingOrder[coolingStart]
            coolingStart += 1
            guard cooling[due.address] == due.until else { continue }
            cooling[due.address] = nil
            if ranges.contains(where: { $0.contains(due.address) }) { returned.insert(due.address) }
        }
        if coolingStart > 1024, coolingStart * 2 > coolingOrder.count {
            coolingOrder.removeFirst(coolingStart)
            coolingStart = 0
        }
    }
}

/// Addresses, the lowest first; each at most once.
struct AddressHeap: Sendable {
    private var heap: [IPAddress] = []
    private var present: Set<IPAddress> = []

    func contains(_ address: IPAddress) -> Bool { present.contains(address) }

    /// The lowest address that has not been removed.
    var first: IPAddress? {
        mutating get {
            while let top = heap.first, !present.contains(top) { pop() }
            return heap.first
        }
    }

    mutating func insert(_ address: IPAddress) {
        guard present.insert(address).inserted else { return }
        heap.append(address)
        var child = heap.count - 1
        while child > 0, heap[child] < heap[(child - 1) / 2] {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func removeFirst() {
        guard let first else { return }
        present.remove(first)
        pop()
    }

    /// Its entry leaves the heap when it comes to the top.
    mutating func remove(_ address: IPAddress) {
        guard present.remove(address) != nil else { return }
        if heap.count > 2 * present.count + 64 { rebuild() }
    }

    mutating func removeAll(in range: IPRange) {
        present = present.filter { !range.contains($0) }
        rebuild()
    }

    private mutating func rebuild() { heap = present.sorted() }

    private mutating func pop() {
        guard let last = heap.popLast(), !heap.isEmpty else { return }
        heap[0] = last
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && heap[child] < heap[least] { least = child }
            if least == parent { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
