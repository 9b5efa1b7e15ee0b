import StorageArray

// READ, WRITE, SYNCHRONIZE CACHE, COMPARE AND WRITE. Source: SBC-3 clause 5.

/// What page B0h tells and commands are held to, in logical blocks.
enum Limits {
    static let compareAndWriteBlocks: UInt8 = 255
    static let transferBlocks: UInt32 = 0x4000
    static let unmapDescriptors: UInt32 = 256
    static let writeSameBlocks: UInt64 = 0x80_0000
    static let copyDevices = 8
    static let copySegments = 64
    static let copyListBytes = 4096
    static let copySegmentBytes: UInt32 = 256 << 20
}

extension CDB {
    /// LBA and number of blocks of a READ or WRITE of any length, and of SYNCHRONIZE CACHE and WRITE SAME.
    var blockRange: (lba: UInt64, blocks: UInt64) {
        switch self[0] >> 5 {
        case 0:
            let lba = UInt64(self[1] & 0x1F) << 16 | UInt64(bigEndian16(at: 2))
            return (lba, self[4] == 0 ? 256 : UInt64(self[4]))
        case 1, 2: return (UInt64(bigEndian32(at: 2)), UInt64(bigEndian16(at: 7)))
        case 5: return (UInt64(bigEndian32(at: 2)), UInt64(bigEndian32(at: 6)))
        default: return (bigEndian64(at: 2), UInt64(bigEndian32(at: 10)))
        }
    }

    /// Protection information is not supported: RDPROTECT and WRPROTECT must be zero. The 6-byte commands have none.
    func checkUnprotected() throws(Sense) {
        guard self[0] >> 5 == 0 || self[1] & 0xE0 == 0 else { throw .invalidFieldInCDB }
    }
}

extension ArrayTarget {
    /// The checks that READ and WRITE share, in their order.
    private func transferRange(_ cdb: CDB, _ unit: LogicalUnit) throws(Sense) -> (offset: UInt64, bytes: Int) {
        try cdb.checkUnprotected()
        let (lba, blocks) = cdb.blockRange
        guard blocks <= UInt64(Limits.transferBlocks) else { throw .invalidFieldInCDB }
        try unit.check(lba, blocks)
        return (lba * UInt64(Self.blockBytes), Int(blocks) * Self.blockBytes)
    }

    /// Fills data-in as far as it goes; the transport reports a residual.
    func read(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let (offset, bytes) = try transferRange(command.cdb, unit)
        let whole = min(bytes, command.dataIn.count) / Self.blockBytes * Self.blockBytes
        let target = UnsafeMutableRawBufferPointer(rebasing: command.dataIn[..<whole])
        try sensing { () throws(ArrayError) in try pool.read(unit.identifier, at: offset, into: target) }
        let rest = min(bytes, command.dataIn.count) - whole
        guard rest > 0 else { return command.filled(whole, of: bytes) }
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.blockBytes, alignment: 8)
        defer { block.deallocate() }
        try sensing { () throws(ArrayError) in
            try pool.read(unit.identifier, at: offset + UInt64(whole), into: block)
        }
        UnsafeMutableRawBufferPointer(rebasing: command.dataIn[whole..<whole + rest])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: block[..<rest]))
        command.filled(whole + rest, of: bytes)
    }

    /// Writes the whole blocks that data-out holds of those asked for.
    func write(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let (offset, bytes) = try transferRange(command.cdb, unit)
        try unit.checkWritable()
        let count = min(bytes, command.dataOut.count / Self.blockBytes * Self.blockBytes)
        let source = UnsafeRawBufferPointer(rebasing: command.dataOut[..<count])
        try sensing { () throws(ArrayError) in try pool.write(unit.identifier, at: offset, source) }
    }

    /// Everything that was answered is durable already.
    func synchronizeCache(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let (lba, blocks) = command.cdb.blockRange
        try unit.check(lba, blocks)
    }

    /// Source: SBC-3 §5.2; the checks come in the order that the conformance suite of libiscsi wants.
    func compareAndWrite(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        try command.cdb.checkUnprotected()
        let count = Int(command.cdb[13]) * Self.blockBytes
        guard command.cdb[13] <= Limits.compareAndWriteBlocks else { throw .invalidFieldInCDB }
        guard command.dataOut.count == 2 * count else { throw .invalidFieldInCommandInformationUnit }
        let lba = command.cdb.bigEndian64(at: 2)
        try unit.check(lba, UInt64(command.cdb[13]))
        try unit.checkWritable()
        let expected = UnsafeRawBufferPointer(rebasing: command.dataOut[..<count])
        let replacement = UnsafeRawBufferPointer(rebasing: command.dataOut[count...])
        try sensing { () throws(ArrayError) in
            try pool.compareAndWrite(
                unit.identifier, at: lba * UInt64(Self.blockBytes), expected: expected, replacement: replacement)
        }
    }
}
