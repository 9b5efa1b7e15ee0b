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
        var current: [MountKey: Mount] = [:]
        /// What earlier mounts of the same key had counted.
        var pastStatistics: [MountKey: VolumeStatistics] = [:]
        /// The host that changed the datastore last: its count of free space is the freshest.
        var lastChanged: [Identifier<Datastore>: Identifier<Host>] = [:]
    }

    private let target: any SCSITarget
    private let clock: HostClock
    private let pool: WorkerPool
    private let mounts = Mutex(Mounts())
    /// How long a new mount waits for work under way on one that failed, in milliseconds.
    private static let patienceMilliseconds = 60_000
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

    /// As `run`, for work on open files of a mount.
    ///
    /// - Throws: `.closed` once the mount has failed: another one may have given the file's blocks to somebody else.
    public func runVolumeWork<Success: Sendable>(
        on volume: Volume, _ work: @escaping @Sendable () throws(VolumeError) -> Success
    ) async throws(VolumeError) -> Success {
        try await pool.run { () throws(VolumeError) in
            guard volume.isUsable, let mount = self.enter(volume) else { throw .closed }
            defer { mount.leave() }
            return try work()
        }
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
            let mount = try enter(datastore, on: host)
            let volume = mount.volume
            defer { mount.leave() }
            defer { if changes { mounts.withLock { $0.lastChanged[datastore.id] = host.id } } }
            return .success(try body(volume))
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
                return mounts.current[MountKey(host: last, datastore: datastore)]?.volume.freeBytes
            }
            return mounts.current.first { $0.key.datastore == datastore }?.value.volume.freeBytes
        }
    }

    /// What a host asked of the array on all its datastores, since the server started.
    public func statistics(of host: Identifier<Host>) -> VolumeStatistics {
        mounts.withLock { mounts in
            var sum = VolumeStatistics()
            for (key, mount) in mounts.current where key.host == host { sum.add(mount.volume.statistics) }
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
        for (key, _) in mounts.withLock({ $0.current }).sorted(by: {
            ($0.key.host, $0.key.datastore) < ($1.key.host, $1.key.datastore)
        }) {
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

    /// Puts changed acceleration settings of a host into force, for what is under way as well.
    ///
    /// Not by mounting anew: that means to the volume that the host's earlier life is gone, and would take the blocks of
    /// whatever it is just making.
    public func apply(_ settings: HostAcceleration, to host: Identifier<Host>) {
        mounts.withLock { mounts in
            for (key, mount) in mounts.current where key.host == host { mount.volume.acceleration = Acceleration(settings) }
        }
    }

    /// Leaves all volumes. Blocks.
    public func unmountAll() {
        let old = mounts.withLock { mounts in mounts.current.keys.compactMap { mounts.retire($0) } }
        for mount in old { leave(mount.volume) }
    }

    /// The host's mount of a datastore, in use until `leave`.
    private func enter(_ datastore: Datastore, on host: Host) throws(VolumeError) -> Mount {
        let key = MountKey(host: host.id, datastore: datastore.id)
        if let mount = enterCurrent(key) { return mount }
        return try mounting.withLock { _ throws(VolumeError) in
            if let mount = enterCurrent(key) { return mount }
            // What made it unusable was told to whoever met it.
            if let old = mounts.withLock({ $0.retire(key) }) { try waitUntilUnused(old, host) }
            guard let identity = VolumeIdentifier(host.uuid) else {
                throw .invalidArgument("the host's UUID is malformed")
            }
            let mount = Mount(
                try Volume.mount(
                    initiator(datastore, host), host: HostIdentity(identifier: identity, name: host.name),
                    acceleration: Acceleration(host.acceleration), clock: clock))
            mount.enter()
            mounts.withLock { $0.current[key] = mount }
            return mount
        }
    }

    private func enterCurrent(_ key: MountKey) -> Mount? {
        let mount = mounts.withLock { mounts in
            let mount = mounts.current[key]
            mount?.enter()
            return mount
        }
        guard let mount else { return nil }
        if mount.volume.isUsable { return mount }
        mount.leave()
        return nil
    }

    /// The mount that a volume belongs to, in use until `leave`; `nil` if it is no host's any more.
    private func enter(_ volume: Volume) -> Mount? {
        mounts.withLock { mounts in
            let mount = mounts.current.values.first { $0.volume === volume }
            mount?.enter()
            return mount
        }
    }

    /// A new mount gives the blocks of unfinished work away, so nobody may write to them any more.
    private func waitUntilUnused(_ mount: Mount, _ host: Host) throws(VolumeError) {
        var waited = 0
        while mount.isInUse {
            guard waited < Self.patienceMilliseconds else { throw .contended(holder: host.name) }
            Pause.milliseconds(2)
            waited += 2
        }
    }

    private func initiator(_ datastore: Datastore, _ host: Host) -> Initiator {
        Initiator(target: target, lun: datastore.lun, nexus: Nexus(initiator: host.nexusName))
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

/// A mounted volume and how many work with it just now.
private final class Mount: Sendable {
    let volume: Volume
    private let users = Atomic(0)

    init(_ volume: Volume) { self.volume = volume }

    func enter() { users.wrappingAdd(1, ordering: .acquiringAndReleasing) }
    func leave() { users.wrappingSubtract(1, ordering: .acquiringAndReleasing) }
    var isInUse: Bool { users.load(ordering: .acquiring) > 0 }
}

extension StorageFabric.Mounts {
    /// Takes a mount out and keeps what it has counted.
    fileprivate mutating func retire(_ key: StorageFabric.MountKey) -> Mount? {
        guard let mount = current.removeValue(forKey: key) else { return nil }
        pastStatistics[key, default: VolumeStatistics()].add(mount.volume.statistics)
        return mount
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
