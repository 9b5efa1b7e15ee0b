import ContractTypes
import Datastores
import Domain
import Persistence
import Platform
import Services
import Testing

@testable import Assembly

// A whole node on a data directory of its own: first start, restart, and who may have the directory.

/// A node that listens on a port the system chose.
struct Bench {
    static let password = "Correct-horse-1"
    static let seed = """
        storage_policies:
          - {id: thin, name: Thin, provisioning: thin}
        datacenters:
          - name: Lab
            folders: {virtual_machine: [Web]}
            networks: [{name: Net, type: STANDARD_PORTGROUP}]
            datastores: [{name: ds, capacity_gib: 1}]
            clusters:
              - name: C
                hosts: {name: "esx-#.lab", count: 2}
        virtual_machines:
          - {name: "web-#", count: 2, folder: Web, networks: [Net], disks: [{capacity_gib: 1}], powered_on: true}
        """

    let directory: TemporaryDirectory
    let configuration: Configuration

    init() throws {
        directory = try TemporaryDirectory()
        var configuration = Configuration()
        configuration.listen = "127.0.0.1:0"
        configuration.dataDirectory = directory.path + "/data"
        configuration.seedFile = try directory.write(Self.seed, to: "seed.yaml")
        configuration.poolGiB = 8
        configuration.drainSeconds = 0
        configuration.logLevel = "critical"
        self.configuration = configuration
    }

    func start(password: String? = Bench.password) async throws -> Node {
        try await Node.start(configuration, password: password, logs: LogFactory(configuration))
    }

    func problems() async throws -> [String] {
        try await DataCheck.run(configuration, includingData: true).problems
    }

    static func call(_ operation: String = "test") -> Call {
        Call(
            user: FirstStart.administrator.rawValue, requestID: "r", service: "com.vmware.vcenter.VM", operation: operation,
            peer: "192.0.2.1", receivedAt: Timestamp(milliseconds: World.system.clock.wallMilliseconds))
    }
}

@Suite struct NodeTests {
    @Test func whatAFirstStartMakesIsThereAfterARestart() async throws {
        let bench = try Bench()
        let node = try await bench.start(password: nil)
        let password = try #require(node.generatedPassword)
        #expect(password.utf8.count == 20)
        #expect(!node.address.hasSuffix(":0") && node.address.hasPrefix("127.0.0.1:"))
        let user = try await node.product.logins.authenticate(
            user: "administrator@vsphere.local", password: password, call: Bench.call("login"))
        #expect(node.product.store.snapshot.isAdministrator(user.id))
        let services = node.product.services
        let seeded = try services.virtualMachine.list(filter: nil, call: Bench.call())
        #expect(seeded.map(\.name) == ["web-1", "web-2"] && seeded.allSatisfy { $0.powerState == .poweredOn })
        let spec = VcenterVMCreateSpec(
            guestOS: .ubuntu64, name: "db", disks: [VcenterVmHardwareDiskCreateSpec(newVmdk: .init(capacity: 4 << 20))])
        let id = try await services.virtualMachine.create(spec: spec, call: Bench.call("create"))
        let token = try await node.product.sessions.create(by: Bench.call("login"))
        let fingerprint = node.fingerprint
        await node.stop()

        let again = try await bench.start(password: "another password")
        #expect(again.generatedPassword == nil && again.fingerprint == fingerprint)
        let machines = try again.product.services.virtualMachine.list(filter: nil, call: Bench.call())
        #expect(machines.map(\.name).sorted() == ["db", "web-1", "web-2"] && machines.contains { $0.vm == id })
        let now = Timestamp(milliseconds: World.system.clock.wallMilliseconds)
        #expect(again.product.sessions.session(forToken: Array(token.utf8)[...], at: now)?.user == user.id.rawValue)
        // The password is the one of the first start.
        _ = try await again.product.logins.authenticate(
            user: "administrator@vsphere.local", password: password, call: Bench.call("login"))
        await again.stop()
        let report = try await DataCheck.run(bench.configuration, includingData: true)
        #expect(report.problems.isEmpty && report.machines == 3 && report.files == 6)
    }

