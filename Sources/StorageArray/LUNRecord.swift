/// What the pool keeps about a LUN besides its map; the same bytes in the catalogue and in the journal.
///
/// ```
///   0 identifier u32    4 flags u32 (bit 0 read-only)    8 size in blocks u64    16 world wide name, two u64
///  32 root pointer u64 (catalogue only)    40 origin u32    44 physical block exponent u8    45 bytes of name u8
///  48 name, 128 bytes, zero padded    176 reserved to 256
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

    func encode(root: BlockPointer, into bytes: UnsafeMutableRawPointer) {
        UnsafeMutableRawBufferPointer(start: bytes, count: Self.byteCount).clear()
        bytes.putLittle(identifier.rawValue, at: 0)
        bytes.putLittle(UInt32(isReadOnly ? 1 : 0), at: 4)
        bytes.putLittle(sizeBlocks, at: 8)
        bytes.putLittle(worldWideName.high, at: 16)
        bytes.putLittle(worldWideName.low, at: 24)
        bytes.putLittle(root.rawValue, at: 32)
        bytes.putLittle(origin?.rawValue ?? 0, at: 40)
        bytes.putLittle(physicalBlockExponent, at: 44)
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
            identifier > 0 && flags <= 1 && nameBytes <= maximumNameBytes
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
            origin: origin == 0 ? nil : LUNIdentifier(origin))
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
