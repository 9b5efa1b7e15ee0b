import StorageArray
import Synchronization

/// The array as a SCSI target: executes commands of initiators on the LUNs of a pool.
///
/// A LUN of the pool is exposed under a number and reached only by the initiators that are allowed to; to others it is
/// not there, also not as an end of a copy. Blocks are of 512 bytes; caches write through.
public final class ArrayTarget: SCSITarget {
    /// Bytes of a logical block.
    public static let blockBytes = 512

    struct State {
        var exposed: [UInt16: LUNIdentifier] = [:]
        var allowed: [String: Set<UInt16>] = [:]
        var copies = CopyResults()
    }

    public let pool: StoragePool
    let state = Mutex(State())

    public init(pool: StoragePool) {
        self.pool = pool
    }

    // MARK: Who sees what

    /// Gives a LUN of the pool its number for initiators; replaces what had the number.
    ///
    /// - Parameter lun: 0 to 16383, the numbers that fit the flat addressing of SAM-5 §4.7.
    public func expose(_ identifier: LUNIdentifier, as lun: UInt16) {
        precondition(lun < 0x4000, "LUN numbers have 14 bits")
        state.withLock { $0.exposed[lun] = identifier }
    }

    /// Takes the number away from whatever LUN has it, and with it everybody's access.
    public func conceal(_ lun: UInt16) {
        state.withLock { state in
            state.exposed[lun] = nil
            for initiator in state.allowed.keys { state.allowed[initiator]?.remove(lun) }
        }
    }

    public func allow(_ initiator: String, _ lun: UInt16) {
        state.withLock { _ = $0.allowed[initiator, default: []].insert(lun) }
    }

    public func deny(_ initiator: String, _ lun: UInt16) {
        state.withLock { _ = $0.allowed[initiator]?.remove(lun) }
    }

    /// Numbers of the LUNs that an initiator may see, in order.
    public func visibleLUNs(to initiator: String) -> [UInt16] {
        state.withLock { state in
            state.allowed[initiator, default: []].filter { state.exposed[$0] != nil }.sorted()
        }
    }

    func identifier(_ lun: UInt16, for initiator: String) -> LUNIdentifier? {
        state.withLock { $0.allowed[initiator]?.contains(lun) == true ? $0.exposed[lun] : nil }
    }

    // MARK: Executing

    public func execute(
        _ cdb: CDB, lun: UInt16, from nexus: Nexus, dataOut: UnsafeRawBufferPointer,
        dataIn: UnsafeMutableRawBufferPointer
    ) -> Completion {
        let command = Command(cdb: cdb, nexus: nexus, dataOut: dataOut, dataIn: dataIn)
        do throws(Sense) {
            return Completion(.good, dataInCount: try run(command, lun: lun))
        } catch {
            return Completion(.checkCondition, sense: error)
        }
    }

    /// Returns the bytes put into data-in.
    private func run(_ command: Command, lun: UInt16) throws(Sense) -> Int {
        guard let operation = OperationCode(rawValue: command.cdb[0]) else { throw .invalidOperationCode }
        let identifier = identifier(lun, for: command.nexus.initiator)
        switch operation {
        case .reportLUNs: return try reportLUNs(command)
        case .inquiry where identifier == nil: return try inquireAbsentUnit(command)
        case .requestSense where identifier == nil: return try requestSense(command, .logicalUnitNotSupported)
        default: break
        }
        guard let identifier else { throw .logicalUnitNotSupported }
        let unit = Unit(try sensing { () throws(ArrayError) in try pool.information(identifier) })
        switch operation {
        case .testUnitReady: return 0
        case .requestSense: return try requestSense(command, Sense(.noSense, 0))
        case .inquiry: return try inquire(command, unit)
        case .modeSense6, .modeSense10: return try modeSense(command, unit)
        case .reportLUNs: return try reportLUNs(command)
        case .readCapacity10: return readCapacity10(command, unit)
        case .serviceActionIn16: return try serviceActionIn(command, unit)
        case .read6, .read10, .read12, .read16: return try read(command, unit)
        case .write6, .write10, .write12, .write16: try write(command, unit)
        case .synchronizeCache10, .synchronizeCache16: try synchronizeCache(command, unit)
        case .compareAndWrite: try compareAndWrite(command, unit)
        case .writeSame10, .writeSame16: try writeSame(command, unit)
        case .unmap: try unmap(command, unit)
        case .extendedCopy: try extendedCopy(command)
        case .receiveCopyResults: return try receiveCopyResults(command)
        }
        return 0
    }

    private func serviceActionIn(_ command: Command, _ unit: Unit) throws(Sense) -> Int {
        switch ServiceActionIn16(rawValue: command.cdb[1] & 0x1F) {
        case .readCapacity16: return readCapacity16(command, unit)
        case .getLBAStatus: return try getLBAStatus(command, unit)
        case nil: throw .invalidFieldInCDB
        }
    }
}

/// One command on its way through the target.
struct Command {
    let cdb: CDB
    let nexus: Nexus
    let dataOut: UnsafeRawBufferPointer
    let dataIn: UnsafeMutableRawBufferPointer

    /// Puts an answer into data-in, cut to the allocation length; returns its bytes there.
    func answer(_ bytes: [UInt8], allocationLength: Int) -> Int {
        let count = min(bytes.count, allocationLength, dataIn.count)
        bytes.withUnsafeBytes { source in
            UnsafeMutableRawBufferPointer(rebasing: dataIn[..<count])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[..<count]))
        }
        return count
    }
}

/// The LUN that a command is for.
struct Unit {
    let information: LUNInformation
    /// Capacity in logical blocks.
    let blocks: UInt64

    init(_ information: LUNInformation) {
        self.information = information
        blocks = information.sizeBytes / UInt64(ArrayTarget.blockBytes)
    }

    var identifier: LUNIdentifier { information.identifier }

    /// - Throws: LOGICAL BLOCK ADDRESS OUT OF RANGE; a run of no blocks may begin at the very end.
    func check(_ lba: UInt64, _ count: UInt64) throws(Sense) {
        guard lba <= blocks, count <= blocks - lba else { throw .lbaOutOfRange }
    }
}
