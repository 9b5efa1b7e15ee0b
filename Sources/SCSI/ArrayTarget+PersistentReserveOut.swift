import StorageArray

// PERSISTENT RESERVE OUT. Source: SPC-4 §6.16.

/// The basic parameter list.
///
/// ```
/// 0 RESERVATION KEY (8)   8 SERVICE ACTION RESERVATION KEY (8)   20 SPEC_I_PT b3, ALL_TG_PT b2, APTPL b0   24 bytes
/// ```
private struct ReserveParameters {
    let key: UInt64
    let newKey: UInt64
    let survivesPowerLoss: Bool

    /// - Throws: PARAMETER LIST LENGTH ERROR unless it is there whole, and has 24 bytes by the CDB.
    init(_ command: Command) throws(Sense) {
        guard command.cdb.bigEndian32(at: 5) == 24, command.dataOut.count >= 24 else { throw .parameterListLength }
        // Only for registrations do these bits mean anything. Neither is supported, which REPORT CAPABILITIES says.
        if command.cdb[1] & 0x1F == 0x00 || command.cdb[1] & 0x1F == 0x06 {
            if command.dataOut[20] & 0x08 != 0 { throw .invalidParameter(byte: 20, bit: 3) }
            if command.dataOut[20] & 0x04 != 0 { throw .invalidParameter(byte: 20, bit: 2) }
        }
        key = command.dataOut.bigEndian64(at: 0)
        newKey = command.dataOut.bigEndian64(at: 8)
        survivesPowerLoss = command.dataOut[20] & 0x01 != 0
    }
}

/// The parameter list of REGISTER AND MOVE.
///
/// ```
/// 0 RESERVATION KEY (8)   8 SERVICE ACTION RESERVATION KEY (8)   17 UNREG b1, APTPL b0
/// 18 RELATIVE TARGET PORT (2)   20 TRANSPORTID LENGTH (4)   24 TransportID
/// ```
private struct MoveParameters {
    let key: UInt64
    let newKey: UInt64
    let unregisters: Bool
    let survivesPowerLoss: Bool
    let other: Nexus

    init(_ command: Command) throws(Sense) {
        let length = Int(command.cdb.bigEndian32(at: 5))
        let list = command.dataOut.slice(0, length)
        guard length >= 24, list.count == length else { throw .parameterListLength }
        let identifierBytes = Int(list.bigEndian32(at: 20))
        guard 24 + identifierBytes == length else { throw .parameterListLength }
        key = list.bigEndian64(at: 0)
        newKey = list.bigEndian64(at: 8)
        unregisters = list[17] & 0x02 != 0
        survivesPowerLoss = list[17] & 0x01 != 0
        let port = list.bigEndian16(at: 18)
        guard port == command.nexus.targetPort else { throw .invalidParameter(byte: 18) }
        guard let other = TransportIdentifier.decode(list.slice(24, identifierBytes), targetPort: port) else {
            throw .invalidParameter(byte: 24)
        }
        self.other = other
    }
}

extension ArrayTarget {
    typealias Change = (inout PersistentReservations) throws(PersistentReservations.Refusal) ->
        PersistentReservations.Consequences

    func persistentReserveOut(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let nexus = command.nexus
        guard let action = PersistentReserveOut(rawValue: command.cdb[1] & 0x1F) else {
            throw .invalidField(byte: 1, bit: 4)
        }
        if action == .registerAndMove {
            let parameters = try MoveParameters(command)
            return try apply(&command, unit) { state throws(PersistentReservations.Refusal) in
                try state.move(
                    nexus, key: parameters.key, to: parameters.other, newKey: parameters.newKey,
                    unregisters: parameters.unregisters, survivesPowerLoss: parameters.survivesPowerLoss)
            }
        }
        let parameters = try ReserveParameters(command)
        let (key, newKey) = (parameters.key, parameters.newKey)
        if action == .register || action == .registerAndIgnoreExistingKey {
            return try apply(&command, unit) { state throws(PersistentReservations.Refusal) in
                try state.register(
                    nexus, key: key, newKey: newKey, ignoresExisting: action == .registerAndIgnoreExistingKey,
                    survivesPowerLoss: parameters.survivesPowerLoss)
            }
        }
        if action == .clear {
            return try apply(&command, unit) { state throws(PersistentReservations.Refusal) in
                try state.clear(nexus, key: key)
            }
        }
        try reserve(&command, unit, action, key, newKey)
    }

    /// The service actions that look at scope and type.
    private func reserve(
        _ command: inout Command, _ unit: LogicalUnit, _ action: PersistentReserveOut, _ key: UInt64, _ victim: UInt64
    ) throws(Sense) {
        let nexus = command.nexus
        let requested = ReservationType(rawValue: command.cdb[2] & 0x0F)
        // A preemption that takes no reservation ignores scope and type.
        let isIgnored = unit.look { state in
            let isPreempting = action == .preempt || action == .preemptAndAbort
            return isPreempting && !state.persistent.isTakenOver(byPreempting: victim)
        }
        guard isIgnored || command.cdb[2] & 0xF0 == 0 else { throw .invalidField(byte: 2, bit: 7) }
        guard let type = requested ?? (isIgnored ? .writeExclusive : nil) else { throw .invalidField(byte: 2, bit: 3) }
        try apply(&command, unit) { state throws(PersistentReservations.Refusal) in
            switch action {
            case .reserve: try state.reserve(nexus, key: key, type: type)
            case .release: try state.release(nexus, key: key, type: type)
            case .preempt, .preemptAndAbort, .register, .registerAndIgnoreExistingKey, .registerAndMove, .clear:
                try state.preempt(nexus, key: key, victim: victim, type: type, aborts: action == .preemptAndAbort)
            }
        }
    }

    /// Makes a change, durable before it is seen if it is to survive a loss of power, and tells whom it concerns.
    private func apply(_ command: inout Command, _ unit: LogicalUnit, _ change: Change) throws(Sense) {
        do throws(PersistentReservations.Refusal) {
            let consequences = try unit.change { state throws(PersistentReservations.Refusal) in
                let before = UnitRecord(state).encoded
                let consequences = try change(&state.persistent)
                let record = UnitRecord(state).encoded
                guard record.count <= Limits.reservationBytes else {
                    throw .sense(.insufficientRegistrationResources)
                }
                if record != before { try Self.save(record, unit, pool) }
                return consequences
            }
            tell(unit, consequences, of: command)
        } catch {
            switch error {
            case .conflict: command.status = .reservationConflict
            case .sense(let sense): throw sense
            }
        }
    }

    private static func save(
        _ record: [UInt8], _ unit: LogicalUnit, _ pool: StoragePool
    ) throws(PersistentReservations.Refusal) {
        do throws(ArrayError) { try pool.setReservations(unit.identifier, record) } catch { throw .sense(Sense(error)) }
    }

    private func tell(_ unit: LogicalUnit, _ consequences: PersistentReservations.Consequences, of command: Command) {
        guard consequences != .init() else { return }
        let paths = paths(to: unit)
        for (nexus, attention) in consequences.attentions {
            for path in paths where path.nexus == nexus { path.establish(attention) }
        }
        let aborted = paths.filter { consequences.aborted.contains($0.nexus) && $0 !== command.path }
        for path in aborted { path.abortCommands() }
        // When the command ends, none of those it aborted changes anything any more.
        awaitIdle(aborted) { command.isAborted }
    }
}
