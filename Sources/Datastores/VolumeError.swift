import SCSI

/// Why the volume did not do what it was asked.
public enum VolumeError: Error, Sendable, Equatable {
    /// No file or directory has this path.
    case notFound(String)
    case alreadyExists(String)
    case notADirectory(String)
    case isADirectory(String)
    case directoryNotEmpty(String)
    /// A name that no file can have, and the rule it breaks.
    case invalidName(String, NameRule)
    case invalidArgument(String)
    /// Someone has the file open in a way that excludes this; the name of the host, where known.
    case busy(String, holder: String?)
    /// Other hosts kept a lock of the volume's bookkeeping for too long; try again.
    case contended(holder: String?)
    /// No block of the volume is free.
    case noSpace
    /// The array cannot place the write (07h/27h/07h); the volume itself has room.
    case arrayOutOfSpace
    /// Every inode is in use.
    case tooManyFiles
    /// Beyond `Volume.maximumFileBytes`, or in too many pieces.
    case fileTooLarge
    /// The LUN carries no volume of ours.
    case notAVolume
    /// The volume was made by a later version.
    case unsupportedVersion(UInt32)
    /// The LUN cannot carry a volume: block length, capacity.
    case unsuitableDevice(String)
    /// A checksum or a rule of the format does not hold; where and what.
    case corrupt(String)
    /// A command ended badly.
    case device(Completion)
    /// As many hosts as there are heartbeat slots have the volume mounted.
    case tooManyHosts
    /// Another host found this one dead and took its locks; mount again.
    case fenced
    /// An earlier command failed in the middle of a change; mount again.
    case failed
    /// Unmounted, or the file is closed.
    case closed
    case cancelled
}

/// What a name must be: 1 to 255 bytes, no `/`, no NUL, neither `.` nor `..`.
public enum NameRule: Sendable, Equatable {
    case empty
    case tooLong
    case containsNUL
    case containsSlash
    case reserved
}
