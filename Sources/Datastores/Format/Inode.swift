import Domain

/// A file or directory: the content of an inode page.
///
/// ```
///  32  number (4)       36  kind (1)            37  state (1)
///  40  generation (8)   48  size in bytes (8)   56  modified, ms since 1970 (8)
///  64  extents (4)      68  extent blocks (2)   70  reserved runs (2)   72  blocks mapped by the extents (8)
///  80  reserved runs, 16: start, count (4 each)
/// 208  extent blocks, 64: volume block (4)
/// 464  extents, 260, when there are no extent blocks: logical, start, count (4 each)
/// ```
struct Inode: Equatable, Sendable {
    enum Kind: UInt8, Sendable {
        case none = 0
        case file = 1
        case directory = 2
    }

    enum State: UInt8, Sendable {
        case free = 0
        /// A directory names it.
        case linked = 1
        /// No directory names it: it is being made or being removed, and a host page lists it as unfinished work.
        case unlinked = 2
    }

    static let inlineExtents = 260
    static let reservedRuns = 16
    static let extentBlocks = 64
    private static let reservedOffset = 80
    private static let extentBlocksOffset = 208
    private static let extentsOffset = 464

    var number: UInt32
    var kind = Kind.none
    var state = State.free
    /// Counts how often the number was given out; with it a stale directory entry is told from a fresh one.
    var generation: UInt64 = 0
    var sizeBytes: UInt64 = 0
    var modified = Timestamp(milliseconds: 0)
    var extentCount = 0
    var mappedBlocks: UInt64 = 0
    /// Blocks that belong to the file but hold none of its bytes yet.
    var reserved: [BlockRun] = []
    /// Where the extents are when they do not fit here; empty when they do.
    var extentBlocks: [UInt32] = []
    var inlineExtents: [Extent] = []

    init(number: UInt32) { self.number = number }

    var allocatedBytes: UInt64 {
        let reservedBlocks = reserved.reduce(0) { $0 + UInt64($1.count) }
        return (mappedBlocks + reservedBlocks + UInt64(extentBlocks.count)) * Geometry.blockBytes
    }

    init(decoding page: Page, number: UInt32) throws(VolumeError) {
        self.number = number
        let bytes = page.bytes
        if page.version == 0 { return }
        let extentBlockCount = Int(bytes.field(UInt16.self, at: 68))
        let reservedCount = Int(bytes.field(UInt16.self, at: 70))
        let extentCount = Int(bytes.field(UInt32.self, at: 64))
        guard bytes.field(UInt32.self, at: 32) == number, let kind = Kind(rawValue: bytes[36]),
            let state = State(rawValue: bytes[37]), extentBlockCount <= Self.extentBlocks,
            reservedCount <= Self.reservedRuns, extentBlockCount > 0 || extentCount <= Self.inlineExtents
        else { throw .corrupt("inode \(number)") }
        (self.kind, self.state, self.extentCount) = (kind, state, extentCount)
        generation = bytes.field(at: 40)
        sizeBytes = bytes.field(at: 48)
        modified = Timestamp(milliseconds: bytes.field(at: 56))
        mappedBlocks = bytes.field(at: 72)
        reserved = (0..<reservedCount).map { index in
            let offset = Self.reservedOffset + 8 * index
            return BlockRun(start: bytes.field(at: offset), count: bytes.field(at: offset + 4))
        }
        extentBlocks = (0..<extentBlockCount).map { bytes.field(at: Self.extentBlocksOffset + 4 * $0) }
        if extentBlocks.isEmpty {
            inlineExtents = Extent.decode(bytes, at: Self.extentsOffset, count: extentCount)
        }
    }

    /// The page's content replaced by this inode; header fields stay.
    func encode(into page: inout Page) {
        var bytes = page.bytes
        for offset in Page.headerBytes..<Page.bodyBytes { bytes[offset] = 0 }
        bytes.setField(number, at: 32)
        bytes[36] = kind.rawValue
        bytes[37] = state.rawValue
        bytes.setField(generation, at: 40)
        bytes.setField(sizeBytes, at: 48)
        bytes.setField(modified.milliseconds, at: 56)
        bytes.setField(UInt32(extentCount), at: 64)
        bytes.setField(UInt16(extentBlocks.count), at: 68)
        bytes.setField(UInt16(reserved.count), at: 70)
        bytes.setField(mappedBlocks, at: 72)
        for (index, run) in reserved.enumerated() {
            bytes.setField(run.start, at: Self.reservedOffset + 8 * index)
            bytes.setField(run.count, at: Self.reservedOffset + 8 * index + 4)
        }
        for (index, block) in extentBlocks.enumerated() {
            bytes.setField(block, at: Self.extentBlocksOffset + 4 * index)
        }
        Extent.encode(inlineExtents, into: &bytes, at: Self.extentsOffset)
        page.bytes = bytes
    }
}

extension Extent {
    static func decode(_ bytes: [UInt8], at offset: Int, count: Int) -> [Extent] {
        (0..<count).map { index in
            let place = offset + byteCount * index
            return Extent(
                logical: bytes.field(at: place), start: bytes.field(at: place + 4), count: bytes.field(at: place + 8))
        }
    }

    static func encode(_ extents: [Extent], into bytes: inout [UInt8], at offset: Int) {
        for (index, extent) in extents.enumerated() {
            let place = offset + byteCount * index
            bytes.setField(extent.logical, at: place)
            bytes.setField(extent.start, at: place + 4)
            bytes.setField(extent.count, at: place + 8)
        }
    }
}
