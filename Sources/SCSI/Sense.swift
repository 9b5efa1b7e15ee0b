/// Why a command failed. Source: SPC-4 §4.5, sense data.
public struct Sense: Sendable, Equatable {
    public var key: SenseKey
    /// Additional sense code and qualifier, for example `0x2407`.
    public var code: UInt16
    /// The INFORMATION field; its VALID bit is set when this is not `nil`.
    public var information: UInt64?
    /// The sense-key specific field, if there is one.
    public var detail: SenseDetail?

    public init(_ key: SenseKey, _ code: UInt16, information: UInt64? = nil, detail: SenseDetail? = nil) {
        self.key = key
        self.code = code
        self.information = information
        self.detail = detail
    }
}

/// What the sense-key specific field tells. Source: SPC-4 §4.5.2.4.
public enum SenseDetail: Sendable, Equatable {
    /// ILLEGAL REQUEST: the byte, and the bit if it is one, that is in error, in the CDB or in the parameter list.
    case field(inCDB: Bool, byte: UInt16, bit: UInt8?)
    /// NOT READY: how far an operation has come, in 65536ths.
    case progress(UInt16)
    /// COPY ABORTED: the byte of the parameter list's segment descriptor in error.
    case segment(byte: UInt16, inDescriptor: Bool)
}

public enum SenseKey: UInt8, Sendable {
    case noSense = 0x0
    case recoveredError = 0x1
    case notReady = 0x2
    case mediumError = 0x3
    case hardwareError = 0x4
    case illegalRequest = 0x5
    case unitAttention = 0x6
    case dataProtect = 0x7
    case copyAborted = 0xA
    case abortedCommand = 0xB
    case miscompare = 0xE
}
