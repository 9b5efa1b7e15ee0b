// The service actions of PERSISTENT RESERVE OUT as changes of a value. Source: SPC-4 §5.12.6 to §5.12.11.

extension PersistentReservations {
    /// REGISTER and, ignoring the key that exists, REGISTER AND IGNORE EXISTING KEY.
    mutating func register(
        _ nexus: Nexus, key: UInt64, newKey: UInt64, ignoresExisting: Bool, survivesPowerLoss: Bool
    ) throws(Refusal) -> Consequences {
        let existing = self.key(of: nexus)
        guard ignoresExisting || key == existing ?? 0 else { throw .conflict }
        guard existing != nil || newKey != 0 else { return Consequences() }
        self.survivesPowerLoss = survivesPowerLoss
        generation &+= 1
        guard newKey != 0 else { return unregister(nexus) }
        if let index = registrations.firstIndex(where: { $0.nexus == nexus }) {
            registrations[index].key = newKey
        } else {
            registrations.append(Registration(nexus: nexus, key: newKey))
        }
        return Consequences()
    }

    /// Removes a registration, and with it a reservation that only it held.
    private mutating func unregister(_ nexus: Nexus) -> Consequences {
        let wasHolder = isHolder(nexus)
        registrations.removeAll { $0.nexus == nexus }
        guard let reservation, wasHolder, !reservation.type.isHeldByAll || registrations.isEmpty else {
            return Consequences()
        }
        self.reservation = nil
        guard reservation.type.includesRegistrants else { return Consequences() }
        return told(.reservationsReleased, registrations.map(\.nexus))
    }

    mutating func reserve(_ nexus: Nexus, key: UInt64, type: ReservationType) throws(Refusal) -> Consequences {
        guard self.key(of: nexus) == key else { throw .conflict }
        if let reservation {
            guard isHolder(nexus), reservation.type == type else { throw .conflict }
        } else {
            reservation = Reservation(type: type, holder: type.isHeldByAll ? nil : nexus)
        }
        return Consequences()
    }

    mutating func release(_ nexus: Nexus, key: UInt64, type: ReservationType) throws(Refusal) -> Consequences {
        guard self.key(of: nexus) == key else { throw .conflict }
        guard let reservation, isHolder(nexus) else { return Consequences() }
        guard reservation.type == type else { throw .sense(.invalidRelease) }
        self.reservation = nil
        guard type.includesRegistrants else { return Consequences() }
        return told(.reservationsReleased, others(than: nexus))
    }

    mutating func clear(_ nexus: Nexus, key: UInt64) throws(Refusal) -> Consequences {
        guard self.key(of: nexus) == key else { throw .conflict }
        let others = others(than: nexus)
        generation &+= 1
        registrations = []
        reservation = nil
        return told(.reservationsPreempted, others)
    }

    /// PREEMPT and PREEMPT AND ABORT.
    mutating func preempt(
        _ nexus: Nexus, key: UInt64, victim: UInt64, type: ReservationType, aborts: Bool
    ) throws(Refusal) -> Consequences {
        guard self.key(of: nexus) == key else { throw .conflict }
        var consequences: Consequences
        if let reservation, isTakenOver(byPreempting: victim) {
            consequences = takeOver(nexus, reservation, victim, type)
        } else {
            guard victim != 0 else {
                throw .sense(.invalidParameter(byte: 8))
            }
            guard registrations.contains(where: { $0.key == victim }) else { throw .conflict }
            let removed = registrations.filter { $0.key == victim }.map(\.nexus)
            registrations.removeAll { $0.key == victim }
            if registrations.isEmpty { reservation = nil }
            consequences = told(.registrationsPreempted, removed.filter { $0 != nexus })
            consequences.aborted = removed
        }
        generation &+= 1
        if !aborts { consequences.aborted = [] }
        return consequences
    }

    /// Whether preempting a key takes the reservation; otherwise it only removes registrations.
    func isTakenOver(byPreempting victim: UInt64) -> Bool {
        guard let reservation else { return false }
        return reservation.type.isHeldByAll ? victim == 0 : victim == holderKey
    }

    /// The preempting initiator gets the reservation, with the scope and type it asks for.
    private mutating func takeOver(
        _ nexus: Nexus, _ old: Reservation, _ victim: UInt64, _ type: ReservationType
    ) -> Consequences {
        let removed = registrations.filter { $0.nexus != nexus && (old.type.isHeldByAll || $0.key == victim) }
            .map(\.nexus)
        registrations.removeAll { removed.contains($0.nexus) }
        reservation = Reservation(type: type, holder: type.isHeldByAll ? nil : nexus)
        var consequences = told(.registrationsPreempted, removed)
        if old.type != type {
            consequences.attentions += told(.reservationsReleased, others(than: nexus)).attentions
        }
        consequences.aborted = removed
        return consequences
    }

    /// REGISTER AND MOVE: gives the reservation to another initiator, which is registered if it is not yet.
    mutating func move(
        _ nexus: Nexus, key: UInt64, to other: Nexus, newKey: UInt64, unregisters: Bool, survivesPowerLoss: Bool
    ) throws(Refusal) -> Consequences {
        guard self.key(of: nexus) == key else { throw .conflict }
        guard let reservation else { throw .sense(.invalidField(byte: 1)) }
        guard isHolder(nexus), !reservation.type.isHeldByAll else { throw .conflict }
        guard newKey != 0 else { throw .sense(.invalidParameter(byte: 8)) }
        guard other != nexus else { throw .sense(.invalidParameter(byte: 24)) }
        self.survivesPowerLoss = survivesPowerLoss
        generation &+= 1
        if let index = registrations.firstIndex(where: { $0.nexus == other }) {
            registrations[index].key = newKey
        } else {
            registrations.append(Registration(nexus: other, key: newKey))
        }
        self.reservation = Reservation(type: reservation.type, holder: other)
        if unregisters { registrations.removeAll { $0.nexus == nexus } }
        return Consequences()
    }

    private func others(than nexus: Nexus) -> [Nexus] { registrations.map(\.nexus).filter { $0 != nexus } }

    private func told(_ attention: UnitAttention, _ nexuses: [Nexus]) -> Consequences {
        Consequences(attentions: nexuses.map { ($0, attention) })
    }
}
