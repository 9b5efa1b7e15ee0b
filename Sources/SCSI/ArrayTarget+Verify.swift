import Glibc
import StorageArray

// VERIFY and WRITE AND VERIFY. Source: SBC-3 §5.29 to §5.31 and §5.37 to §5.39.

/// What blocks are compared with. Source: SBC-3 §5.29, BYTCHK field.
private enum ByteCheck {
    /// Only with their checksums.
    case none
    /// With as many bytes of data-out.
    case whole
    /// Each with the one block of data-out.
    case oneBlock

    /// - Throws: INVALID FIELD IN CDB for the reserved value 10b.
    init(_ cdb: CDB, allowsOneBlock: Bool) throws(Sense) {
        switch cdb[1] >> 1 & 3 {
        case 0: self = .none
        case 1: self = .whole
        case 3 where allowsOneBlock: self = .oneBlock
        default: throw .invalidField(byte: 1, bit: 2)
        }
    }
}

extension ArrayTarget {
    /// A difference ends with MISCOMPARE and its byte offset from the first block in INFORMATION.
    func verify(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        try command.cdb.checkUnprotected()
        let check = try ByteCheck(command.cdb, allowsOneBlock: true)
        let (lba, blocks) = command.cdb.blockRange
        if check == .whole, blocks > UInt64(Limits.transferBlocks) {
            throw .invalidField(byte: command.cdb.lengthField)
        }
        try self.check(unit, lba, blocks)
        switch check {
        case .none: break
        case .whole:
            guard command.dataOut.count >= Int(blocks) * Self.blockBytes else {
                throw .invalidFieldInCommandInformationUnit
            }
        case .oneBlock:
            guard blocks == 0 || command.dataOut.count >= Self.blockBytes else {
                throw .invalidFieldInCommandInformationUnit
            }
        }
        try compare(&command, unit, lba, blocks, check)
    }

    func writeAndVerify(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let check = try ByteCheck(command.cdb, allowsOneBlock: false)
        let (offset, bytes) = try transferRange(command.cdb, unit)
        try unit.checkWritable()
        try writeBlocks(&command, unit, offset, bytes)
        // What was not sent was not written and is not compared.
        let written = min(bytes, command.dataOut.count) / Self.blockBytes
        try compare(&command, unit, offset / UInt64(Self.blockBytes), UInt64(written), check)
    }

    /// Reads blocks, a step at a time, and compares them as asked.
    private func compare(
        _ command: inout Command, _ unit: LogicalUnit, _ lba: UInt64, _ blocks: UInt64, _ check: ByteCheck
    ) throws(Sense) {
        guard blocks > 0 else { return }
        let total = blocks * UInt64(Self.blockBytes)
        let step = Int(min(total, UInt64(Limits.stepBytes)))
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: step, alignment: 4096)
        defer { buffer.deallocate() }
        var done: UInt64 = 0
        while done < total {
            if command.isAborted { return command.status = .taskAborted }
            let count = Int(min(total - done, UInt64(step)))
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
            let offset = lba * UInt64(Self.blockBytes) + done
            command.follow(
                try sensing { () throws(ArrayError) in try pool.deferredRead(unit.identifier, at: offset, into: part) })
            if let difference = Self.difference(UnsafeRawBufferPointer(part), command.dataOut, Int(done), check) {
                throw .miscompare(at: done + UInt64(difference))
            }
            done += UInt64(count)
        }
    }

    /// - Returns: the offset in `part` of the first byte that is not as expected.
    private static func difference(
        _ part: UnsafeRawBufferPointer, _ expected: UnsafeRawBufferPointer, _ done: Int, _ check: ByteCheck
    ) -> Int? {
        switch check {
        case .none: return nil
        case .whole: return firstDifference(part, expected.slice(done, part.count))
        case .oneBlock:
            let block = expected.slice(0, blockBytes)
            for start in stride(from: 0, to: part.count, by: blockBytes) {
                if let offset = firstDifference(part.slice(start, blockBytes), block) { return start + offset }
            }
            return nil
        }
    }

    private static func firstDifference(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int? {
        if let first = left.baseAddress, let second = right.baseAddress, memcmp(first, second, left.count) == 0 {
            return nil
        }
        return left.indices.first { left[$0] != right[$0] }
    }
}
