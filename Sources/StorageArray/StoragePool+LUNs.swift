import Platform

// Making, cloning, resizing and deleting LUNs.

extension StoragePool {
    /// Makes an empty LUN.
    ///
    /// - Parameters:
    ///   - name: 1 to 128 bytes of UTF-8, unique in the pool.
    ///   - sizeBytes: a multiple of 4096, at most 64 TiB.
    ///   - physicalBlockExponent: logical blocks per physical block as a power of two, as the LUN reports it; 3 says
    ///     4096 bytes, which is what suits the pool.
    /// - Throws: `.badName`, `.misaligned`, `.tooLarge`, `.tooManyLUNs`, `.outOfSpace`, `.stopped`.
    @discardableResult
    public func createLUN(
        name: String, sizeBytes: UInt64, physicalBlockExponent: UInt8 = 3
    ) throws(ArrayError) -> LUNInformation {
        let sizeBlocks = try Self.blocks(sizeBytes)
        precondition(physicalBlockExponent < 16, "the exponent is a 4-bit field")
        let (identifier, group) = try addLUN { identifier throws(ArrayError) in
            .create(
                LUNRecord(
                    identifier: identifier, name: name,
                    worldWideName: WorldWideName(pool: superblock.identity, lun: identifier), sizeBlocks: sizeBlocks,
                    isReadOnly: false, physicalBlockExponent: physicalBlockExponent))
        }
        try finish(group)
        return try information(identifier)
    }

    /// Makes a LUN that holds what `source` holds at this instant, whatever its size, without copying anything.
    ///
    /// It does not depend on `source`, and has neither its threshold nor its reservations.
    /// - Parameters:
    ///   - name: as in `createLUN`.
    ///   - isReadOnly: whether it refuses to be written.
    /// - Throws: `.tooManySnapshots` if `source` is the 255th clone of a clone; as `createLUN`.
    @discardableResult
    public func cloneLUN(
        _ source: LUNIdentifier, name: String, isReadOnly: Bool = false
    ) throws(ArrayError) -> LUNInformation {
        try derive(from: source, name: name) { record throws(ArrayError) in
            record.isReadOnly = isReadOnly
            record.isSnapshot = false
        }
    }

    /// - Parameter adjust: gets the source's record, with the gate held, and makes of it that of the new LUN.
    func derive(
        from source: LUNIdentifier, name: String, _ adjust: (inout LUNRecord) throws(ArrayError) -> Void
    ) throws(ArrayError) -> LUNInformation {
        let (identifier, group) = try addLUN { identifier throws(ArrayError) in
            var record = try state.visibleLUN(source).record
            guard record.depth < Layout.maximumDepth else { throw .tooManySnapshots }
            try adjust(&record)
            record.depth += 1
            record.identifier = identifier
            record.name = name
            record.worldWideName = WorldWideName(pool: superblock.identity, lun: identifier)
            record.origin = source
            record.threshold = SoftThreshold()
            return .clone(source, record)
        }
        try finish(group)
        return try information(identifier)
    }

    /// Deletes a LUN when the commands on it have ended, and frees what only it held.
    ///
    /// - Parameter withSnapshots: deletes its snapshots first, one after the other.
    /// - Throws: `.hasSnapshots` if there are any and they were not to go, `.noSuchLUN`, `.stopped`.
    public func deleteLUN(_ identifier: LUNIdentifier, withSnapshots: Bool = false) throws(ArrayError) {
        if withSnapshots {
            for snapshot in try snapshots(of: identifier) { _ = try deleteNow(snapshot.identifier) }
        }
        try finish(try deleteNow(identifier))
    }

    private func deleteNow(_ identifier: LUNIdentifier) throws(ArrayError) -> UInt64 {
        try changeWholeNow(identifier, .delete(identifier)) { _ throws(ArrayError) in
            guard snapshotIdentifiers(identifier).isEmpty else { throw .hasSnapshots }
            try recordAttributesDeleted(identifier)
        }
    }

    /// Sets a LUN's size.
    ///
    /// - Parameters:
    ///   - sizeBytes: as in `createLUN`.
    ///   - discarding: gives up what lies beyond a smaller size.
    /// - Throws: `.dataBeyondEnd` if anything is mapped there and is not to be given up, `.isSnapshot`,
    ///   `.writeProtected`, `.misaligned`, `.tooLarge`, `.noSuchLUN`, `.stopped`.
    public func resizeLUN(
        _ identifier: LUNIdentifier, sizeBytes: UInt64, discarding: Bool = false
    ) throws(ArrayError) {
        let sizeBlocks = try Self.blocks(sizeBytes)
        try changeWhole(identifier, .resize(identifier, sizeBlocks: sizeBlocks)) { lun throws(ArrayError) in
            if lun.record.isSnapshot { throw .isSnapshot }
            try lun.checkWritable()
            guard !discarding, sizeBlocks < lun.record.sizeBlocks else { return }
            let run = try state.nextRun(below: lun.root, from: sizeBlocks, to: lun.record.sizeBlocks)
            if run.isMapped || run.count < lun.record.sizeBlocks - sizeBlocks { throw .dataBeyondEnd }
        }
    }

