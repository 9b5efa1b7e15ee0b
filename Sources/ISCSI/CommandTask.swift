import SCSI
import Synchronization

/// One SCSI command of a session, from its arrival to its response.
///
/// Objects are used again: see `SessionMachine.recycle`.
final class CommandTask {
    enum State {
        /// Before its turn by CmdSN.
        case held
        /// Data-out is still to come.
        case gathering
        /// Its data is there; others have to end first.
        case blocked
        /// Its turn has come; waits for memory.
        case ready
        /// Handed out for execution.
        case running
    }

    /// Initiator task tag.
    var tag: UInt32 = 0
    /// CmdSN.
    var number: UInt32 = 0
    var isImmediate = false
    var lunField: UInt64 = 0
    var lun: UInt16 = 0
    var cdb = CDB(high: 0, low: 0)
    var attribute = TaskAttribute.simple
    var state = State.held
    /// The session does not know it any more: no response is sent.
    var isDropped = false

    /// What the initiator is ready to take, and to send.
    var readBytes = 0
    var writeBytes = 0
    /// What the command moves by its CDB.
    var transfer = DataTransfer.none
    /// Sense that answers the command without executing it.
    var failure: Sense?

    // Data-out.
    /// Bytes that the command takes: the smaller of the CDB's and the initiator's count.
    var wantedBytes = 0
    /// Bytes that have come, all from the beginning on.
    var receivedBytes = 0
    var buffer: DataBuffer?
    /// The whole data-out while it lies in the receive buffer; valid until the machine is called again.
    var immediate = UnsafeRawBufferPointer(start: nil, count: 0)
    /// Unsolicited data may still come.
    var isUnsolicitedOpen = false
    /// Target transfer tag of the R2T that is outstanding; `PDUHeader.noTag` if none.
    var transferTag = PDUHeader.noTag
    /// Where the sequence that is outstanding ends.
    var sequenceEnd = 0
    /// DataSN expected next.
    var dataNumber: UInt32 = 0
    /// R2TSN used next; with Data-In PDUs the number that the response tells.
    var readyNumber: UInt32 = 0

    // Data-in.
    /// What was read, if it does not lie in the output already.
    var dataIn: DataBuffer?
    /// How it ended, while the response waits.
    var completion = Completion.good

    /// Ends it early while a worker thread has it.
    var cancellation: Cancellation?
    /// Task management functions that wait for its end.
    var waiters: [ManagementTask] = []

    /// The data-out of a command that is to be executed.
    var dataOut: UnsafeRawBufferPointer {
        if let buffer { return UnsafeRawBufferPointer(rebasing: buffer.bytes[..<wantedBytes]) }
        return UnsafeRawBufferPointer(rebasing: immediate.prefix(wantedBytes))
    }

    /// Room that data-in needs.
    var dataInRoom: Int {
        guard case .toInitiator(let bytes) = transfer else { return 0 }
        return min(bytes, readBytes)
    }

    func reset() {
        state = .held
        isDropped = false
        failure = nil
        (wantedBytes, receivedBytes) = (0, 0)
        (buffer, dataIn) = (nil, nil)
        cancellation = nil
        immediate = UnsafeRawBufferPointer(start: nil, count: 0)
        isUnsolicitedOpen = false
        transferTag = PDUHeader.noTag
        (sequenceEnd, dataNumber, readyNumber) = (0, 0, 0)
        if !waiters.isEmpty { waiters = [] }
    }
}

/// Tells a command on another thread that nobody waits for it any more.
final class Cancellation: Sendable {
    private let flag = Atomic<Bool>(false)

    var isSet: Bool { flag.load(ordering: .relaxed) }

    func set() { flag.store(true, ordering: .relaxed) }
}

/// Source: RFC 7143 §11.3.1, SAM-5 §8.6.
enum TaskAttribute: UInt8, Sendable {
    case untagged = 0
    case simple = 1
    case ordered = 2
    case headOfQueue = 3
    case autoContingentAllegiance = 4
}

/// A task management function whose response waits for tasks to end.
final class ManagementTask {
    let function: TaskManagementFunction
    let tag: UInt32
    let lunField: UInt64
    var response = TaskManagementResponse.complete
    /// Tasks, and steps outside the session, that have to end first.
    var waitingCount = 0

    init(_ function: TaskManagementFunction, tag: UInt32, lunField: UInt64) {
        self.function = function
        self.tag = tag
        self.lunField = lunField
    }
}

/// Source: RFC 7143 §11.5.1.
enum TaskManagementFunction: UInt8, Sendable {
    case abortTask = 1
    case abortTaskSet = 2
    case clearAutoContingentAllegiance = 3
    case clearTaskSet = 4
    case logicalUnitReset = 5
    case targetWarmReset = 6
    case targetColdReset = 7
    case taskReassign = 8
}

/// Source: RFC 7143 §11.6.1.
enum TaskManagementResponse: UInt8, Sendable {
    case complete = 0
    case taskDoesNotExist = 1
    case lunDoesNotExist = 2
    case reassignmentNotSupported = 4
    case notSupported = 5
    case notAuthorized = 6
    case rejected = 255
}

/// The number behind a LUN field of eight bytes.
enum LUNField {
    /// Stands for numbers that no unit has.
    static let absent: UInt16 = 0xFFFF

    /// Peripheral addressing of bus 0 (0 to 255) and flat addressing (0 to 16383). Source: SAM-5 §4.7.
    static func number(_ field: UInt64) -> UInt16 {
        guard field & 0xFFFF_FFFF_FFFF == 0 else { return absent }
        let first = UInt16(truncatingIfNeeded: field >> 48)
        switch first >> 14 {
        case 0: return first < 0x100 ? first : absent
        case 1: return first & 0x3FFF
        default: return absent
        }
    }
}
