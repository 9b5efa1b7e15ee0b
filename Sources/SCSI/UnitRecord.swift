/// What a logical unit remembers through a loss of power: reservations that are to survive it, and that a SANITIZE was
/// under way.
///
/// ```
/// 0 version 01h   1 SANITIZE unfinished b1, may be left b0   2 type of the reservation or 0   3 holder (2), FFFFh: all
/// 5 registrations (2)   then each: 0 length n of the name   1 name   1+n session (8)   9+n port (2)   11+n key (8)
/// ```
struct UnitRecord: Sendable, Equatable {
    var reservations = PersistentReservations()
    var sanitizing = LogicalUnit.Sanitizing.none

    private static let version: UInt8 = 1

    init(reservations: PersistentReservations = PersistentReservations(), sanitizing: LogicalUnit.Sanitizing = .none) {
        self.reservations = reservations
        self.sanitizing = sanitizing
    }

    init(_ state: LogicalUnit.State) {
        self.init(reservations: state.persistent, sanitizing: state.sanitizing)
    }

    /// Empty when there is nothing to remember.
    var encoded: [UInt8] {
        let kept = reservations.survivesPowerLoss ? reservations : PersistentReservations()
        if kept.registrations.isEmpty, sanitizing == .none { return [] }
        var bytes: [UInt8] = [Self.version, sanitizing.encoded, kept.reservation?.type.rawValue ?? 0]
        let holder = kept.registrations.firstIndex { $0.nexus == kept.reservation?.holder }
        bytes.append(bigEndian: UInt16(clamping: holder ?? 0xFFFF))
        bytes.append(bigEndian: UInt16(clamping: kept.registrations.count))
        for registration in kept.registrations {
            let name = Array(registration.nexus.initiator.utf8.prefix(255))
            bytes.append(UInt8(name.count))
            bytes += name
            bytes.append(bigEndian: registration.nexus.initiatorSession)
            bytes.append(bigEndian: registration.nexus.targetPort)
            bytes.append(bigEndian: registration.key)
        }
        return bytes
    }

    /// - Returns: `nil` for bytes that `encoded` does not make.
    init?(encoded bytes: [UInt8]) {
        if bytes.isEmpty { return }
        guard bytes.count >= 7, bytes[0] == Self.version, let sanitizing = LogicalUnit.Sanitizing(encoded: bytes[1])
        else { return nil }
        self.sanitizing = sanitizing
        let (holder, count) = bytes.withUnsafeBytes { (Int($0.bigEndian16(at: 3)), Int($0.bigEndian16(at: 5))) }
        var offset = 7
        for _ in 0..<count {
            guard offset < bytes.count, offset + 19 + Int(bytes[offset]) <= bytes.count else { return nil }
            let end = offset + 1 + Int(bytes[offset])
            let name = String(decoding: bytes[offset + 1..<end], as: UTF8.self)
            let (session, port, key) = bytes.withUnsafeBytes {
                ($0.bigEndian64(at: end), $0.bigEndian16(at: end + 8), $0.bigEndian64(at: end + 10))
            }
            let nexus = Nexus(initiator: name, initiatorSession: session, targetPort: port)
            reservations.registrations.append(.init(nexus: nexus, key: key))
            offset = end + 18
        }
        guard offset == bytes.count else { return nil }
        reservations.survivesPowerLoss = count > 0
        guard bytes[2] != 0 else { return }
        guard let type = ReservationType(rawValue: bytes[2]), type.isHeldByAll || holder < count else { return nil }
        reservations.reservation = .init(
            type: type, holder: type.isHeldByAll ? nil : reservations.registrations[holder].nexus)
    }
}

extension LogicalUnit.Sanitizing {
    fileprivate var encoded: UInt8 {
        switch self {
        case .none: 0
        // Power was lost before the end: nobody may use what is left but by another SANITIZE.
        case .running: 2
        case .failed(let isRecoverable): isRecoverable ? 3 : 2
        }
    }

    fileprivate init?(encoded: UInt8) {
        switch encoded {
        case 0: self = .none
        case 2: self = .failed(isRecoverable: false)
        case 3: self = .failed(isRecoverable: true)
        default: return nil
        }
    }
}
