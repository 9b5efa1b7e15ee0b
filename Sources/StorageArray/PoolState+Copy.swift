// Copying ranges between maps: pointers move, bytes do not.

extension PoolState {
    /// Makes `count` blocks of the destination share the blocks of the source; unmapped stays unmapped.
    ///
    /// Whole pages are shared where both positions lie alike in a page (congruent modulo 2 MiB, 512 MiB, 128 GiB), single
    /// entries elsewhere. When the ranges overlap, a name for the source's root keeps the map as it was, so that the
    /// result is as if all of the source had been read first.
    func copy(
        _ source: LUN, _ sourceBlock: UInt64, to destination: LUN, _ destinationBlock: UInt64, _ count: UInt64
    ) throws(ArrayError) {
        if source === destination && sourceBlock == destinationBlock { return }
        let overlaps =
            source === destination && sourceBlock < destinationBlock + count && destinationBlock < sourceBlock + count
        let kept = overlaps ? source.root : .none
        try retain(kept)
        var done: UInt64 = 0
        while done < count {
            let root = overlaps ? kept : source.root
            done += try copyPiece(
                below: root, sourceBlock + done, to: destination, destinationBlock + done, atMost: count - done)
        }
        try drop(kept, level: Layout.rootLevel)
    }

    /// Copies as much as one page of some level can give; returns how many blocks that was.
    private func copyPiece(
        below root: PageName, _ sourceBlock: UInt64, to destination: LUN, _ block: UInt64, atMost left: UInt64
    ) throws(ArrayError) -> UInt64 {
        let missing = try missingSpan(below: root, block: sourceBlock)
        if missing > 0 {
            try clear(destination, block, min(missing, left))
            return min(missing, left)
        }
        for level in (0..<Layout.rootLevel).reversed() {
            let coverage = Layout.coverage(ofLevel: level)
            guard left >= coverage, sourceBlock % coverage == 0, block % coverage == 0 else { continue }
            let parent = try resident(
                try page(below: root, level: level + 1, block: sourceBlock), level: level + 1)
            let entry = index(sourceBlock, level: level + 1)
            let mapped = try mappedBelow(parent, level: level + 1, index: entry)
            let subtree = PageName(rawValue: arena.entries(parent)[entry])
            try graft(subtree, mapping: mapped, level: level, in: destination, at: block)
            return coverage
        }
        let (start, target) = (index(sourceBlock, level: 0), index(block, level: 0))
        let count = min(Int(clamping: left), Layout.entriesPerPage - max(start, target))
        let leaf = try leaf(below: root, block: sourceBlock)
        try shareEntries(of: leaf, from: start, in: destination, at: block, count: count)
        return UInt64(count)
    }

    /// The next run of blocks that are all mapped or all unmapped, at most up to `end`.
    func nextRun(
        below root: PageName, from block: UInt64, to end: UInt64
    ) throws(ArrayError) -> (count: UInt64, isMapped: Bool) {
        let isMapped = try isMapped(below: root, block: block)
        var position = block
        while position < end {
            let missing = try missingSpan(below: root, block: position)
            if missing > 0 {
                if isMapped { break }
                position += min(missing, end - position)
                continue
            }
            let leafEnd = (position | UInt64(Layout.entriesPerPage - 1)) + 1
            if try leafCount(below: root, block: position) == UInt64(Layout.entriesPerPage) {
                if !isMapped { break }
                position = leafEnd
                continue
            }
            let entries = arena.entries(try leaf(below: root, block: position))
            while position < min(leafEnd, end), (entries[index(position, level: 0)] != 0) == isMapped { position += 1 }
            if position < leafEnd { break }
        }
        return (min(position, end) - block, isMapped)
    }

    private func isMapped(below root: PageName, block: UInt64) throws(ArrayError) -> Bool {
        if try missingSpan(below: root, block: block) > 0 { return false }
        if try leafCount(below: root, block: block) == UInt64(Layout.entriesPerPage) { return true }
        return try pointer(below: root, block: block) != 0
    }

    /// Blocks that the leaf on the way to a block maps, without reading it; the leaf must exist.
    private func leafCount(below root: PageName, block: UInt64) throws(ArrayError) -> UInt64 {
        let parent = try resident(try page(below: root, level: 1, block: block), level: 1)
        return try mappedBelow(parent, level: 1, index: index(block, level: 1))
    }
}
