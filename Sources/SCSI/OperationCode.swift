/// The commands that the array's LUNs know, by the first byte of the CDB.
///
/// Source: SPC-4 §6.1 and SBC-3 §5.1, tables of operation codes.
enum OperationCode: UInt8, CaseIterable {
    case testUnitReady = 0x00
    case requestSense = 0x03
    case read6 = 0x08
    case write6 = 0x0A
    case inquiry = 0x12
    case modeSense6 = 0x1A
    case readCapacity10 = 0x25
    case read10 = 0x28
    case write10 = 0x2A
    case synchronizeCache10 = 0x35
    case writeSame10 = 0x41
    case unmap = 0x42
    case modeSense10 = 0x5A
    case extendedCopy = 0x83
    case receiveCopyResults = 0x84
    case read16 = 0x88
    case compareAndWrite = 0x89
    case write16 = 0x8A
    case synchronizeCache16 = 0x91
    case writeSame16 = 0x93
    case serviceActionIn16 = 0x9E
    case reportLUNs = 0xA0
    case read12 = 0xA8
    case write12 = 0xAA
}

/// Service actions of SERVICE ACTION IN(16). Source: SBC-3 §5.6 and §5.18.
enum ServiceActionIn16: UInt8 {
    case readCapacity16 = 0x10
    case getLBAStatus = 0x12
}
