import Contract
import ContractTypes
import Coordination
import Datastores
import Domain
import Persistence
import Platform
import SCSI
import StorageArray

@testable import Services

/// A whole product in memory: inventory, array, hosts and workflows around a device and a log that can lose power.
final class Laboratory: Sendable {
    static let administrator = "administrator@vsphere.local"

    let medium: Medium
    let clock: TestClock
    let power: Power
    let world: World
    let pool: StoragePool
    let arrayTarget: ArrayTarget
    let target: FaultyTarget
    let store: Store
    let workers: WorkerPool
    let fabric: StorageFabric
    let array: ArrayAdministration
    let engine: WorkflowEngine
    let authorization: Authorization

    /// Opens what is on a medium, as a start of the program does, without its recovery.
    init(_ medium: Medium, power: Power = Power(), keepsLastAppend: Bool = true, seed: UInt64 = 1) throws {
        self.medium = medium
        self.power = power
        clock = medium.clock
        world = World(clock: medium.clock, randomness: SeededRandomness(seed: seed))
        pool = try StoragePool.open(PoweredDevice(inner: medium.device, power: power))
        arrayTarget = ArrayTarget(pool: pool)
        target = FaultyTarget(arrayTarget)
        let log = PoweredLog(medium.log, power: power, keepsLast: keepsLastAppend)
        store = try Store.open(log: log, schema: Product.schema, world: world)
        workers = try WorkerPool(threads: 4)
        fabric = StorageFabric(target: target, world: world, pool: workers)
        array = ArrayAdministration(pool: pool, target: arrayTarget, store: store, workers: workers)
        engine = WorkflowEngine(
            store: store, world: world, registry: Product.workflows(fabric, array),
            spawn: { work in Task { await work() } })
        array.exposure.refreshAll()
        authorization = Authorization(store: store, operations: operations)
    }

    /// A laboratory with an inventory and an administrator.
    static func made(_ lab: LabDescription = .small) async throws -> Laboratory {
        let laboratory = try Laboratory(Medium.formatted())
        let builder = LabBuilder(world: laboratory.world)
        let plan = try builder.plan(lab, array: LaboratoryArray(laboratory: laboratory))
        try await laboratory.store.commit(by: nil) { (draft) throws(Fault) in
            try LabBuilder.insert(plan, into: &draft)
            try PredefinedIdentities.put(administratorHash: "", into: &draft)
        }
        laboratory.array.exposure.refreshAll()
        try laboratory.fabric.mountAll(laboratory.inventory)
        return laboratory
    }

    /// Opens the medium again and finishes what was under way, as a start of the program does.
    static func reopened(_ medium: Medium, seed: UInt64 = 2) async throws -> Laboratory {
        let laboratory = try Laboratory(medium, seed: seed)
        try laboratory.fabric.mountAll(laboratory.inventory)
        for id in laboratory.engine.recover().resumed {
            do throws(Fault) { try await laboratory.engine.waitForEnd(of: id) } catch { continue }
        }
        return laboratory
    }

    /// Ends as the program does when it is told to.
    func close() async throws {
        await engine.stop()
        fabric.unmountAll()
        workers.shutdown()
        store.close()
        try pool.close()
    }

    /// Ends as a loss of power does: nothing is written any more.
    func die() async {
        power.lose(afterWrites: 0)
        _ = power.step()
        await engine.stop()
        workers.shutdown()
        store.close()
    }

    var inventory: Inventory { store.snapshot }

    // MARK: - Services

    var machines: VirtualMachines {
        VirtualMachines(store: store, fabric: fabric, engine: engine, world: world, views: MachineViews(), authorization: authorization)
    }
    var disks: Disks { Disks(store: store, authorization: authorization, fabric: fabric) }
    var powerService: Services.Power { Services.Power(store: store) }
    var tasks: Tasks { Tasks(store: store, engine: engine) }

    func product() throws -> Product {
        let sessions = Sessions(store: store, world: world, limits: Sessions.Limits())
        return Product(
            store: store, sessions: sessions, hasher: try hasher(), fabric: fabric, engine: engine, world: world, array: array)
    }

    /// Hashes for next to nothing.
    func hasher() throws -> PasswordHasher {
        try PasswordHasher(
            pool: workers, randomness: world.randomness, method: .argon2id(memoryKiB: 8, passes: 1, lanes: 1))
    }

    func call(
        _ operation: String = "test", by user: String? = Laboratory.administrator, service: String = "com.vmware.vcenter.VM"
    ) -> Call {
        Call(
            user: user, requestID: "request", service: service, operation: operation, peer: "192.0.2.1",
            receivedAt: Timestamp(milliseconds: clock.wallMilliseconds))
    }

    // MARK: - Looking

    func datastore(_ name: String) throws -> Datastore {
        try found(inventory[Datastore.self].all.first { $0.name == name })
    }

    func machine(_ id: String) throws -> VirtualMachine { try found(inventory[VirtualMachine.self][Identifier(id)]) }

    func network(_ name: String) throws -> Network { try found(inventory[Network.self].all.first { $0.name == name }) }

