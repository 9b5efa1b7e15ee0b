/// Where everything lies on a volume; computed once from the capacity and kept in the superblock.
///
/// Units: blocks of 1 MiB, sectors of 512 bytes. Regions follow each other in this order, each from a block border:
/// ```
/// block 0                superblock in sectors 0-7, its copy in sectors 1024-1031
/// block 1                heartbeats: one sector per host slot
/// hostAreaBlock          per host slot 512 KiB: page of unfinished work (sectors 0-6), journal record (from sector 16)
/// inodeClusterBlock      one record per 1024 inodes: which of them are in use
/// blockClusterBlock      one record per cluster of data blocks: which of them are in use
/// inodeTableBlock        one record per inode
/// dataBlock (even)       data blocks: file contents, directory pages, extent lists that outgrow their inode
/// ```
/// A record is eight sectors: a lock sector, then a body of seven.
struct Geometry: Equatable, Sendable {
    static let blockBytes: UInt64 = 1 << 20
    static let blockSectors: UInt64 = 2048
    static let recordSectors: UInt64 = 8
    static let bodySectors = 7
    static let hostAreaSectors: UInt64 = 1024
    static let journalSector: UInt64 = 16
    static let inodesPerCluster = 1024
    static let maximumBlocksPerCluster = 16384
    static let maximumInodes = 262_144
    static let minimumBlocks: UInt64 = 64
    /// 64 TiB, the largest LUN of the array.
    static let maximumBlocks: UInt64 = 64 << 20

    let totalBlocks: UInt64
    let hostSlots: Int
    let inodeCount: Int
    let blocksPerCluster: Int
    let inodeClusterBlock: UInt64
    let blockClusterBlock: UInt64
    let inodeTableBlock: UInt64
    let dataBlock: UInt64

    static let hostAreaBlock: UInt64 = 2

    /// - Parameter totalBlocks: 64 and more; what is beyond 64 TiB is not used.
    init(totalBlocks given: UInt64) {
        totalBlocks = min(given, Self.maximumBlocks)
        hostSlots = totalBlocks >= 1024 ? 64 : 8
        // One inode per 256 KiB: a sixty-fourth of the volume's addresses, of which the array backs what is written.
        inodeCount = min(max(Int(totalBlocks) * 4, 256), Self.maximumInodes)
        var perCluster = 64
        while perCluster < Self.maximumBlocksPerCluster, perCluster * 64 < Int(totalBlocks) { perCluster *= 2 }
        blocksPerCluster = perCluster
        inodeClusterBlock = Self.hostAreaBlock + UInt64(hostSlots) / 2
        blockClusterBlock = inodeClusterBlock + 1
        let clusters = (totalBlocks + UInt64(perCluster) - 1) / UInt64(perCluster)
        inodeTableBlock = blockClusterBlock + (clusters + 255) / 256
        let end = inodeTableBlock + (UInt64(inodeCount) + 255) / 256
        dataBlock = end + end % 2
    }

    var dataBlocks: UInt64 { totalBlocks - dataBlock }
    var blockClusters: Int { Int((dataBlocks + UInt64(blocksPerCluster) - 1) / UInt64(blocksPerCluster)) }
    var inodeClusters: Int { (inodeCount + Self.inodesPerCluster - 1) / Self.inodesPerCluster }

    /// How many data blocks a cluster has; the last may have fewer than the others.
    func blocks(inCluster cluster: Int) -> Int {
        min(blocksPerCluster, Int(dataBlocks) - cluster * blocksPerCluster)
    }

    func inodes(inCluster cluster: Int) -> Int {
        min(Self.inodesPerCluster, inodeCount - cluster * Self.inodesPerCluster)
    }

    func firstBlock(ofCluster cluster: Int) -> UInt32 {
        UInt32(dataBlock) + UInt32(cluster * blocksPerCluster)
    }

    /// - Parameter block: a data block.
    func cluster(of block: UInt32) -> Int { (Int(block) - Int(dataBlock)) / blocksPerCluster }

    func isData(_ block: UInt32, count: UInt32 = 1) -> Bool {
        UInt64(block) >= dataBlock && UInt64(block) + UInt64(count) <= totalBlocks
    }

    // First sectors.

    static func sector(ofBlock block: UInt32) -> UInt64 { UInt64(block) * blockSectors }
    func heartbeatSector(_ slot: Int) -> UInt64 { Self.blockSectors + UInt64(slot) }
    func hostAreaSector(_ slot: Int) -> UInt64 {
        Self.hostAreaBlock * Self.blockSectors + UInt64(slot) * Self.hostAreaSectors
    }
    func inodeClusterSector(_ cluster: Int) -> UInt64 {
        inodeClusterBlock * Self.blockSectors + UInt64(cluster) * Self.recordSectors
    }
    func blockClusterSector(_ cluster: Int) -> UInt64 {
        blockClusterBlock * Self.blockSectors + UInt64(cluster) * Self.recordSectors
    }
    /// - Parameter inode: 1 and more; 0 names no inode.
    func inodeSector(_ inode: UInt32) -> UInt64 {
        inodeTableBlock * Self.blockSectors + UInt64(inode) * Self.recordSectors
    }
}
