/// The basic header segment: the first 48 bytes of every PDU, as six big-endian words.
///
/// ```
///  0 opcode (I b6)   1 flags   2, 3 by opcode   4 AHS length in words   5-7 data segment length
///  8 LUN or by opcode (8)      16 initiator task tag   20 by opcode     24 CmdSN or StatSN   28 ExpStatSN or ExpCmdSN
/// 32 MaxCmdSN or by opcode ... 47
/// ```
/// Source: RFC 7143 §11.2.1.
struct PDUHeader: Equatable, Sendable {
    static let byteCount = 48
    /// A task tag that names no task.
    static let noTag: UInt32 = 0xFFFF_FFFF

    var words: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0)

    init() {}

    /// - Parameter bytes: 48 or more.
    init(_ bytes: UnsafeRawBufferPointer) {
        func word(_ index: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
        }
        words = (word(0), word(1), word(2), word(3), word(4), word(5))
    }

    /// - Parameter target: room for 48 bytes.
    func store(to target: UnsafeMutableRawPointer) {
        target.storeBytes(of: words.0.bigEndian, as: UInt64.self)
        target.storeBytes(of: words.1.bigEndian, toByteOffset: 8, as: UInt64.self)
        target.storeBytes(of: words.2.bigEndian, toByteOffset: 16, as: UInt64.self)
        target.storeBytes(of: words.3.bigEndian, toByteOffset: 24, as: UInt64.self)
        target.storeBytes(of: words.4.bigEndian, toByteOffset: 32, as: UInt64.self)
        target.storeBytes(of: words.5.bigEndian, toByteOffset: 40, as: UInt64.self)
    }

    var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, count in
            if let base = buffer.baseAddress { store(to: base) }
            count = Self.byteCount
        }
    }

    static func == (left: PDUHeader, right: PDUHeader) -> Bool {
        (left.words.0, left.words.1, left.words.2) == (right.words.0, right.words.1, right.words.2)
            && (left.words.3, left.words.4, left.words.5) == (right.words.3, right.words.4, right.words.5)
    }
}

// What every header has.
extension PDUHeader {
    init(_ opcode: Opcode, flags: UInt8, tag: UInt32 = PDUHeader.noTag) {
        words.0 = UInt64(opcode.rawValue) << 56 | UInt64(flags) << 48
        words.2 = UInt64(tag) << 32
    }

    /// The first six bits; unknown ones have no case.
    var opcode: Opcode? { Opcode(rawValue: UInt8(truncatingIfNeeded: words.0 >> 56) & 0x3F) }
    var isImmediate: Bool { words.0 & 1 << 62 != 0 }

    var flags: UInt8 {
        get { UInt8(truncatingIfNeeded: words.0 >> 48) }
        set { words.0 = words.0 & ~(0xFF << 48) | UInt64(newValue) << 48 }
    }

    /// The F or T bit.
    var isFinal: Bool { flags & 0x80 != 0 }
    /// The C bit of text and login.
    var isContinued: Bool { flags & 0x40 != 0 }

    var byte2: UInt8 {
        get { UInt8(truncatingIfNeeded: words.0 >> 40) }
        set { words.0 = words.0 & ~(0xFF << 40) | UInt64(newValue) << 40 }
    }

    var byte3: UInt8 {
        get { UInt8(truncatingIfNeeded: words.0 >> 32) }
        set { words.0 = words.0 & ~(0xFF << 32) | UInt64(newValue) << 32 }
    }

    var additionalBytes: Int { Int(UInt8(truncatingIfNeeded: words.0 >> 24)) * 4 }

    var dataBytes: Int {
        get { Int(words.0 & 0xFF_FFFF) }
        set { words.0 = words.0 & ~0xFF_FFFF | UInt64(newValue) }
    }

    /// Bytes that fill the data segment to a multiple of four.
    var paddingBytes: Int { -dataBytes & 3 }

    /// LUN field; ISID and TSIH of a login.
    var word1: UInt64 {
        get { words.1 }
        set { words.1 = newValue }
    }

    /// Initiator task tag.
    var tag: UInt32 {
        get { words.2.upperHalf }
        set { words.2.upperHalf = newValue }
    }

    /// Target transfer tag, referenced task tag, expected data transfer length, or connection identifier.
    var field20: UInt32 {
        get { words.2.lowerHalf }
        set { words.2.lowerHalf = newValue }
    }

    /// CmdSN of a request, StatSN of a response.
    var field24: UInt32 {
        get { words.3.upperHalf }
        set { words.3.upperHalf = newValue }
    }

    /// ExpStatSN of a request, ExpCmdSN of a response.
    var field28: UInt32 {
        get { words.3.lowerHalf }
        set { words.3.lowerHalf = newValue }
    }

    /// RefCmdSN of a request, MaxCmdSN of a response.
    var field32: UInt32 {
        get { words.4.upperHalf }
        set { words.4.upperHalf = newValue }
    }

    /// DataSN, R2TSN, ExpDataSN, or login status (two bytes).
    var field36: UInt32 {
        get { words.4.lowerHalf }
        set { words.4.lowerHalf = newValue }
    }

    /// Buffer offset, or bidirectional residual count.
    var field40: UInt32 {
        get { words.5.upperHalf }
        set { words.5.upperHalf = newValue }
    }

    /// Residual count, or desired transfer length.
    var field44: UInt32 {
        get { words.5.lowerHalf }
        set { words.5.lowerHalf = newValue }
    }
}

extension UInt64 {
    fileprivate var upperHalf: UInt32 {
        get { UInt32(truncatingIfNeeded: self >> 32) }
        set { self = self & 0xFFFF_FFFF | UInt64(newValue) << 32 }
    }

    fileprivate var lowerHalf: UInt32 {
        get { UInt32(truncatingIfNeeded: self) }
        set { self = self & ~0xFFFF_FFFF | UInt64(newValue) }
    }
}

/// Kinds of PDUs. Source: RFC 7143 §11.2.1.2.
enum Opcode: UInt8, Sendable {
    case nopOut = 0x00
    case command = 0x01
    case taskManagement = 0x02
    case login = 0x03
    case text = 0x04
    case dataOut = 0x05
    case logout = 0x06
    case sequenceAcknowledgement = 0x10
    case nopIn = 0x20
    case response = 0x21
    case taskManagementResponse = 0x22
    case loginResponse = 0x23
    case textResponse = 0x24
    case dataIn = 0x25
    case logoutResponse = 0x26
    case readyToTransfer = 0x31
    case asynchronousMessage = 0x32
    case reject = 0x3F

    /// Initiators send these.
    var isRequest: Bool { rawValue < 0x20 }
}

/// Why a PDU is thrown back. Source: RFC 7143 §11.17.1.
enum RejectReason: UInt8, Sendable {
    case dataDigest = 0x02
    case sequenceAcknowledgement = 0x03
    case protocolError = 0x04
    case notSupported = 0x05
    case tooManyImmediateCommands = 0x06
    case taskInProgress = 0x07
    case invalidField = 0x09
    case outOfResources = 0x0A
    case waitingForLogout = 0x0C
}

extension UInt32 {
    /// Whether this serial number comes before the other. Source: RFC 1982 §3.2, as RFC 7143 §4.2.2.1 demands.
    func precedes(_ other: UInt32) -> Bool { Int32(bitPattern: self &- other) < 0 }
}
