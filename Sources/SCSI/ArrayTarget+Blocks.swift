import StorageArray

// READ, WRITE, WRITE ATOMIC, SYNCHRONIZE CACHE, PRE-FETCH, COMPARE AND WRITE, ORWRITE. Source: SBC-3 and SBC-4 clause 5.

extension CDB {
    /// LBA and number of blocks of every command that has them, by the length of the CDB.
    var blockRange: (lba: UInt64, blocks: UInt64) {
        switch self[0] >> 5 {
        case 0:
            let lba = UInt64(self[1] & 0x1F) << 16 | UInt64(bigEndian16(at: 2))
            return (lba, self[4] == 0 ? 256 : UInt64(self[4]))
        case 1, 2: return (UInt64(bigEndian32(at: 2)), UInt64(bigEndian16(at: 7)))
        case 5: return (UInt64(bigEndian32(at: 2)), UInt64(bigEndian32(at: 6)))
        default:
            // WRITE ATOMIC(16) has a boundary in the upper half of the length's place.
            if self[0] == OperationCode.writeAtomic16.rawValue {
                return (bigEndian64(at: 2), UInt64(bigEndian16(at: 12)))
            }
            return (bigEndian64(at: 2), UInt64(bigEndian32(at: 10)))
        }
    }

    /// Where the CDB has its number of blocks, for the field pointer.
    var lengthField: UInt16 {
        switch self[0] >> 5 {
        case 0: 4
        case 1, 2: 7
        case 5: 6
        default: self[0] == OperationCode.writeAtomic16.rawValue ? 12 : 10
        }
    }

    /// Protection information is not supported: RDPROTECT, WRPROTECT and VRPROTECT must be zero. The 6-byte commands
    /// have none.
    func checkUnprotected() throws(Sense) {
        guard self[0] >> 5 == 0 || self[1] & 0xE0 == 0 else { throw .invalidField(byte: 1, bit: 7) }
    }
}

extension ArrayTarget {
    /// The checks that commands on a transfer of blocks share, in their order.
    func transferRange(_ cdb: CDB, _ unit: LogicalUnit) throws(Sense) -> (offset: UInt64, bytes: Int) {
        try cdb.checkUnprotected()
        let (lba, blocks) = cdb.blockRange
        guard blocks <= UInt64(Limits.transferBlocks) else { throw .invalidField(byte: cdb.lengthField) }
        try check(unit, lba, blocks)
        return (lba * UInt64(Self.blockBytes), Int(blocks) * Self.blockBytes)
    }

    /// Checks a range against the capacity; a LUN may have grown since it was last asked.
    func check(_ unit: LogicalUnit, _ lba: UInt64, _ blocks: UInt64) throws(Sense) {
        if unit.holds(lba, blocks) { return }
        guard refresh(unit), unit.holds(lba, blocks) else { throw .lbaOutOfRange }
    }

