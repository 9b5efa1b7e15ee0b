extension Volume {
    /// One rule of the format that does not hold.
    public struct Problem: Sendable, Equatable, CustomStringConvertible {
        public enum Kind: Sendable, Equatable {
            /// A checksum or a field is wrong.
            case corrupt
            /// In use by two, or by one and marked free.
            case doublyUsed
            /// Marked in use and belonging to nobody.
            case leaked
            /// A directory entry and its inode disagree, or an inode has no entry or several.
            case misnamed
            /// A lock of an owner that is gone.
            case staleLock
        }

        public var kind: Kind
        public var description: String
    }

    /// Reads all metadata and compares it: bitmaps with extents, directories with inodes, locks with heartbeats.
    ///
    /// Tells the truth only while nobody changes the volume; changes nothing itself.
    /// - Throws: `.device` when a command fails.
    public func check() throws(VolumeError) -> [Problem] {
        try attempt { (state) throws(VolumeError) in
            var checker = Checker(device: state.device, geometry: state.geometry)
            try checker.run()
            return checker.problems
        }
    }
}

/// One walk over a volume.
private struct Checker {
    let device: Device
    let geometry: Geometry
    var problems: [Volume.Problem] = []
    private var heartbeats: [Heartbeat] = []
    private var unfinished: Set<UInt32> = []
    private var inodes: [UInt32: Inode] = [:]
    /// One bit of the volume's blocks each.
    private var owned: [UInt64]

    init(device: Device, geometry: Geometry) {
        self.device = device
        self.geometry = geometry
        owned = Array(repeating: 0, count: Int(geometry.totalBlocks + 63) / 64)
    }

    mutating func run() throws(VolumeError) {
        try checkSuperblocks()
        try readHosts()
        try readInodes()
        try claimBlocks()
        try checkBitmaps()
        try checkNames()
    }

    private mutating func report(_ kind: Volume.Problem.Kind, _ text: String) {
        problems.append(Volume.Problem(kind: kind, description: text))
    }

    /// Runs a part and turns what is corrupt into a problem.
    private mutating func noting<Result>(
        _ body: (inout Checker) throws(VolumeError) -> Result
    ) throws(VolumeError) -> Result? {
        do {
            return try body(&self)
        } catch .corrupt(let text) {
            report(.corrupt, text)
            return nil
        }
    }

    private mutating func checkSuperblocks() throws(VolumeError) {
        for place in Superblock.places {
            let bytes = try device.read(sector: place, sectors: Superblock.sectors)
            do { _ = try Superblock(decoding: bytes) } catch { report(.corrupt, "superblock at sector \(place)") }
        }
    }

    private mutating func readHosts() throws(VolumeError) {
        for slot in 0..<geometry.hostSlots {
            let bytes = try device.read(sector: geometry.heartbeatSector(slot), sectors: 1)
            let heartbeat = try noting { (_) throws(VolumeError) in try Heartbeat(decoding: bytes, slot: slot) }
            heartbeats.append(heartbeat ?? Heartbeat(slot: slot))
            let sector = geometry.hostAreaSector(slot)
            let page = try device.read(sector: sector, sectors: Geometry.bodySectors)
            let host = try noting { (_) throws(VolumeError) in
                try HostPage(try Page(.host, sector: sector, decoding: page))
            }
            unfinished.formUnion(host?.unfinished ?? [])
        }
    }

    private mutating func checkLock(_ record: [UInt8], sector: UInt64) throws(VolumeError) {
        let lock = try noting { (_) throws(VolumeError) in try LockSector(decoding: record, sector: sector) }
        for owner in lock?.owners ?? [] {
            guard heartbeats.indices.contains(owner.slot) else {
                report(.corrupt, "the lock at sector \(sector) names slot \(owner.slot)")
                continue
            }
            let heartbeat = heartbeats[owner.slot]
            if heartbeat.state == .free || heartbeat.generation != owner.generation {
                report(.staleLock, "the lock at sector \(sector) names generation \(owner.generation) of \(owner.slot)")
            }
        }
    }

    private mutating func readInodes() throws(VolumeError) {
        for index in 0..<geometry.inodeClusters {
            let sector = geometry.inodeClusterSector(index)
            guard let cluster = try readCluster(sector, units: geometry.inodes(inCluster: index)) else { continue }
            let recordBytes = Int(Geometry.recordSectors) * Device.sectorBytes
            for first in stride(from: 0, to: cluster.units, by: 256) {
                let number = UInt32(index * Geometry.inodesPerCluster + first)
                let count = min(256, cluster.units - first)
                let records = try device.read(
                    sector: geometry.inodeSector(number), sectors: count * Int(Geometry.recordSectors))
                for unit in 0..<count where number + UInt32(unit) > 0 {
                    let record = Array(records[unit * recordBytes..<(unit + 1) * recordBytes])
                    if !cluster.isUsed(first + unit), record.isAllZeros { continue }
                    try checkInode(number + UInt32(unit), record, isUsed: cluster.isUsed(first + unit))
                }
            }
        }
    }

