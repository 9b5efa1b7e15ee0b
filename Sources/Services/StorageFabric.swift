import Datastores
import Domain
import Persistence
import Platform
import SCSI
import Synchronization

/// The storage network: which host has which datastore mounted, and how work on them is run.
///
/// Each host is an initiator with a mount of its own, as in a real cluster: two hosts meet on the volume through locks
/// on disk. Mounts are made when first needed and again after another host has fenced them.
public final class StorageFabric: Sendable {
    fileprivate struct MountKey: Hashable {
        let host: Identifier<Host>
        let datastore: Identifier<Datastore>
    }

    fileprivate struct Mounts {
        var volumes: [MountKey: Volume] = [:]
        /// What earlier mounts of the same key had counted.
        var pastStatistics: [MountKey: VolumeStatistics] = [:]
        /// The host that changed the datastore last: its count of free space is the freshest.
        var lastChanged: [Identifier<Datastore>: Identifier<Host>] = [:]
    }

    private let target: any SCSITarget
    private let clock: HostClock
    private let pool: WorkerPool
    private let mounts = Mutex(Mounts())
    /// Held while a mount is made, so that one host does not mount a volume twice.
    private let mounting = Mutex(())

    /// - Parameter pool: threads that may block on the array.
    public init(target: any SCSITarget, world: World, pool: WorkerPool) {
        self.target = target
        self.pool = pool
        clock = HostClock(world)
    }

    // MARK: - Use

    /// Runs `work` on a thread that may block.
    public func run<Success: Sendable>(
        _ work: @escaping @Sendable () throws(Fault) -> Success
    ) async throws(Fault) -> Success {
        try await pool.run(work)
    }

    /// As `run`, for work on open files.
    public func runVolumeWork<Success: Sendable>(
        _ work: @escaping @Sendable () throws(VolumeError) -> Success
    ) async throws(VolumeError) -> Success {
        try await pool.run(work)
    }

    /// Does something with a host's mount of a datastore. Blocks.
    ///
    /// - Parameter changes: whether `body` may change names or space.
    /// - Throws: `resource_inaccessible` when the volume cannot be used; `body`'s errors as faults.
    public func with<Success>(
        _ datastore: Datastore, on host: Host, changes: Bool = true, _ body: (Volume) throws(VolumeError) -> Success
    ) throws(Fault) -> Success {
        do throws(VolumeError) {
            return try attempt(datastore, on: host, changes: changes, body).get()
        } catch {
            throw Fault(error, on: datastore)
        }
    }

    /// As `with`, with the volume's own error.
    public func attempt<Success>(
        _ datastore: Datastore, on host: Host, changes: Bool = true, _ body: (Volume) throws(VolumeError) -> Success
    ) -> Result<Success, VolumeError> {
        do throws(VolumeError) {
            let volume = try volume(datastore, on: host)
            defer { if changes { mounts.withLock { $0.lastChanged[datastore.id] = host.id } } }
            do throws(VolumeError) {
                return .success(try body(volume))
            } catch {
                if error.needsMount { forget(volume, datastore, on: host) }
                return .failure(error)
            }
        } catch {
            return .failure(error)
        }
    }

    /// A mount for file access and statistics: of the host that changed the datastore last, else of the first host.
    public func anyHost(for datastore: Datastore, in inventory: Inventory) throws(Fault) -> Host {
        let last = mounts.withLock { $0.lastChanged[datastore.id] }
        if let last, let host = inventory[Host.self][last] { return host }
        guard let host = inventory[Host.self].all.first(where: { $0.datacenter == datastore.datacenter }) else {
            throw Fault(
                .resourceInaccessible, id: "com.viaduct.datastore.no_host",
                "No host has the datastore '\(datastore.name)' mounted.", arguments: [datastore.name])
        }
        return host
    }

    /// Free space as the host that changed the datastore last counts it; `nil` before anybody mounted it.
    public func freeBytes(_ datastore: Identifier<Datastore>) -> UInt64? {
        mounts.withLock { mounts in
            if let last = mounts.lastChanged[datastore] {
                return mounts.volumes[MountKey(host: last, datastore: datastore)]?.freeBytes
            }
            return mounts.volumes.first { $0.key.datastore == datastore }?.value.freeBytes
        }
    }

    /// What a host asked of the array on all its datastores, since the server started.
    public func statistics(of host: Identifier<Host>) -> VolumeStatistics {
        mounts.withLock { mounts in
            var sum = VolumeStatistics()
            for (key, volume) in mounts.volumes where key.host == host { sum.add(volume.statistics) }
            for (key, past) in mounts.pastStatistics where key.host == host { sum.add(past) }
            return sum
        }
    }

    // MARK: - Upkeep

    /// Mounts every datastore on every host of its datacenter. Blocks.
    public func mountAll(_ inventory: Inventory) throws(Fault) {
        for host in inventory[Host.self].all {
            for datastore in inventory[Datastore.self].all where datastore.datacenter == host.datacenter {
                try with(datastore, on: host, changes: false) { (_) throws(VolumeError) in }
            }
        }
    }

