/// Kinds of persistent reservation. Source: SPC-4 §6.15.3.4, TYPE field.
enum ReservationType: UInt8, CaseIterable, Sendable {
    case writeExclusive = 1
    case exclusiveAccess = 3
    case writeExclusiveRegistrantsOnly = 5
    case exclusiveAccessRegistrantsOnly = 6
    case writeExclusiveAllRegistrants = 7
    case exclusiveAccessAllRegistrants = 8

    /// Whether others may read.
    var sharesReading: Bool {
        switch self {
        case .writeExclusive, .writeExclusiveRegistrantsOnly, .writeExclusiveAllRegistrants: true
        case .exclusiveAccess, .exclusiveAccessRegistrantsOnly, .exclusiveAccessAllRegistrants: false
        }
    }

    /// Whether every registered initiator may do what the holder may.
    var includesRegistrants: Bool {
        switch self {
        case .writeExclusive, .exclusiveAccess: false
        case .writeExclusiveRegistrantsOnly, .exclusiveAccessRegistrantsOnly, .writeExclusiveAllRegistrants,
            .exclusiveAccessAllRegistrants:
            true
        }
    }

    /// Whether every registered initiator holds it.
    var isHeldByAll: Bool { self == .writeExclusiveAllRegistrants || self == .exclusiveAccessAllRegistrants }
}

/// The persistent reservations of a logical unit: who is registered with which key, and what is reserved.
///
/// A value: an operation gives the state after it, or why it is refused, and who has to hear of it.
/// Source: SPC-4 §5.12 (model) and §6.15, §6.16 (commands).
struct PersistentReservations: Sendable, Equatable {
    struct Registration: Sendable, Equatable {
        var nexus: Nexus
        var key: UInt64
    }

    struct Reservation: Sendable, Equatable {
        var type: ReservationType
        /// `nil` when all registered initiators hold it.
        var holder: Nexus?
    }

    /// Why an operation is refused.
    enum Refusal: Error, Equatable {
        case conflict
        case sense(Sense)
    }

    /// Who hears what with its next command, and whose commands are aborted.
    struct Consequences: Sendable, Equatable {
        var attentions: [(nexus: Nexus, attention: UnitAttention)] = []
        var aborted: [Nexus] = []

        static func == (left: Self, right: Self) -> Bool {
            left.aborted == right.aborted
                && left.attentions.elementsEqual(right.attentions) { $0.nexus == $1.nexus && $0.attention == $1.attention }
        }
    }

    /// Counts changes of registrations; starts at 0 whenever the array does.
    var generation: UInt32 = 0
    /// Whether all this survives a loss of power (APTPL), as the last registration asked.
    var survivesPowerLoss = false
    var registrations: [Registration] = []
    var reservation: Reservation?

    func key(of nexus: Nexus) -> UInt64? { registrations.first { $0.nexus == nexus }?.key }

    func isRegistered(_ nexus: Nexus) -> Bool { registrations.contains { $0.nexus == nexus } }

    func isHolder(_ nexus: Nexus) -> Bool {
        guard let reservation else { return false }
        return reservation.type.isHeldByAll ? isRegistered(nexus) : reservation.holder == nexus
    }

    /// The key that PERSISTENT RESERVE IN gives for the reservation: 0 when all registrants hold it.
    var holderKey: UInt64 { reservation?.holder.flatMap { key(of: $0) } ?? 0 }

    /// Whether a command of `nexus` may not run. Source: SPC-4 §5.12.1, table of allowed commands.
    func conflicts(_ nexus: Nexus, _ conflict: ReservationClass) -> Bool {
        guard let reservation, !isHolder(nexus) else { return false }
        if reservation.type.includesRegistrants, isRegistered(nexus) { return false }
        switch conflict {
        case .allowed, .allowedPersistent, .own: return false
        case .asRead: return !reservation.type.sharesReading
        case .asWrite, .ifNotStarting, .ifPreventing: return true
        }
    }
}
