// Removing what no directory names: the blocks and the inode of a file that is gone.

extension MountState {
    /// Frees all blocks of an unlinked inode, then the inode, in as many changes as it takes.
    ///
    /// Blocks are given to the array (UNMAP) before the volume may give them out again. Stopping anywhere leaves an
    /// inode that still owns what is not yet freed, and the host page that lists it.
    /// - Parameter slot: whose unfinished work it is; `nil`: this host's.
    mutating func reclaim(_ number: UInt32, slot: Int? = nil) throws(VolumeError) {
        var finished = false
        while !finished {
            finished = try transact { (state) throws(VolumeError) -> Bool in
                try state.reclaimStep(number, slot: slot)
            }
        }
        directories[number] = nil
    }

    private mutating func reclaimStep(_ number: UInt32, slot: Int?) throws(VolumeError) -> Bool {
        try lock(geometry.inodeSector(number), .inode)
        var inode = try inode(number)
        guard inode.state == .unlinked else {
            // Finished before, or never begun.
            try changeHostPage(slot: slot) { $0.remove(number) }
            keepLock(ofInode: number, false)
            return true
        }
        let runs = try takeRuns(from: &inode)
        try device.unmap(runs.map(\.sectors))
        for run in runs { try free(run) }
        if inode.ownsNothing {
            setInode(inode)
            try freeInode(number)
            try changeHostPage(slot: slot) { $0.remove(number) }
            return true
        }
        setInode(inode)
        return false
    }

    /// Takes from an inode as many runs, last ones first, as one change can free.
    ///
    /// Whole extents only: a list in extent blocks is then shortened by its count, without writing it anew, so that
    /// removing needs no space.
    private func takeRuns(from inode: inout Inode) throws(VolumeError) -> [BlockRun] {
        var runs: [BlockRun] = []
        var clusters = Set<Int>()
        let most = Self.clustersPerChange
        func mayTake(_ block: UInt32) -> Bool {
            clusters.insert(geometry.cluster(of: block))
            return clusters.count <= most
        }
        var extents = try extents(of: inode).extents
        while let last = extents.last, mayTake(last.start) {
            runs.append(last.run)
            extents.removeLast()
            inode.mappedBlocks -= UInt64(last.count)
        }
        inode.extentCount = extents.count
        if inode.extentBlocks.isEmpty { inode.inlineExtents = extents }
        guard extents.isEmpty else { return runs }
        while let last = inode.extentBlocks.last, mayTake(last) {
            runs.append(BlockRun(start: last, count: 1))
            inode.extentBlocks.removeLast()
        }
        while let last = inode.reserved.last, mayTake(last.start) {
            runs.append(last)
            inode.reserved.removeLast()
        }
        return runs
    }

    /// Makes a fresh inode that no directory names yet; its lock stays with this mount.
    mutating func makeUnlinked(_ kind: Inode.Kind, sizeBytes: UInt64) throws(VolumeError) -> Inode {
        var inode = try allocateInode(kind)
        inode.state = .unlinked
        inode.sizeBytes = sizeBytes
        setInode(inode)
        keepLock(ofInode: inode.number, true)
        try changeHostPage { (page) throws(VolumeError) in try page.add(inode.number) }
        return inode
    }

    /// Frees what had to wait; what still has to, stays.
    mutating func reclaimDeferred() throws(VolumeError) {
        for number in deferred.sorted() {
            do {
                try reclaim(number)
                deferred.remove(number)
            } catch .contended {
                continue
            }
        }
    }
}

extension Inode {
    var ownsNothing: Bool { extentCount == 0 && extentBlocks.isEmpty && reserved.isEmpty }
}
