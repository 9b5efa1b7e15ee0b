// The radix map of a LUN: looking up and changing entries.

extension PoolState {
    /// Index of a block's entry in a page of the level.
    func index(_ block: UInt64, level: Int) -> Int {
        Int(truncatingIfNeeded: block >> Layout.spanShift(ofLevel: level)) & (Layout.entryCount(ofLevel: level) - 1)
    }

    // MARK: Looking up

    /// The name of the page of a level on the way to a block; none if there is none.
    func page(below root: PageName, level: Int, block: UInt64) throws(ArrayError) -> PageName {
        var name = root
        var current = Layout.rootLevel
        while !name.isNone, current > level {
            let slot = try resident(name, level: current)
            name = PageName(rawValue: arena.entries(slot)[index(block, level: current)])
            current -= 1
        }
        return name
    }

    /// The slot of the leaf on the way to a block; 0 if there is none.
    func leaf(below root: PageName, block: UInt64) throws(ArrayError) -> Slot {
        let name = try page(below: root, level: 0, block: block)
        return name.isNone ? 0 : try resident(name, level: 0)
    }

    func pointer(below root: PageName, block: UInt64) throws(ArrayError) -> UInt64 {
        let leaf = try leaf(below: root, block: block)
        return leaf == 0 ? 0 : arena.entries(leaf)[index(block, level: 0)]
    }

    /// Fills `pointers` with those of consecutive blocks from `block` on.
    func lookUp(
        below root: PageName, block: UInt64, into pointers: UnsafeMutableBufferPointer<UInt64>
    ) throws(ArrayError) {
        var done = 0
        while done < pointers.count {
            let position = block + UInt64(done)
            let start = index(position, level: 0)
            let count = min(pointers.count - done, Layout.entriesPerPage - start)
            let leaf = try leaf(below: root, block: position)
            for offset in 0..<count { pointers[done + offset] = leaf == 0 ? 0 : arena.entries(leaf)[start + offset] }
            done += count
        }
    }

    /// Blocks from `block` to the end of the largest missing subtree it lies in; 0 if its leaf exists.
    func missingSpan(below root: PageName, block: UInt64) throws(ArrayError) -> UInt64 {
        var name = root
        var level = Layout.rootLevel
        while !name.isNone {
            if level == 0 { return 0 }
            let slot = try resident(name, level: level)
            name = PageName(rawValue: arena.entries(slot)[index(block, level: level)])
            level -= 1
        }
        let coverage = Layout.coverage(ofLevel: level)
        return coverage - block % coverage
    }

    // MARK: Owning

    /// The page of `level` on the way to a block, made if missing, owned with everything above it.
    private func ownedPath(_ lun: LUN, to level: Int, block: UInt64) throws(ArrayError) -> Path {
        let root = lun.root.isNone ? arena.make(level: Layout.rootLevel) : try own(lun.root, level: Layout.rootLevel)
        lun.root = PageName(slot: root)
        var path = Path()
        path[Layout.rootLevel] = root
        var current = Layout.rootLevel
        while current > level {
            let entry = arena.entries(path[current]) + index(block, level: current)
            current -= 1
            let child =
                entry.pointee == 0
                ? arena.make(level: current) : try own(PageName(rawValue: entry.pointee), level: current)
            entry.pointee = PageName(slot: child).rawValue
            path[current] = child
        }
        return path
    }

    /// Slots of the pages on the way to a block, by level.
    private struct Path {
        private var slots: (Slot, Slot, Slot, Slot) = (0, 0, 0, 0)

        subscript(level: Int) -> Slot {
            get {
                switch level {
                case 0: slots.0
                case 1: slots.1
                case 2: slots.2
                default: slots.3
                }
            }
            set {
                switch level {
                case 0: slots.0 = newValue
                case 1: slots.1 = newValue
                case 2: slots.2 = newValue
                default: slots.3 = newValue
                }
            }
        }
    }

