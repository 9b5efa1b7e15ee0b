/// One change of the pool's metadata, as the journal keeps it and as it is applied. Blocks are counted in 4 KiB.
///
/// ```
/// 0 kind u32   4 bytes of the record u32, a multiple of 8   then little-endian by kind:
/// write   8 LUN u32  12 count u32  16 block u64  24 pointers u64 × count
/// fill    8 LUN u32  16 block u64  24 count u64  32 pointer u64
/// unmap   8 LUN u32  16 block u64  24 count u64
/// copy    8 source u32  12 destination u32  16 source block u64  24 destination block u64  32 count u64
/// create  8 LUN record            clone  8 source u32  16 LUN record
/// delete  8 LUN u32               resize 8 LUN u32  16 blocks u64
/// revert  8 LUN u32  12 snapshot u32                 update 8 LUN record, except what its map and size are
/// reap    8 pages u32
/// ```
/// Records are logical: a copy of any size is 40 bytes.
enum JournalRecord {
    /// Pointers of zero unmap. Valid only as long as the buffer they lie in.
    case write(LUNIdentifier, block: UInt64, UnsafeBufferPointer<UInt64>)
    case fill(LUNIdentifier, block: UInt64, count: UInt64, pointer: UInt64)
    case unmap(LUNIdentifier, block: UInt64, count: UInt64)
    case copy(LUNIdentifier, from: UInt64, to: LUNIdentifier, at: UInt64, count: UInt64)
    case create(LUNRecord)
    case clone(LUNIdentifier, LUNRecord)
    case delete(LUNIdentifier)
    case resize(LUNIdentifier, sizeBlocks: UInt64)
    case revert(LUNIdentifier, to: LUNIdentifier)
    case update(LUNRecord)
    /// Frees pages of what was given up.
    case reap(pages: UInt32)

    private enum Kind: UInt32 {
        case write = 1
        case fill, unmap, copy, create, clone, delete, resize, revert, update, reap
    }

    private var kind: Kind {
        switch self {
        case .write: .write
        case .fill: .fill
        case .unmap: .unmap
        case .copy: .copy
        case .create: .create
        case .clone: .clone
        case .delete: .delete
        case .resize: .resize
        case .revert: .revert
        case .update: .update
        case .reap: .reap
        }
    }

    var byteCount: Int {
        switch self {
        case .write(_, _, let pointers): 24 + 8 * pointers.count
        case .fill, .copy: 40
        case .unmap: 32
        case .create, .update: 8 + LUNRecord.byteCount
        case .clone: 16 + LUNRecord.byteCount
        case .delete, .revert, .reap: 16
        case .resize: 24
        }
    }

    /// Writes `byteCount` bytes.
    func encode(into bytes: UnsafeMutableRawPointer) {
        UnsafeMutableRawBufferPointer(start: bytes, count: min(byteCount, 40)).clear()
        bytes.putLittle(kind.rawValue, at: 0)
        bytes.putLittle(UInt32(byteCount), at: 4)
        switch self {
        case .write(let lun, let block, let pointers):
            bytes.putLittle(lun.rawValue, at: 8)
            bytes.putLittle(UInt32(pointers.count), at: 12)
            bytes.putLittle(block, at: 16)
            for (index, pointer) in pointers.enumerated() { bytes.putLittle(pointer, at: 24 + 8 * index) }
        case .fill(let lun, let block, let count, let pointer):
            bytes.putLittle(lun.rawValue, at: 8)
            bytes.putLittle(block, at: 16)
            bytes.putLittle(count, at: 24)
            bytes.putLittle(pointer, at: 32)
        case .unmap(let lun, let block, let count):
            bytes.putLittle(lun.rawValue, at: 8)
            bytes.putLittle(block, at: 16)
            bytes.putLittle(count, at: 24)
        case .copy(let source, let sourceBlock, let destination, let block, let count):
            bytes.putLittle(source.rawValue, at: 8)
            bytes.putLittle(destination.rawValue, at: 12)
            bytes.putLittle(sourceBlock, at: 16)
            bytes.putLittle(block, at: 24)
            bytes.putLittle(count, at: 32)
        case .create(let record), .update(let record):
            record.encode(root: .unmapped, into: bytes + 8)
        case .clone(let source, let record):
            bytes.putLittle(source.rawValue, at: 8)
            record.encode(root: .unmapped, into: bytes + 16)
        case .delete(let lun):
            bytes.putLittle(lun.rawValue, at: 8)
        case .revert(let lun, let snapshot):
            bytes.putLittle(lun.rawValue, at: 8)
            bytes.putLittle(snapshot.rawValue, at: 12)
        case .resize(let lun, let sizeBlocks):
            bytes.putLittle(lun.rawValue, at: 8)
            bytes.putLittle(sizeBlocks, at: 16)
        case .reap(let pages):
            bytes.putLittle(pages, at: 8)
        }
    }

    /// Reads the record at the start of `bytes`.
    ///
    /// - Throws: `.damaged` if there is none that this program knows and that fits.
    static func decode(_ bytes: UnsafeRawBufferPointer) throws(ArrayError) -> JournalRecord {
        guard let start = bytes.baseAddress, bytes.count >= 16,
            let kind = Kind(rawValue: start.little(UInt32.self, at: 0)),
            let record = try decode(kind, start, Int(start.little(UInt32.self, at: 4)), room: bytes.count)
        else { throw .damaged("journal record") }
        return record
    }

    private static func decode(
        _ kind: Kind, _ start: UnsafeRawPointer, _ byteCount: Int, room: Int
    ) throws(ArrayError) -> JournalRecord? {
        let fixed =
            switch kind {
            case .write: 24 + 8 * Int(start.little(UInt32.self, at: 12))
            case .fill, .copy: 40
            case .unmap: 32
            case .create, .update: 8 + LUNRecord.byteCount
            case .clone: 16 + LUNRecord.byteCount
            case .delete, .revert, .reap: 16
            case .resize: 24
            }
        guard byteCount == fixed, byteCount <= room else { return nil }
        let lun = LUNIdentifier(start.little(UInt32.self, at: 8))
        func word(_ offset: Int) -> UInt64 { start.little(UInt64.self, at: offset) }
        switch kind {
        case .write:
            let pointers = (start + 24).assumingMemoryBound(to: UInt64.self)
            return .write(lun, block: word(16), UnsafeBufferPointer(start: pointers, count: (byteCount - 24) / 8))
        case .fill: return .fill(lun, block: word(16), count: word(24), pointer: word(32))
        case .unmap: return .unmap(lun, block: word(16), count: word(24))
        case .copy:
            let destination = LUNIdentifier(start.little(UInt32.self, at: 12))
            return .copy(lun, from: word(16), to: destination, at: word(24), count: word(32))
        case .create: return .create(try LUNRecord.decode(start + 8).record)
        case .clone: return .clone(lun, try LUNRecord.decode(start + 16).record)
        case .delete: return .delete(lun)
        case .resize: return .resize(lun, sizeBlocks: word(16))
        case .revert: return .revert(lun, to: LUNIdentifier(start.little(UInt32.self, at: 12)))
        case .update: return .update(try LUNRecord.decode(start + 8).record)
        case .reap: return .reap(pages: start.little(UInt32.self, at: 8))
        }
    }
}
