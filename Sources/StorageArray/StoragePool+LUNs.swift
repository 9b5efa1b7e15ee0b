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
    /// - Parameters:
    ///   - name: as in `createLUN`.
    ///   - isReadOnly: a snapshot, which refuses to be written.
    @discardableResult
    public func clone(
        _ source: LUNIdentifier, name: String, isReadOnly: Bool = false
    ) throws(ArrayError) -> LUNInformation {
        let (identifier, group) = try addLUN { identifier throws(ArrayError) in
            var record = try state.visibleLUN(source).record
            record.identifier = identifier
            record.name = name
            record.worldWideName = WorldWideName(pool: superblock.identity, lun: identifier)
            record.isReadOnly = isReadOnly
            record.origin = source
            return .clone(source, record)
        }
        try finish(group)
        return try information(identifier)
    }

    /// Deletes a LUN when the commands on it have ended, and frees what only it held.
    public func deleteLUN(_ identifier: LUNIdentifier) throws(ArrayError) {
        try changeWhole(identifier, .delete(identifier)) { () throws(ArrayError) in
            try recordAttributesDeleted(identifier)
        }
    }

    /// Sets a LUN's size; what lies beyond a smaller one is gone.
    ///
    /// - Parameter sizeBytes: as in `createLUN`.
    public func resizeLUN(_ identifier: LUNIdentifier, sizeBytes: UInt64) throws(ArrayError) {
        try changeWhole(identifier, .resize(identifier, sizeBlocks: try Self.blocks(sizeBytes)))
    }

    private static func blocks(_ sizeBytes: UInt64) throws(ArrayError) -> UInt64 {
        guard sizeBytes % UInt64(Layout.blockBytes) == 0 else { throw .misaligned }
        guard sizeBytes > 0, sizeBytes <= Layout.maximumLUNBytes else { throw .tooLarge }
        return sizeBytes / UInt64(Layout.blockBytes)
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
        let name = change.newName ?? ""
        let isTaken = state.luns.values.contains { $0.record.name == name }
        guard (1...LUNRecord.maximumNameBytes).contains(name.utf8.count), !isTaken else { throw .badName }
        try record(change)
        if let lun = state.luns[identifier] { note(lun, 0..<lun.record.sizeBlocks) }
        return (identifier, openGroup)
    }

    /// - Parameter alongside: records more in the same group, with the gate held; at most 64 bytes.
    private func changeWhole(
        _ identifier: LUNIdentifier, _ change: JournalRecord, alongside: () throws(ArrayError) -> Void = {}
    ) throws(ArrayError) {
        let ticket = locks.acquire(.whole(identifier.rawValue))
        let group: UInt64
        do {
            defer { locks.release(ticket) }
            gate.lock()
            defer { gate.unlock() }
            let lun = try state.visibleLUN(identifier)
            try prepare(Demand(pages: 32, recordBytes: change.byteCount + 64, isUrgent: true))
            note(lun, 0..<Layout.maximumLUNBytes)
            try record(change)
            try alongside()
            group = openGroup
        }
        try finish(group)
    }
}

extension JournalRecord {
    fileprivate var newName: String? {
        switch self {
        case .create(let record), .clone(_, let record): record.name
        case .write, .fill, .unmap, .copy, .delete, .resize: nil
        }
    }
}
