// Finishing what a dead host had begun.

extension MountState {
    /// Takes a dead host's slot over, completes its last change, removes its unnamed files and frees the slot.
    ///
    /// Its locks then name a generation that is over, so whoever meets one may take it. May stop anywhere and begin
    /// again, here or on another host. Nothing happens when the slot is no longer that owner's.
    mutating func recover(_ dead: LockOwner) throws(VolumeError) {
        guard dead != owner else { return }
        let found = try readHeartbeat(dead.slot)
        guard found.state != .free, found.generation == dead.generation else { return }
        var taken = found
        taken.state = .recovering
        taken.sequence += 1
        taken.time = clock.now()
        taken.recoverer = owner
        guard try replaceHeartbeat(found, with: taken) else { return }
        recovering = dead
        defer { recovering = nil }
        try replayJournal(ofSlot: dead.slot)
        try finishWork(ofSlot: dead.slot)
        var freed = taken
        freed.state = .free
        freed.sequence += 1
        freed.recoverer = nil
        _ = try replaceHeartbeat(taken, with: freed)
    }

    private func replaceHeartbeat(_ old: Heartbeat, with new: Heartbeat) throws(VolumeError) -> Bool {
        try device.compareAndWrite(
            sector: geometry.heartbeatSector(old.slot), expected: old.encoded, new: new.encoded)
    }

    /// Removes the files that a slot's host had without a name.
    mutating func finishWork(ofSlot slot: Int) throws(VolumeError) {
        for number in try readHostPage(slot).unfinished { try reclaim(number, slot: slot) }
    }

    /// Writes those pages of a slot's last change that had not reached their places.
    func replayJournal(ofSlot slot: Int) throws(VolumeError) {
        let sector = geometry.hostAreaSector(slot) + Geometry.journalSector
        guard let record = JournalRecord(decoding: try device.read(sector: sector, sectors: 1).extended(by: device, sector))
        else { return }
        // All guards are looked at before any page is written, since a guard is itself one of the pages.
        var missing: [Page] = []
        for image in record.images {
            let header = try device.read(sector: image.guardSector, sectors: 1)
            if header.field(UInt64.self, at: 8) < image.guardVersion { missing.append(image.page) }
        }
        for page in missing { try device.write(page.bytes, sector: page.sector) }
    }

    /// Recovers the dead owners whose locks were in the way.
    mutating func recoverNotedDead() throws(VolumeError) {
        while let dead = deadOwners.last {
            try recover(dead)
            deadOwners.removeLast()
        }
    }
}

extension Array where Element == UInt8 {
    /// A record of which only the first sector was read, with the rest it announces.
    fileprivate func extended(by device: Device, _ sector: UInt64) throws(VolumeError) -> [UInt8] {
        let announced = Int(field(UInt32.self, at: 28))
        guard field(UInt32.self, at: 0) == JournalRecord.magic, announced > 1,
            announced <= JournalRecord.maximumSectors
        else { return self }
        return try device.read(sector: sector, sectors: announced)
    }
}
