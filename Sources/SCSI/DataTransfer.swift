/// The data that a command moves, as its CDB says before any data arrives; what a transport's residuals are counted from.
///
/// A CDB that asks for more than any command moves will be refused, and moves none or as much as any does: so a transport
/// never needs more memory than `ArrayTarget.maximumTransferBytes` for one command.
public enum DataTransfer: Sendable, Equatable {
    case none
    /// To the initiator: at most so many bytes. What there was to give is `Completion.dataInLength`.
    case toInitiator(Int)
    /// From the initiator: exactly so many bytes.
    case fromInitiator(Int)
}

/// Where a command's CDB says how much data it moves.
enum TransferRule: Sendable, Equatable {
    case none
    /// ALLOCATION LENGTH of `width` bytes at a byte of the CDB.
    case allocation(at: Int, width: Int)
    /// PARAMETER LIST LENGTH of `width` bytes at a byte of the CDB.
    case parameterList(at: Int, width: Int)
    /// Eight bytes, without an allocation length.
    case eightBytesIn
    /// The blocks of the CDB's transfer length.
    case blocksIn
    case blocksOut
    /// VERIFY: nothing, the blocks (BYTCHK 01b), or one block (BYTCHK 11b).
    case verification
    /// COMPARE AND WRITE: the blocks twice.
    case comparedBlocksOut
    /// WRITE SAME: one block, or nothing with NDOB.
    case oneBlockOut

    func transfer(of cdb: CDB) -> DataTransfer {
        let blockBytes = ArrayTarget.blockBytes
        switch self {
        case .none: return .none
        case .allocation(let offset, let width): 
            return .toInitiator(min(cdb.number(at: offset, width: width), Limits.answerBytes))
        case .parameterList(let offset, let width): 
            return .fromInitiator(min(cdb.number(at: offset, width: width), Limits.parameterBytes))
        case .eightBytesIn: return .toInitiator(8)
        case .blocksIn, .blocksOut:
            let blocks = cdb.blockRange.blocks
            guard blocks <= UInt64(Limits.transferBlocks) else { return .none }
            let bytes = Int(blocks) * blockBytes
            return self == .blocksIn ? .toInitiator(bytes) : .fromInitiator(bytes)
        case .comparedBlocksOut: return .fromInitiator(2 * Int(cdb[13]) * blockBytes)
        case .oneBlockOut:
            let hasNoData = cdb[0] == OperationCode.writeSame16.rawValue && cdb[1] & 0x01 != 0
            return hasNoData ? .none : .fromInitiator(blockBytes)
        case .verification:
            let blocks = Int(cdb.blockRange.blocks)
            switch cdb[1] >> 1 & 3 {
            case 1: return blocks > Int(Limits.transferBlocks) ? .none : .fromInitiator(blocks * blockBytes)
            case 3: return .fromInitiator(blocks > 0 ? blockBytes : 0)
            default: return .none
            }
        }
    }
}

extension CDB {
    /// A big-endian field of 1 to 4 bytes.
    func number(at offset: Int, width: Int) -> Int {
        var value = 0
        for index in offset..<offset + width { value = value << 8 | Int(self[index]) }
        return value
    }
}

extension ArrayTarget {
    /// The most data that one command moves.
    public static let maximumTransferBytes = Int(Limits.transferBlocks) * blockBytes

    /// The data a command moves by its CDB; `.none` for a command that is not known.
    public static func transfer(of cdb: CDB) -> DataTransfer {
        CommandTable.description(of: cdb)?.transfer.transfer(of: cdb) ?? .none
    }

    /// Whether a command is done in microseconds and may run on an event loop; others belong to a thread that may wait.
    public static func isQuick(_ cdb: CDB) -> Bool {
        guard let description = CommandTable.description(of: cdb) else { return true }
        switch description.pace {
        case .quick: return true
        case .byLength: return cdb.blockRange.blocks <= 256
        case .slow: return false
        }
    }
}
