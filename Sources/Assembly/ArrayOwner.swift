import Domain
import Glibc
import Persistence
import Platform
import SCSI
import Services
import StorageArray

/// The array of this process: its pool, and the target through which hosts reach its LUNs.
final class ArrayOwner: LabBuilder.Array {
    let pool: StoragePool
    let arrayTarget: ArrayTarget
    private let device: FileBlockDevice

    var target: any SCSITarget { arrayTarget }

    /// Opens the pool, or makes it if there is none. Blocks.
    init(_ directory: DataDirectory, poolGiB: Int, world: World, maintenance: StoragePool.Maintenance) throws(StartError) {
        do {
            if !DataDirectory.exists(directory.pool) {
                try Self.make(directory.pool, poolGiB: poolGiB, randomness: world.randomness)
            }
            device = try FileBlockDevice(path: directory.pool)
            pool = try StoragePool.open(device, maintenance: maintenance)
        } catch DeviceError.system(let code) where code == EWOULDBLOCK {
            throw StartError("\(directory.pool) is in use by another process")
        } catch {
            throw StartError("cannot open the array in \(directory.pool): \(error)")
        }
        arrayTarget = ArrayTarget(pool: pool)
    }

    /// Makes the pool under another name first, so that an interrupted start leaves none that is half made.
    private static func make(_ path: String, poolGiB: Int, randomness: any Randomness) throws {
        let draft = path + ".new"
        unlink(draft)
        let device = try FileBlockDevice(path: draft, create: true)
        // Block numbers have 32 bits, so 16 TiB is just out of reach.
        let bytes = min(UInt64(poolGiB) << 30, 16 << 40 - 1 << 20)
        try StoragePool.format(device, options: PoolOptions(maximumBytes: bytes), randomness: randomness)
        guard rename(draft, path) == 0 else { throw DeviceError.system(errno) }
    }

    func provide(
        name: String, sizeBytes: UInt64, initiators: [String]
    ) throws(Fault) -> (lun: UInt16, existed: Bool) {
        let existing = pool.luns.first { $0.name == name }
        let information: LUNInformation
        do throws(ArrayError) {
            if let existing {
                information = existing
            } else {
                information = try pool.createLUN(name: name, sizeBytes: sizeBytes)
            }
        } catch {
            throw Fault(
                .unableToAllocateResource, id: "com.viaduct.array.lun", "The array cannot provide the unit '\(name)'.",
                arguments: [name], detail: "\(error)")
        }
        // A first start makes the first LUNs of the array, so that each can have the number of its identifier.
        let lun = UInt16(truncatingIfNeeded: information.identifier.rawValue)
        arrayTarget.expose(information.identifier, as: lun)
        for initiator in initiators { arrayTarget.allow(initiator, lun) }
        return (lun, existing != nil)
    }

    /// Writes a checkpoint, closes the pool and gives its file up. Blocks.
    func close() throws(ArrayError) {
        defer { device.release() }
        try pool.close()
    }
}