    /// Shows on every mounted volume that its host lives; to be called every few seconds. Blocks.
    ///
    /// - Returns: what went wrong, per mount.
    public func renewHeartbeats(_ inventory: Inventory) -> [Fault] {
        var problems: [Fault] = []
        for (key, _) in mounts.withLock({ $0.volumes }).sorted(by: { ($0.key.host, $0.key.datastore) < ($1.key.host, $1.key.datastore) }) {
            guard let host = inventory[Host.self][key.host], let datastore = inventory[Datastore.self][key.datastore] else {
                continue
            }
            do throws(Fault) {
                try with(datastore, on: host, changes: false) { (volume) throws(VolumeError) in try volume.renewHeartbeat() }
            } catch {
                problems.append(error)
            }
        }
        return problems
    }

    /// Puts changed acceleration settings into force: the host mounts anew with them when it next needs a datastore.
    public func remount(_ host: Identifier<Host>) {
        let dropped = mounts.withLock { mounts in
            let keys = mounts.volumes.keys.filter { $0.host == host }
            return keys.compactMap { mounts.retire($0) }
        }
        for volume in dropped { leave(volume) }
    }

    /// Leaves all volumes. Blocks.
    public func unmountAll() {
        let volumes = mounts.withLock { mounts in mounts.volumes.keys.compactMap { mounts.retire($0) } }
        for volume in volumes { leave(volume) }
    }

    private func volume(_ datastore: Datastore, on host: Host) throws(VolumeError) -> Volume {
        let key = MountKey(host: host.id, datastore: datastore.id)
        if let volume = mounts.withLock({ $0.volumes[key] }), volume.isUsable { return volume }
        return try mounting.withLock { _ throws(VolumeError) in
            if let volume = mounts.withLock({ $0.volumes[key] }) {
                if volume.isUsable { return volume }
                // What made it unusable was told to whoever met it.
                forget(volume, datastore, on: host)
            }
            guard let identity = VolumeIdentifier(host.uuid) else {
                throw .invalidArgument("the host's UUID is malformed")
            }
            let volume = try Volume.mount(
                initiator(datastore, host), host: HostIdentity(identifier: identity, name: host.name),
                acceleration: Acceleration(host.acceleration), clock: clock)
            mounts.withLock { $0.volumes[key] = volume }
            return volume
        }
    }

    private func initiator(_ datastore: Datastore, _ host: Host) -> Initiator {
        Initiator(target: target, lun: datastore.lun, nexus: Nexus(initiator: host.initiatorName))
    }

    private func forget(_ volume: Volume, _ datastore: Datastore, on host: Host) {
        mounts.withLock { mounts in
            let key = MountKey(host: host.id, datastore: datastore.id)
            if mounts.volumes[key] === volume { _ = mounts.retire(key) }
        }
    }

    /// Leaving may fail while a file is open or the array is away; the heartbeat then ends by itself.
    private func leave(_ volume: Volume) {
        do throws(VolumeError) {
            try volume.unmount()
        } catch {
            // The volume's locks of this mount are released when its heartbeat has stood still.
            return
        }
    }
}

extension StorageFabric.Mounts {
    /// Takes a mount out and keeps what it has counted.
    fileprivate mutating func retire(_ key: StorageFabric.MountKey) -> Volume? {
        guard let volume = volumes.removeValue(forKey: key) else { return nil }
        pastStatistics[key, default: VolumeStatistics()].add(volume.statistics)
        return volume
    }
}

extension HostClock {
    /// A simulated host tells the time as the server does.
    init(_ world: World) {
        let clock = world.clock
        self.init(
            now: { Timestamp(milliseconds: clock.wallMilliseconds) },
            monotonicMilliseconds: { Int64(clock.monotonicNanoseconds / 1_000_000) }, pause: { Pause.milliseconds($0) })
    }
}

extension Acceleration {
    init(_ settings: HostAcceleration) {
        self.init(move: settings.move, initialize: settings.initialize, locking: settings.locking)
    }
}

extension VolumeStatistics {
    mutating func add(_ other: VolumeStatistics) {
        move.add(other.move)
        initialize.add(other.initialize)
        locking.add(other.locking)
        delete.add(other.delete)
        lockConflicts += other.lockConflicts
    }
}

extension VolumeStatistics.Paths {
    fileprivate mutating func add(_ other: VolumeStatistics.Paths) {
        hardware.commands += other.hardware.commands
        hardware.bytes += other.hardware.bytes
        software.commands += other.software.commands
        software.bytes += other.software.bytes
    }
}

extension VolumeError {
    /// Whether the mount is of no use any more.
    fileprivate var needsMount: Bool {
        switch self {
        case .fenced, .failed, .closed: true
        default: false
        }
    }
}