    @Test func aDirectoryHasOneNode() async throws {
        let bench = try Bench()
        let node = try await bench.start()
        for _ in 0..<2 {
            do {
                let second = try await bench.start()
                await second.stop()
                Issue.record("a second node started")
            } catch {
                #expect("\(error)".contains("/data/"), "\(error)")
            }
        }
        #expect(try node.product.services.virtualMachine.list(filter: nil, call: Bench.call()).count == 2)
        await node.stop()
        #expect(try await bench.problems().isEmpty)
    }

    @Test func whatCannotStartSaysWhy() async throws {
        var bench = try Bench()
        let start = { (bench: Bench, password: String?) async -> String in
            do throws(StartError) {
                let node = try await Node.start(bench.configuration, password: password, logs: LogFactory(bench.configuration))
                await node.stop()
                return ""
            } catch {
                return error.description
            }
        }
        let short = await start(bench, "short")
        #expect(short.contains("at least 8 characters"))
        // Nothing of it stays in the way.
        #expect(await start(bench, Bench.password).isEmpty)
        bench = try Bench()
        var configuration = bench.configuration
        configuration.seedFile = bench.directory.path + "/none.yaml"
        #expect(await start(Bench(bench, configuration), Bench.password).contains("none.yaml"))
        configuration = bench.configuration
        configuration.listen = "192.0.2.77:0"
        #expect(await start(Bench(bench, configuration), Bench.password).contains("cannot listen on 192.0.2.77:0"))
        configuration = bench.configuration
        configuration.dataDirectory = configuration.seedFile
        #expect(await start(Bench(bench, configuration), Bench.password).contains("is not a directory"))
        configuration = bench.configuration
        configuration.certificateFile = "/none.pem"
        configuration.privateKeyFile = "/none.pem"
        #expect(await start(Bench(bench, configuration), Bench.password).contains("/none.pem"))
        let node = try await bench.start()
        await node.stop()
        #expect(try await bench.problems().isEmpty)
    }

    /// The volumes are made, somebody has put a file there, and then the process ends before the inventory is.
    @Test func aFirstStartThatWasInterruptedKeepsTheFiles() async throws {
        let bench = try Bench()
        let directory = DataDirectory(bench.configuration.dataDirectory)
        try directory.create()
        let parts = try Parts(bench.configuration, directory, .system)
        let plan = try LabBuilder(world: .system).plan(Parts.lab(bench.configuration), array: parts.array)
        #expect(FirstStart(store: parts.product.store, world: .system, method: .standard).isDue)
        _ = plan
        let identifier = try #require(VolumeIdentifier("00000000-0000-0000-0000-000000000001"))
        let volume = try Volume.mount(
            .init(target: parts.array.target, lun: 1, nexus: .init(initiator: "local:iqn.1998-01.com.vmware:esx-1.lab")),
            host: HostIdentity(identifier: identifier, name: "test"),
            clock: HostClock(
                now: { Timestamp(milliseconds: 0) }, monotonicMilliseconds: { 0 }, pause: { Pause.milliseconds($0) }))
        try volume.createFile("/kept", sizeBytes: 4096)
        try volume.unmount()
        await parts.close()

        let node = try await bench.start()
        let inventory = node.product.store.snapshot
        let datastore = try #require(inventory[Datastore.self].all.first)
        let kept = try node.product.fabric.with(datastore, on: node.product.fabric.anyHost(for: datastore, in: inventory)) {
            (volume) throws(VolumeError) in try volume.information("/kept").sizeBytes
        }
        #expect(kept == 4096)
        await node.stop()
        #expect(try await bench.problems().isEmpty)
    }
}

extension Bench {
    init(_ other: Bench, _ configuration: Configuration) {
        directory = other.directory
        self.configuration = configuration
    }
}
