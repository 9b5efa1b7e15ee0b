import Domain
import Persistence
import Platform
import SCSI
import StorageArray
import Synchronization

/// What the services of the array stand on: its pool, what initiators are shown of it, and threads that may block.
public final class ArrayAdministration: Sendable {
    public let pool: StoragePool
    public let exposure: LUNExposure
    private let workers: WorkerPool
    private let hasToStop = Atomic(false)
    private let sessionSource = Mutex<@Sendable () -> [InitiatorSession]>({ [] })

    /// - Parameter workers: threads that may block on the array.
    public init(pool: StoragePool, target: ArrayTarget, store: Store, workers: WorkerPool) {
        self.pool = pool
        self.workers = workers
        exposure = LUNExposure(target: target, store: store)
    }

    /// Does something with the pool on a thread that may block.
    ///
    /// - Parameter subject: what it is about, for people: a LUN's name or identifier.
    func perform<Success: Sendable>(
        on subject: String, _ work: @escaping @Sendable (StoragePool) throws(ArrayError) -> Success
    ) async throws(Fault) -> Success {
        let pool = pool
        do throws(ArrayError) {
            return try await workers.run { () throws(ArrayError) in try work(pool) }
        } catch {
            throw Fault(error, about: subject)
        }
    }

    /// Who is logged in over the network; nobody until `report` names a source.
    var sessions: [InitiatorSession] { sessionSource.withLock { $0 }() }

    /// Whether long work should come to its end.
    var isStopping: Bool { hasToStop.load(ordering: .relaxed) }

    /// Ends long work soon; for a server that stops.
    public func stop() { hasToStop.store(true, ordering: .relaxed) }

    /// Where to ask who is logged in over the network.
    public func report(sessions source: @escaping @Sendable () -> [InitiatorSession]) {
        sessionSource.withLock { $0 = source }
    }

    /// - Parameter lun: `nil` for the pool.
    func softThreshold(_ lun: LUNIdentifier?) throws(Fault) -> UInt64? {
        do throws(ArrayError) {
            return try pool.softThreshold(lun)
        } catch {
            throw Fault(error, about: lun?.description ?? ArrayPools.only)
        }
    }

    /// Of a LUN of the inventory.
    ///
    /// - Throws: `not_found`, also if the array has lost it.
    func information(_ id: Identifier<ArrayLUN>) throws(Fault) -> LUNInformation {
        guard let identifier = LUNIdentifier(id) else { throw .lunNotFound(id.rawValue) }
        do throws(ArrayError) {
            return try pool.information(identifier)
        } catch {
            throw Fault(error, about: id.rawValue)
        }
    }
}

extension LUNIdentifier {
    /// `nil` for a text that is not `lun-` and a number.
    init?(_ id: Identifier<ArrayLUN>) {
        guard id.rawValue.hasPrefix("lun-"), let number = UInt32(id.rawValue.dropFirst(4)) else { return nil }
        self.init(number)
    }
}

extension Identifier where Owner == ArrayLUN {
    init(_ identifier: LUNIdentifier) { self.init("lun-\(identifier.rawValue)") }
}

extension Inventory {
    /// - Throws: `not_found`.
    func lun(_ id: String) throws(Fault) -> ArrayLUN {
        guard let lun = self[ArrayLUN.self][Identifier(id)] else { throw .lunNotFound(id) }
        return lun
    }

    /// The datastore whose volume is on a LUN.
    func datastore(on lun: ArrayLUN) -> Datastore? { self[Datastore.self].all.first { $0.lun == lun.number } }

    /// The number for a new LUN: its own where that is free, so that people meet one number only, else the lowest one.
    ///
    /// Numbers of the array's catalogue are never reused and outgrow what initiators can address.
    func freeNumber(for identifier: LUNIdentifier) -> UInt16? {
        func isFree(_ number: UInt16) -> Bool { self[ArrayLUN.self].record(by: "number", String(number)) == nil }
        if identifier.rawValue <= UInt32(ArrayLUN.numbers.upperBound) {
            let own = UInt16(identifier.rawValue)
            if isFree(own) { return own }
        }
        // Initiators expect something at 0, such as a controller, so a unit is not put there by itself.
        return ArrayLUN.numbers.dropFirst().first(where: isFree)
    }
}
