import Domain
import ISCSI
import Logging
import Platform
import SCSI
import Services
import Sockets
import StorageArray
import Synchronization

/// The array's iSCSI target, for a configuration that turns it on.
///
/// It starts after the recovery of workflows, so that no initiator reaches a LUN that is not what the inventory says, and
/// ends before the array is closed.
final class ISCSIFrontEnd: Sendable {
    let targetName: String
    private let target: ISCSITarget
    private let logger: Logger
    private let challengePath: String
    /// Initiators that have secrets, for reading the file again.
    private let challenged: Mutex<Set<String>>

    /// Binds its address. `nil` if the target is off.
    init?(_ configuration: Configuration, array: ArrayOwner, world: World, logger: Logger) throws(StartError) {
        guard !configuration.iscsiListen.isEmpty else { return nil }
        self.logger = logger
        targetName = Self.name(configuration, array.pool)
        challengePath = configuration.iscsiChallengeFile
        let challenges = challengePath.isEmpty ? nil : try ChallengeFile(path: challengePath)
        challenged = Mutex(Set((challenges?.initiators ?? [:]).keys))
        do {
            var settings = ISCSIConfiguration(listen: [try Self.address(configuration)], targetName: targetName)
            settings.targetAlias = "Viaduct"
            settings.credentials = challenges?.initiators ?? [:]
            settings.targetCredentials = challenges?.target
            // Who keeps secrets does not mean to be entered by name alone.
            settings.requiresAuthentication = challenges != nil
            settings.loops = configuration.iscsiEventLoops == 0 ? EventLoop.processorCount : configuration.iscsiEventLoops
            settings.limits.sessions = configuration.iscsiSessions
            settings.limits.sessionsPerInitiator = configuration.iscsiSessionsPerInitiator
            settings.limits.connections = configuration.iscsiConnections
            settings.drainSeconds = UInt16(min(configuration.drainSeconds, 5))
            settings.observer = { event in Self.log(event, logger) }
            target = try ISCSITarget(target: array.arrayTarget, configuration: settings, world: world)
        } catch {
            throw StartError("cannot listen for iSCSI on \(configuration.iscsiListen): \(error)")
        }
    }

    /// With the real port.
    var address: String { target.boundAddresses.first?.description ?? "" }

    /// Lets initiators in; `array` can tell from now on who is there.
    func start(for array: ArrayAdministration) throws(StartError) {
        do throws(SocketError) {
            try target.start()
        } catch {
            throw StartError("cannot start the iSCSI target: \(error)")
        }
        array.report { [self] in sessions }
        logger.notice(
            "iSCSI target started", metadata: ["address": .string(address), "target": .string(targetName)])
    }

    func stop() async { await target.stop() }

    private var sessions: [InitiatorSession] {
        target.sessions.map {
            InitiatorSession(
                initiator: $0.initiator, initiatorSession: $0.initiatorSession, targetSession: $0.targetSession,
                peer: $0.peer.description, startedAt: Timestamp(milliseconds: $0.sinceMilliseconds), commands: $0.commands,
                isDiscovery: $0.isDiscovery)
        }
    }

    /// Reads the secrets again; logins from now on need the new ones.
    func reload() throws(StartError) {
        guard !challengePath.isEmpty else { return }
        let challenges = try ChallengeFile(path: challengePath)
        challenged.withLock { challenged in
            for gone in challenged.subtracting(challenges.initiators.keys).sorted() { target.setCredentials(nil, of: gone) }
            for (initiator, credentials) in challenges.initiators { target.setCredentials(credentials, of: initiator) }
            target.setTargetCredentials(challenges.target)
            challenged = Set(challenges.initiators.keys)
        }
    }

    /// The configured name, or one that follows from the pool's identity and so stays the same for its life.
    private static func name(_ configuration: Configuration, _ pool: StoragePool) -> String {
        guard configuration.iscsiTargetName.isEmpty else { return configuration.iscsiTargetName.lowercased() }
        return "iqn.2026-01.local.viaduct:" + pool.identity.hexadecimal
    }

    private static func address(_ configuration: Configuration) throws(ConfigurationError) -> SocketAddress {
        let listen = try ListenAddress(configuration.iscsiListen, key: "iscsi.listen")
        guard let address = SocketAddress(host: listen.host, port: listen.port) else {
            throw ConfigurationError("iscsi.listen: \"\(listen.host)\" is not an address of this machine")
        }
        return address
    }

    private static func log(_ event: ISCSIEvent, _ logger: Logger) {
        switch event {
        case .loggedIn(let initiator, let peer):
            logger.info("initiator logged in", metadata: ["initiator": .string(initiator), "peer": .string(peer.description)])
        case .loginRefused(let initiator, let peer, let status):
            logger.warning(
                "initiator refused",
                metadata: [
                    "initiator": .string(initiator ?? ""), "peer": .string(peer.description),
                    "status": .string(String(status, radix: 16)),
                ])
        case .ended(let initiator, let peer):
            logger.info("initiator left", metadata: ["initiator": .string(initiator), "peer": .string(peer.description)])
        }
    }
}
