import Glibc

/// Sizes that the pool's format fixes.
enum Layout {
    /// Unit of allocation, mapping and checksum.
    static let blockBytes = 4096
    /// Unit of transfer; a device writes one of these whole or not at all.
    static let sectorBytes = 512
    /// 8-byte entries in a map page.
    static let entriesPerPage = 512
    /// A map page of level 0 (a leaf) covers 2 MiB, level 1 1 GiB, level 2 512 GiB, level 3 (the root) 256 TiB.
    static let rootLevel = 3

    /// Superblocks A, B and the second copy of each.
    static let superblockPages = 4
    static let maximumLUNBytes: UInt64 = 64 << 40
    static let maximumLUNs = 4096
    /// Of one LUN; they count as LUNs of the pool, too.
    static let maximumSnapshots = 1024
    /// Clones and snapshots of clones and snapshots, from one that was made empty.
    static let maximumDepth = 255
    static let maximumTransferBytes = 16 << 20

    /// Blocks covered by a map page of the level.
    static func coverage(ofLevel level: Int) -> UInt64 { UInt64(entriesPerPage) << UInt64(9 * level) }
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
