// Taking, keeping and giving up the locks of records.

extension MountState {
    /// Takes a record's lock exclusively for the change being made and reads its body.
    ///
    /// - Throws: `.busy` when a file is in use, `.contended` when bookkeeping is; nothing is waited for here, since
    ///   a change that waited with locks in hand could wait for ever.
    mutating func lock(_ sector: UInt64, _ kind: Page.Kind, file: String? = nil) throws(VolumeError) {
        guard try tryLock(sector, kind) else {
            device.statistics.withLock { $0.lockConflicts += 1 }
            let holder = try holderName(sector)
            if let file, deadOwners.isEmpty { throw .busy(file, holder: holder) }
            throw .contended(holder: holder)
        }
    }

    /// - Returns: whether the lock could be had.
    mutating func tryLock(_ sector: UInt64, _ kind: Page.Kind) throws(VolumeError) -> Bool {
        if held[sector] != nil { return true }
        let bytes = try device.read(sector: sector, sectors: Int(Geometry.recordSectors))
        let page = try Page(kind, sector: sector + 1, decoding: Array(bytes[Device.sectorBytes...]))
        if let kept = keptLocks[sector] {
            guard kept.mode == .exclusive else { return false }
            hold(sector, HeldRecord(lock: kept, page: page, wasKept: true, keeps: true))
            return true
        }
        let found = try LockSector(decoding: bytes, sector: sector)
        guard try liveOwners(of: found).isEmpty else { return false }
        let mine = found.changed(to: .exclusive, owners: [owner])
        let expected = Array(bytes[..<Device.sectorBytes])
        guard try device.compareAndWrite(sector: sector, expected: expected, new: mine.encoded) else { return false }
        hold(sector, HeldRecord(lock: mine, page: page))
        return true
    }

    private mutating func hold(_ sector: UInt64, _ record: HeldRecord) {
        held[sector] = record
        heldOrder.append(sector)
    }

    /// The owners of a lock that may still rely on it. Those that stand still for too long are noted in `deadOwners`
    /// and count as alive until their work has been finished.
    mutating func liveOwners(of lock: LockSector) throws(VolumeError) -> [LockOwner] {
        var live: [LockOwner] = []
        for other in lock.owners where other != owner && other != recovering {
            guard (0..<geometry.hostSlots).contains(other.slot) else { throw .corrupt("a lock's owner") }
            let heartbeat = try readHeartbeat(other.slot)
            guard heartbeat.state != .free, heartbeat.generation == other.generation else { continue }
            if hasStoodStill(heartbeat) { deadOwners.append(other) }
            live.append(other)
        }
        return live
    }

    private func holderName(_ sector: UInt64) throws(VolumeError) -> String? {
        if keptLocks[sector] != nil { return host.name }
        let lock = try LockSector(decoding: try device.read(sector: sector, sectors: 1), sector: sector)
        guard let first = lock.owners.first, (0..<geometry.hostSlots).contains(first.slot) else { return nil }
        return try readHeartbeat(first.slot).hostName
    }

    // Shared locks of files open for reading.

    mutating func lockShared(_ sector: UInt64, file: String) throws(VolumeError) {
        if let kept = keptLocks[sector] {
            guard kept.mode == .shared else { throw .busy(file, holder: host.name) }
            return
        }
        for _ in 0..<100 {
            let bytes = try device.read(sector: sector, sectors: 1)
            let found = try LockSector(decoding: bytes, sector: sector)
            let live = try liveOwners(of: found)
            if found.mode == .exclusive, !live.isEmpty {
                if deadOwners.isEmpty { throw .busy(file, holder: try readHeartbeat(live[0].slot).hostName) }
                throw .contended(holder: nil)
            }
            guard live.count < LockSector.maximumOwners else { throw .busy(file, holder: nil) }
            let mine = found.changed(to: .shared, owners: live + [owner])
            if try device.compareAndWrite(sector: sector, expected: bytes, new: mine.encoded) {
                keptLocks[sector] = mine
                return
            }
        }
        throw .contended(holder: nil)
    }

    mutating func unlockShared(_ sector: UInt64) throws(VolumeError) {
        while keptLocks[sector] != nil {
            let bytes = try device.read(sector: sector, sectors: 1)
            let found = try LockSector(decoding: bytes, sector: sector)
            let rest = found.changed(to: .shared, owners: found.owners.filter { $0 != owner })
            if try device.compareAndWrite(sector: sector, expected: bytes, new: rest.encoded) {
                keptLocks[sector] = nil
            }
        }
    }

    // Heartbeats.

    func readHeartbeat(_ slot: Int) throws(VolumeError) -> Heartbeat {
        let bytes = try device.read(sector: geometry.heartbeatSector(slot), sectors: 1)
        return try Heartbeat(decoding: bytes, slot: slot)
    }

    /// Whether a heartbeat has not moved for `staleAfterMilliseconds`, as far as this mount has watched it.
    mutating func hasStoodStill(_ heartbeat: Heartbeat) -> Bool {
        let now = clock.monotonicMilliseconds()
        if let seen = observations[heartbeat.slot], seen.generation == heartbeat.generation,
            seen.sequence == heartbeat.sequence
        {
            return now - seen.since >= staleAfterMilliseconds
        }
        observations[heartbeat.slot] = Observation(
            generation: heartbeat.generation, sequence: heartbeat.sequence, since: now)
        return false
    }

    /// Shows that this host lives, as `change` made it.
    ///
    /// - Throws: `.fenced` when another host has found this one dead.
    mutating func updateHeartbeat(_ change: (inout Heartbeat) -> Void = { _ in }) throws(VolumeError) {
        var next = heartbeat
        next.sequence += 1
        next.time = clock.now()
        change(&next)
        let done = try device.compareAndWrite(
            sector: geometry.heartbeatSector(heartbeat.slot), expected: heartbeat.encoded, new: next.encoded)
        guard done else {
            failure = .fenced
            throw .fenced
        }
        heartbeat = next
        heartbeatRenewedAt = clock.monotonicMilliseconds()
    }
}
