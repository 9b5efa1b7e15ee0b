// Extent lists between an inode, its extent blocks and memory.

extension MountState {
    func extents(of inode: Inode) throws(VolumeError) -> ExtentMap {
        try ExtentReader(device: device, geometry: geometry).extents(of: inode)
    }

    /// Puts a file's extents into its inode, or into new extent blocks when they are too many.
    ///
    /// The old extent blocks are given back by the same change, so that either list is whole whenever the host stops.
    mutating func store(_ map: ExtentMap, in inode: inout Inode) throws(VolumeError) {
        let old = inode.extentBlocks
        inode.extentCount = map.extents.count
        inode.mappedBlocks = map.blockCount
        inode.extentBlocks = []
        inode.inlineExtents = []
        if map.extents.count <= Inode.inlineExtents {
            inode.inlineExtents = map.extents
        } else {
            let parts = (map.extents.count + ExtentBlock.capacity - 1) / ExtentBlock.capacity
            guard parts <= Inode.extentBlocks else { throw .fileTooLarge }
            for part in 0..<parts {
                let block = try allocate(upTo: 1).start
                let first = part * ExtentBlock.capacity
                let own = Array(map.extents[first..<min(first + ExtentBlock.capacity, map.extents.count)])
                let bytes = ExtentBlock.encode(own, inode: inode.number, part: part)
                try device.write(bytes, sector: Geometry.sector(ofBlock: block))
                inode.extentBlocks.append(block)
            }
        }
        for block in old { try free(BlockRun(start: block, count: 1)) }
    }

    /// Takes blocks for a new inode until `wanted` blocks are mapped or the change is full, one run after another.
    ///
    /// - Parameter place: asks for the next run: first file block, how many, and the parity to prefer; `nil` at the end.
    mutating func map(
        _ map: inout ExtentMap, place: (ExtentMap) -> (logical: UInt32, count: Int, parity: UInt32)?
    ) throws(VolumeError) -> [Extent] {
        var added: [Extent] = []
        while heldClusters < Self.clustersPerMapping, let next = place(map) {
            let run = try allocate(upTo: next.count, parity: next.parity)
            let extent = Extent(logical: next.logical, start: run.start, count: run.count)
            map.insert(extent, geometry: geometry)
            added.append(extent)
        }
        return added
    }
}
