// RESERVE and RELEASE of SPC-2, 6 and 10 bytes, whole logical units only. Source: SPC-2 §7.21 to §7.24; SPC-4 §5.12.3:
// while anybody is registered for persistent reservations they conflict.

extension ArrayTarget {
    func reserve(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        try Self.checkWholeUnit(command.cdb)
        let nexus = command.nexus
        let isReserved = unit.change { state in
            guard state.persistent.registrations.isEmpty, state.reserver == nil || state.reserver == nexus else {
                return false
            }
            state.reserver = nexus
            return true
        }
        if !isReserved { command.status = .reservationConflict }
    }

    /// A release of what somebody else holds does nothing and is good.
    func release(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        try Self.checkWholeUnit(command.cdb)
        let nexus = command.nexus
        let isAllowed = unit.change { state in
            guard state.persistent.registrations.isEmpty else { return false }
            if state.reserver == nexus { state.reserver = nil }
            return true
        }
        if !isAllowed { command.status = .reservationConflict }
    }

    /// Neither third-party nor extent reservations.
    private static func checkWholeUnit(_ cdb: CDB) throws(Sense) {
        guard cdb[1] & 0x10 == 0 else { throw .invalidField(byte: 1, bit: 4) }
        guard cdb[1] & 0x03 == 0 else { throw .invalidField(byte: 1, bit: 1) }
    }
}
