import StorageArray

extension Sense {
    /// What an initiator hears of an error of the array.
    init(_ error: ArrayError) {
        switch error {
        case .noSuchLUN: self = .logicalUnitNotSupported
        case .outOfRange: self = .lbaOutOfRange
        case .misaligned, .tooLarge, .tooManyLUNs, .badName, .isSnapshot, .notASnapshotOfIt, .hasSnapshots,
            .tooManySnapshots, .dataBeyondEnd:
            self = .invalidFieldInCDB
        case .writeProtected: self = .writeProtected
        case .outOfSpace: self = .spaceAllocationFailed
        case .miscompare(let offset): self = .miscompare(at: offset)
        case .corruptBlock(let offset):
            self = Sense(.mediumError, 0x1100, information: offset / UInt64(ArrayTarget.blockBytes))
        case .damaged, .notAPool, .unsupportedVersion, .stopped, .device: self = .internalTargetFailure
        }
    }
}

/// Runs a call of the array and gives its errors as sense data.
func sensing<Value>(_ body: () throws(ArrayError) -> Value) throws(Sense) -> Value {
    do throws(ArrayError) { return try body() } catch { throw Sense(error) }
}
