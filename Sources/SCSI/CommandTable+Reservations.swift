// Reservations. Source: SPC-4 §6.15 and §6.16, SPC-2 §7.21 to §7.24.

extension CommandTable {
    static let reservationRows: [CommandDescription] = reserveRows + persistentInRows + persistentOutRows

    private static let reserveRows: [CommandDescription] = [
        CommandDescription(.reserve6, usage: [0x13, 0, 0, 0, 0x04], .none, .control, .own, .quick) {
            target, command, unit throws(Sense) in try target.reserve(&command, unit)
        },
        CommandDescription(.release6, usage: [0x13, 0, 0, 0, 0x04], .none, .control, .allowed, .quick) {
            target, command, unit throws(Sense) in try target.release(&command, unit)
        },
        CommandDescription(.reserve10, usage: [0x13] + none(7) + [0x04], .none, .control, .own, .quick) {
            target, command, unit throws(Sense) in try target.reserve(&command, unit)
        },
        CommandDescription(.release10, usage: [0x13] + none(7) + [0x04], .none, .control, .allowed, .quick) {
            target, command, unit throws(Sense) in try target.release(&command, unit)
        },
    ]

    private static func reserveIn(
        _ action: PersistentReserveIn, _ run: @escaping CommandDescription.Handler
    ) -> CommandDescription {
        CommandDescription(
            .persistentReserveIn, action.rawValue, usage: [action.rawValue] + none(5) + [0xFF, 0xFF, 0x04],
            .allocation(at: 7, width: 2), .control, .own, .quick, run)
    }

    private static let persistentInRows: [CommandDescription] = [
        reserveIn(.readKeys) { target, command, unit throws(Sense) in try target.readKeys(&command, unit) },
        reserveIn(.readReservation) {
            target, command, unit throws(Sense) in try target.readReservation(&command, unit)
        },
        reserveIn(.reportCapabilities) {
            target, command, unit throws(Sense) in try target.reportReservationCapabilities(&command, unit)
        },
        reserveIn(.readFullStatus) { target, command, unit throws(Sense) in try target.readFullStatus(&command, unit) },
    ]

    /// Slow: a change may have to be durable, and PREEMPT AND ABORT waits for what it aborts.
    private static let persistentOutRows: [CommandDescription] = (0...7).map { action in
        CommandDescription(
            .persistentReserveOut, action, usage: [action, 0xFF, 0, 0] + ff(4) + [0x04], .parameterList(at: 5, width: 4),
            .control, .own, .slow
        ) { target, command, unit throws(Sense) in try target.persistentReserveOut(&command, unit) }
    }
}
