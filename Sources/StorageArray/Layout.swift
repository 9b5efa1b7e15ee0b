import Glibc

/// Sizes that the pool's format fixes.
enum Layout {
    /// Unit of allocation, mapping and checksum.
    static let blockBytes = 4096
    /// Unit of transfer; a device writes one of these whole or not at all.
    static let sectorBytes = 512
    /// 8-byte words in a map page; a leaf has as many entries.
    static let wordsPerPage = 512
    /// Entries of a leaf.
    static let entriesPerPage = 512
    /// A leaf (level 0) covers 2 MiB, level 1 512 MiB, level 2 128 GiB, level 3 (the root) 64 TiB.
    static let rootLevel = 3
    /// Where the counts begin in a page of level 1 or 2: entry i names a page, word 256 + i counts the blocks it maps.
    static let countWords = 256

    /// Superblocks A, B and the second copy of each.
    static let superblockPages = 4
    static let maximumLUNBytes: UInt64 = 64 << 40
    static let maximumLUNs = 4096
    /// Of one LUN; they count as LUNs of the pool, too.
    static let maximumSnapshots = 1024
    /// Clones and snapshots of clones and snapshots, from one that was made empty.
    static let maximumDepth = 255
    static let maximumTransferBytes = 16 << 20

    /// Entries of a page of the level: 512, 256, 256, 512.
    static func entryCount(ofLevel level: Int) -> Int { level == 0 || level == rootLevel ? 512 : 256 }

    /// Blocks below one entry of a page of the level, as a power of two: 0, 9, 17, 25.
    static func spanShift(ofLevel level: Int) -> UInt64 { level == 0 ? 0 : UInt64(1 + 8 * level) }

    /// Blocks covered by a map page of the level.
    static func coverage(ofLevel level: Int) -> UInt64 {
        UInt64(entryCount(ofLevel: level)) << spanShift(ofLevel: level)
    }
}

/// Where the parts of a pool lie on its device, in blocks; it follows from the pool's limit and its journal.
///
/// ```
/// 0 superblocks   4 journal   roots of the counts A B   index pages of the counts, two places each   regions …
/// region, 2048 blocks:   0 1 its page of counts, two places   2 … data, map pages and catalogue
/// ```
struct Geometry: Equatable {
    static let blocksPerRegion = 2048
    /// Blocks at the start of a region for its counts.
    static let countPlaces = 2

    let limit: Int
    let journalPages: Int
    let regionCount: Int
    let indexPages: Int
    let rootPages: Int
    let journalStart = Layout.superblockPages
    let rootStart: Int
    let indexStart: Int
    let dataStart: Int

    /// - Parameters:
    ///   - limit: blocks that the pool may grow to.
    init(limit: Int, journalPages: Int) {
        self.limit = limit
        self.journalPages = journalPages
        // As if regions began at 0: a few more than there are.
        regionCount = (limit + Self.blocksPerRegion - 1) / Self.blocksPerRegion
        indexPages = (regionCount + Layout.wordsPerPage - 1) / Layout.wordsPerPage
        rootPages = (indexPages + Layout.wordsPerPage - 1) / Layout.wordsPerPage
        rootStart = Layout.superblockPages + journalPages
        indexStart = rootStart + 2 * rootPages
        dataStart = indexStart + 2 * indexPages
    }

    /// Blocks for data and metadata on a device of so many blocks.
    func usableBlocks(upTo end: Int) -> Int {
        guard end > dataStart else { return 0 }
        let (whole, rest) = (end - dataStart).quotientAndRemainder(dividingBy: Self.blocksPerRegion)
        return whole * (Self.blocksPerRegion - Self.countPlaces) + max(0, rest - Self.countPlaces)
    }

    func start(ofRegion region: Int) -> Int { dataStart + region * Self.blocksPerRegion }
}

extension UnsafeMutableRawBufferPointer {
    /// Overwrites everything with zeros.
    func clear() {
        if let start = baseAddress { memset(start, 0, count) }
    }
}

/// Where a block lies and what its bytes sum to: pool block number in the upper half, CRC32C in the lower.
///
/// Zero means unmapped; pool block 0 is a superblock, so that no mapped block is ever mistaken for it.
struct BlockPointer: Equatable {
    var rawValue: UInt64

    static let unmapped = BlockPointer(rawValue: 0)

    init(rawValue: UInt64) { self.rawValue = rawValue }

    init(block: UInt32, checksum: UInt32) { rawValue = UInt64(block) << 32 | UInt64(checksum) }

    var block: UInt32 { UInt32(truncatingIfNeeded: rawValue >> 32) }
    var checksum: UInt32 { UInt32(truncatingIfNeeded: rawValue) }
    var isMapped: Bool { rawValue != 0 }
    var offset: UInt64 { UInt64(block) * UInt64(Layout.blockBytes) }
}

/// How an entry above the leaves, or a LUN, names a map page: by where it is stored, or, while it differs from all that
/// is stored, by its slot in memory (in the lower half, the upper half zero). Zero is none.
struct PageName: Hashable {
    var rawValue: UInt64

    static let none = PageName(rawValue: 0)

    init(rawValue: UInt64) { self.rawValue = rawValue }
    init(slot: UInt32) { rawValue = UInt64(slot) }
    init(stored: BlockPointer) { rawValue = stored.rawValue }

    var isNone: Bool { rawValue == 0 }
    /// `nil` for a stored page.
    var slot: UInt32? { rawValue >> 32 == 0 ? UInt32(truncatingIfNeeded: rawValue) : nil }
    var stored: BlockPointer { BlockPointer(rawValue: rawValue) }
}
