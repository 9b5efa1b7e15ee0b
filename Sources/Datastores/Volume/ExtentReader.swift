/// Reads extent lists and directories, whoever asks.
struct ExtentReader: Sendable {
    let device: Device
    let geometry: Geometry

    func extents(of inode: Inode) throws(VolumeError) -> ExtentMap {
        if inode.extentBlocks.isEmpty { return ExtentMap(inode.inlineExtents) }
        var extents: [Extent] = []
        extents.reserveCapacity(inode.extentCount)
        for (part, block) in inode.extentBlocks.enumerated() {
            let wanted = min(inode.extentCount - extents.count, ExtentBlock.capacity)
            if wanted == 0 { break }
            guard geometry.isData(block) else { throw .corrupt("extent block \(part) of inode \(inode.number)") }
            let sector = Geometry.sector(ofBlock: block)
            let stored = ExtentBlock.storedCount(try device.read(sector: sector, sectors: 1))
            guard stored >= wanted else { throw .corrupt("extent block \(part) of inode \(inode.number)") }
            let bytes = try device.read(sector: sector, sectors: ExtentBlock.usedBytes(stored) / Device.sectorBytes)
            extents += try ExtentBlock.decode(bytes, inode: inode.number, part: part, count: wanted)
        }
        guard extents.count == inode.extentCount else { throw .corrupt("extents of inode \(inode.number)") }
        return ExtentMap(extents)
    }

    func directory(_ inode: Inode, version: UInt64) throws(VolumeError) -> DirectoryIndex {
        var index = DirectoryIndex(generation: inode.generation, version: version)
        index.map = try extents(of: inode)
        index.pageCount = Int(inode.sizeBytes) / Page.directoryBytes
        var first = 0
        while first < index.pageCount {
            let count = min(DirectoryPage.pagesPerBlock - first % DirectoryPage.pagesPerBlock, index.pageCount - first)
            guard let sector = index.sector(ofPage: first) else {
                throw .corrupt("directory \(inode.number): page \(first)")
            }
            let bytes = try device.read(sector: sector, sectors: count * Int(DirectoryPage.sectors))
            for page in 0..<count {
                let own = Array(bytes[page * Page.directoryBytes..<(page + 1) * Page.directoryBytes])
                let place = sector + UInt64(page) * DirectoryPage.sectors
                try index.add(DirectoryPage(page: try Page(.directory, sector: place, decoding: own)), number: first + page)
            }
            first += count
        }
        return index
    }

    func entries(of directory: Inode) throws(VolumeError) -> [(FileName, InodeReference)] {
        try self.directory(directory, version: 0).entries.map { ($0.key, $0.value.reference) }
    }
}
