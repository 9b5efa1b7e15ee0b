/// A run of blocks of a file: file blocks `logical` and on lie in volume blocks `start` and on.
///
/// Invariant: an extent lies within one allocation cluster. 12 bytes on the volume: logical, start, count (4 each).
struct Extent: Equatable, Sendable {
    static let byteCount = 12

    var logical: UInt32
    var start: UInt32
    var count: UInt32

    var logicalEnd: UInt32 { logical + count }
    var run: BlockRun { BlockRun(start: start, count: count) }
}

/// A run of volume blocks.
struct BlockRun: Equatable, Sendable {
    var start: UInt32
    var count: UInt32

    var sectors: SectorRange {
        SectorRange(start: Geometry.sector(ofBlock: start), count: UInt64(count) * Geometry.blockSectors)
    }
}

/// The extents of a file, sorted, without overlap. What lies between them is a hole and reads as zeros.
struct ExtentMap: Equatable, Sendable {
    private(set) var extents: [Extent] = []

    init(_ extents: [Extent] = []) { self.extents = extents }

    var blockCount: UInt64 { extents.reduce(0) { $0 + UInt64($1.count) } }

    /// Index of the first extent that ends after `logical`.
    func index(endingAfter logical: UInt32) -> Int {
        var (low, high) = (0, extents.count)
        while low < high {
            let middle = (low + high) / 2
            if extents[middle].logicalEnd > logical { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// What lies at `logical`: the volume block, or `nil` in a hole; and how many blocks on the same holds,
    /// `limit` at most.
    func lookup(_ logical: UInt32, limit: UInt32) -> (start: UInt32?, count: UInt32) {
        let index = index(endingAfter: logical)
        guard index < extents.count else { return (nil, limit) }
        let extent = extents[index]
        if extent.logical > logical { return (nil, min(limit, extent.logical - logical)) }
        let offset = logical - extent.logical
        return (extent.start + offset, min(limit, extent.count - offset))
    }

    /// Maps a hole; joins neighbours that continue each other within a cluster.
    mutating func insert(_ extent: Extent, geometry: Geometry) {
        let index = index(endingAfter: extent.logical)
        if index > 0 {
            let before = extents[index - 1]
            let continues = before.logicalEnd == extent.logical && before.start + before.count == extent.start
            if continues, geometry.cluster(of: before.start) == geometry.cluster(of: extent.start) {
                extents[index - 1].count += extent.count
                return
            }
        }
        extents.insert(extent, at: index)
    }

    /// Unmaps blocks from `logical` on, and gives the extents that were there.
    mutating func removeAll(from logical: UInt32) -> [Extent] {
        let index = index(endingAfter: logical)
        guard index < extents.count else { return [] }
        var removed = Array(extents[index...])
        extents.removeSubrange(index...)
        if removed[0].logical < logical {
            let kept = logical - removed[0].logical
            extents.append(Extent(logical: removed[0].logical, start: removed[0].start, count: kept))
            removed[0] = Extent(logical: logical, start: removed[0].start + kept, count: removed[0].count - kept)
        }
        return removed
    }
}