    /// The page of `level` on a path, and so all above it, maps `delta` more blocks than before.
    private func addMapped(_ delta: Int64, _ lun: LUN, along path: Path, from level: Int, block: UInt64) {
        guard delta != 0 else { return }
        lun.mapped = UInt64(Int64(lun.mapped) + delta)
        for level in level..<Layout.rootLevel {
            let page = arena.page(path[level])
            page.pointee.mapped = UInt64(Int64(page.pointee.mapped) + delta)
            let entry = index(block, level: level + 1)
            setMappedBelow(path[level + 1], level: level + 1, index: entry, page.pointee.mapped)
        }
    }

    // MARK: Changing

    /// Calls `body` with the entries of consecutive blocks, leaf by leaf, after making the leaves; it returns how many
    /// more blocks are mapped than before.
    private func changeLeaves(
        _ lun: LUN, _ block: UInt64, _ count: UInt64,
        _ body: (UnsafeMutablePointer<UInt64>, UInt64, Int) throws(ArrayError) -> Int64
    ) throws(ArrayError) {
        var done: UInt64 = 0
        while done < count {
            let path = try ownedPath(lun, to: 0, block: block + done)
            let start = index(block + done, level: 0)
            let here = min(Int(clamping: count - done), Layout.entriesPerPage - start)
            let delta = try body(arena.entries(path[0]) + start, done, here)
            addMapped(delta, lun, along: path, from: 0, block: block + done)
            done += UInt64(here)
        }
    }

    /// Maps consecutive blocks to pointers whose blocks have been taken; a zero pointer unmaps.
    func install(_ pointers: UnsafeBufferPointer<UInt64>, in lun: LUN, at block: UInt64) throws(ArrayError) {
        guard let start = pointers.baseAddress else { return }
        try forEachRun(start, pointers.count) { first, count throws(ArrayError) in
            try allocator.claim(first, count: count)
        }
        try changeLeaves(lun, block, UInt64(pointers.count)) { entries, done, count throws(ArrayError) in
            try replace(entries, with: start + Int(done), count)
        }
        if pointers.contains(0) { try prune(lun, block, UInt64(pointers.count)) }
    }

    /// Maps every block of a range to the same pointer, whose block has been taken.
    func fill(_ lun: LUN, _ block: UInt64, _ count: UInt64, with pointer: UInt64) throws(ArrayError) {
        try allocator.claim(BlockPointer(rawValue: pointer).block)
        if count > 1 { try allocator.retain(BlockPointer(rawValue: pointer).block, count: count - 1) }
        try changeLeaves(lun, block, count) { entries, _, count throws(ArrayError) in
            let delta = count - mappedCount(entries, count)
            try release(entries, count)
            entries.update(repeating: pointer, count: count)
            return Int64(delta)
        }
    }

    /// Replaces entries of a leaf by pointers that have been claimed or retained; returns how many more are mapped.
    private func replace(
        _ entries: UnsafeMutablePointer<UInt64>, with pointers: UnsafePointer<UInt64>, _ count: Int
    ) throws(ArrayError) -> Int64 {
        let delta = mappedCount(pointers, count) - mappedCount(entries, count)
        try release(entries, count)
        entries.update(from: pointers, count: count)
        return Int64(delta)
    }

    /// Removes pages that map nothing any more on the way to a range; none is left so by `clear` itself.
    private func prune(_ lun: LUN, _ block: UInt64, _ count: UInt64) throws(ArrayError) {
        let last = block + count - 1
        var position = block
        while position <= last {
            let leaf = try leaf(below: lun.root, block: position)
            let end = (position | UInt64(Layout.entriesPerPage - 1))
            if leaf != 0, arena.page(leaf).pointee.mapped == 0 {
                try clear(lun, position, min(end, last) - position + 1)
            }
            position = end + 1
        }
    }

    /// Unmaps a range.
    func clear(_ lun: LUN, _ block: UInt64, _ count: UInt64) throws(ArrayError) {
        guard !lun.root.isNone, count > 0 else { return }
        if block == 0, count >= lun.record.sizeBlocks {
            try drop(lun.root, level: Layout.rootLevel)
            lun.root = .none
            lun.mapped = 0
            return
        }
        let root = try own(lun.root, level: Layout.rootLevel)
        lun.root = PageName(slot: root)
        lun.mapped -= try clear(root, Layout.rootLevel, block, count)
        guard lun.mapped == 0 else { return }
        arena.free(root)
        lun.root = .none
    }

