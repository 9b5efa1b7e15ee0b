import StorageArray

// WRITE SAME, UNMAP, GET LBA STATUS. Source: SBC-3 §5.42, §5.43, §5.28, §5.6.

extension ArrayTarget {
    private struct WriteSameFlags {
        let unmap: Bool
        let noDataOut: Bool

        /// - Throws: INVALID FIELD IN CDB for anchoring (ANC_SUP is 0) and the obsolete address patterns.
        init(_ cdb: CDB) throws(Sense) {
            try cdb.checkUnprotected()
            guard cdb[1] & 0x10 == 0 else { throw .invalidField(byte: 1, bit: 4) }
            guard cdb[1] & 0x04 == 0 else { throw .invalidField(byte: 1, bit: 2) }
            guard cdb[1] & 0x02 == 0 else { throw .invalidField(byte: 1, bit: 1) }
            unmap = cdb[1] & 0x08 != 0
            noDataOut = cdb[0] == OperationCode.writeSame16.rawValue && cdb[1] & 0x01 != 0
            if cdb[0] == OperationCode.writeSame10.rawValue, cdb[1] & 0x01 != 0 {
                throw .invalidField(byte: 1, bit: 0)
            }
        }
    }

    func writeSame(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let flags = try WriteSameFlags(command.cdb)
        let (lba, blocks) = command.cdb.blockRange
        // No number means up to the last block in other arrays; page B0h (WSNZ) says that here it means nothing.
        guard blocks > 0 else {
            try check(unit, lba, 1)
            throw .invalidField(byte: command.cdb.lengthField)
        }
        guard blocks <= Limits.writeSameBlocks else { throw .invalidField(byte: command.cdb.lengthField) }
        try check(unit, lba, blocks)
        let (offset, count) = (lba * UInt64(Self.blockBytes), blocks * UInt64(Self.blockBytes))
        let data = command.dataOut
        let mayBeEmpty = flags.noDataOut || flags.unmap
        guard data.count == Self.blockBytes || data.isEmpty && mayBeEmpty else { throw .parameterListLength }
        try unit.checkWritable()
        let isZero = flags.noDataOut || data.isEmpty
        command.follow(
            try sensing { () throws(ArrayError) in
                if isZero { return try pool.deferredWriteZeros(unit.identifier, at: offset, count: count) }
                return try pool.deferredWriteSame(unit.identifier, at: offset, count: count, pattern: data)
            })
    }

    func unmap(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        guard command.cdb[1] & 0x01 == 0 else { throw .invalidField(byte: 1, bit: 0) }
        let length = Int(command.cdb.bigEndian16(at: 7))
        let ranges = try UnmapList.decode(command.dataOut.slice(0, length))
        guard ranges.count <= Int(Limits.unmapDescriptors) else { throw .invalidParameter(byte: 2) }
        for range in ranges { try check(unit, range.lba, UInt64(range.blocks)) }
        try unit.checkWritable()
        let unit512 = UInt64(Self.blockBytes)
        let bytes = ranges.filter { $0.blocks > 0 }
            .map { (offset: $0.lba * unit512, count: UInt64($0.blocks) * unit512) }
        command.follow(try sensing { () throws(ArrayError) in try pool.deferredUnmap(unit.identifier, bytes) })
    }

    /// ```
    /// 0 PARAMETER DATA LENGTH (n - 3)   8 descriptors of 16: 0 LBA (8), 8 NUMBER OF BLOCKS (4), 12 PROVISIONING STATUS
    /// ```
    /// The first descriptor begins at the block asked for.
    func getLBAStatus(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let lba = command.cdb.bigEndian64(at: 2)
        let allocation = Int(clamping: command.cdb.bigEndian32(at: 10))
        try check(unit, lba, 1)
        let room = max(1, (min(allocation, command.dataIn.count) - 8) / 16)
        let runs = try sensing { () throws(ArrayError) in
            try pool.blockStatus(unit.identifier, from: lba * UInt64(Self.blockBytes), maximumRuns: room)
        }
        var descriptors: [UInt8] = []
        for run in runs {
            var start = max(lba, run.offset / UInt64(Self.blockBytes))
            let end = (run.offset + run.count) / UInt64(Self.blockBytes)
            while start < end, descriptors.count < 16 * room {
                let count = min(end - start, UInt64(UInt32.max) & ~7)
                descriptors.append(bigEndian: start)
                descriptors.append(bigEndian: UInt32(count))
                descriptors += [run.isMapped ? 0 : 1, 0, 0, 0]
                start += count
            }
        }
        var answer = [UInt8].zeros(8)
        answer.put(UInt32(descriptors.count + 4), at: 0)
        command.answer(answer + descriptors, allocationLength: allocation)
    }
}
