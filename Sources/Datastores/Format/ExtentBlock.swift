/// A part of a long extent list, in a data block of its own. Never changed in place: a new list is written to new
/// blocks, and the inode then names those.
///
/// ```
///  0  magic "EXTS" (4)    4  CRC-32C of the used sectors, itself zero (4)    8  inode (4)    12  part (4)
/// 16  extents (4)        32  extents: logical, start, count (4 each)
/// ```
enum ExtentBlock {
    static let magic: UInt32 = 0x5354_5845
    static let headerBytes = 32
    /// Extents in one block of 1 MiB.
    static let capacity = (Int(Geometry.blockBytes) - headerBytes) / Extent.byteCount

    /// - Returns: whole sectors, as many as are used.
    static func encode(_ extents: [Extent], inode: UInt32, part: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: usedBytes(extents.count))
        bytes.setField(magic, at: 0)
        bytes.setField(inode, at: 8)
        bytes.setField(UInt32(part), at: 12)
        bytes.setField(UInt32(extents.count), at: 16)
        Extent.encode(extents, into: &bytes, at: headerBytes)
        bytes.seal(checksumAt: 4)
        return bytes
    }

    /// - Parameter header: at least the first 32 bytes of a block.
    static func storedCount(_ header: [UInt8]) -> Int { min(Int(header.field(UInt32.self, at: 16)), capacity) }

    static func usedBytes(_ extents: Int) -> Int {
        let bytes = headerBytes + extents * Extent.byteCount
        return (bytes + Device.sectorBytes - 1) / Device.sectorBytes * Device.sectorBytes
    }

    /// - Parameter count: how many of the first extents still count; a list is shortened by its inode alone.
    static func decode(_ bytes: [UInt8], inode: UInt32, part: Int, count: Int) throws(VolumeError) -> [Extent] {
        guard bytes.field(UInt32.self, at: 0) == magic, bytes.hasValidChecksum(at: 4),
            bytes.field(UInt32.self, at: 8) == inode, bytes.field(UInt32.self, at: 12) == UInt32(part),
            bytes.field(UInt32.self, at: 16) >= UInt32(count)
        else { throw .corrupt("extent block \(part) of inode \(inode)") }
        return Extent.decode(bytes, at: headerBytes, count: count)
    }
}
