// What changes about a LUN besides its data.

extension PoolState {
    /// Makes a LUN what its snapshot is, in size too; the snapshot stays.
    func revert(_ lun: LUN, to snapshot: LUN) throws(ArrayError) {
        try retain(snapshot.root)
        let old = lun.root
        lun.root = snapshot.root
        lun.mapped = snapshot.mapped
        lun.record.sizeBlocks = snapshot.record.sizeBlocks
        try drop(old, level: Layout.rootLevel)
    }

    /// Takes over everything of a record but what belongs to the map.
    func update(_ lun: LUN, _ record: LUNRecord) {
        let sizeBlocks = lun.record.sizeBlocks
        lun.record = record
        lun.record.sizeBlocks = sizeBlocks
    }

    /// After a change: counts the thresholds that use has reached by it.
    func noteUse(after change: JournalRecord) {
        if let lun = change.changed.flatMap({ luns[$0] }), lun.record.identifier != .attributes {
            if lun.record.threshold.note(used: mappedBlocks(lun)) { crossings += 1 }
        }
        if let pool = luns[.attributes], pool.record.threshold.note(used: UInt64(allocator.usedBlocks)) {
            crossings += 1
        }
    }
}

extension JournalRecord {
    /// The LUN whose use or threshold may be another afterwards.
    fileprivate var changed: LUNIdentifier? {
        switch self {
        case .write(let lun, _, _), .fill(let lun, _, _, _), .unmap(let lun, _, _), .copy(_, _, let lun, _, _),
            .resize(let lun, _), .revert(let lun, _):
            lun
        case .update(let record): record.identifier
        case .create, .clone, .delete, .reap: nil
        }
    }
}