    /// Unmaps a range of an owned page, given in blocks from the page's first; removes pages that map nothing then.
    ///
    /// - Returns: how many blocks were mapped.
    private func clear(
        _ slot: Slot, _ level: Int, _ first: UInt64, _ count: UInt64
    ) throws(ArrayError) -> UInt64 {
        let entries = arena.entries(slot)
        let shift = Layout.spanShift(ofLevel: level)
        var removed: UInt64 = 0
        let last = first + count - 1
        if level == 0 {
            removed = UInt64(mappedCount(entries + Int(first), Int(count)))
            try release(entries + Int(first), Int(count))
            (entries + Int(first)).update(repeating: 0, count: Int(count))
            arena.page(slot).pointee.mapped -= removed
            return removed
        }
        for index in Int(first >> shift)...Int(last >> shift) where entries[index] != 0 {
            let childStart = UInt64(index) << shift
            let from = max(first, childStart) - childStart
            let to = min(last, childStart + (1 << shift) - 1) - childStart
            removed += try clearChild(slot, level, index, from, to - from + 1)
        }
        if level < Layout.rootLevel { arena.page(slot).pointee.mapped -= removed }
        return removed
    }

    /// Unmaps a range of the page that an entry of an owned page names, and the entry with it if nothing is left.
    private func clearChild(
        _ slot: Slot, _ level: Int, _ index: Int, _ first: UInt64, _ count: UInt64
    ) throws(ArrayError) -> UInt64 {
        let entry = arena.entries(slot) + index
        let removed: UInt64
        if count < 1 << Layout.spanShift(ofLevel: level) {
            let child = try own(PageName(rawValue: entry.pointee), level: level - 1)
            entry.pointee = PageName(slot: child).rawValue
            removed = try clear(child, level - 1, first, count)
            let left = arena.page(child).pointee.mapped
            setMappedBelow(slot, level: level, index: index, left)
            if left > 0 { return removed }
            arena.free(child)
        } else {
            removed = try mappedBelow(slot, level: level, index: index)
            try drop(PageName(rawValue: entry.pointee), level: level - 1)
            setMappedBelow(slot, level: level, index: index, 0)
        }
        entry.pointee = 0
        return removed
    }

    // MARK: Sharing

    /// Makes a page's part of the map, from `block` on, another name of `subtree`, a page of the same level that maps
    /// `mapped` blocks.
    func graft(
        _ subtree: PageName, mapping mapped: UInt64, level: Int, in lun: LUN, at block: UInt64
    ) throws(ArrayError) {
        let path = try ownedPath(lun, to: level + 1, block: block)
        let parent = path[level + 1]
        let index = index(block, level: level + 1)
        let entry = arena.entries(parent) + index
        let old = PageName(rawValue: entry.pointee)
        guard old != subtree else { return }
        let before = try mappedBelow(parent, level: level + 1, index: index)
        try retain(subtree)
        entry.pointee = subtree.rawValue
        setMappedBelow(parent, level: level + 1, index: index, mapped)
        addMapped(Int64(mapped) - Int64(before), lun, along: path, from: level + 1, block: block)
        try drop(old, level: level)
    }

    /// Maps a run of blocks inside one leaf of the destination to the blocks that a leaf of the source names.
    func shareEntries(
        of leaf: Slot, from start: Int, in lun: LUN, at block: UInt64, count: Int
    ) throws(ArrayError) {
        let source = arena.entries(leaf) + start
        guard mappedCount(source, count) > 0 else { return try clear(lun, block, UInt64(count)) }
        try changeLeaves(lun, block, UInt64(count)) { entries, _, count throws(ArrayError) in
            try retain(source, count)
            return try replace(entries, with: source, count)
        }
    }
}
