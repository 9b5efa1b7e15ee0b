import Glibc
import Platform
import StorageArray

// SANITIZE. Source: SBC-3 §4.11 and §5.25.
//
// BLOCK ERASE unmaps the LUN. OVERWRITE writes it whole, at a bounded rate, on a thread of its own: it goes on whatever
// becomes of the command, its session or its LUN's resets, and the LUN answers SANITIZE IN PROGRESS meanwhile.

/// How to overwrite.
///
/// ```
/// 0 INVERT b7, TEST b6-5, OVERWRITE COUNT b4-0   2 INITIALIZATION PATTERN LENGTH (2)   4 INITIALIZATION PATTERN
/// ```
private struct OverwriteParameters {
    let passes: Int
    let inverts: Bool
    let pattern: [UInt8]

    /// - Throws: INVALID FIELD IN CDB, which the conformance suite of libiscsi wants for all of it.
    init(_ command: Command) throws(Sense) {
        let length = Int(command.cdb.bigEndian16(at: 7))
        guard length > 4, length <= ArrayTarget.blockBytes + 4 else { throw .invalidField(byte: 7) }
        let list = command.dataOut
        guard list.count >= length else { throw .parameterListLength }
        passes = Int(list[0] & 0x1F)
        inverts = list[0] & 0x80 != 0
        let patternBytes = Int(list.bigEndian16(at: 2))
        guard passes > 0, patternBytes > 0, patternBytes <= length - 4 else { throw .invalidField(byte: 7) }
        pattern = Array(list.slice(4, patternBytes))
    }
}

extension ArrayTarget {
    func sanitizeOverwrite(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        try Self.checkReserved(command.cdb)
        let parameters = try OverwriteParameters(command)
        try unit.checkWritable()
        try beginSanitizing(command, unit)
        let mayLeave = command.cdb[1] & 0x20 != 0
        do throws(ThreadError) {
            _ = try SystemThread(name: "sanitize") { [self] in
                endSanitizing(unit, overwrite(unit, parameters), mayLeave: mayLeave)
            }
        } catch {
            endSanitizing(unit, .internalTargetFailure, mayLeave: mayLeave)
        }
        if command.cdb[1] & 0x80 != 0 { return }
        while case .running = unit.look({ $0.sanitizing }) {
            if command.isAborted { return command.status = .taskAborted }
            usleep(1000)
        }
        try unit.checkReady(.reads)
    }

    func sanitizeBlockErase(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        try Self.checkReserved(command.cdb)
        guard command.cdb.bigEndian16(at: 7) == 0 else { throw .invalidField(byte: 7) }
        try unit.checkWritable()
        try beginSanitizing(command, unit)
        let failure = erase(unit)
        endSanitizing(unit, failure, mayLeave: command.cdb[1] & 0x20 != 0)
        try unit.checkReady(.reads)
    }

    func sanitizeExitFailureMode(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        try Self.checkReserved(command.cdb)
        guard command.cdb.bigEndian16(at: 7) == 0 else { throw .invalidField(byte: 7) }
        let isFailed = unit.look { $0.sanitizing }
        switch isFailed {
        case .failed(isRecoverable: false): throw .invalidField(byte: 1, bit: 4)
        case .failed(isRecoverable: true): try setSanitizing(unit, .none)
        case .none, .running: return
        }
    }

    /// Bit 6 of byte 1 and bytes 2 to 6 are reserved.
    private static func checkReserved(_ cdb: CDB) throws(Sense) {
        guard cdb[1] & 0x40 == 0 else { throw .invalidField(byte: 1, bit: 6) }
        for byte in 2...6 where cdb[byte] != 0 { throw .invalidField(byte: UInt16(byte)) }
    }

    // MARK: The operation

    /// From now on no other command reaches the medium; those under way end first.
    private func beginSanitizing(_ command: Command, _ unit: LogicalUnit) throws(Sense) {
        try setSanitizing(unit, .running(progress: 0))
        awaitIdle(paths(to: unit).filter { $0 !== command.path }) { command.isAborted }
    }

    /// Durable before it holds, so that a loss of power leaves no half erased medium that looks whole.
    private func setSanitizing(_ unit: LogicalUnit, _ sanitizing: LogicalUnit.Sanitizing) throws(Sense) {
        let pool = pool
        try unit.change { state throws(Sense) in
            if case .running(let progress) = state.sanitizing, case .running = sanitizing {
                throw .sanitizeInProgress(progress)
            }
            state.sanitizing = sanitizing
            let record = UnitRecord(state).encoded
            try sensing { () throws(ArrayError) in try pool.setReservations(unit.identifier, record) }
        }
    }

    private func endSanitizing(_ unit: LogicalUnit, _ failure: Sense?, mayLeave: Bool) {
        do throws(Sense) {
            try setSanitizing(unit, failure == nil ? .none : .failed(isRecoverable: mayLeave))
        } catch {
            // The record on the pool still says unfinished; so does the unit until the array starts anew.
            unit.change { $0.sanitizing = .failed(isRecoverable: mayLeave) }
        }
    }

    /// - Returns: why it failed, if it did.
    private func erase(_ unit: LogicalUnit) -> Sense? {
        do throws(ArrayError) {
            let sizeBytes = try pool.information(unit.identifier).sizeBytes
            try pool.unmap(unit.identifier, at: 0, count: sizeBytes)
            return nil
        } catch { return Sense(error) }
    }

    private func overwrite(_ unit: LogicalUnit, _ parameters: OverwriteParameters) -> Sense? {
        let sizeBytes = unit.blocks * UInt64(Self.blockBytes)
        var block: [UInt8] = []
        while block.count < Self.blockBytes { block += parameters.pattern }
        block.removeLast(block.count - Self.blockBytes)
        for pass in 0..<parameters.passes {
            let isInverted = parameters.inverts && pass % 2 == 1
            let contents = isInverted ? block.map { ~$0 } : block
            var chunk: [UInt8] = []
            chunk.reserveCapacity(Limits.stepBytes)
            while chunk.count < Limits.stepBytes { chunk += contents }
            let failure = writePass(chunk, unit, sizeBytes) { offset in
                let done = (UInt64(pass) * sizeBytes + offset) / UInt64(parameters.passes)
                // Sizes are below 2^47, so this does not overflow.
                let progress = UInt16(clamping: done << 16 / sizeBytes)
                unit.change { $0.sanitizing = .running(progress: progress) }
            }
            if let failure { return failure }
        }
        return nil
    }

    private func writePass(
        _ chunk: [UInt8], _ unit: LogicalUnit, _ sizeBytes: UInt64, progressed: (UInt64) -> Void
    ) -> Sense? {
        var offset: UInt64 = 0
        while offset < sizeBytes {
            let count = Int(min(UInt64(chunk.count), sizeBytes - offset))
            if let failure = write(chunk, count, at: offset, unit) { return failure }
            offset += UInt64(count)
            progressed(offset)
            usleep(UInt32(clamping: count * 1_000_000 / max(1, overwriteBytesPerSecond)))
        }
        return nil
    }

    private func write(_ chunk: [UInt8], _ count: Int, at offset: UInt64, _ unit: LogicalUnit) -> Sense? {
        chunk.withUnsafeBytes { bytes in
            do throws(ArrayError) {
                try pool.write(unit.identifier, at: offset, UnsafeRawBufferPointer(rebasing: bytes[..<count]))
                return nil
            } catch { return Sense(error) }
        }
    }
}
