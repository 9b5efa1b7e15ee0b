import Platform

/// Reads what of a checkpoint has to be known from the start: the index of the counts and the catalogue, each page proven
/// by the checksum in the pointer to it. Map pages and counts are read when they are needed.
struct CheckpointLoader {
    let state: PoolState
    private(set) var catalogueBlocks: [UInt32] = []

    private let device: any BlockDevice
    private let superblock: Superblock

    init(_ device: any BlockDevice, _ superblock: Superblock) throws(ArrayError) {
        self.device = device
        self.superblock = superblock
        let table = try CountTable(superblock.geometry, device: device)
        table.grow(to: min(table.geometry.limit, Int(clamping: device.sizeBytes / UInt64(Layout.blockBytes))))
        state = PoolState(device: device, allocator: BlockAllocator(table))
        state.nextLUN = superblock.nextLUN
    }

    mutating func load() throws(ArrayError) {
        let table = state.allocator.table
        try table.readIndex(generation: superblock.generation, rootChecksum: superblock.countRoots)
        table.knownRegions = min(
            table.geometry.regionCount,
            max(0, table.end - table.geometry.dataStart + Geometry.blocksPerRegion - 1) / Geometry.blocksPerRegion)
        table.unexamined = (0..<table.knownRegions).filter {
            Int(table.regions[$0].free) == table.usableBlocks(ofRegion: $0)
        }
        guard superblock.catalogue.isMapped else { return }
        let (device, allocator) = (device, state.allocator)
        catalogueBlocks = try state.decodeCatalogue(superblock.catalogue) { pointer throws(ArrayError) in
            guard allocator.contains(pointer.block) else { throw .damaged("catalogue: a page's place") }
            let page = try device.bytes(at: pointer.offset, count: Layout.blockBytes)
            guard Checksum.of(page) == pointer.checksum else {
                throw .damaged("catalogue page \(pointer.block): its checksum")
            }
            return page
        }
    }
}
