// Snapshots: LUNs that hold what another one held at an instant, never change, and can be gone back to.
//
// A snapshot belongs to its LUN: the LUN is not deleted as long as there are any, unless they go with it. A clone
// belongs to nobody, and stays when the LUN it was made from goes.

extension StoragePool {
    /// Keeps what a LUN holds at this instant, whatever its size, without copying anything.
    ///
    /// - Parameter name: as in `createLUN`.
    /// - Throws: `.tooManySnapshots` beyond 1024 of one LUN; `.isSnapshot` of a snapshot, which can be cloned; as
    ///   `createLUN`.
    @discardableResult
    public func createSnapshot(of lun: LUNIdentifier, name: String) throws(ArrayError) -> LUNInformation {
        try derive(from: lun, name: name) { record throws(ArrayError) in
            if record.isSnapshot { throw .isSnapshot }
            guard snapshotCount(lun) < Layout.maximumSnapshots else { throw .tooManySnapshots }
            record.isReadOnly = true
            record.isSnapshot = true
        }
    }

    /// The snapshots of a LUN, oldest first.
    public func snapshots(of lun: LUNIdentifier) throws(ArrayError) -> [LUNInformation] {
        try withGate { () throws(ArrayError) in
            _ = try state.visibleLUN(lun)
            return snapshotIdentifiers(lun).compactMap { state.luns[$0] }.map(information)
        }
    }

    /// Makes a LUN what one of its snapshots is, its size included. What the LUN held is gone then; the snapshot stays.
    ///
    /// - Throws: `.notASnapshotOfIt`, `.isSnapshot`, `.writeProtected`, `.noSuchLUN`, `.stopped`.
    public func revert(_ lun: LUNIdentifier, to snapshot: LUNIdentifier) throws(ArrayError) {
        try changeWhole(lun, .revert(lun, to: snapshot)) { target throws(ArrayError) in
            let source = try state.visibleLUN(snapshot)
            if target.record.isSnapshot { throw .isSnapshot }
            try target.checkWritable()
            guard source.record.isSnapshot, source.record.origin == lun else { throw .notASnapshotOfIt }
        }
    }

    // MARK: With the gate held

    func snapshotIdentifiers(_ lun: LUNIdentifier) -> [LUNIdentifier] {
        state.luns.values.filter { $0.record.isSnapshot && $0.record.origin == lun }.map(\.record.identifier).sorted()
    }

    private func snapshotCount(_ lun: LUNIdentifier) -> Int {
        state.luns.values.count { $0.record.isSnapshot && $0.record.origin == lun }
    }
}
