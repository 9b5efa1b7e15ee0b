// Which pages a command will need and are not in memory, so that they can be read before it holds others up; and which
// are forgotten.

extension PoolState {
    /// A page that is not in memory.
    enum Absent {
        case map(BlockPointer, level: Int)
        case counts(region: Int)
    }

    /// Forgets pages that were not used lately until at most `limit` are in memory, or few can go.
    ///
    /// Not while a command holds slots. A quarter of the limit is for counts.
    /// - Parameter written: last checkpoint that is on the device.
    func evict(downTo limit: Int, written: UInt64) {
        let counts = min(allocator.table.loadedCount, limit / 4)
        arena.evict(downTo: limit - counts, written: written)
        allocator.table.evict(downTo: max(limit / 4, limit - arena.count), written: written)
    }

    /// Something that reading (or changing) the part of a leaf's blocks needs and that is not in memory.
    ///
    /// - Parameter blocks: within one leaf.
    func absent(below root: PageName, _ blocks: Range<UInt64>, forChange: Bool) -> Absent? {
        var name = root
        var level = Layout.rootLevel
        var isShared = false
        while !name.isNone {
            let slot = name.slot ?? arena.find(name.stored)
            if slot == 0 { return .map(name.stored, level: level) }
            if forChange {
                if let absent = absentCounts(name) { return absent }
                isShared = isShared || isSharedInMemory(name)
                if isShared, let absent = absentCounts(of: slot, 0..<Layout.entryCount(ofLevel: level)) { return absent }
            }
            let first = index(blocks.lowerBound, level: level)
            if level == 0 { return forChange ? absentCounts(of: slot, first..<first + blocks.count) : nil }
            name = PageName(rawValue: arena.entries(slot)[first])
            level -= 1
        }
        return nil
    }

    /// Something that unmapping a range of a named page needs and that is not in memory, the range in blocks from the
    /// page's first.
    func absentToClear(_ name: PageName, level: Int, first: UInt64, last: UInt64) -> Absent? {
        if name.isNone { return nil }
        if let absent = absentCounts(name) { return absent }
        if first == 0, last == Layout.coverage(ofLevel: level) - 1, level < Layout.rootLevel - 1 { return nil }
        let slot = name.slot ?? arena.find(name.stored)
        if slot == 0 { return .map(name.stored, level: level) }
        if first == 0, last == Layout.coverage(ofLevel: level) - 1 { return nil }
        let shift = Layout.spanShift(ofLevel: level)
        let touched = Int(first >> shift)...Int(last >> shift)
        let needed = isSharedInMemory(name) ? 0..<Layout.entryCount(ofLevel: level) : Range(touched)
        if let absent = absentCounts(of: slot, needed) { return absent }
        if level == 0 { return nil }
        for index in touched {
            let start = UInt64(index) << shift
            let child = PageName(rawValue: arena.entries(slot)[index])
            let to = min(last, start + (1 << shift) - 1) - start
            if let absent = absentToClear(child, level: level - 1, first: max(first, start) - start, last: to) {
                return absent
            }
        }
        return nil
    }

    /// Something that freeing the last dead pages needs.
    func absentToReap(_ pages: Int) -> Absent? {
        for page in dead.suffix(pages) {
            let slot = page.name.slot ?? arena.find(page.name.stored)
            if slot == 0 { return .map(page.name.stored, level: page.level) }
            if let absent = absentCounts(page.name) { return absent }
            if let absent = absentCounts(of: slot, 0..<Layout.entryCount(ofLevel: page.level)) { return absent }
        }
        return nil
    }

    private func isSharedInMemory(_ name: PageName) -> Bool {
        if let slot = name.slot { return arena.page(slot).pointee.references > 1 }
        return allocator.table.isLoaded(name.stored.block) && allocator.table[name.stored.block] != 1
    }

    private func absentCounts(_ name: PageName) -> Absent? {
        name.slot == nil ? absentCounts(ofBlock: name.stored.block) : nil
    }

    private func absentCounts(ofBlock block: UInt32) -> Absent? {
        let table = allocator.table
        guard table.contains(block), !table.isLoaded(block) else { return nil }
        return .counts(region: table.region(of: block))
    }

    /// Entries of a leaf, or names above: both have the block in the upper half, and a page's slot has zero there.
    private func absentCounts(of slot: Slot, _ range: Range<Int>) -> Absent? {
        let entries = arena.entries(slot)
        for index in range where entries[index] >> 32 != 0 {
            if let absent = absentCounts(ofBlock: UInt32(truncatingIfNeeded: entries[index] >> 32)) { return absent }
        }
        return nil
    }
}
