import Domain
import SCSI

/// Everything one mount knows and may change; lives behind the volume's mutex, so that one metadata change of a mount
/// happens at a time. Data of files is read and written outside of it.
struct MountState: Sendable {
    let device: Device
    let superblock: Superblock
    let clock: HostClock
    let host: HostIdentity
    let staleAfterMilliseconds: Int64

    /// As it is on the volume.
    var heartbeat: Heartbeat
    var heartbeatRenewedAt: Int64
    /// Why nothing more is done with this mount; `nil` while it is usable.
    var failure: VolumeError?

    var hostPage: HostPage
    var journalSequence: UInt64 = 0

    /// Since when each slot's heartbeat has stood still, by our monotonic clock.
    var observations: [Int: Observation] = [:]
    /// Owners of locks in our way whose heartbeat has stood still for too long.
    var deadOwners: [LockOwner] = []
    /// The dead owner whose work is being finished just now: its locks are ours to take.
    var recovering: LockOwner?

    // The change being made; empty between changes.
    var held: [UInt64: HeldRecord] = [:]
    var heldOrder: [UInt64] = []
    var directoryPages: [UInt64: ChangedDirectoryPage] = [:]
    var changedHostPages: [UInt64: HostPage] = [:]

    /// Locks that outlive a change, of open and unfinished files, by sector: as they are on the volume.
    var keptLocks: [UInt64: LockSector] = [:]
    /// How often each inode is open here for reading.
    var readers: [UInt32: Int] = [:]
    /// Removed files whose blocks are still to be freed, because someone held a lock.
    var deferred: Set<UInt32> = []

    var directories: [UInt32: DirectoryIndex] = [:]

    /// Free units per block cluster as last seen; -1: not seen.
    var freeBlocks: [Int]
    var nextCluster: Int
    var nextInodeCluster: Int

    struct Observation: Sendable {
        var generation: UInt64
        var sequence: UInt64
        var since: Int64
    }

    /// A record whose lock this mount holds exclusively.
    struct HeldRecord: Sendable {
        var lock: LockSector
        var page: Page
        var changed = false
        /// Whether the lock was held before the change began.
        var wasKept = false
        /// Whether the lock stays with us when the change is done.
        var keeps = false
    }

    struct ChangedDirectoryPage: Sendable {
        var page: Page
        var directory: UInt32
    }

    init(
        device: Device, superblock: Superblock, clock: HostClock, host: HostIdentity, heartbeat: Heartbeat,
        hostPage: HostPage, staleAfterMilliseconds: Int64
    ) {
        self.device = device
        self.superblock = superblock
        self.clock = clock
        self.host = host
        self.heartbeat = heartbeat
        self.hostPage = hostPage
        self.staleAfterMilliseconds = staleAfterMilliseconds
        heartbeatRenewedAt = clock.monotonicMilliseconds()
        let geometry = superblock.geometry
        freeBlocks = Array(repeating: -1, count: geometry.blockClusters)
        // Hosts begin at different places, so that they seldom want the same lock.
        nextCluster = geometry.blockClusters * heartbeat.slot / geometry.hostSlots
        nextInodeCluster = geometry.inodeClusters * heartbeat.slot / geometry.hostSlots
    }

    var geometry: Geometry { superblock.geometry }
    var owner: LockOwner { heartbeat.owner }

    func requireUsable() throws(VolumeError) {
        if let failure { throw failure }
    }
}
