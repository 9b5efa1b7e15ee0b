import Domain
import SCSI
import Synchronization

extension Volume {
    /// Makes an empty volume of a LUN; whatever was on it is lost.
    ///
    /// - Parameter label: cut to 64 bytes.
    /// - Throws: `.unsuitableDevice` for a LUN below 64 MiB or with blocks of another length than 512 bytes.
    public static func format(
        _ initiator: Initiator, label: String, identifier: VolumeIdentifier, clock: HostClock
    ) throws(VolumeError) {
        let device = try Device(initiator, acceleration: Acceleration(), clock: clock)
        let blocks = device.limits.capacityBytes / Geometry.blockBytes
        guard blocks >= Geometry.minimumBlocks else {
            throw .unsuitableDevice("it has \(blocks) MiB; a volume needs \(Geometry.minimumBlocks)")
        }
        let geometry = Geometry(totalBlocks: blocks)
        // From the superblock to the inode table, all zeros: every record unlocked and empty.
        try device.zero(SectorRange(start: 0, count: geometry.dataBlock * Geometry.blockSectors))
        try writeRoot(on: device, geometry, now: clock.now())
        // The superblock comes last: an interrupted format leaves no volume.
        let superblock = Superblock(identifier: identifier, label: label, geometry: geometry).encoded
        for place in Superblock.places.reversed() { try device.write(superblock, sector: place) }
    }

    private static func writeRoot(on device: Device, _ geometry: Geometry, now: Timestamp) throws(VolumeError) {
        let clusterSector = geometry.inodeClusterSector(0) + 1
        let zeros = [UInt8](repeating: 0, count: Page.bodyBytes)
        let emptyCluster = try Page(.cluster, sector: clusterSector, decoding: zeros)
        var cluster = Cluster(emptyCluster, units: geometry.inodes(inCluster: 0))
        // Number 0 names no inode, number 1 the root.
        try cluster.mark(0..<2, used: true)
        try device.write(cluster.page.sealed().bytes, sector: clusterSector)
        var root = Inode(number: InodeReference.root.number)
        (root.kind, root.state, root.generation, root.modified) = (.directory, .linked, 1, now)
        let inodeSector = geometry.inodeSector(root.number) + 1
        var page = try Page(.inode, sector: inodeSector, decoding: zeros)
        root.encode(into: &page)
        try device.write(page.sealed().bytes, sector: inodeSector)
    }

    /// Mounts a volume, and finishes what an earlier life of the same host had begun on it.
    ///
    /// - Parameter staleAfterMilliseconds: how long another host's heartbeat must have stood still before that host
    ///   counts as dead and its locks are taken. The same for all hosts; several times their heartbeat interval.
    /// - Throws: `.notAVolume`, `.corrupt`, `.tooManyHosts`, `.device`.
    public static func mount(
        _ initiator: Initiator, host: HostIdentity, acceleration: Acceleration = Acceleration(), clock: HostClock,
        staleAfterMilliseconds: Int64 = 16_000
    ) throws(VolumeError) -> Volume {
        let device = try Device(initiator, acceleration: acceleration, clock: clock)
        let superblock = try Superblock.read(from: device)
        guard superblock.geometry.totalBlocks * Geometry.blockBytes <= device.limits.capacityBytes else {
            throw .corrupt("the volume is larger than its LUN")
        }
        let mounting = Mounting(device: device, superblock: superblock, clock: clock, host: host)
        let taken = try mounting.takeSlot()
        let sector = superblock.geometry.hostAreaSector(taken.slot)
        let hostPage = try Page(.host, sector: sector, decoding: try device.read(sector: sector, sectors: 7))
        var state = MountState(
            device: device, superblock: superblock, clock: clock, host: host, heartbeat: taken,
            hostPage: try HostPage(hostPage), staleAfterMilliseconds: staleAfterMilliseconds)
        try state.finishEarlierLife()
        try state.countFreeBlocks()
        return Volume(state)
    }
}

/// Finds a heartbeat slot for a host that mounts.
private struct Mounting {
    let device: Device
    let superblock: Superblock
    let clock: HostClock
    let host: HostIdentity

    /// Takes the slot that this host had, else a free one, in state `recovering` with the generation it has:
    /// its old locks stay in force until its old work is finished.
    func takeSlot() throws(VolumeError) -> Heartbeat {
        for _ in 0..<500 {
            var own: Heartbeat?
            var free: Heartbeat?
            for slot in 0..<superblock.geometry.hostSlots {
                let bytes = try device.read(sector: superblock.geometry.heartbeatSector(slot), sectors: 1)
                let heartbeat = try Heartbeat(decoding: bytes, slot: slot)
                if heartbeat.host == host.identifier, heartbeat.generation > 0 { own = own ?? heartbeat }
                if heartbeat.state == .free { free = free ?? heartbeat }
            }
            guard let found = own ?? free else { throw .tooManyHosts }
            if try isBeingRecovered(found) {
                clock.pause(20)
                continue
            }
            if let taken = try take(found) { return taken }
        }
        throw .contended(holder: nil)
    }

    /// Whether a living host is finishing this slot's work just now; two at once would undo each other's pages.
    private func isBeingRecovered(_ found: Heartbeat) throws(VolumeError) -> Bool {
        guard found.state == .recovering, let other = found.recoverer, other.slot < superblock.geometry.hostSlots
        else { return false }
        let bytes = try device.read(sector: superblock.geometry.heartbeatSector(other.slot), sectors: 1)
        let heartbeat = try Heartbeat(decoding: bytes, slot: other.slot)
        return heartbeat.state == .live && heartbeat.generation == other.generation
            && heartbeat.host != host.identifier
    }

    private func take(_ found: Heartbeat) throws(VolumeError) -> Heartbeat? {
        let sector = superblock.geometry.heartbeatSector(found.slot)
        let expected = found.generation == 0 ? [UInt8](repeating: 0, count: Device.sectorBytes) : found.encoded
        var taken = found
        // Only a slot whose work is finished may begin a new generation at once.
        if found.state == .free { taken.generation += 1 }
        taken.state = .recovering
        taken.sequence += 1
        taken.time = clock.now()
        taken.host = host.identifier
        taken.hostName = host.name
        taken.recoverer = nil
        return try device.compareAndWrite(sector: sector, expected: expected, new: taken.encoded) ? taken : nil
    }
}

extension MountState {
    /// Completes the last change and the unfinished work of this slot, then begins a new generation.
    ///
    /// Until then this mount acts as the generation that died, so that its locks are ours and nobody else's.
    mutating func finishEarlierLife() throws(VolumeError) {
        try replayJournal(ofSlot: heartbeat.slot)
        hostPage = try readHostPage(heartbeat.slot)
        try finishWork(ofSlot: heartbeat.slot)
        let name = host.name
        try updateHeartbeat {
            $0.state = .live
            $0.generation += 1
            $0.hostName = name
        }
    }
}
