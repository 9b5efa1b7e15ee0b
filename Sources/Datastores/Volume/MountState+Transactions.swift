// One change of metadata: locks taken, pages changed in memory, then all of it on the volume or none.

extension MountState {
    /// Makes a change. When `body` throws, its locks are given up and nothing has happened.
    ///
    /// Other hosts' locks are never waited for inside: `.contended` ends the change, and the caller begins again.
    mutating func transact<Result>(
        _ body: (inout MountState) throws(VolumeError) -> Result
    ) throws(VolumeError) -> Result {
        precondition(held.isEmpty && directoryPages.isEmpty && changedHostPages.isEmpty, "one change at a time")
        // Whoever has been silent for long may have been found dead; better to know before than after.
        if clock.monotonicMilliseconds() - heartbeatRenewedAt > staleAfterMilliseconds / 2 { try updateHeartbeat() }
        let result: Result
        do {
            result = try body(&self)
        } catch {
            abandon()
            throw error
        }
        try commit()
        return result
    }

    private mutating func abandon() {
        for sector in heldOrder {
            guard let record = held[sector] else { continue }
            forgetDirectory(at: sector)
            if record.wasKept || failure != nil { continue }
            do {
                try recountCluster(at: sector)
                try device.write(record.lock.changed(to: .free).encoded, sector: sector)
            } catch {
                failure = .failed
            }
        }
        endChange()
    }

    private mutating func endChange() {
        held.removeAll(keepingCapacity: true)
        heldOrder.removeAll(keepingCapacity: true)
        directoryPages.removeAll(keepingCapacity: true)
        changedHostPages.removeAll(keepingCapacity: true)
    }

    /// Drops what is remembered of a directory that the change being given up may have touched.
    private mutating func forgetDirectory(at sector: UInt64) {
        guard sector >= geometry.inodeSector(0) else { return }
        directories[UInt32((sector - geometry.inodeSector(0)) / Geometry.recordSectors)] = nil
    }

    /// Writes the journal record, then the pages, giving up each lock with its page.
    ///
    /// Order: directory pages first, then records and host pages; `JournalRecord` says why.
    private mutating func commit() throws(VolumeError) {
        let images = sealedImages()
        do {
            if images.count > 1 { try writeJournal(images) }
        } catch .arrayOutOfSpace {
            abandon()
            throw .arrayOutOfSpace
        } catch {
            failure = .failed
            abandon()
            throw error
        }
        do {
            for image in images where held[image.page.sector - 1] == nil {
                try device.write(image.page.bytes, sector: image.page.sector)
            }
            for sector in heldOrder { try settle(sector) }
        } catch {
            failure = .failed
            abandon()
            throw error
        }
        if let own = changedHostPages[hostPage.page.sector] { hostPage = own }
        endChange()
    }

    private mutating func sealedImages() -> [JournalRecord.Image] {
        var images: [JournalRecord.Image] = []
        for sector in heldOrder {
            guard let record = held[sector], record.changed else { continue }
            held[sector]?.page = record.page.sealed()
        }
        for sector in directoryPages.keys.sorted() {
            guard let changed = directoryPages[sector] else { continue }
            let inodeSector = geometry.inodeSector(changed.directory)
            guard let guardPage = held[inodeSector]?.page else { continue }
            directories[changed.directory]?.version = guardPage.version
            images.append(
                JournalRecord.Image(
                    page: changed.page.sealed(), guardSector: guardPage.sector, guardVersion: guardPage.version))
        }
        for sector in changedHostPages.keys.sorted() {
            guard var hostPage = changedHostPages[sector] else { continue }
            hostPage.page = hostPage.page.sealed()
            changedHostPages[sector] = hostPage
            images.append(.guardedByItself(hostPage.page))
        }
        for sector in heldOrder {
            if let record = held[sector], record.changed { images.append(.guardedByItself(record.page)) }
        }
        precondition(images.count <= JournalRecord.maximumImages, "a change of too many pages")
        return images
    }

    private mutating func writeJournal(_ images: [JournalRecord.Image]) throws(VolumeError) {
        journalSequence += 1
        let record = JournalRecord(generation: heartbeat.generation, sequence: journalSequence, images: images)
        try device.write(record.encoded, sector: geometry.hostAreaSector(heartbeat.slot) + Geometry.journalSector)
    }

    /// Writes a held record's body and gives up its lock, in one command where both are due.
    private mutating func settle(_ sector: UInt64) throws(VolumeError) {
        guard let record = held[sector] else { return }
        let free = record.lock.changed(to: .free)
        switch (record.changed, record.keeps) {
        case (true, true): try device.write(record.page.bytes, sector: sector + 1)
        case (true, false): try device.write(free.encoded + record.page.bytes, sector: sector)
        case (false, false): try device.write(free.encoded, sector: sector)
        case (false, true): break
        }
        keptLocks[sector] = record.keeps ? record.lock : nil
    }

    // Pages of the change being made.

    /// - Parameter sector: of a record that is held.
    mutating func changePage(_ sector: UInt64, to page: Page) {
        held[sector]?.page = page
        held[sector]?.changed = true
    }

    mutating func changeHostPage(
        slot: Int? = nil, _ body: (inout HostPage) throws(VolumeError) -> Void
    ) throws(VolumeError) {
        let sector = geometry.hostAreaSector(slot ?? heartbeat.slot)
        var page: HostPage
        if let changed = changedHostPages[sector] {
            page = changed
        } else if sector == hostPage.page.sector {
            page = hostPage
        } else {
            page = try readHostPage(slot ?? heartbeat.slot)
        }
        try body(&page)
        changedHostPages[sector] = page
    }

    func readHostPage(_ slot: Int) throws(VolumeError) -> HostPage {
        let sector = geometry.hostAreaSector(slot)
        let bytes = try device.read(sector: sector, sectors: Geometry.bodySectors)
        return try HostPage(try Page(.host, sector: sector, decoding: bytes))
    }
}

extension JournalRecord.Image {
    static func guardedByItself(_ page: Page) -> Self {
        Self(page: page, guardSector: page.sector, guardVersion: page.version)
    }
}
