// The radix map of a LUN: looking up and changing entries.

extension PoolState {
    typealias Slot = PageArena.Slot

    /// Index of a block's entry in a page of the level.
    func index(_ block: UInt64, level: Int) -> Int {
        Int(truncatingIfNeeded: block >> UInt64(9 * level)) & (Layout.entriesPerPage - 1)
    }

    // MARK: Looking up

    /// The page of a level on the way to a block; 0 if there is none.
    func page(below root: Slot, level: Int, block: UInt64) -> Slot {
        var slot = root
        var current = Layout.rootLevel
        while slot != 0, current > level {
            slot = Slot(arena.entries(slot)[index(block, level: current)])
            current -= 1
        }
        return slot
    }

    func pointer(below root: Slot, block: UInt64) -> UInt64 {
        let leaf = page(below: root, level: 0, block: block)
        return leaf == 0 ? 0 : arena.entries(leaf)[index(block, level: 0)]
    }

    /// Fills `pointers` with those of consecutive blocks from `block` on.
    func lookUp(below root: Slot, block: UInt64, into pointers: UnsafeMutableBufferPointer<UInt64>) {
        var done = 0
        while done < pointers.count {
            let position = block + UInt64(done)
            let start = index(position, level: 0)
            let count = min(pointers.count - done, Layout.entriesPerPage - start)
            let leaf = page(below: root, level: 0, block: position)
            for offset in 0..<count { pointers[done + offset] = leaf == 0 ? 0 : arena.entries(leaf)[start + offset] }
            done += count
        }
    }

    /// Blocks from `block` to the end of the largest missing subtree it lies in; 0 if its leaf exists.
    func missingSpan(below root: Slot, block: UInt64) -> UInt64 {
        var slot = root
        var level = Layout.rootLevel
        while slot != 0 {
            if level == 0 { return 0 }
            slot = Slot(arena.entries(slot)[index(block, level: level)])
            level -= 1
        }
        let coverage = Layout.coverage(ofLevel: level)
        return coverage - block % coverage
    }

    // MARK: Owning

    /// A page that may be changed, with the same content: the page itself when nothing else names it, else a copy that
    /// takes over one of its references.
    func own(_ slot: Slot) -> Slot {
        guard arena.page(slot).pointee.references > 1 else {
            arena.markDirty(slot)
            return slot
        }
        let level = Int(arena.page(slot).pointee.level)
        let copy = arena.makeUninitialized(level: level)
        let (from, to) = (arena.entries(slot), arena.entries(copy))
        to.update(from: from, count: Layout.entriesPerPage)
        for index in 0..<Layout.entriesPerPage where to[index] != 0 {
            if level == 0 {
                allocator.retain(BlockPointer(rawValue: to[index]).block)
            } else {
                arena.page(Slot(to[index])).pointee.references += 1
            }
        }
        arena.page(copy).pointee.mapped = arena.page(slot).pointee.mapped
        arena.page(slot).pointee.references -= 1
        return copy
    }

