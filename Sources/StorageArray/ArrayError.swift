import Platform

/// Why the array refused or failed a command.
public enum ArrayError: Error, Sendable, Equatable {
    case noSuchLUN
    /// Offset, count or size is not a multiple of the unit it has to be.
    case misaligned
    case outOfRange
    /// Larger than one command or one LUN may be.
    case tooLarge
    case tooManyLUNs
    /// A name is empty, longer than 128 bytes of UTF-8, or taken.
    case badName
    /// The LUN is read-only.
    case writeProtected
    /// Not on a snapshot: it stays what it is until it is deleted.
    case isSnapshot
    /// The LUN to go back to is not a snapshot of the one that is to go back.
    case notASnapshotOfIt
    /// The LUN has snapshots, which only stay with it.
    case hasSnapshots
    /// The LUN has as many snapshots as it may have, or is a clone of a clone of a clone, as often as may be.
    case tooManySnapshots
    /// Something is mapped beyond the end that the LUN would get.
    case dataBeyondEnd
    /// No block is left for new data. What is on the pool is intact, and unmapping works.
    case outOfSpace
    /// COMPARE AND WRITE: the first byte that differs, from the start of the expected data.
    case miscompare(UInt64)
    /// A block's bytes do not match its checksum; the byte offset on the LUN.
    case corruptBlock(UInt64)
    /// The pool's own structures do not hold together; says where.
    case damaged(String)
    /// The device does not hold a pool.
    case notAPool
    /// The pool uses a format this program does not know.
    case unsupportedVersion
    /// A write or flush failed earlier. Since it is not known what reached the medium, nothing is modified any more
    /// until the pool is opened again.
    case stopped
    case device(DeviceError)
}

extension ArrayError {
    init(_ error: DeviceError) { self = error == .noSpace ? .outOfSpace : .device(error) }

    /// A map page or a count could not be read.
    var isOfMetadata: Bool {
        switch self {
        case .damaged, .device: true
        default: false
        }
    }
}
