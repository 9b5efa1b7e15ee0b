/// What an initiator hands to a target: the interface between hosts and the array.
///
/// Source: SAM-5 (command, task, nexus), SPC-4 and SBC-3 (CDB contents).
public protocol SCSITarget: Sendable {
    /// Executes one command and returns when it is complete; blocks the calling thread for as long as that takes.
    ///
    /// - Parameters:
    ///   - dataOut: what the initiator sends; empty if nothing.
    ///   - dataIn: room for what it wants back; the target fills a prefix.
    func execute(
        _ cdb: CDB, lun: UInt16, from nexus: Nexus, dataOut: UnsafeRawBufferPointer,
        dataIn: UnsafeMutableRawBufferPointer
    ) -> Completion
}

/// A command descriptor block of up to 16 bytes.
public struct CDB: Sendable, Equatable {
    /// Bytes 0 to 7 and 8 to 15, first byte in the most significant place; unused ones are zero.
    public var high: UInt64
    public var low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// - Parameter bytes: 1 to 16 bytes; more are cut.
    public init(_ bytes: some Sequence<UInt8>) {
        var (high, low) = (UInt64(0), UInt64(0))
        for (index, byte) in bytes.prefix(16).enumerated() {
            if index < 8 {
                high |= UInt64(byte) << UInt64(56 - 8 * index)
            } else {
                low |= UInt64(byte) << UInt64(120 - 8 * index)
            }
        }
        self.init(high: high, low: low)
    }

    /// - Parameter index: 0 to 15.
    public subscript(index: Int) -> UInt8 {
        index < 8
            ? UInt8(truncatingIfNeeded: high >> UInt64(56 - 8 * index))
            : UInt8(truncatingIfNeeded: low >> UInt64(120 - 8 * index))
    }
}

/// The path a command came by: an initiator port and a target port. Source: SAM-5 §4.4, I_T nexus.
public struct Nexus: Hashable, Sendable {
    /// iSCSI name of the initiator, for example `iqn.1998-01.com.vmware:host-12`.
    public let initiator: String
    /// The initiator's part of the session identifier (ISID), 48 bits; 0 for hosts in this process.
    public let initiatorSession: UInt64
    /// Relative target port identifier.
    public let targetPort: UInt16

    public init(initiator: String, initiatorSession: UInt64 = 0, targetPort: UInt16 = 1) {
        self.initiator = initiator
        self.initiatorSession = initiatorSession
        self.targetPort = targetPort
    }
}

/// How a command ended.
public struct Completion: Sendable, Equatable {
    public var status: Status
    /// With `.checkCondition` only.
    public var sense: Sense?
    /// Bytes of `dataIn` that hold data.
    public var dataInCount: Int
    /// Bytes the command had to give, whether or not there was room: what a transport's residual is counted from.
    public var dataInLength: Int
    /// Which of the two formats the LUN's control mode page asks sense data to have (D_SENSE).
    public var usesDescriptorSense = false

    public init(_ status: Status, sense: Sense? = nil, dataInCount: Int = 0, dataInLength: Int? = nil) {
        self.status = status
        self.sense = sense
        self.dataInCount = dataInCount
        self.dataInLength = dataInLength ?? dataInCount
    }

    public static let good = Completion(.good)

    /// The sense data as it goes to the initiator; empty if there is none.
    public var encodedSense: [UInt8] { sense?.encoded(descriptorFormat: usesDescriptorSense) ?? [] }
}

/// Source: SAM-5 §5.3, status codes.
public enum Status: UInt8, Sendable {
    case good = 0x00
    case checkCondition = 0x02
    case busy = 0x08
    case reservationConflict = 0x18
    case taskSetFull = 0x28
    case taskAborted = 0x40
}
