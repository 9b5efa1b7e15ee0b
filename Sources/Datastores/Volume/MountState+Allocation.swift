// Giving out and taking back blocks and inodes, within a change.

extension MountState {
    /// Clusters that one change touches at most; with inodes and pages a record has room for them.
    static var clustersPerChange: Int { 64 }
    /// Fewer when a list of extents is stored as well, since its old blocks may lie in as many clusters again.
    static var clustersPerMapping: Int { 30 }

    /// How many cluster locks the change being made holds.
    var heldClusters: Int { heldOrder.count { isBlockCluster($0) } }

    /// Remembers of a cluster what is on the volume, not what a change that was given up had made of it.
    mutating func recountCluster(at sector: UInt64) throws(VolumeError) {
        guard isBlockCluster(sector), held[sector]?.changed == true else { return }
        let index = Int((sector - geometry.blockClusterSector(0)) / Geometry.recordSectors)
        let used: UInt32 = try device.read(sector: sector + 1, sectors: 1).field(at: Page.headerBytes)
        freeBlocks[index] = geometry.blocks(inCluster: index) - Int(used)
    }

    private func isBlockCluster(_ sector: UInt64) -> Bool {
        sector >= geometry.blockClusterSector(0) && sector < geometry.inodeSector(0)
    }

    /// Takes a run of at most `count` free blocks, all in one cluster.
    ///
    /// - Parameter parity: of the first block, where it can be had: a copy whose blocks lie as those of its source do,
    ///   modulo 2 MiB, shares whole pages of the array's map with it.
    /// - Throws: `.noSpace`; `.contended` when all that is free is under other hosts' locks just now.
    mutating func allocate(upTo count: Int, parity: UInt32? = nil) throws(VolumeError) -> BlockRun {
        let clusters = geometry.blockClusters
        var contended = false
        // First a place where much fits, then any; then any, whatever is remembered of full clusters.
        for round in 0..<3 {
            let least = round == 0 ? min(count, 64) : 1
            for step in 0..<clusters {
                let cluster = (nextCluster + step) % clusters
                if round < 2, freeBlocks[cluster] >= 0, freeBlocks[cluster] < least { continue }
                let sector = geometry.blockClusterSector(cluster)
                if held[sector] == nil, heldClusters >= Self.clustersPerChange { continue }
                guard try tryLock(sector, .cluster) else {
                    contended = true
                    continue
                }
                if let run = try take(upTo: count, atLeast: least, cluster: cluster, parity: parity) {
                    nextCluster = cluster
                    return run
                }
            }
        }
        if contended || heldClusters >= Self.clustersPerChange { throw .contended(holder: nil) }
        throw .noSpace
    }

    private mutating func take(
        upTo count: Int, atLeast least: Int, cluster index: Int, parity: UInt32?
    ) throws(VolumeError) -> BlockRun? {
        var cluster = try blockCluster(index)
        freeBlocks[index] = cluster.freeCount
        guard let run = cluster.freeRun(of: count, parity: parity.map { Int($0 % 2) }), run.count >= least else {
            return nil
        }
        try cluster.mark(run, used: true)
        freeBlocks[index] = cluster.freeCount
        changePage(geometry.blockClusterSector(index), to: cluster.page)
        return BlockRun(start: geometry.firstBlock(ofCluster: index) + UInt32(run.lowerBound), count: UInt32(run.count))
    }

    /// Gives blocks of one cluster back. Their content must no longer be needed when the change is done.
    mutating func free(_ run: BlockRun) throws(VolumeError) {
        guard geometry.isData(run.start, count: run.count) else { throw .corrupt("a run of blocks at \(run.start)") }
        let index = geometry.cluster(of: run.start)
        let sector = geometry.blockClusterSector(index)
        try lock(sector, .cluster)
        var cluster = try blockCluster(index)
        let first = Int(run.start - geometry.firstBlock(ofCluster: index))
        guard first + Int(run.count) <= cluster.units else { throw .corrupt("a run across clusters at \(run.start)") }
        try cluster.mark(first..<first + Int(run.count), used: false)
        freeBlocks[index] = cluster.freeCount
        changePage(sector, to: cluster.page)
    }

