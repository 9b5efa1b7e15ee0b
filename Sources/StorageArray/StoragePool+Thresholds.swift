// Soft thresholds: somebody hears of a LUN or the pool getting full before it is.

extension StoragePool {
    /// Sets the use of a LUN, or of the pool, that is worth a word; durable when it returns.
    ///
    /// Reaching it counts as one crossing, at once if it is reached already; it counts again after use has fallen a
    /// thirty-second below. Use of a LUN is what it maps, of the pool what its blocks of data take.
    /// - Parameters:
    ///   - identifier: `nil` for the pool.
    ///   - usedBytes: rounded up to 4096; `nil` for no threshold.
    public func setSoftThreshold(_ identifier: LUNIdentifier?, usedBytes: UInt64?) throws(ArrayError) {
        let blocks = usedBytes.map { max(1, $0 / 4096 + ($0 % 4096 == 0 ? 0 : 1)) }
        let group = try withGate { () throws(ArrayError) in
            if identifier == nil { try makeAttributesIfMissing() }
            try prepare(Demand(recordBytes: 8 + LUNRecord.byteCount, isUrgent: true))
            var record = try thresholdHolder(identifier).record
            record.threshold.blocks = blocks
            record.threshold.isAbove = false
            try self.record(.update(record))
            return openGroup
        }
        try finish(group)
    }

    private func thresholdHolder(_ identifier: LUNIdentifier?) throws(ArrayError) -> PoolState.LUN {
        guard let identifier else { return try state.lun(.attributes) }
        return try state.visibleLUN(identifier)
    }

    /// The threshold of a LUN or, with `nil`, of the pool, in bytes; `nil` if there is none.
    public func softThreshold(_ identifier: LUNIdentifier?) throws(ArrayError) -> UInt64? {
        try withGate { () throws(ArrayError) in
            guard let identifier else { return state.luns[.attributes]?.record.threshold.usedBytes }
            return try state.visibleLUN(identifier).record.threshold.usedBytes
        }
    }

    /// How often use has reached the LUN's or the pool's threshold; 0 for a LUN that is not there.
    ///
    /// Only grows, also over reopening. Cheap as long as nothing was ever reached: meant to be asked with every command.
    public func thresholdCrossings(_ identifier: LUNIdentifier) -> UInt64 {
        if crossings.load(ordering: .acquiring) == 0 { return 0 }
        return locked {
            guard let lun = state.luns[identifier] else { return 0 }
            return lun.record.threshold.crossings + (state.luns[.attributes]?.record.threshold.crossings ?? 0)
        }
    }
}

extension SoftThreshold {
    fileprivate var usedBytes: UInt64? { blocks.map { $0 * UInt64(Layout.blockBytes) } }
}
