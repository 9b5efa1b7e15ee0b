// Sense values the array gives. Source: SPC-4 annex D.2, additional sense codes.

extension Sense: Error {
    public static let invalidOperationCode = Sense(.illegalRequest, 0x2000)
    public static let lbaOutOfRange = Sense(.illegalRequest, 0x2100)
    public static let invalidFieldInCDB = Sense(.illegalRequest, 0x2400)
    public static let logicalUnitNotSupported = Sense(.illegalRequest, 0x2500)
    public static let invalidFieldInParameterList = Sense(.illegalRequest, 0x2600)
    public static let tooManyTargetDescriptors = Sense(.illegalRequest, 0x2606)
    public static let unsupportedTargetDescriptor = Sense(.illegalRequest, 0x2607)
    public static let tooManySegmentDescriptors = Sense(.illegalRequest, 0x2608)
    public static let unsupportedSegmentDescriptor = Sense(.illegalRequest, 0x2609)
    public static let inlineDataLengthExceeded = Sense(.illegalRequest, 0x260B)
    public static let parameterListLength = Sense(.illegalRequest, 0x1A00)
    public static let invalidFieldInCommandInformationUnit = Sense(.illegalRequest, 0x0E03)
    public static let copyTargetNotReachable = Sense(.copyAborted, 0x0D02)
    public static let writeProtected = Sense(.dataProtect, 0x2700)
    public static let spaceAllocationFailed = Sense(.dataProtect, 0x2707)
    public static let unrecoveredReadError = Sense(.mediumError, 0x1100)
    public static let internalTargetFailure = Sense(.hardwareError, 0x4400)

    /// - Parameter offset: of the first byte that differs, from the start of the verify data.
    public static func miscompare(at offset: UInt64) -> Sense { Sense(.miscompare, 0x1D00, information: offset) }
}