    private func blockCluster(_ index: Int) throws(VolumeError) -> Cluster {
        guard let record = held[geometry.blockClusterSector(index)] else { throw .corrupt("cluster \(index) not held") }
        return Cluster(record.page, units: geometry.blocks(inCluster: index))
    }

    /// Counts the free blocks of all clusters anew.
    mutating func countFreeBlocks() throws(VolumeError) {
        let recordBytes = Int(Geometry.recordSectors) * Device.sectorBytes
        let atOnce = 1024
        for first in stride(from: 0, to: geometry.blockClusters, by: atOnce) {
            let count = min(atOnce, geometry.blockClusters - first)
            let sectors = count * Int(Geometry.recordSectors)
            let bytes = try device.read(sector: geometry.blockClusterSector(first), sectors: sectors)
            for index in 0..<count {
                let used = bytes.field(UInt32.self, at: index * recordBytes + Device.sectorBytes + Page.headerBytes)
                freeBlocks[first + index] = geometry.blocks(inCluster: first + index) - Int(used)
            }
        }
    }

    var freeBytes: UInt64 { freeBlocks.reduce(0) { $0 + UInt64(max($1, 0)) } * Geometry.blockBytes }

    // Inodes.

    /// Takes a free inode; its record is held, its generation new, all else empty.
    mutating func allocateInode(_ kind: Inode.Kind) throws(VolumeError) -> Inode {
        var contended = false
        for step in 0..<geometry.inodeClusters {
            let index = (nextInodeCluster + step) % geometry.inodeClusters
            let sector = geometry.inodeClusterSector(index)
            guard try tryLock(sector, .cluster), let record = held[sector] else {
                contended = true
                continue
            }
            var cluster = Cluster(record.page, units: geometry.inodes(inCluster: index))
            guard let unit = cluster.freeRun(of: 1)?.lowerBound else { continue }
            try cluster.mark(unit..<unit + 1, used: true)
            changePage(sector, to: cluster.page)
            nextInodeCluster = index
            let number = UInt32(index * Geometry.inodesPerCluster + unit)
            try lock(geometry.inodeSector(number), .inode)
            let old = try inode(number)
            guard old.state == .free else { throw .corrupt("inode \(number) is in use and marked free") }
            var fresh = Inode(number: number)
            fresh.kind = kind
            fresh.generation = old.generation + 1
            fresh.modified = clock.now()
            return fresh
        }
        if contended { throw .contended(holder: nil) }
        throw .tooManyFiles
    }

    /// Gives back an inode that is held and owns no blocks; its lock goes with it.
    mutating func freeInode(_ number: UInt32) throws(VolumeError) {
        let index = Int(number) / Geometry.inodesPerCluster
        let sector = geometry.inodeClusterSector(index)
        try lock(sector, .cluster)
        guard let record = held[sector] else { return }
        var cluster = Cluster(record.page, units: geometry.inodes(inCluster: index))
        let unit = Int(number) % Geometry.inodesPerCluster
        try cluster.mark(unit..<unit + 1, used: false)
        changePage(sector, to: cluster.page)
        var empty = Inode(number: number)
        empty.generation = try inode(number).generation
        setInode(empty)
        keepLock(ofInode: number, false)
    }

    /// The inode of a record that is held.
    func inode(_ number: UInt32) throws(VolumeError) -> Inode {
        guard let record = held[geometry.inodeSector(number)] else { throw .corrupt("inode \(number) not held") }
        return try Inode(decoding: record.page, number: number)
    }

    mutating func setInode(_ inode: Inode) {
        let sector = geometry.inodeSector(inode.number)
        guard var page = held[sector]?.page else { return }
        inode.encode(into: &page)
        changePage(sector, to: page)
    }

    /// Decides whether the lock of a held inode stays with this mount when the change is done.
    mutating func keepLock(ofInode number: UInt32, _ keeps: Bool) {
        held[geometry.inodeSector(number)]?.keeps = keeps
    }
}