    /// Gives a LUN another name, as in `createLUN`.
    public func renameLUN(_ identifier: LUNIdentifier, name: String) throws(ArrayError) {
        try update(identifier) { record throws(ArrayError) in
            if record.name != name { try checkName(name) }
            record.name = name
        }
    }

    /// Makes a LUN refuse to be written, or take writes again.
    ///
    /// - Throws: `.isSnapshot`, which stays read-only, `.noSuchLUN`, `.stopped`.
    public func setReadOnly(_ identifier: LUNIdentifier, _ isReadOnly: Bool) throws(ArrayError) {
        try update(identifier) { record throws(ArrayError) in
            if record.isSnapshot, !isReadOnly { throw .isSnapshot }
            record.isReadOnly = isReadOnly
        }
    }

    private static func blocks(_ sizeBytes: UInt64) throws(ArrayError) -> UInt64 {
        guard sizeBytes % UInt64(Layout.blockBytes) == 0 else { throw .misaligned }
        guard sizeBytes > 0, sizeBytes <= Layout.maximumLUNBytes else { throw .tooLarge }
        return sizeBytes / UInt64(Layout.blockBytes)
    }

    /// With the gate held.
    private func checkName(_ name: String) throws(ArrayError) {
        let isTaken = state.luns.values.contains { $0.record.name == name }
        guard (1...LUNRecord.maximumNameBytes).contains(name.utf8.count), !isTaken else { throw .badName }
    }

    private func addLUN(
        _ change: (LUNIdentifier) throws(ArrayError) -> JournalRecord
    ) throws(ArrayError) -> (LUNIdentifier, UInt64) {
        gate.lock()
        defer { gate.unlock() }
        try prepare(Demand(pages: 2, recordBytes: 16 + LUNRecord.byteCount, isUrgent: true))
        guard state.luns.count < Layout.maximumLUNs, state.nextLUN <= LUNIdentifier.maximum else { throw .tooManyLUNs }
        let identifier = LUNIdentifier(state.nextLUN)
        let change = try change(identifier)
        try checkName(change.newName ?? "")
        try record(change)
        if let lun = state.luns[identifier] { note(lun, 0..<lun.record.sizeBlocks) }
        return (identifier, openGroup)
    }

    func changeWhole(
        _ identifier: LUNIdentifier, _ change: JournalRecord, check: (PoolState.LUN) throws(ArrayError) -> Void
    ) throws(ArrayError) {
        try finish(try changeWholeNow(identifier, change, check: check))
    }

    /// Makes a change when the commands on the LUN have ended; returns the group to wait for.
    ///
    /// - Parameter check: with the gate held before the change is made; may refuse it, or record 64 bytes before it.
    private func changeWholeNow(
        _ identifier: LUNIdentifier, _ change: JournalRecord, check: (PoolState.LUN) throws(ArrayError) -> Void
    ) throws(ArrayError) -> UInt64 {
        let ticket = locks.acquire(.whole(identifier.rawValue))
        defer { locks.release(ticket) }
        return try withGate { () throws(ArrayError) in
            _ = try state.visibleLUN(identifier)
            try prepare(Demand(pages: 32, recordBytes: change.byteCount + 64, isUrgent: true))
            let lun = try state.visibleLUN(identifier)
            try check(lun)
            note(lun, 0..<Layout.maximumLUNBytes)
            try record(change)
            return openGroup
        }
    }

    /// Changes what is kept about a LUN; its commands go on.
    private func update(
        _ identifier: LUNIdentifier, _ change: (inout LUNRecord) throws(ArrayError) -> Void
    ) throws(ArrayError) {
        let group = try withGate { () throws(ArrayError) in
            try prepare(Demand(recordBytes: 8 + LUNRecord.byteCount, isUrgent: true))
            var record = try state.visibleLUN(identifier).record
            try change(&record)
            try self.record(.update(record))
            return openGroup
        }
        try finish(group)
    }
}

extension JournalRecord {
    fileprivate var newName: String? {
        switch self {
        case .create(let record), .clone(_, let record): record.name
        case .write, .fill, .unmap, .copy, .delete, .resize, .revert, .update, .reap: nil
        }
    }
}
