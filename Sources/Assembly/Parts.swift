import API
import ContractTypes
import Coordination
import Cryptography
import Domain
import Logging
import Persistence
import PersistenceSQLite
import Platform
import Services
import Sockets
import StorageArray

/// What a node is made of below its server.
struct Parts: Sendable {
    let product: Product
    let array: ArrayOwner
    let workers: WorkerPool
    let hashing: WorkerPool
    private let tokens: BearerTokens?
    private let world: World

    /// Opens log and array. Blocks.
    init(_ configuration: Configuration, _ directory: DataDirectory, _ world: World) throws(StartError) {
        self.world = world
        tokens = try configuration.bearerTokens()
        let processors = EventLoop.processorCount
        do {
            workers = try WorkerPool(
                name: "worker", threads: configuration.workerThreads == 0 ? processors * 4 : configuration.workerThreads)
            // One password hash per core, and a short queue: each takes a tenth of a second.
            hashing = try WorkerPool(name: "hash", threads: processors, queueLimit: 32)
        } catch {
            throw StartError("cannot start threads: \(error)")
        }
        let store: Store
        do {
            store = try Store.open(log: SQLiteLog(path: directory.inventory), schema: Product.schema, world: world)
        } catch {
            throw StartError("cannot open the inventory in \(directory.inventory): \(error)")
        }
        do throws(StartError) {
            array = try ArrayOwner(directory, poolGiB: configuration.poolGiB, world: world, maintenance: .background)
        } catch {
            store.close()
            throw error
        }
        let administration = ArrayAdministration(
            pool: array.pool, target: array.arrayTarget, store: store, workers: workers)
        administration.exposure.refreshAll()
        let fabric = StorageFabric(target: array.target, world: world, pool: workers)
        let engine = WorkflowEngine(
            store: store, world: world, registry: Product.workflows(fabric, administration),
            spawn: { work in Task { await work() } })
        var limits = Sessions.Limits()
        limits.idleMilliseconds = Int64(configuration.sessionIdleMinutes) * 60_000
        limits.absoluteMilliseconds = Int64(configuration.sessionAbsoluteHours) * 3_600_000
        limits.perUser = configuration.sessionsPerUser
        do throws(Fault) {
            product = Product(
                store: store, sessions: Sessions(store: store, world: world, limits: limits),
                hasher: try PasswordHasher(
                    pool: hashing, randomness: world.randomness, method: configuration.passwordMethod),
                fabric: fabric, engine: engine, world: world, array: administration)
        } catch {
            throw StartError("cannot hash passwords: \(error.detail ?? "")")
        }
    }

    /// First start if it is due, mounts, and the end of what a crash interrupted.
    ///
    /// - Returns: the administrator's password if it was generated.
    func prepare(
        _ configuration: Configuration, password: String?, world: World, logger: Logger
    ) async throws(StartError) -> String? {
        let first = FirstStart(store: product.store, world: world, method: configuration.passwordMethod)
        var generated: String?
        if first.isDue {
            generated = try await first.perform(try Self.lab(configuration), array: array, password: password)
            product.array.exposure.refreshAll()
            logger.notice("inventory made")
        }
        do throws(Fault) {
            try product.fabric.mountAll(product.store.snapshot)
        } catch {
            throw StartError("cannot mount: \(error.messages.first?.defaultMessage ?? "") \(error.detail ?? "")")
        }
        await recover(logger)
        try await first.makeMachines(try Self.lab(configuration), product: product)
        return generated
    }

    /// Completes or undoes what was under way when the process ended.
    private func recover(_ logger: Logger) async {
        let recovery = product.engine.recover()
        for id in recovery.resumed {
            do throws(Fault) {
                _ = try await product.engine.waitForEnd(of: id)
            } catch {
                logger.info(
                    "task undone or waiting", metadata: ["task": .string(id.rawValue), "fault": .string(error.type.rawValue)])
            }
        }
        for id in recovery.unknown { logger.error("task of an unknown kind", metadata: ["task": .string(id.rawValue)]) }
    }

    /// Gives everything up again, in order. Blocks.
    func close() async {
        await product.engine.stop()
        product.fabric.unmountAll()
        workers.shutdown()
        hashing.shutdown()
        do throws(ArrayError) {
            try array.close()
        } catch {
            Logger(label: "array").error("the array was not closed cleanly", metadata: ["reason": .string("\(error)")])
        }
        product.store.close()
    }

    static func lab(_ configuration: Configuration) throws(StartError) -> LabDescription {
        let text = configuration.seedFile.isEmpty ? EmbeddedDefaults.demoInventory : try TextFile.read(configuration.seedFile)
        do throws(ConfigurationError) {
            return try SeedFile.parse(text)
        } catch {
            throw StartError(
                "\(configuration.seedFile.isEmpty ? "built-in demo" : configuration.seedFile): \(error.description)")
        }
    }

    func application(_ configuration: Configuration, readiness: Readiness, logs: LogFactory) -> APIApplication {
        let sessions = SessionAdapter(product: product, tokens: tokens)
        var limits = APIConfiguration()
        limits.acceptsCredentialsOnEveryCall = configuration.acceptsCredentialsOnEveryCall
        limits.admission.requestsPerSecondPerAddress = configuration.requestsPerSecondPerAddress
        limits.admission.requestsPerSecondPerUser = configuration.requestsPerSecondPerUser
        limits.admission.waitingRequests = configuration.waitingRequests
        let authorizer = AuthorizationAdapter(product: product)
        let audit = AuditAdapter(store: product.store, refusals: product.refusals, logger: logs.logger("audit"))
        let document = Array(servedDocument.description.utf8)
        return APIApplication(
            operations: operations, dispatcher: ServiceDispatcher(product.services), sessions: sessions,
            authorizer: authorizer, audit: audit,
            endpoints: [
                HealthEndpoint(isReady: { readiness.isReady }),
                DocumentEndpoint(
                    path: "/openapi.json", contentType: "application/json", version: Digest(of: document).hexadecimal,
                    bytes: document),
                FormLoginEndpoint(sessions: sessions, maker: sessions),
                NetworkPolicyEndpoint(
                    responder: NetworkPolicyAdapter(product: product), sessions: sessions, audit: audit, productVersion: "4.2.1.0.0"),
                FileAccessEndpoint(
                    files: FileAccessAdapter(product: product), sessions: sessions, authorizer: authorizer, audit: audit),
            ],
            accessLog: configuration.logsAccess ? AccessLines(logger: logs.logger("access")) : nil, world: world,
            configuration: limits)
    }
}
