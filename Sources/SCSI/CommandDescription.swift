/// Everything the target knows about one command before it runs: one row of `CommandTable`.
struct CommandDescription: Sendable {
    /// What a command does to the medium; decides over medium present, write protection and sanitizing.
    enum Access: Sendable {
        /// Nothing: answered whatever state the medium is in.
        case none
        /// Not the medium, but refused while it is being sanitized.
        case control
        /// Needs the medium.
        case reads
        /// Needs the medium and is refused when it is write protected.
        case writes
        /// SANITIZE: like a write, and also what leads out of a failed one.
        case sanitizes
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

/// Whose reservation keeps a command of another initiator out. Source: SPC-4 §5.12.1, SBC-3 §4.17 and, for RESERVE(6),
/// SPC-2 §5.5.1: the tables of commands that are allowed in the presence of various reservations.
enum ReservationClass: Sendable, Equatable {
    /// Allowed always, also beside RESERVE(6).
    case allowed
    /// Allowed beside every persistent reservation; not beside RESERVE(6).
    case allowedPersistent
    /// Like a read: exclusive access keeps it out, write exclusive does not.
    case asRead
    /// Like a write: every reservation keeps it out.
    case asWrite
    /// PERSISTENT RESERVE IN and OUT and RESERVE: not beside RESERVE(6); what is persistent they look at themselves.
    case own
    /// START STOP UNIT: allowed if it only starts, else like a write.
    case ifNotStarting
    /// PREVENT ALLOW MEDIUM REMOVAL: allowed if it allows, else like a write.
    case ifPreventing

    /// With what the CDB decides decided.
    func resolved(_ cdb: CDB) -> ReservationClass {
        switch self {
        case .ifNotStarting: cdb[4] & 0xF0 == 0 && cdb[4] & 0x01 != 0 ? .allowed : .asWrite
        case .ifPreventing: cdb[4] & 0x03 == 0 ? .allowed : .asWrite
        case .allowed, .allowedPersistent, .asRead, .asWrite, .own: self
        }
    }
}
