import API
import ContractTypes
import Coordination
import Cryptography
import Domain
import HTTP
import Logging
import Persistence
import PersistenceSQLite
import Platform
import Services
import Serving
import Sockets
import Syslog
import Synchronization

/// One running server: everything wired together.
///
/// ```
/// open log ─► load records ─► open array ─► (first start) ─► mount volumes ─► recover workflows ─► accept, iSCSI too
/// drain, iSCSI too ─► stop workflows ─► unmount ─► close array ─► close log
/// ```
public final class Node: Sendable {
    public let configuration: Configuration
    /// Where it listens, with the real port.
    public let address: String
    public let product: Product
    /// The administrator's password if this start has generated it; shown once, stored nowhere.
    public let generatedPassword: String?
    private let directory: DataDirectory
    private let parts: Parts
    private let identity: ServerIdentity
    private let server: Server
    private let storageTarget: ISCSIFrontEnd?
    private let upkeep: Upkeep
    private let audit: AuditKeeper
    private let auditExport: SyslogExporter?
    private let readiness: Readiness
    private let logger: Logger

    private init(
        configuration: Configuration, directory: DataDirectory, parts: Parts, server: Server, identity: ServerIdentity,
        storageTarget: ISCSIFrontEnd?, audit: AuditKeeper, auditExport: SyslogExporter?, generatedPassword: String?, readiness: Readiness,
        logger: Logger
    ) {
        self.configuration = configuration
        self.directory = directory
        self.server = server
        self.storageTarget = storageTarget
        self.identity = identity
        self.audit = audit
        self.auditExport = auditExport
        self.generatedPassword = generatedPassword
        self.readiness = readiness
        self.logger = logger
        product = parts.product
        self.parts = parts
        address = server.boundAddresses.first?.description ?? configuration.listen
        upkeep = Upkeep(product: parts.product, audit: audit, logger: logger)
    }

    /// Fingerprint of the certificate that is shown to clients.
    public var fingerprint: String { identity.fingerprint }
    public var certificatePath: String { identity.certificatePath }

    /// Opens everything, makes what a first start needs, and listens. Requests are answered when this returns.
    ///
    /// - Parameter password: for the administrator of a first start; `nil` generates one.
    public static func start(
        _ configuration: Configuration, password: String?, logs: LogFactory, world: World = .system
    ) async throws(StartError) -> Node {
        let logger = logs.logger("node")
        let directory = DataDirectory(configuration.dataDirectory)
        try directory.create()
        let identity = try ServerIdentity(configuration, directory, world)
        let parts = try Parts(configuration, directory, world)
        do throws(StartError) {
            return try await begin(
                configuration, directory, parts, identity, password: password, logs: logs, logger: logger, world: world)
        } catch {
            await parts.close()
            throw error
        }
    }

    private static func begin(
        _ configuration: Configuration, _ directory: DataDirectory, _ parts: Parts, _ identity: ServerIdentity,
        password: String?, logs: LogFactory, logger: Logger, world: World
    ) async throws(StartError) -> Node {
        let generated = try await parts.prepare(configuration, password: password, world: world, logger: logger)
        let audit = try AuditKeeper(configuration, directory, parts.product, logs.logger("audit"))
        await audit.begin()
        let readiness = Readiness(store: parts.product.store)
        let application = parts.application(configuration, readiness: readiness, logs: logs)
        let storageTarget = try ISCSIFrontEnd(configuration, array: parts.array, world: world, logger: logs.logger("iscsi"))
        do {
            let server = try Server(
                configuration: try serving(configuration, identity.context), application: application,
                logger: logs.logger("serving"), world: world)
            let export = try SyslogExporter.start(
                configuration, directory, store: parts.product.store, keeper: audit, world: world,
                logger: logs.logger("audit"))
            let node = Node(
                configuration: configuration, directory: directory, parts: parts, server: server, identity: identity,
                storageTarget: storageTarget, audit: audit, auditExport: export, generatedPassword: generated, readiness: readiness,
                logger: logger)
            try storageTarget?.start(for: parts.product.array)
            try server.start()
            node.upkeep.begin()
            readiness.isAccepting.store(true, ordering: .releasing)
            logger.notice("accepting requests", metadata: ["address": .string(node.address)])
            return node
        } catch {
            await storageTarget?.stop()
            throw error as? StartError ?? StartError("cannot listen on \(configuration.listen): \(error)")
        }
    }

    private static func serving(
        _ configuration: Configuration, _ tls: TLSContext
    ) throws(ConfigurationError) -> Server.Configuration {
        let listen = try ListenAddress(configuration.listen)
        guard let address = SocketAddress(host: listen.host, port: listen.port) else {
            throw ConfigurationError("listen: \"\(listen.host)\" is not an address of this machine")
        }
        var limits = Limits()
        limits.idleNanoseconds = UInt64(configuration.idleSeconds) * 1_000_000_000
        limits.headNanoseconds = UInt64(configuration.headerSeconds) * 1_000_000_000
        limits.overdueNanoseconds = UInt64(configuration.overdueMilliseconds) * 1_000_000
        return Server.Configuration(
            listen: [address], loops: configuration.eventLoops == 0 ? EventLoop.processorCount : configuration.eventLoops,
            tls: tls, limits: limits, connectionLimit: configuration.connections == 0 ? nil : configuration.connections,
            connectionLimitPerAddress: configuration.connectionsPerAddress)
    }

    /// Where and under which name the array is an iSCSI target; `nil` if it is none.
    public var iscsi: (address: String, targetName: String)? { storageTarget.map { ($0.address, $0.targetName) } }

    /// Reads certificate, key and the secrets of initiators again; new connections get the new ones.
    public func reload() {
        do throws(StartError) {
            try storageTarget?.reload()
        } catch {
            logger.error("secrets of initiators not reloaded", metadata: ["reason": .string(error.description)])
        }
        do throws(StartError) {
            server.reload(tls: try identity.reload())
            logger.notice("certificate reloaded", metadata: ["fingerprint": .string(fingerprint)])
        } catch {
            logger.error("certificate not reloaded", metadata: ["reason": .string(error.description)])
        }
    }

    /// Stops accepting, answers what is under way, and closes everything in order.
    public func stop() async {
        readiness.isAccepting.store(false, ordering: .releasing)
        async let storageEnds: Void? = storageTarget?.stop()
        await server.drain(deadlineNanoseconds: UInt64(configuration.drainSeconds) * 1_000_000_000)
        await storageEnds
        upkeep.end()
        product.array.stop()
        await product.engine.stop()
        server.stop()
        await audit.sign()
        auditExport?.stop()
        await parts.close()
        logger.notice("stopped")
    }

    public var statistics: ServerStatistics { server.statistics }
}

/// Whether requests should come here.
final class Readiness: Sendable {
    let isAccepting = Atomic(false)
    private let store: Store

    init(store: Store) { self.store = store }

    var isReady: Bool { isAccepting.load(ordering: .acquiring) && store.writability == .ready }
}
