import Domain
import SCSI
import Synchronization

/// A mounted volume: directories and files on a LUN, shared with other hosts that have it mounted.
///
/// Blocking; safe to call from several threads. Changes of names and space go one at a time per mount; data of
/// different files goes in parallel. Paths are names separated by `/`, from the root.
public final class Volume: Sendable {
    /// 62 TiB, as VMFS-6.
    public static let maximumFileBytes: UInt64 = 62 << 40
    /// Unit of allocation.
    public static let blockBytes = Geometry.blockBytes
    public static let minimumBytes = Geometry.minimumBlocks * Geometry.blockBytes

    public let label: String
    public let identifier: VolumeIdentifier
    public let capacityBytes: UInt64
    public let host: HostIdentity

    let device: Device
    let clock: HostClock
    let state: Mutex<MountState>
    private let cachedFreeBytes: Atomic<UInt64>

    /// How long a change tries again while other hosts hold the locks it needs, in milliseconds of pauses.
    private static let patienceMilliseconds = 10_000

    init(_ state: consuming MountState) {
        label = state.superblock.label
        identifier = state.superblock.identifier
        capacityBytes = state.geometry.totalBlocks * Geometry.blockBytes
        host = state.host
        device = state.device
        clock = state.clock
        cachedFreeBytes = Atomic(state.freeBytes)
        self.state = Mutex(state)
    }

    /// Bytes of free blocks, as of this mount's last change, heartbeat or `refreshFreeSpace`.
    public var freeBytes: UInt64 { cachedFreeBytes.load(ordering: .relaxed) }

    public var statistics: VolumeStatistics { device.statistics.withLock { $0 } }

    /// Whether anything can still be done with this mount; if not, the host has to mount again.
    public var isUsable: Bool { state.withLock { $0.failure == nil } }

    /// Which primitives this mount uses; what is under way follows a change with its next command.
    public var acceleration: Acceleration {
        get { device.acceleration }
        set { device.acceleration = newValue }
    }

    /// Counts free space anew, so that what other hosts took or gave back shows.
    public func refreshFreeSpace() throws(VolumeError) {
        try attempt { (state) throws(VolumeError) in try state.countFreeBlocks() }
    }

    /// Shows that this host lives; to be called every few seconds, well within `staleAfterMilliseconds` of any mount.
    ///
    /// Also finishes the work of hosts whose heartbeat has stood still, and counts free space anew.
    /// - Throws: `.fenced` when another host has found this one dead: its files are no longer locked; mount again.
    public func renewHeartbeat() throws(VolumeError) {
        try attempt { (state) throws(VolumeError) in
            try state.updateHeartbeat()
            try state.noteDead()
            try state.recoverNotedDead()
            try state.reclaimDeferred()
            try state.countFreeBlocks()
        }
    }

    /// Finishes the work of hosts known to be dead, without waiting for their heartbeats to stand still.
    public func breakLocks(of hosts: [VolumeIdentifier]) throws(VolumeError) {
        try attempt { (state) throws(VolumeError) in
            for slot in 0..<state.geometry.hostSlots {
                let heartbeat = try state.readHeartbeat(slot)
                if heartbeat.state != .free, hosts.contains(heartbeat.host) { try state.recover(heartbeat.owner) }
            }
        }
    }

    /// Leaves the volume. Nothing can be done with it afterwards.
    ///
    /// - Throws: `.busy` while a file is open.
    public func unmount() throws(VolumeError) {
        try attempt { (state) throws(VolumeError) in
            try state.reclaimDeferred()
            guard state.keptLocks.isEmpty else { throw .busy("an open file", holder: state.host.name) }
            try state.updateHeartbeat { $0.state = .free }
            state.failure = .closed
        }
    }

    /// Runs `body` on the mount's state, again while other hosts hold locks it needs.
    func attempt<Result: Sendable>(
        _ body: (inout MountState) throws(VolumeError) -> Result
    ) throws(VolumeError) -> Result {
        var waited = 0
        var next = 1
        while true {
            do {
                return try state.withLock { (state) throws(VolumeError) -> Result in
                    try state.requireUsable()
                    try state.recoverNotedDead()
                    defer { cachedFreeBytes.store(state.freeBytes, ordering: .relaxed) }
                    return try body(&state)
                }
            } catch .contended(let holder) {
                guard waited < Self.patienceMilliseconds else { throw .contended(holder: holder) }
                clock.pause(next)
                waited += next
                next = min(next * 2, 16 + Int(identifier.low % 7))
            }
        }
    }

    /// `attempt` of one change.
    func change<Result: Sendable>(
        _ body: (inout MountState) throws(VolumeError) -> Result
    ) throws(VolumeError) -> Result {
        try attempt { (state) throws(VolumeError) in try state.transact(body) }
    }
}

extension MountState {
    /// Notes the owners of slots whose heartbeat has stood still for too long.
    mutating func noteDead() throws(VolumeError) {
        let bytes = try device.read(sector: geometry.heartbeatSector(0), sectors: geometry.hostSlots)
        for slot in 0..<geometry.hostSlots where slot != heartbeat.slot {
            let own = Array(bytes[slot * Device.sectorBytes..<(slot + 1) * Device.sectorBytes])
            let other = try Heartbeat(decoding: own, slot: slot)
            if other.state != .free, hasStoodStill(other) { deadOwners.append(other.owner) }
        }
    }
}