    /// Fills data-in as far as it goes; the transport reports a residual.
    func read(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let (offset, bytes) = try transferRange(command.cdb, unit)
        let whole = min(bytes, command.dataIn.count) / Self.blockBytes * Self.blockBytes
        for start in stride(from: 0, to: whole, by: Limits.partBytes) {
            let part = UnsafeMutableRawBufferPointer(
                rebasing: command.dataIn[start..<min(whole, start + Limits.partBytes)])
            command.follow(
                try sensing { () throws(ArrayError) in
                    try pool.deferredRead(unit.identifier, at: offset + UInt64(start), into: part)
                })
        }
        let rest = min(bytes, command.dataIn.count) - whole
        guard rest > 0 else { return command.filled(whole, of: bytes) }
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.blockBytes, alignment: 8)
        defer { block.deallocate() }
        command.follow(
            try sensing { () throws(ArrayError) in
                try pool.deferredRead(unit.identifier, at: offset + UInt64(whole), into: block)
            })
        UnsafeMutableRawBufferPointer(rebasing: command.dataIn[whole..<whole + rest])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: block[..<rest]))
        command.filled(whole + rest, of: bytes)
    }

    /// Writes the whole blocks that data-out holds of those asked for.
    func write(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let (offset, bytes) = try transferRange(command.cdb, unit)
        try unit.checkWritable()
        try writeBlocks(&command, unit, offset, bytes)
    }

    func writeBlocks(
        _ command: inout Command, _ unit: LogicalUnit, _ offset: UInt64, _ bytes: Int
    ) throws(Sense) {
        let count = min(bytes, command.dataOut.count / Self.blockBytes * Self.blockBytes)
        for start in stride(from: 0, to: count, by: Limits.partBytes) {
            let part = command.dataOut.slice(start, min(Limits.partBytes, count - start))
            command.follow(
                try sensing { () throws(ArrayError) in
                    try pool.deferredWrite(unit.identifier, at: offset + UInt64(start), part)
                })
        }
    }

    /// Every write here is atomic; this one also says so. Source: SBC-4 §5.48.
    func writeAtomic(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        try command.cdb.checkUnprotected()
        guard command.cdb.bigEndian16(at: 10) == 0 else { throw .invalidField(byte: 10) }
        let (lba, blocks) = command.cdb.blockRange
        guard blocks <= UInt64(Limits.atomicBlocks) else { throw .invalidField(byte: 12) }
        try check(unit, lba, blocks)
        guard lba % UInt64(Limits.atomicGranularity) == 0 else { throw .invalidField(byte: 2) }
        guard blocks % UInt64(Limits.atomicGranularity) == 0 else { throw .invalidField(byte: 12) }
        try unit.checkWritable()
        let bytes = Int(blocks) * Self.blockBytes
        guard command.dataOut.count >= bytes else { throw .invalidFieldInCommandInformationUnit }
        try writeBlocks(&command, unit, lba * UInt64(Self.blockBytes), bytes)
    }

    /// Everything that was answered is durable already.
    func synchronizeCache(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let (lba, blocks) = command.cdb.blockRange
        try check(unit, lba, blocks)
    }

    /// There is no cache to fetch into, so GOOD and not CONDITION MET. Source: SBC-3 §5.8.
    func preFetch(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let (lba, blocks) = command.cdb.blockRange
        try check(unit, lba, blocks)
    }

    // MARK: Atomic changes

    /// Source: SBC-3 §5.2; the checks come in the order that the conformance suite of libiscsi wants.
    func compareAndWrite(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        try command.cdb.checkUnprotected()
        let count = Int(command.cdb[13]) * Self.blockBytes
        guard command.cdb[13] <= Limits.compareAndWriteBlocks else { throw .invalidField(byte: 13) }
        guard command.dataOut.count == 2 * count else { throw .invalidField(byte: 13) }
        let lba = command.cdb.bigEndian64(at: 2)
        try check(unit, lba, UInt64(command.cdb[13]))
        try unit.checkWritable()
        let expected = UnsafeRawBufferPointer(rebasing: command.dataOut[..<count])
        let replacement = UnsafeRawBufferPointer(rebasing: command.dataOut[count...])
        let outcome = try sensing { () throws(ArrayError) in
            try pool.deferredCompareAndWrite(
                unit.identifier, at: lba * UInt64(Self.blockBytes), expected: expected, replacement: replacement)
        }
        command.follow(outcome.ticket)
        if let difference = outcome.difference { throw .miscompare(at: UInt64(difference)) }
    }

    /// Sets the bits of data-out in the blocks: reads, and writes if nobody has written meanwhile. Source: SBC-3 §5.7.
    func orWrite(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let (offset, bytes) = try transferRange(command.cdb, unit)
        try unit.checkWritable()
        let count = min(bytes, command.dataOut.count / Self.blockBytes * Self.blockBytes)
        guard count > 0 else { return }
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: 2 * min(count, Limits.partBytes), alignment: 4096)
        defer { buffer.deallocate() }
        for start in stride(from: 0, to: count, by: buffer.count / 2) {
            let part = command.dataOut.slice(start, buffer.count / 2)
            try orWrite(part, at: offset + UInt64(start), buffer, &command, unit)
        }
    }

    /// - Parameter buffer: at least twice as long as the data.
    private func orWrite(
        _ data: UnsafeRawBufferPointer, at offset: UInt64, _ buffer: UnsafeMutableRawBufferPointer,
        _ command: inout Command, _ unit: LogicalUnit
    ) throws(Sense) {
        let found = UnsafeMutableRawBufferPointer(rebasing: buffer[..<data.count])
        let replacement = UnsafeMutableRawBufferPointer(rebasing: buffer[data.count..<2 * data.count])
        while true {
            let seen = try sensing { () throws(ArrayError) in
                try pool.deferredRead(unit.identifier, at: offset, into: found)
            }
            command.follow(seen)
            Self.combine(found, data, into: replacement)
            let outcome = try sensing { () throws(ArrayError) in
                try pool.deferredCompareAndWrite(
                    unit.identifier, at: offset, expected: UnsafeRawBufferPointer(found),
                    replacement: UnsafeRawBufferPointer(replacement))
            }
            command.follow(outcome.ticket)
            if outcome.difference == nil { return }
        }
    }

    /// The bitwise or of two buffers, which are multiples of 8 bytes.
    private static func combine(
        _ left: UnsafeMutableRawBufferPointer, _ right: UnsafeRawBufferPointer,
        into target: UnsafeMutableRawBufferPointer
    ) {
        for offset in stride(from: 0, to: target.count, by: 8) {
            let word = left.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
                | right.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            target.storeBytes(of: word, toByteOffset: offset, as: UInt64.self)
        }
    }
}
