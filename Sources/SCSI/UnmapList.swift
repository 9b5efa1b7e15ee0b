/// The parameter list of UNMAP.
///
/// ```
///  0  UNMAP DATA LENGTH (list length - 2)      2  BLOCK DESCRIPTOR DATA LENGTH (list length - 8)    4  reserved
///  8  descriptors of 16 bytes: 0 LBA (8), 8 NUMBER OF LOGICAL BLOCKS (4), 12 reserved (4)
/// ```
/// Source: SBC-3 §5.28.2.
public enum UnmapList {
    public static func encode(_ ranges: [BlockRange]) -> [UInt8] {
        var list: [UInt8] = []
        list.append(bigEndian: UInt16(6 + 16 * ranges.count))
        list.append(bigEndian: UInt16(16 * ranges.count))
        list.append(bigEndian: UInt32(0))
        for range in ranges {
            list.append(bigEndian: range.lba)
            list.append(bigEndian: range.blocks)
            list.append(bigEndian: UInt32(0))
        }
        return list
    }

    /// Reads a list; an empty one names no range.
    ///
    /// - Throws: PARAMETER LIST LENGTH ERROR when the header or a descriptor it announces is cut off. An incomplete
    ///   last descriptor within the announced length is ignored, as SBC-3 asks.
    static func decode(_ list: UnsafeRawBufferPointer) throws(Sense) -> [BlockRange] {
        if list.isEmpty { return [] }
        guard list.count >= 8 else { throw .parameterListLength }
        let count = Int(list.bigEndian16(at: 2)) / 16
        guard 8 + 16 * count <= list.count else { throw .parameterListLength }
        return (0..<count).map { index in
            BlockRange(lba: list.bigEndian64(at: 8 + 16 * index), blocks: list.bigEndian32(at: 16 + 16 * index))
        }
    }
}
