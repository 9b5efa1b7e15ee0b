// Sense values the array gives. Source: SPC-4 annex D.2, additional sense codes.

extension Sense: Error {
    public static let invalidOperationCode = Sense(
        .illegalRequest, 0x2000, detail: .field(inCDB: true, byte: 0, bit: nil))
    public static let invalidFieldInCDB = Sense(.illegalRequest, 0x2400)
    public static let invalidFieldInParameterList = Sense(.illegalRequest, 0x2600)
    public static let lbaOutOfRange = Sense(.illegalRequest, 0x2100)
    public static let logicalUnitNotSupported = Sense(.illegalRequest, 0x2500)
    public static let invalidRelease = Sense(.illegalRequest, 0x2604)
    public static let tooManyTargetDescriptors = Sense(.illegalRequest, 0x2606)
    public static let unsupportedTargetDescriptor = Sense(.illegalRequest, 0x2607)
    public static let tooManySegmentDescriptors = Sense(.illegalRequest, 0x2608)
    public static let unsupportedSegmentDescriptor = Sense(.illegalRequest, 0x2609)
    public static let inlineDataLengthExceeded = Sense(.illegalRequest, 0x260B)
    public static let parameterListLength = Sense(.illegalRequest, 0x1A00)
    public static let savingNotSupported = Sense(.illegalRequest, 0x3900)
    public static let mediumRemovalPrevented = Sense(.illegalRequest, 0x5302)
    public static let insufficientRegistrationResources = Sense(.illegalRequest, 0x5504)
    public static let invalidFieldInCommandInformationUnit = Sense(.illegalRequest, 0x0E03)
    public static let copyTargetNotReachable = Sense(.copyAborted, 0x0D02)
    public static let thirdPartyDeviceFailure = Sense(.copyAborted, 0x0D01)
    public static let writeProtected = Sense(.dataProtect, 0x2700)
    public static let softwareWriteProtected = Sense(.dataProtect, 0x2702)
    public static let spaceAllocationFailed = Sense(.dataProtect, 0x2707)
    public static let unrecoveredReadError = Sense(.mediumError, 0x1100)
    public static let sanitizeFailed = Sense(.mediumError, 0x3103)
    public static let internalTargetFailure = Sense(.hardwareError, 0x4400)
    public static let mediumNotPresent = Sense(.notReady, 0x3A00)
    public static let initializingCommandRequired = Sense(.notReady, 0x0402)

    /// - Parameter offset: of the first byte that differs, from the start of the verify data.
    public static func miscompare(at offset: UInt64) -> Sense { Sense(.miscompare, 0x1D00, information: offset) }

    /// INVALID FIELD IN CDB.
    ///
    /// - Parameters:
    ///   - byte: of the CDB, the first of the field.
    ///   - bit: the most significant one of a field within a byte.
    public static func invalidField(byte: UInt16, bit: UInt8? = nil) -> Sense {
        Sense(.illegalRequest, 0x2400, detail: .field(inCDB: true, byte: byte, bit: bit))
    }

    /// INVALID FIELD IN PARAMETER LIST; the byte counts from the start of the list.
    public static func invalidParameter(byte: UInt16, bit: UInt8? = nil) -> Sense {
        Sense(.illegalRequest, 0x2600, detail: .field(inCDB: false, byte: byte, bit: bit))
    }

    /// COPY TARGET DEVICE NOT REACHABLE, pointing at a byte of the segment descriptor that names it.
    static func copyTargetNotReachable(byte: UInt16) -> Sense {
        Sense(.copyAborted, 0x0D02, detail: .segment(byte: byte, inDescriptor: true))
    }

    /// LOGICAL UNIT NOT READY, SANITIZE IN PROGRESS.
    public static func sanitizeInProgress(_ progress: UInt16) -> Sense {
        Sense(.notReady, 0x041B, detail: .progress(progress))
    }

    /// Key and codes without what else is told: what a caller compares by.
    public var kind: Sense { Sense(key, code) }
}