    /// The page of `level` on the way to a block, made if missing, owned with everything above it.
    private func ownedPath(_ lun: LUN, to level: Int, block: UInt64) -> Path {
        lun.root = lun.root == 0 ? arena.make(level: Layout.rootLevel) : own(lun.root)
        var path = Path()
        path[Layout.rootLevel] = lun.root
        var current = Layout.rootLevel
        while current > level {
            let entry = arena.entries(path[current]) + index(block, level: current)
            let child = entry.pointee == 0 ? arena.make(level: current - 1) : own(Slot(entry.pointee))
            entry.pointee = UInt64(child)
            current -= 1
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

    private func addMapped(_ delta: Int64, along path: Path, from level: Int) {
        guard delta != 0 else { return }
        for level in level...Layout.rootLevel {
            let page = arena.page(path[level])
            page.pointee.mapped = UInt64(Int64(page.pointee.mapped) + delta)
        }
    }

    // MARK: Changing

    /// Calls `body` with the entries of consecutive blocks, leaf by leaf, after making the leaves; it returns how many
    /// more blocks are mapped than before.
    private func changeLeaves(
        _ lun: LUN, _ block: UInt64, _ count: UInt64, _ body: (UnsafeMutablePointer<UInt64>, UInt64, Int) -> Int64
    ) {
        var done: UInt64 = 0
        while done < count {
            let path = ownedPath(lun, to: 0, block: block + done)
            let start = index(block + done, level: 0)
            let here = min(Int(clamping: count - done), Layout.entriesPerPage - start)
            addMapped(body(arena.entries(path[0]) + start, done, here), along: path, from: 0)
            done += UInt64(here)
        }
    }

    /// Maps consecutive blocks to pointers whose blocks have been taken with one reference each; a zero pointer unmaps.
    func install(_ pointers: UnsafeBufferPointer<UInt64>, in lun: LUN, at block: UInt64) {
        changeLeaves(lun, block, UInt64(pointers.count)) { entries, done, count in
            var delta: Int64 = 0
            for offset in 0..<count { delta += replace(entries + offset, with: pointers[Int(done) + offset]) }
            return delta
        }
        prune(lun, block, UInt64(pointers.count))
    }

    /// Maps every block of a range to the same pointer, whose block has been taken with one reference.
    func fill(_ lun: LUN, _ block: UInt64, _ count: UInt64, with pointer: UInt64) {
        allocator.retain(BlockPointer(rawValue: pointer).block, count: UInt32(count - 1))
        changeLeaves(lun, block, count) { entries, _, count in
            var delta: Int64 = 0
            for offset in 0..<count { delta += replace(entries + offset, with: pointer) }
            return delta
        }
    }

    private func replace(_ entry: UnsafeMutablePointer<UInt64>, with pointer: UInt64) -> Int64 {
        let old = entry.pointee
        entry.pointee = pointer
        if old != 0 { allocator.release(BlockPointer(rawValue: old).block) }
        return (pointer == 0 ? 0 : 1) - (old == 0 ? 0 : 1)
    }

    /// Removes pages that map nothing any more on the way to a range; none is left so by `clear` itself.
    private func prune(_ lun: LUN, _ block: UInt64, _ count: UInt64) {
        let last = block + count - 1
        var position = block
        while position <= last {
            let leaf = page(below: lun.root, level: 0, block: position)
            let end = (position | UInt64(Layout.entriesPerPage - 1))
            if leaf != 0, arena.page(leaf).pointee.mapped == 0 { clear(lun, position, min(end, last) - position + 1) }
            position = end + 1
        }
    }

    /// Gives up one reference to a page, and with the last one everything below it.
    func drop(_ slot: Slot) {
        let page = arena.page(slot)
        page.pointee.references -= 1
        guard page.pointee.references == 0 else { return }
        let entries = arena.entries(slot)
        for index in 0..<Layout.entriesPerPage where entries[index] != 0 {
            if page.pointee.level == 0 {
                allocator.release(BlockPointer(rawValue: entries[index]).block)
            } else {
                drop(Slot(entries[index]))
            }
        }
        if page.pointee.stored.isMapped { allocator.deferFree(page.pointee.stored.block) }
        arena.free(slot)
    }

    /// Unmaps a range.
    func clear(_ lun: LUN, _ block: UInt64, _ count: UInt64) {
        guard lun.root != 0, count > 0 else { return }
        lun.root = own(lun.root)
        clear(lun.root, Layout.rootLevel, block, count)
        guard arena.page(lun.root).pointee.mapped == 0 else { return }
        drop(lun.root)
        lun.root = 0
    }

    /// Unmaps a range of an owned page, given in blocks from the page's first; removes pages that map nothing then.
    private func clear(_ slot: Slot, _ level: Int, _ first: UInt64, _ count: UInt64) {
        let entries = arena.entries(slot)
        let span = level == 0 ? 1 : Layout.coverage(ofLevel: level - 1)
        var removed: UInt64 = 0
        let last = first + count - 1
        for index in Int(first / span)...Int(last / span) where entries[index] != 0 {
            if level == 0 {
                allocator.release(BlockPointer(rawValue: entries[index]).block)
                entries[index] = 0
                removed += 1
                continue
            }
            let childStart = UInt64(index) * span
            let from = max(first, childStart) - childStart
            let to = min(last, childStart + span - 1) - childStart
            var child = Slot(entries[index])
            let before = arena.page(child).pointee.mapped
            if to - from + 1 < span {
                child = own(child)
                entries[index] = UInt64(child)
                clear(child, level - 1, from, to - from + 1)
                removed += before - arena.page(child).pointee.mapped
                if arena.page(child).pointee.mapped > 0 { continue }
            } else {
                removed += before
            }
            drop(child)
            entries[index] = 0
        }
        arena.page(slot).pointee.mapped -= removed
    }

    // MARK: Sharing

    /// Makes a page's part of the map, from `block` on, a reference to `subtree`, a page of the same level.
    func graft(_ subtree: Slot, level: Int, in lun: LUN, at block: UInt64) {
        let path = ownedPath(lun, to: level + 1, block: block)
        let entry = arena.entries(path[level + 1]) + index(block, level: level + 1)
        let old = Slot(entry.pointee)
        guard old != subtree else { return }
        arena.page(subtree).pointee.references += 1
        entry.pointee = UInt64(subtree)
        let before = old == 0 ? 0 : arena.page(old).pointee.mapped
        addMapped(Int64(arena.page(subtree).pointee.mapped) - Int64(before), along: path, from: level + 1)
        if old != 0 { drop(old) }
    }

    /// Maps a run of blocks inside one leaf of the destination to the blocks that a leaf of the source names.
    func shareEntries(of leaf: Slot, from start: Int, in lun: LUN, at block: UInt64, count: Int) {
        let source = arena.entries(leaf) + start
        guard (0..<count).contains(where: { source[$0] != 0 }) else { return clear(lun, block, UInt64(count)) }
        changeLeaves(lun, block, UInt64(count)) { entries, _, count in
            var delta: Int64 = 0
            for offset in 0..<count {
                let pointer = source[offset]
                if pointer != 0 { allocator.retain(BlockPointer(rawValue: pointer).block) }
                delta += replace(entries + offset, with: pointer)
            }
            return delta
        }
    }
}
