/// A file or device of bytes with explicit durability. Safe to use from several threads at once.
///
/// What was written is durable only when a later `flush` returned. After a failed `flush` nothing unflushed may be
/// assumed durable, ever (a retry proves nothing).
public protocol BlockDevice: Sendable {
    var sizeBytes: UInt64 { get }
    /// Reads exactly `buffer.count` bytes.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DeviceError)
    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(DeviceError)
    func flush() throws(DeviceError)
    /// Gives the range back to the file system; it reads as zeros afterwards.
    func discard(offset: UInt64, count: UInt64) throws(DeviceError)
    /// Grows the device; new bytes read as zeros, and writes to them find space.
    ///
    /// - Throws: `.noSpace` if there is not enough; the device is as before then.
    func grow(to sizeBytes: UInt64) throws(DeviceError)
    /// Makes sure that later writes to a range find space, also where it was discarded.
    func reserve(offset: UInt64, count: UInt64) throws(DeviceError)
    /// Makes later writes to a range faster whose content nobody needs; it reads as zeros afterwards. Does nothing where
    /// that is of no use.
    func prewrite(offset: UInt64, count: UInt64)
}

extension BlockDevice {
    public func reserve(offset: UInt64, count: UInt64) throws(DeviceError) {}
    public func prewrite(offset: UInt64, count: UInt64) {}
}

public enum DeviceError: Error, Sendable, Equatable {
    case outOfRange
    case noSpace
    /// `errno` of the failed call.
    case system(Int32)
    /// The simulated machine has lost power.
    case powerLost
}