    /// Does something on the volume of a datastore.
    func on<Success>(_ name: String, _ body: (Volume) throws(VolumeError) -> Success) throws -> Success {
        let datastore = try datastore(name)
        return try fabric.with(datastore, on: try fabric.anyHost(for: datastore, in: inventory), body)
    }

    func bytes(_ path: String, on name: String) throws -> [UInt8] {
        try on(name) { (volume) throws(VolumeError) in try volume.contents(path) }
    }

    func write(_ bytes: [UInt8], to path: String, at offset: UInt64 = 0, on name: String) throws {
        try on(name) { (volume) throws(VolumeError) in
            try volume.writing(path) { (file) throws(VolumeError) in try file.write(bytes, at: offset) }
        }
    }
}

/// The array as a first start sees it.
struct LaboratoryArray: LabBuilder.Array {
    let laboratory: Laboratory

    var target: any SCSITarget { laboratory.target }

    func provide(name: String, sizeBytes: UInt64, initiators: [String]) throws(Fault) -> (lun: UInt16, existed: Bool) {
        let existing = laboratory.pool.luns.first { $0.name == name }
        let identifier: LUNIdentifier
        do throws(ArrayError) {
            if let existing {
                identifier = existing.identifier
            } else {
                identifier = try laboratory.pool.createLUN(name: name, sizeBytes: sizeBytes).identifier
            }
        } catch {
            throw Fault(.error, id: "test", "\(error)")
        }
        let lun = UInt16(identifier.rawValue)
        laboratory.arrayTarget.expose(identifier, as: lun)
        for initiator in initiators { laboratory.arrayTarget.allow(initiator, lun) }
        return (lun, existing != nil)
    }
}

/// What survives a laboratory: disk and log, and the time of day.
struct Medium: Sendable {
    let device: SimulatedBlockDevice
    let log: MemoryLog
    let clock: TestClock

    static func formatted() throws -> Medium {
        let device = SimulatedBlockDevice()
        try StoragePool.format(
            device, options: PoolOptions(maximumBytes: 16 << 30, journalBytes: 512 << 10),
            randomness: SeededRandomness(seed: 7))
        return Medium(device: device, log: MemoryLog(), clock: TestClock())
    }

    /// Both as they are now, on a disk and a log of their own. Everything must have been flushed.
    func copy() throws -> Medium {
        let chunkBytes: UInt64 = 1 << 20
        let copy = SimulatedBlockDevice(sizeBytes: device.sizeBytes)
        var chunk = [UInt8](repeating: 0, count: Int(chunkBytes))
        let zeros = chunk
        for offset in stride(from: 0, to: device.sizeBytes, by: Int(chunkBytes)) {
            let count = Int(min(chunkBytes, device.sizeBytes - offset))
            try chunk.withUnsafeMutableBytes { buffer in
                try device.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: offset)
            }
            guard chunk != zeros else { continue }
            try chunk.withUnsafeBytes { try copy.write(UnsafeRawBufferPointer(rebasing: $0[..<count]), at: offset) }
        }
        try copy.flush()
        let log = MemoryLog()
        let changes = try self.log.changes(after: 0, limit: .max)
        if !changes.isEmpty { _ = log.append(changes, after: 0) }
        return Medium(device: copy, log: log, clock: TestClock())
    }
}

extension LabDescription {
    /// One datacenter with two datastores of 1 GiB and three hosts.
    static let small = lab([datacenter("Lab", datastores: ["datastore1", "datastore2"], hosts: ["esx-1", "esx-2", "esx-3"])])

    /// As `small`, and a second datacenter with a cluster, a host and a datastore of its own.
    static let two = lab([
        datacenter("Lab", datastores: ["datastore1", "datastore2"], hosts: ["esx-1", "esx-2", "esx-3"]),
        datacenter("Other", datastores: ["far"], hosts: ["far-1"]),
    ])

    static let thinPolicy = "aa6d5a82-1c88-45da-85d3-3d74b91a5bad"
    static let zeroedPolicy = "4d5f673c-536f-11e6-beb8-9e71128cae77"

    private static func lab(_ datacenters: [Datacenter]) -> LabDescription {
        var lab = LabDescription()
        lab.storagePolicies = [
            Policy(id: thinPolicy, name: "Thin Provision", summary: "", provisioning: .thin),
            Policy(id: zeroedPolicy, name: "Eager Zeroed Thick", summary: "", provisioning: .eagerZeroed),
        ]
        lab.datacenters = datacenters
        return lab
    }

    private static func datacenter(_ name: String, datastores: [String], hosts: [String]) -> Datacenter {
        var datacenter = Datacenter(name: name)
        datacenter.virtualMachineFolders = ["Production", "Development"]
        datacenter.networks = [
            Network(name: "\(name) Network", type: .standardPortGroup),
            Network(name: "\(name) Tenant", type: .distributedPortGroup),
        ]
        datacenter.datastores = datastores.map { Datastore(name: $0, capacityGiB: 1) }
        datacenter.clusters = [
            Cluster(
                name: "\(name) Cluster", isHAEnabled: true, isDRSEnabled: false, hosts: hosts, cpuCores: 8, memoryGiB: 32,
                resourcePools: ["Development"])
        ]
        return datacenter
    }
}
