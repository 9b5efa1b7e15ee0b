/// What the pool keeps about a LUN besides its map; the same bytes in the catalogue and in the journal.
///
/// ```
///   0 identifier u32    4 flags u32 (bit 0 read-only, 1 snapshot, 2 use is above the threshold)
///   8 size in blocks u64    16 world wide name, two u64    32 root pointer u64 (catalogue only)    40 origin u32
///  44 physical block exponent u8    45 bytes of name u8    46 depth u8    48 name, 128 bytes, zero padded
/// 176 threshold in blocks u64 (0 for none)    184 crossings u64    192 reserved to 256
/// ```
/// Numbers are little-endian.
struct LUNRecord: Equatable {
    static let byteCount = 256
    static let maximumNameBytes = 128

    var identifier: LUNIdentifier
    var name: String
    var worldWideName: WorldWideName
    var sizeBlocks: UInt64
    var isReadOnly: Bool
    /// Logical blocks per physical block as a power of two, as the LUN reports it.
    var physicalBlockExponent: UInt8
    /// The LUN this one was cloned from.
    var origin: LUNIdentifier?
    /// A snapshot of `origin`: read-only for good.
    var isSnapshot = false
    /// Clones and snapshots between this LUN and one that was made empty.
    var depth: UInt8 = 0
    var threshold = SoftThreshold()

    func encode(root: BlockPointer, into bytes: UnsafeMutableRawPointer) {
        UnsafeMutableRawBufferPointer(start: bytes, count: Self.byteCount).clear()
        bytes.putLittle(identifier.rawValue, at: 0)
        let flags: UInt32 = (isReadOnly ? 1 : 0) | (isSnapshot ? 2 : 0) | (threshold.isAbove ? 4 : 0)
        bytes.putLittle(flags, at: 4)
        bytes.putLittle(sizeBlocks, at: 8)
        bytes.putLittle(worldWideName.high, at: 16)
        bytes.putLittle(worldWideName.low, at: 24)
        bytes.putLittle(root.rawValue, at: 32)
        bytes.putLittle(origin?.rawValue ?? 0, at: 40)
        bytes.putLittle(physicalBlockExponent, at: 44)
        bytes.putLittle(depth, at: 46)
        bytes.putLittle(threshold.blocks ?? 0, at: 176)
        bytes.putLittle(threshold.crossings, at: 184)
        let text = Array(name.utf8.prefix(Self.maximumNameBytes))
        bytes.putLittle(UInt8(text.count), at: 45)
        text.withUnsafeBytes { source in
            if let start = source.baseAddress { (bytes + 48).copyMemory(from: start, byteCount: source.count) }
        }
    }

    /// - Throws: `.damaged` if the bytes are no record.
    static func decode(_ bytes: UnsafeRawPointer) throws(ArrayError) -> (record: LUNRecord, root: BlockPointer) {
        let identifier = bytes.little(UInt32.self, at: 0)
        let flags = bytes.little(UInt32.self, at: 4)
        let sizeBlocks = bytes.little(UInt64.self, at: 8)
        let nameBytes = Int(bytes.little(UInt8.self, at: 45))
        let isSane =
            identifier > 0 && flags < 8 && nameBytes <= maximumNameBytes
            && sizeBlocks <= Layout.maximumLUNBytes / UInt64(Layout.blockBytes)
        guard isSane else { throw .damaged("LUN record") }
        let origin = bytes.little(UInt32.self, at: 40)
        let record = LUNRecord(
            identifier: LUNIdentifier(identifier),
            name: String(decoding: UnsafeRawBufferPointer(start: bytes + 48, count: nameBytes), as: UTF8.self),
            worldWideName: WorldWideName(
                high: bytes.little(UInt64.self, at: 16), low: bytes.little(UInt64.self, at: 24)),
            sizeBlocks: sizeBlocks, isReadOnly: flags & 1 != 0,
            physicalBlockExponent: bytes.little(UInt8.self, at: 44),
            origin: origin == 0 ? nil : LUNIdentifier(origin), isSnapshot: flags & 2 != 0,
            depth: bytes.little(UInt8.self, at: 46), threshold: SoftThreshold(from: bytes + 176, isAbove: flags & 4 != 0))
        return (record, BlockPointer(rawValue: bytes.little(UInt64.self, at: 32)))
    }
}

extension UnsafeRawPointer {
    func little<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type, at offset: Int) -> Value {
        Value(littleEndian: loadUnaligned(fromByteOffset: offset, as: Value.self))
    }
}

extension UnsafeMutableRawPointer {
    func putLittle<Value: FixedWidthInteger & BitwiseCopyable>(_ value: Value, at offset: Int) {
        storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self)
    }
}

/// When to say that a LUN or the pool is getting full.
///
/// A crossing counts once, when use reaches the threshold from below. It can count again after use has fallen a
/// thirty-second below the threshold, so that use that hovers around it is told once.
struct SoftThreshold: Equatable {
    /// Blocks in use; `nil` for no threshold.
    var blocks: UInt64?
    /// How often use has reached the threshold, over the life of the LUN.
    var crossings: UInt64 = 0
    /// Use has reached the threshold and not fallen far enough since.
    var isAbove = false

    init() {}

    init(from bytes: UnsafeRawPointer, isAbove: Bool) {
        let blocks = bytes.little(UInt64.self, at: 0)
        self.blocks = blocks == 0 ? nil : blocks
        crossings = bytes.little(UInt64.self, at: 8)
        self.isAbove = isAbove
    }

    /// Returns whether that is a crossing.
    mutating func note(used: UInt64) -> Bool {
        guard let blocks else { return false }
        if used >= blocks {
            if isAbove { return false }
            isAbove = true
            crossings += 1
            return true
        }
        if isAbove, used < blocks - max(blocks / 32, 1) { isAbove = false }
        return false
    }
}
