import ContractTypes
import Domain

/// `com.viaduct.array.session`: who is logged in at the iSCSI target.
struct ArraySessions: ArraySessionService {
    let array: ArrayAdministration

    func list(call: Call) throws(Fault) -> [ViaductArraySessionSummary] {
        array.sessions.map {
            ViaductArraySessionSummary(
                session: Int64($0.targetSession), initiator: $0.initiator,
                initiatorSession: Self.hexadecimal($0.initiatorSession), peer: $0.peer, startTime: $0.startedAt,
                commands: Int64(clamping: $0.commands), discovery: $0.isDiscovery)
        }
    }

    /// 12 digits, as hosts show it.
    private static func hexadecimal(_ session: UInt64) -> String {
        let digits = String(session, radix: 16)
        return String(repeating: "0", count: max(0, 12 - digits.utf8.count)) + digits
    }
}
