// Copying ranges between maps: pointers move, bytes do not.

extension PoolState {
    /// Makes `count` blocks of the destination share the blocks of the source; unmapped stays unmapped.
    ///
    /// Whole pages are shared where both positions lie alike in a page (congruent modulo 2 MiB, 1 GiB, 512 GiB), single
    /// entries elsewhere. When the ranges overlap, a reference on the source's root keeps the map as it was, so that
    /// the result is as if all of the source had been read first.
    func copy(_ source: LUN, _ sourceBlock: UInt64, to destination: LUN, _ destinationBlock: UInt64, _ count: UInt64) {
        if source === destination && sourceBlock == destinationBlock { return }
        let overlaps =
            source === destination && sourceBlock < destinationBlock + count && destinationBlock < sourceBlock + count
        let kept = overlaps ? source.root : 0
        if kept != 0 { arena.page(kept).pointee.references += 1 }
        defer { if kept != 0 { drop(kept) } }

        var done: UInt64 = 0
        while done < count {
            let root = overlaps ? kept : source.root
            done += copyPiece(
                below: root, sourceBlock + done, to: destination, destinationBlock + done, atMost: count - done)
        }
    }

    /// Copies as much as one page of some level can give; returns how many blocks that was.
    private func copyPiece(
        below root: Slot, _ sourceBlock: UInt64, to destination: LUN, _ block: UInt64, atMost left: UInt64
    ) -> UInt64 {
        let missing = missingSpan(below: root, block: sourceBlock)
        if missing > 0 {
            clear(destination, block, min(missing, left))
            return min(missing, left)
        }
        for level in (0..<Layout.rootLevel).reversed() {
            let coverage = Layout.coverage(ofLevel: level)
            guard left >= coverage, sourceBlock % coverage == 0, block % coverage == 0 else { continue }
            graft(page(below: root, level: level, block: sourceBlock), level: level, in: destination, at: block)
            return coverage
        }
        let (start, target) = (index(sourceBlock, level: 0), index(block, level: 0))
        let count = min(Int(clamping: left), Layout.entriesPerPage - max(start, target))
        let leaf = page(below: root, level: 0, block: sourceBlock)
        shareEntries(of: leaf, from: start, in: destination, at: block, count: count)
        return UInt64(count)
    }

    /// The next run of blocks that are all mapped or all unmapped, at most up to `end`.
    func nextRun(below root: Slot, from block: UInt64, to end: UInt64) -> (count: UInt64, isMapped: Bool) {
        let isMapped = pointer(below: root, block: block) != 0
        var position = block
        while position < end {
            let missing = missingSpan(below: root, block: position)
            if missing > 0 {
                if isMapped { break }
                position += min(missing, end - position)
                continue
            }
            let entries = arena.entries(page(below: root, level: 0, block: position))
            var entry = index(position, level: 0)
            while entry < Layout.entriesPerPage, position < end, (entries[entry] != 0) == isMapped {
                entry += 1
                position += 1
            }
            if entry < Layout.entriesPerPage { break }
        }
        return (min(position, end) - block, isMapped)
    }
}
