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
    struct State {
        var options: UnitOptions
        /// As the pool last told; `nil` when it never knew the LUN.
        var information: LUNInformation?
    }

    let identifier: LUNIdentifier
    let state: Mutex<State>
    /// Capacity in logical blocks as last seen; the pool itself has the last word.
    private let blockCount: Atomic<UInt64>
    private let flags = Atomic<UInt8>(0)

    init(_ identifier: LUNIdentifier, _ information: LUNInformation?, options: UnitOptions) {
        self.identifier = identifier
        state = Mutex(State(options: options, information: information))
        blockCount = Atomic((information?.sizeBytes ?? 0) / UInt64(ArrayTarget.blockBytes))
        setOptions(options)
    }

    /// What a command on the data path has to know, in one load.
    struct Flags: OptionSet, Sendable {
        let rawValue: UInt8
        static let writeProtected = Flags(rawValue: 1)
    }

    var currentFlags: Flags { Flags(rawValue: flags.load(ordering: .sequentiallyConsistent)) }

    /// Changes the shared state and what follows from it.
    @discardableResult
    func change<Result: Sendable>(_ body: (inout State) throws(Sense) -> Result) throws(Sense) -> Result {
        let result: Swift.Result<Result, Sense> = state.withLock { state in
            defer { flags.store(Self.flags(state).rawValue, ordering: .sequentiallyConsistent) }
            do throws(Sense) { return .success(try body(&state)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    private static func flags(_ state: State) -> Flags {
        var flags: Flags = []
        if state.options.isReadOnly || state.information?.isReadOnly == true { flags.insert(.writeProtected) }
        return flags
    }

    var blocks: UInt64 { blockCount.load(ordering: .relaxed) }

    var information: LUNInformation? { state.withLock { $0.information } }

    /// Zero when the pool never knew the LUN; then nobody hears it.
    var worldWideName: WorldWideName { information?.worldWideName ?? WorldWideName(high: 0, low: 0) }

    func setOptions(_ options: UnitOptions) {
        state.withLock { state in
            state.options = options
            flags.store(Self.flags(state).rawValue, ordering: .sequentiallyConsistent)
        }
    }

    var options: UnitOptions { state.withLock { $0.options } }

    /// Asks the pool what the LUN is now.
    ///
    /// - Returns: whether its capacity has changed since it was last asked.
    /// - Throws: LOGICAL UNIT NOT SUPPORTED when the LUN is gone.
    func refresh(from pool: StoragePool) throws(Sense) -> Bool {
        let current = try sensing { () throws(ArrayError) in try pool.information(identifier) }
        return try change { state throws(Sense) in
            let hadSize = state.information?.sizeBytes
            state.information = current
            blockCount.store(current.sizeBytes / UInt64(ArrayTarget.blockBytes), ordering: .relaxed)
            return hadSize != nil && hadSize != current.sizeBytes
        }
    }

    /// - Throws: LOGICAL BLOCK ADDRESS OUT OF RANGE; a run of no blocks may begin at the very end.
    func check(_ lba: UInt64, _ count: UInt64) throws(Sense) {
        let blocks = blocks
        guard lba <= blocks, count <= blocks - lba else { throw .lbaOutOfRange }
    }

    /// - Throws: WRITE PROTECTED.
    func checkWritable() throws(Sense) {
        if currentFlags.contains(.writeProtected) { throw .writeProtected }
    }
}
