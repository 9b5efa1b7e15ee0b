import SCSI
import Synchronization

/// A LUN as the volume uses it: sectors read, written, compared, zeroed, freed and copied, within its limits.
///
/// Every command that returned is durable and was atomic, however many sectors it wrote; the array promises this and
/// the format stands on it (see the article "Volume format").
final class Device: Sendable {
    let port: Port
    let limits: DeviceLimits
    private let settings: Mutex<Acceleration>
    let statistics = Mutex(VolumeStatistics())
    /// Set once the target refused WRITE SAME(16) as unknown.
    let writeSameRefused = Atomic<Bool>(false)
    /// Set once the target refused EXTENDED COPY.
    let copyRefused = Atomic<Bool>(false)

    static let sectorBytes = DeviceLimits.sectorBytes

    init(_ initiator: Initiator, acceleration: Acceleration, clock: HostClock) throws(VolumeError) {
        port = Port(initiator: initiator, pause: clock.pause)
        limits = try DeviceLimits.discover(port)
        settings = Mutex(acceleration)
    }

    /// Which primitives to use from the next command on.
    var acceleration: Acceleration {
        get { settings.withLock { $0 } }
        set { settings.withLock { $0 = newValue } }
    }

    /// - Parameter buffer: whole sectors.
    func read(into buffer: UnsafeMutableRawBufferPointer, sector: UInt64) throws(VolumeError) {
        try inPieces(of: buffer.count) { (piece) throws(VolumeError) in
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[piece])
            let command = CDB.read16(lba: sector + UInt64(piece.lowerBound / Self.sectorBytes), blocks: part.sectorCount)
            let received = try port.execute(command, receiving: part)
            guard received == part.count else { throw .corrupt("a short read at sector \(sector)") }
        }
    }

    /// - Parameter buffer: whole sectors. Atomic only up to the device's largest transfer.
    func write(_ buffer: UnsafeRawBufferPointer, sector: UInt64) throws(VolumeError) {
        try inPieces(of: buffer.count) { (piece) throws(VolumeError) in
            let part = UnsafeRawBufferPointer(rebasing: buffer[piece])
            let blocks = UInt32(part.count / Self.sectorBytes)
            let lba = sector + UInt64(piece.lowerBound / Self.sectorBytes)
            try port.execute(.write16(lba: lba, blocks: blocks), sending: part)
        }
    }

    func read(sector: UInt64, sectors: Int) throws(VolumeError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: sectors * Self.sectorBytes)
        try bytes.withMutableBytes { (buffer) throws(VolumeError) in try read(into: buffer, sector: sector) }
        return bytes
    }

    func write(_ bytes: [UInt8], sector: UInt64) throws(VolumeError) {
        try bytes.withBytes { (buffer) throws(VolumeError) in try write(buffer, sector: sector) }
    }

    /// Replaces one sector if it still holds `expected`, against everybody else, atomically.
    ///
    /// - Returns: whether it did.
    func compareAndWrite(sector: UInt64, expected: [UInt8], new: [UInt8]) throws(VolumeError) -> Bool {
        if acceleration.locking, limits.compareAndWriteSectors > 0 {
            statistics.withLock { $0.locking.hardware.add(bytes: UInt64(new.count)) }
            return try SoftwareReservation.shared.shared { () throws(VolumeError) in
                do throws(VolumeError) {
                    try (expected + new).withBytes { (buffer) throws(VolumeError) in
                        _ = try port.execute(.compareAndWrite(lba: sector, blocks: 1), sending: buffer)
                    }
                    return true
                } catch .device(let completion) where completion.sense?.key == .miscompare {
                    return false
                }
            }
        }
        return try SoftwareReservation.shared.exclusive { () throws(VolumeError) in
            let found = try read(sector: sector, sectors: 1)
            statistics.withLock { $0.locking.software.add(bytes: UInt64(new.count), commands: found == expected ? 2 : 1) }
            guard found == expected else { return false }
            try write(new, sector: sector)
            return true
        }
    }

    func flush() throws(VolumeError) { try port.execute(.synchronizeCache16) }

    private func inPieces(
        of bytes: Int, _ body: (Range<Int>) throws(VolumeError) -> Void
    ) throws(VolumeError) {
        let largest = limits.transferSectors * Self.sectorBytes
        var start = 0
        while start < bytes {
            let end = min(start + largest, bytes)
            try body(start..<end)
            start = end
        }
    }
}

extension UnsafeMutableRawBufferPointer {
    var sectorCount: UInt32 { UInt32(count / Device.sectorBytes) }
}

/// A run of sectors.
struct SectorRange: Equatable, Sendable {
    var start: UInt64
    var count: UInt64
}

/// Copies `count` sectors from one device to the same or another.
struct SectorCopy: Equatable, Sendable {
    var source: UInt64
    var destination: UInt64
    var count: UInt64
}