    private mutating func readCluster(_ sector: UInt64, units: Int) throws(VolumeError) -> Cluster? {
        let record = try device.read(sector: sector, sectors: Int(Geometry.recordSectors))
        try checkLock(record, sector: sector)
        let body = Array(record[Device.sectorBytes...])
        let cluster = try noting { (_) throws(VolumeError) in
            Cluster(try Page(.cluster, sector: sector + 1, decoding: body), units: units)
        }
        guard let cluster else { return nil }
        let used = (0..<units).count { cluster.isUsed($0) }
        if used != cluster.usedCount { report(.corrupt, "the cluster at sector \(sector) counts \(cluster.usedCount)") }
        return cluster
    }

    private mutating func checkInode(_ number: UInt32, _ record: [UInt8], isUsed: Bool) throws(VolumeError) {
        let sector = geometry.inodeSector(number)
        try checkLock(record, sector: sector)
        let body = Array(record[Device.sectorBytes...])
        let decoded = try noting { (_) throws(VolumeError) in
            try Inode(decoding: try Page(.inode, sector: sector + 1, decoding: body), number: number)
        }
        guard let inode = decoded else { return }
        if isUsed != (inode.state != .free) {
            report(isUsed ? .leaked : .doublyUsed, "inode \(number) is \(inode.state), its bit \(isUsed)")
        }
        if inode.state == .unlinked, !unfinished.contains(number) {
            report(.leaked, "inode \(number) has no name and is nobody's unfinished work")
        }
        if inode.state != .free { inodes[number] = inode }
    }

    private mutating func claimBlocks() throws(VolumeError) {
        for number in inodes.keys.sorted() {
            guard let inode = inodes[number] else { continue }
            let state = ExtentReader(device: device, geometry: geometry)
            let map = try noting { (_) throws(VolumeError) in try state.extents(of: inode) }
            var end: UInt32 = 0
            for extent in map?.extents ?? [] {
                if extent.logical < end || extent.count == 0 { report(.corrupt, "extents of inode \(number)") }
                end = max(end, extent.logicalEnd)
                claim(extent.run, by: number)
            }
            if let map, map.blockCount != inode.mappedBlocks { report(.corrupt, "inode \(number): mapped blocks") }
            for run in inode.reserved { claim(run, by: number) }
            for block in inode.extentBlocks { claim(BlockRun(start: block, count: 1), by: number) }
        }
    }

    private mutating func claim(_ run: BlockRun, by number: UInt32) {
        guard run.count > 0, geometry.isData(run.start, count: run.count),
            geometry.cluster(of: run.start) == geometry.cluster(of: run.start + run.count - 1)
        else {
            return report(.corrupt, "inode \(number): blocks \(run.start) and \(run.count) more")
        }
        for block in Int(run.start)..<Int(run.start + run.count) {
            let bit = UInt64(1) << UInt64(block % 64)
            if owned[block / 64] & bit != 0 { report(.doublyUsed, "block \(block), by inode \(number) as well") }
            owned[block / 64] |= bit
        }
    }

    private mutating func checkBitmaps() throws(VolumeError) {
        for index in 0..<geometry.blockClusters {
            let sector = geometry.blockClusterSector(index)
            guard let cluster = try readCluster(sector, units: geometry.blocks(inCluster: index)) else { continue }
            let first = Int(geometry.firstBlock(ofCluster: index))
            for unit in 0..<cluster.units {
                let block = first + unit
                let isOwned = owned[block / 64] >> UInt64(block % 64) & 1 == 1
                guard isOwned != cluster.isUsed(unit) else { continue }
                report(isOwned ? .doublyUsed : .leaked, "block \(block) is marked \(isOwned ? "free" : "in use")")
            }
        }
    }

    private mutating func checkNames() throws(VolumeError) {
        var named: Set<UInt32> = [InodeReference.root.number]
        var waiting = [InodeReference.root]
        while let directory = waiting.popLast() {
            guard let inode = inodes[directory.number] else { continue }
            let reader = ExtentReader(device: device, geometry: geometry)
            let entries = try noting { (_) throws(VolumeError) in try reader.entries(of: inode) }
            for (name, target) in (entries ?? []).sorted(by: { $0.0 < $1.0 }) {
                guard let found = inodes[target.number], found.reference == target, found.state == .linked else {
                    report(.misnamed, "\(name.text) in directory \(directory.number) names inode \(target.number)")
                    continue
                }
                guard named.insert(target.number).inserted else {
                    report(.misnamed, "inode \(target.number) has several names")
                    continue
                }
                if target.kind == .directory { waiting.append(target) }
            }
        }
        for number in inodes.keys.sorted() where inodes[number]?.state == .linked && !named.contains(number) {
            report(.misnamed, "inode \(number) has no name")
        }
    }
}
