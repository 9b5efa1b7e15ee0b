/// Everything the target knows about one command before it runs: one row of `CommandTable`.
struct CommandDescription: Sendable {
    /// What a command does to the medium; decides over medium present, write protection and sanitizing.
    enum Access: Sendable {
        /// Nothing: answered whatever state the medium is in.
        case none
        /// Needs the medium.
        case reads
        /// Needs the medium and is refused when it is write protected.
        case writes
    }

    /// How long it may take.
    enum Pace: Sendable {
        case quick
        /// Quick up to 128 KiB.
        case byLength
        case slow
    }

    typealias Handler = @Sendable (ArrayTarget, inout Command, LogicalUnit) throws(Sense) -> Void

    let code: OperationCode
    /// Of bits 4 to 0 of byte 1, where the operation code has several commands.
    var serviceAction: UInt8?
    /// The CDB USAGE DATA of SPC-4 §6.35.3: the bits the target looks at, in place; its length is the CDB's.
    let usage: [UInt8]
    let transfer: TransferRule
    let access: Access
    let conflicts: ReservationClass
    let pace: Pace
    let run: Handler

    init(
        _ code: OperationCode, _ serviceAction: UInt8? = nil, usage: [UInt8], _ transfer: TransferRule, _ access: Access,
        _ conflicts: ReservationClass, _ pace: Pace, _ run: @escaping Handler
    ) {
        self.code = code
        self.serviceAction = serviceAction
        self.usage = [code.rawValue] + usage
        self.transfer = transfer
        self.access = access
        self.conflicts = conflicts
        self.pace = pace
        self.run = run
    }
}

/// Whose reservation keeps a command of another nexus out. Source: SPC-4 §5.12.1 and SBC-3 §4.17, the tables of commands
/// that are allowed in the presence of various reservations.
enum ReservationClass: Sendable {
    /// Allowed always, also beside RESERVE(6).
    case allowed
    /// Allowed beside every persistent reservation; not beside RESERVE(6).
    case allowedPersistent
    /// Like a read: only exclusive access keeps it out.
    case asRead
    /// Like a write: every reservation keeps it out.
    case asWrite
    /// PERSISTENT RESERVE IN and OUT and RESERVE and RELEASE look at reservations themselves.
    case own
}
