import StorageArray

// Initiators come, go and reset. Source: SAM-5 §6.

extension ArrayTarget {
    /// A transport has a new session: its first command to each LUN hears of a power on or reset (SAM-5 §5.14).
    public func nexusEstablished(_ nexus: Nexus) {
        state.withLock { state in
            for lun in state.visibleLUNs(to: nexus.initiator) {
                state.path(lun, nexus, pool)?.establish(.powerOnOrReset)
            }
        }
    }

    /// A session has ended: what it held of RESERVE(6), prevented and waited for is gone. Persistent reservations stay.
    public func nexusLost(_ nexus: Nexus) {
        let lost = state.withLock { state in
            let lost = state.paths.filter { $0.key.nexus == nexus }
            for key in lost.keys { state.paths[key] = nil }
            state.copies.forget(nexus)
            return Array(lost.values)
        }
        for path in lost {
            path.abortCommands()
            path.unit.change { state in
                if state.reserver == nexus { state.reserver = nil }
                state.preventers.remove(nexus)
            }
        }
    }

    /// LOGICAL UNIT RESET: aborts what is under way, and every initiator hears of it, also the one that asked.
    ///
    /// Returns when the commands that were under way have ended.
    public func reset(lun: UInt16, by nexus: Nexus?) {
        guard let unit = state.withLock({ $0.exposed[lun] }) else { return }
        reset(unit, .logicalUnitReset)
    }

    /// TARGET WARM RESET and TARGET COLD RESET: resets every LUN.
    public func resetTarget() {
        let units = state.withLock { Array($0.units.values) }
        for unit in units { reset(unit, .busReset) }
    }

    /// What RESERVE(6), PREVENT and MODE SELECT did is undone; persistent reservations and a SANITIZE go on.
    private func reset(_ unit: LogicalUnit, _ attention: UnitAttention) {
        unit.change { state in
            state.reserver = nil
            state.preventers = []
            state.mode = ModeParameters()
        }
        let paths = paths(to: unit)
        for path in paths {
            path.abortCommands()
            path.establish(attention)
        }
        awaitIdle(paths)
    }

    func paths(to unit: LogicalUnit) -> [UnitPath] {
        state.withLock { state in state.paths.values.filter { $0.unit === unit } }
    }

    /// Every initiator of the unit but one hears of something with its next command.
    func tell(_ unit: LogicalUnit, _ attention: UnitAttention, except nexus: Nexus? = nil) {
        for path in paths(to: unit) where path.nexus != nexus { path.establish(attention) }
    }

    /// The way of an initiator to a LUN; `nil` if it may not see that.
    func path(_ lun: UInt16, _ nexus: Nexus) -> UnitPath? {
        state.withLock { $0.path(lun, nexus, pool) }
    }
}

extension ArrayTarget.State {
    mutating func path(_ lun: UInt16, _ nexus: Nexus, _ pool: StoragePool) -> UnitPath? {
        let key = ArrayTarget.PathKey(nexus: nexus, lun: lun)
        if let path = paths[key] { return path }
        guard allowed[nexus.initiator]?.contains(lun) == true, let unit = exposed[lun] else { return nil }
        // Of a threshold that was reached before it came an initiator learns from the log and mode pages.
        let crossings = pool.thresholdCrossings(unit.identifier)
        let path = UnitPath(nexus: nexus, lun: lun, unit: unit, crossings: crossings)
        paths[key] = path
        return path
    }
}
