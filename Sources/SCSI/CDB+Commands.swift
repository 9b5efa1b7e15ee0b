// What an initiator asks for, as CDBs. Blocks are logical blocks (512 bytes on the array's LUNs).

extension CDB {
    public static let testUnitReady = CDB(code: .testUnitReady)

    /// - Parameter page: a vital product data page, or `nil` for the standard data.
    public static func inquiry(page: UInt8? = nil, allocationLength: UInt16 = 255) -> CDB {
        CDB(code: .inquiry).with(UInt8(page == nil ? 0 : 1), at: 1).with(page ?? 0, at: 2).with(allocationLength, at: 3)
    }

    public static func requestSense(descriptorFormat: Bool = false, allocationLength: UInt8 = 252) -> CDB {
        CDB(code: .requestSense).with(UInt8(descriptorFormat ? 1 : 0), at: 1).with(allocationLength, at: 4)
    }

    /// - Parameter allocationLength: at least 16.
    public static func reportLUNs(allocationLength: UInt32) -> CDB {
        CDB(code: .reportLUNs).with(allocationLength, at: 6)
    }

    /// - Parameter page: a mode page, `0x3F` for all.
    public static func modeSense6(page: UInt8, allocationLength: UInt8 = 255) -> CDB {
        CDB(code: .modeSense6).with(page, at: 2).with(allocationLength, at: 4)
    }

    public static func modeSense10(page: UInt8, allocationLength: UInt16 = 512) -> CDB {
        CDB(code: .modeSense10).with(page, at: 2).with(allocationLength, at: 7)
    }

    public static let readCapacity10 = CDB(code: .readCapacity10)

    public static let readCapacity16 = readCapacity16(allocationLength: 32)

    public static func readCapacity16(allocationLength: UInt32) -> CDB {
        serviceAction(.readCapacity16).with(allocationLength, at: 10)
    }

    /// - Parameter lba: the first block asked about; the answer's first descriptor starts there.
    public static func getLBAStatus(lba: UInt64, allocationLength: UInt32) -> CDB {
        serviceAction(.getLBAStatus).with(lba, at: 2).with(allocationLength, at: 10)
    }

    public static func read10(lba: UInt32, blocks: UInt16) -> CDB {
        CDB(code: .read10).with(lba, at: 2).with(blocks, at: 7)
    }

    public static func write10(lba: UInt32, blocks: UInt16) -> CDB {
        CDB(code: .write10).with(lba, at: 2).with(blocks, at: 7)
    }

    public static func read16(lba: UInt64, blocks: UInt32) -> CDB {
        CDB(code: .read16).with(lba, at: 2).with(blocks, at: 10)
    }

    public static func write16(lba: UInt64, blocks: UInt32) -> CDB {
        CDB(code: .write16).with(lba, at: 2).with(blocks, at: 10)
    }

    /// Makes everything written so far durable; on a write-through LUN it is already.
    public static let synchronizeCache16 = CDB(code: .synchronizeCache16)

    public static let synchronizeCache10 = CDB(code: .synchronizeCache10)

    /// Writes `blocks` blocks if as many on the medium equal the first half of the data; atomic.
    ///
    /// Data-out is twice `blocks` blocks: first what must be there, then what to write. A difference ends with
    /// MISCOMPARE and its byte offset in INFORMATION. Source: SBC-3 §5.2.
    public static func compareAndWrite(lba: UInt64, blocks: UInt8) -> CDB {
        CDB(code: .compareAndWrite).with(lba, at: 2).with(blocks, at: 13)
    }

    /// Writes one block of data-out `blocks` times; with `noDataOut`, zeros without any data-out.
    ///
    /// - Parameter unmap: the array may free the space when the data is zeros. Source: SBC-3 §5.43.
    public static func writeSame16(lba: UInt64, blocks: UInt32, unmap: Bool = false, noDataOut: Bool = false) -> CDB {
        let flags: UInt8 = (unmap ? 0x08 : 0) | (noDataOut ? 0x01 : 0)
        return CDB(code: .writeSame16).with(flags, at: 1).with(lba, at: 2).with(blocks, at: 10)
    }

    public static func writeSame10(lba: UInt32, blocks: UInt16, unmap: Bool = false) -> CDB {
        CDB(code: .writeSame10).with(UInt8(unmap ? 0x08 : 0), at: 1).with(lba, at: 2).with(blocks, at: 7)
    }

    /// - Parameter parameterListLength: bytes of the list made by `UnmapList.encode`.
    public static func unmap(parameterListLength: UInt16) -> CDB {
        CDB(code: .unmap).with(parameterListLength, at: 7)
    }

    /// - Parameter parameterListLength: bytes of the list made by `ExtendedCopyList.encoded`.
    public static func extendedCopy(parameterListLength: UInt32) -> CDB {
        CDB(code: .extendedCopy).with(parameterListLength, at: 10)
    }

    /// RECEIVE COPY RESULTS, service action 03h: what EXTENDED COPY can do here.
    public static func receiveCopyOperatingParameters(allocationLength: UInt32 = 64) -> CDB {
        CDB(code: .receiveCopyResults).with(UInt8(0x03), at: 1).with(allocationLength, at: 10)
    }

    /// RECEIVE COPY RESULTS, service action 00h: how a copy went.
    public static func receiveCopyStatus(listIdentifier: UInt8, allocationLength: UInt32 = 12) -> CDB {
        CDB(code: .receiveCopyResults).with(listIdentifier, at: 2).with(allocationLength, at: 10)
    }
}

extension CDB {
    init(code: OperationCode) { self.init(high: UInt64(code.rawValue) << 56, low: 0) }

    static func serviceAction(_ action: ServiceActionIn16) -> CDB {
        CDB(code: .serviceActionIn16).with(action.rawValue, at: 1)
    }

    /// The same CDB with a big-endian field set at byte `index`; the field was zero.
    func with<Value: FixedWidthInteger & UnsignedInteger>(_ value: Value, at index: Int) -> CDB {
        let end = index + Value.bitWidth / 8
        var copy = self
        if end <= 8 {
            copy.high |= UInt64(value) << UInt64(8 * (8 - end))
        } else {
            copy.low |= UInt64(value) << UInt64(8 * (16 - end))
            if index < 8 { copy.high |= UInt64(value) >> UInt64(8 * (end - 8)) }
        }
        return copy
    }
}
