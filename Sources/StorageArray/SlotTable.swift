/// The slots of stored pages by block number: open addressing with linear probing, deletion by shifting back.
final class SlotTable {
    // Block number in the upper half, slot in the lower; zero is empty, because block 0 holds no page.
    private var cells: UnsafeMutablePointer<UInt64>
    private var capacity: Int
    private(set) var count = 0

    init() {
        capacity = 1024
        cells = .allocate(capacity: capacity)
        cells.initialize(repeating: 0, count: capacity)
    }

    deinit { cells.deallocate() }

    private func home(_ block: UInt32) -> Int {
        Int(truncatingIfNeeded: (UInt64(block) &* 0x9E37_79B9_7F4A_7C15) >> 32) & (capacity - 1)
    }

    /// 0 if there is none.
    subscript(block: UInt32) -> UInt32 {
        var position = home(block)
        while cells[position] != 0 {
            if cells[position] >> 32 == UInt64(block) { return UInt32(truncatingIfNeeded: cells[position]) }
            position = (position + 1) & (capacity - 1)
        }
        return 0
    }

    /// The block must not be there.
    func insert(_ block: UInt32, _ slot: UInt32) {
        if count * 2 >= capacity { grow() }
        place(UInt64(block) << 32 | UInt64(slot))
        count += 1
    }

    private func place(_ cell: UInt64) {
        var position = home(UInt32(truncatingIfNeeded: cell >> 32))
        while cells[position] != 0 { position = (position + 1) & (capacity - 1) }
        cells[position] = cell
    }

    private func grow() {
        let (old, oldCapacity) = (cells, capacity)
        capacity *= 2
        cells = .allocate(capacity: capacity)
        cells.initialize(repeating: 0, count: capacity)
        for position in 0..<oldCapacity where old[position] != 0 { place(old[position]) }
        old.deallocate()
    }

    /// The block must be there.
    func remove(_ block: UInt32) {
        var hole = home(block)
        while cells[hole] >> 32 != UInt64(block) { hole = (hole + 1) & (capacity - 1) }
        var next = hole
        while true {
            next = (next + 1) & (capacity - 1)
            if cells[next] == 0 { break }
            let wanted = home(UInt32(truncatingIfNeeded: cells[next] >> 32))
            // Whatever lies at or before the hole on its way to its place may move into it.
            let distance = (next - wanted) & (capacity - 1)
            guard distance >= (next - hole) & (capacity - 1) else { continue }
            cells[hole] = cells[next]
            hole = next
        }
        cells[hole] = 0
        count -= 1
    }
}
