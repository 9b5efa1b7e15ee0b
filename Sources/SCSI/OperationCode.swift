/// The commands that the array's LUNs know, by the first byte of the CDB.
///
/// Source: SPC-4 §6.1 and SBC-3 §5.1, tables of operation codes.
enum OperationCode: UInt8, CaseIterable, Sendable {
    case testUnitReady = 0x00
    case requestSense = 0x03
    case read6 = 0x08
    case write6 = 0x0A
    case inquiry = 0x12
    case modeSelect6 = 0x15
    case reserve6 = 0x16
    case release6 = 0x17
    case modeSense6 = 0x1A
    case startStopUnit = 0x1B
    case preventAllowMediumRemoval = 0x1E
    case readCapacity10 = 0x25
    case read10 = 0x28
    case write10 = 0x2A
    case writeAndVerify10 = 0x2E
    case verify10 = 0x2F
    case preFetch10 = 0x34
    case synchronizeCache10 = 0x35
    case readDefectData10 = 0x37
    case writeSame10 = 0x41
    case unmap = 0x42
    case sanitize = 0x48
    case logSense = 0x4D
    case modeSelect10 = 0x55
    case reserve10 = 0x56
    case release10 = 0x57
    case modeSense10 = 0x5A
    case persistentReserveIn = 0x5E
    case persistentReserveOut = 0x5F
    case extendedCopy = 0x83
    case receiveCopyResults = 0x84
    case read16 = 0x88
    case compareAndWrite = 0x89
    case write16 = 0x8A
    case orWrite16 = 0x8B
    case writeAndVerify16 = 0x8E
    case verify16 = 0x8F
    case preFetch16 = 0x90
    case synchronizeCache16 = 0x91
    case writeSame16 = 0x93
    case writeAtomic16 = 0x9C
    case serviceActionIn16 = 0x9E
    case reportLUNs = 0xA0
    case maintenanceIn = 0xA3
    case read12 = 0xA8
    case write12 = 0xAA
    case writeAndVerify12 = 0xAE
    case verify12 = 0xAF
    case readDefectData12 = 0xB7
}

/// Service actions of SERVICE ACTION IN(16). Source: SBC-3 §5.6 and §5.18.
enum ServiceActionIn16: UInt8 {
    case readCapacity16 = 0x10
    case getLBAStatus = 0x12
}

/// Service actions of MAINTENANCE IN. Source: SPC-4 §6.35 and §6.36.
enum MaintenanceIn: UInt8 {
    case reportSupportedOperationCodes = 0x0C
    case reportSupportedTaskManagementFunctions = 0x0D
}

/// Service actions of SANITIZE. Source: SBC-3 §5.25.
enum SanitizeAction: UInt8 {
    case overwrite = 0x01
    case blockErase = 0x02
    case exitFailureMode = 0x1F
}

/// Service actions of PERSISTENT RESERVE IN. Source: SPC-4 §6.15.
enum PersistentReserveIn: UInt8 {
    case readKeys = 0x00
    case readReservation = 0x01
    case reportCapabilities = 0x02
    case readFullStatus = 0x03
}

/// Service actions of PERSISTENT RESERVE OUT. Source: SPC-4 §6.16.
enum PersistentReserveOut: UInt8 {
    case register = 0x00
    case reserve = 0x01
    case release = 0x02
    case clear = 0x03
    case preempt = 0x04
    case preemptAndAbort = 0x05
    case registerAndIgnoreExistingKey = 0x06
    case registerAndMove = 0x07
}
