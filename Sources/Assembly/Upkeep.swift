import Coordination
import Domain
import Logging
import Services
import Synchronization

/// What has to be done from time to time while a node runs.
final class Upkeep: Sendable {
    private let product: Product
    private let audit: AuditKeeper
    private let logger: Logger
    private let tasks = Mutex<[Task<Void, Never>]>([])

    init(product: Product, audit: AuditKeeper, logger: Logger) {
        self.product = product
        self.audit = audit
        self.logger = logger
    }

    func begin() {
        tasks.withLock { tasks in
            tasks = [
                // Well within the 16 s after which other hosts take a silent one for dead.
                repeated(everySeconds: 3, heartbeats), repeated(everySeconds: 60, sessions), repeated(everySeconds: 60, workflows),
                repeated(everySeconds: 30) { [audit] in await audit.sign() },
                repeated(everySeconds: 60) { [audit] in await audit.retain() },
            ]
        }
    }

    func end() {
        tasks.withLock { tasks in
            for task in tasks { task.cancel() }
            tasks = []
        }
    }

    private func repeated(
        everySeconds seconds: Int, _ work: @escaping @Sendable () async -> Void
    ) -> Task<Void, Never> {
        Task {
            while !Task.isCancelled {
                do {
                    try await Task.sleep(for: .seconds(seconds))
                } catch {
                    return
                }
                await work()
            }
        }
    }

    private func heartbeats() async {
        let product = product
        let problems: [Fault]
        do throws(Fault) {
            problems = try await product.fabric.run { () throws(Fault) in
                product.fabric.renewHeartbeats(product.store.snapshot)
            }
        } catch {
            problems = [error]
        }
        for problem in problems {
            logger.warning("heartbeat", metadata: ["detail": .string(problem.detail ?? problem.messages[0].defaultMessage)])
        }
    }

    private func sessions() async {
        do throws(Fault) {
            try await product.sessions.sweep()
        } catch {
            logger.warning("sessions not swept", metadata: ["detail": .string(error.detail ?? "")])
        }
    }

    /// Takes up tasks that were stuck, and forgets those that ended more than an hour ago.
    private func workflows() async {
        _ = product.engine.recover()
        let now = product.world.clock.wallMilliseconds
        do throws(Fault) {
            _ = try await product.engine.trim(endedBefore: Timestamp(milliseconds: now - 3_600_000))
        } catch {
            logger.warning("tasks not trimmed", metadata: ["detail": .string(error.detail ?? "")])
        }
    }
}
