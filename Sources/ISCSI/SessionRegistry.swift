import Platform
import SCSI
import Sockets
import Synchronization

/// The sessions of a target, over all loops.
final class SessionRegistry: Sendable {
    enum Verdict {
        /// With the session's TSIH.
        case opened(UInt16)
        /// The initiator comes again: its old session has to end first. Source: RFC 7143 §6.3.5.
        case replaces(Connection)
        case refused(LoginStatus)
    }

    private struct Key: Hashable {
        let initiator: String
        let initiatorSession: UInt64
        /// A discovery session takes nobody's place but that of another.
        let isDiscovery: Bool
    }

    private struct Entry {
        let key: Key
        let connection: Connection
        let sinceMilliseconds: Int64
    }

    private struct State {
        var entries: [UInt16: Entry] = [:]
        var handles: [Key: UInt16] = [:]
        var last: UInt16 = 0
    }

    private let limits: ISCSILimits
    private let clock: any Clock
    private let state = Mutex(State())

    init(limits: ISCSILimits, clock: any Clock) {
        self.limits = limits
        self.clock = clock
    }

    func open(_ opening: SessionOpening, on connection: Connection) -> Verdict {
        state.withLock { state in
            if opening.targetSession != 0 {
                // One connection per session, as MaxConnections says.
                let isTheirs = state.entries[opening.targetSession]?.key.initiator == opening.initiator
                return .refused(isTheirs ? .tooManyConnections : .sessionDoesNotExist)
            }
            let key = Key(
                initiator: opening.initiator, initiatorSession: opening.initiatorSession,
                isDiscovery: opening.isDiscovery)
            if let handle = state.handles[key], let old = state.entries[handle] { return .replaces(old.connection) }
            let count = state.entries.values.count { $0.key.initiator == opening.initiator }
            guard state.entries.count < limits.sessions, count < limits.sessionsPerInitiator else {
                return .refused(.outOfResources)
            }
            repeat { state.last &+= 1 } while state.last == 0 || state.entries[state.last] != nil
            state.handles[key] = state.last
            state.entries[state.last] = Entry(
                key: key, connection: connection, sinceMilliseconds: clock.wallMilliseconds)
            return .opened(state.last)
        }
    }

    func remove(_ handle: UInt16) {
        state.withLock { state in
            guard let entry = state.entries.removeValue(forKey: handle) else { return }
            state.handles[entry.key] = nil
        }
    }

    /// Connections of all sessions but one.
    func connections(except connection: Connection) -> [Connection] {
        state.withLock { $0.entries.values.map(\.connection).filter { $0 !== connection } }
    }

    func disconnect(_ initiator: String) {
        let connections = state.withLock { state in
            state.entries.values.filter { $0.key.initiator == initiator }.map(\.connection)
        }
        for connection in connections { connection.loop.execute { connection.close() } }
    }

    var sessions: [ISCSISession] {
        state.withLock { state in
            state.entries.sorted { $0.key < $1.key }.map { handle, entry in
                ISCSISession(
                    initiator: entry.key.initiator, initiatorSession: entry.key.initiatorSession, targetSession: handle,
                    peer: entry.connection.peer, sinceMilliseconds: entry.sinceMilliseconds,
                    commands: entry.connection.commandCount.load(ordering: .relaxed), isDiscovery: entry.key.isDiscovery)
            }
        }
    }
}
