import Platform

// Reading map pages and counts without keeping everybody else waiting: they are read with the gate free, before the
// command does anything. A command that finds one missing all the same reads it with the gate held.

extension StoragePool {
    /// Leaves of one command that are read ahead; it reads the others when it comes to them.
    private static let leavesAhead: UInt64 = 256

    /// With the gate held: sees to it that the pages a command on a range needs are in memory, and that not too many are.
    ///
    /// The gate may have been free meanwhile.
    /// - Parameter forChange: the counts of what may be released, too.
    /// - Throws: `.damaged` if a page is not what its name says, `.device`, `.noSuchLUN`.
    func makeResident(
        _ identifier: LUNIdentifier, _ blocks: Range<UInt64>, forChange: Bool
    ) throws(ArrayError) {
        evictPages()
        let perLeaf = UInt64(Layout.entriesPerPage)
        var start = blocks.lowerBound
        let end = min(blocks.upperBound, start + Self.leavesAhead * perLeaf)
        while start < end {
            let next = min(end, (start / perLeaf + 1) * perLeaf)
            while let absent = state.absent(
                below: try state.lun(identifier).root, start..<next, forChange: forChange)
            {
                try fetch(absent)
            }
            start = next
        }
    }

    /// With the gate held: the same for unmapping a range of any length.
    func makeResidentToClear(_ identifier: LUNIdentifier, _ blocks: Range<UInt64>) throws(ArrayError) {
        evictPages()
        guard !blocks.isEmpty else { return }
        while true {
            let lun = try state.lun(identifier)
            if blocks.lowerBound == 0, blocks.upperBound >= lun.record.sizeBlocks { return }
            guard
                let absent = state.absentToClear(
                    lun.root, level: Layout.rootLevel, first: blocks.lowerBound, last: blocks.upperBound - 1)
            else { return }
            try fetch(absent)
        }
    }

    /// With the gate held: the same for freeing dead pages.
    func makeResidentToReap(_ pages: Int) throws(ArrayError) {
        evictPages()
        while let absent = state.absentToReap(pages) { try fetch(absent) }
    }

    /// With the gate held and no slot in use.
    func evictPages() { state.evict(downTo: memoryPages, written: superblock.generation) }

    /// With the gate held: reads a page with the gate free. Nothing may have come of it when that page is not needed in
    /// this form any more; so look again.
    private func fetch(_ absent: PoolState.Absent) throws(ArrayError) {
        let page = UnsafeMutableRawBufferPointer.allocate(byteCount: Layout.blockBytes, alignment: Layout.blockBytes)
        defer { page.deallocate() }
        let epoch = reuseEpoch
        switch absent {
        case .map(let pointer, let level):
            guard state.allocator.contains(pointer.block) else {
                throw .damaged("map page \(pointer.block): its place")
            }
            let failure = withGateFree { () throws(ArrayError) in try device.readPage(pointer, into: page) }
            // Its block may have been used anew meanwhile: only then is what was read not to be trusted.
            guard epoch == reuseEpoch else { return }
            try failure.raise()
            try state.adopt(UnsafeRawBufferPointer(page), pointer, level: level)
        case .counts(let region):
            let table = state.allocator.table
            let entry = table.regions[region]
            let place = table.place(ofRegion: region)
            let failure = withGateFree { () throws(ArrayError) in
                if entry.isStored { try CountTable.read(device, entry, at: place, into: page) } else { page.clear() }
            }
            guard epoch == reuseEpoch else { return }
            try failure.raise()
            try table.adopt(UnsafeRawBufferPointer(page), forRegion: region, entry: entry.entry)
        }
    }

    private func withGateFree(_ body: () throws(ArrayError) -> Void) -> ArrayError? {
        gate.unlock()
        defer { gate.lock() }
        do throws(ArrayError) {
            try body()
            return nil
        } catch { return error }
    }
}

extension StoragePool {
    /// With the gate held: what a change of a LUN and the blocks at its edges need.
    func makeResident(
        _ change: JournalRecord?, in identifier: LUNIdentifier, _ blocks: Range<UInt64>
    ) throws(ArrayError) {
        switch change {
        case .unmap: try makeResidentToClear(identifier, blocks)
        case .copy(let source, let first, _, let target, let count):
            let sharesLeaves = first % UInt64(Layout.entriesPerPage) == target % UInt64(Layout.entriesPerPage)
            if sharesLeaves {
                try makeResident(source, first..<first + 1, forChange: true)
                try makeResidentToClear(identifier, target..<target + count)
            } else {
                try makeResident(source, first..<first + count, forChange: true)
                try makeResident(identifier, blocks, forChange: true)
            }
        case .write, .fill, .create, .clone, .delete, .resize, .revert, .update, .reap, nil:
            try makeResident(identifier, blocks, forChange: true)
        }
    }
}
