import StorageArray
import Synchronization

/// How a LUN presents itself beyond what the pool says of it.
public struct UnitOptions: Sendable, Equatable {
    /// The medium can be ejected, and loaded again, with START STOP UNIT.
    public var isRemovable: Bool
    public var isReadOnly: Bool

    public init(isRemovable: Bool = false, isReadOnly: Bool = false) {
        self.isRemovable = isRemovable
        self.isReadOnly = isReadOnly
    }
}

/// A LUN as a SCSI logical unit: what all its initiators share.
final class LogicalUnit: Sendable {
    /// Whether a SANITIZE is under way or left the medium in an unknown state. Source: SBC-3 §4.11.
    enum Sanitizing: Sendable, Equatable {
        case none
        /// In 65536ths.
        case running(progress: UInt16)
        /// `isRecoverable`: EXIT FAILURE MODE may end it (the AUSE bit of the command that failed).
        case failed(isRecoverable: Bool)
    }

    struct State {
        var options: UnitOptions
        /// As the pool last told; `nil` when it never knew the LUN.
        var information: LUNInformation?
        var mode = ModeParameters()
        var persistent = PersistentReservations()
        /// The holder of RESERVE(6) or RESERVE(10).
        var reserver: Nexus?
        var isEjected = false
        /// Initiators that forbid the medium's removal.
        var preventers: Set<Nexus> = []
        var sanitizing = Sanitizing.none
        /// What it remembered through a loss of power cannot be read: nobody knows whom a reservation kept out.
        var isRecordLost = false
    }

    let identifier: LUNIdentifier
    private let state: Mutex<State>
    /// Capacity in logical blocks as last seen; the pool itself has the last word.
    private let blockCount: Atomic<UInt64>
    private let flags = Atomic<UInt8>(0)

    /// - Parameter record: `nil` when it cannot be read.
    init(_ identifier: LUNIdentifier, _ information: LUNInformation?, options: UnitOptions, record: UnitRecord?) {
        self.identifier = identifier
        var state = State(options: options, information: information)
        if let record {
            state.persistent = record.reservations
            state.sanitizing = record.sanitizing
        } else {
            state.isRecordLost = true
        }
        self.state = Mutex(state)
        blockCount = Atomic((information?.sizeBytes ?? 0) / UInt64(ArrayTarget.blockBytes))
        flags.store(Self.flags(state).rawValue, ordering: .sequentiallyConsistent)
    }

    /// What a command on the data path has to know, in one load.
    struct Flags: OptionSet, Sendable {
        let rawValue: UInt8
        static let writeProtected = Flags(rawValue: 1)
        static let softwareWriteProtected = Flags(rawValue: 2)
        /// A reservation may keep others out, or nobody knows.
        static let reserved = Flags(rawValue: 4)
        /// No medium, or one that is being sanitized or was not to the end.
        static let notReady = Flags(rawValue: 8)
        static let descriptorSense = Flags(rawValue: 16)
    }

    var currentFlags: Flags { Flags(rawValue: flags.load(ordering: .sequentiallyConsistent)) }

    /// Looks at the shared state.
    func look<Result: Sendable>(_ body: (State) -> Result) -> Result { state.withLock { body($0) } }

    /// Changes the shared state and what follows from it; a change that throws is not made.
    @discardableResult
    func change<Result: Sendable, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let result: Swift.Result<Result, Failure> = state.withLock { state in
            var copy = state
            do throws(Failure) {
                let result = try body(&copy)
                state = copy
                flags.store(Self.flags(state).rawValue, ordering: .sequentiallyConsistent)
                return .success(result)
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    private static func flags(_ state: State) -> Flags {
        var flags: Flags = []
        if state.options.isReadOnly || state.information?.isReadOnly == true { flags.insert(.writeProtected) }
        if state.mode.isWriteProtected { flags.insert(.softwareWriteProtected) }
        let isReserved = state.reserver != nil || state.persistent.reservation != nil
        if isReserved || state.isRecordLost { flags.insert(.reserved) }
        if state.isEjected || state.sanitizing != .none { flags.insert(.notReady) }
        if state.mode.usesDescriptorSense { flags.insert(.descriptorSense) }
        return flags
    }

    // MARK: What the pool says

    var blocks: UInt64 { blockCount.load(ordering: .relaxed) }

    var information: LUNInformation? { look { $0.information } }

    /// Zero when the pool never knew the LUN; then nobody hears it.
    var worldWideName: WorldWideName { information?.worldWideName ?? WorldWideName(high: 0, low: 0) }

    /// Asks the pool what the LUN is now.
    ///
    /// - Returns: whether its capacity has changed since it was last asked.
    /// - Throws: LOGICAL UNIT NOT SUPPORTED when the LUN is gone.
    func refresh(from pool: StoragePool) throws(Sense) -> Bool {
        let current = try sensing { () throws(ArrayError) in try pool.information(identifier) }
        let old = information
        if let old, old.sizeBytes == current.sizeBytes, old.isReadOnly == current.isReadOnly { return false }
        return change { state in
            let hadSize = state.information?.sizeBytes
            state.information = current
            blockCount.store(current.sizeBytes / UInt64(ArrayTarget.blockBytes), ordering: .relaxed)
            return hadSize != nil && hadSize != current.sizeBytes
        }
    }

    /// Whether a run of blocks lies within the capacity; one of no blocks may begin at the very end.
    func holds(_ lba: UInt64, _ count: UInt64) -> Bool {
        let blocks = blocks
        return lba <= blocks && count <= blocks - lba
    }

    // MARK: What keeps a command out

    /// - Throws: WRITE PROTECTED.
    func checkWritable() throws(Sense) {
        let flags = currentFlags
        if flags.contains(.writeProtected) { throw .writeProtected }
        if flags.contains(.softwareWriteProtected) { throw .softwareWriteProtected }
    }

    /// Whether a reservation of another initiator keeps a command out.
    ///
    /// - Throws: INTERNAL TARGET FAILURE if that is not known: letting it in might break a fence between hosts.
    func conflicts(_ nexus: Nexus, _ conflict: ReservationClass) throws(Sense) -> Bool {
        guard currentFlags.contains(.reserved) else { return false }
        let isKeptOut: Bool? = look { state in
            if state.isRecordLost { return conflict == .allowed ? false : nil }
            if let reserver = state.reserver, reserver != nexus { return conflict != .allowed }
            return state.persistent.conflicts(nexus, conflict)
        }
        guard let isKeptOut else { throw .internalTargetFailure }
        return isKeptOut
    }

    /// - Throws: why a command with this access cannot run in the medium's state.
    func checkReady(_ access: CommandDescription.Access) throws(Sense) {
        guard currentFlags.contains(.notReady), access != .none else { return }
        let (sanitizing, isEjected) = look { ($0.sanitizing, $0.isEjected) }
        switch sanitizing {
        case .running(let progress): throw .sanitizeInProgress(progress)
        case .failed where access != .sanitizes && access != .control: throw .sanitizeFailed
        case .failed, .none: break
        }
        if isEjected, access != .control { throw .mediumNotPresent }
    }

    /// What REQUEST SENSE tells when nothing else waits.
    var condition: Sense {
        do throws(Sense) { try checkReady(.reads) } catch { return error }
        return Sense(.noSense, 0)
    }
}
