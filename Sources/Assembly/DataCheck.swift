import Datastores
import Domain
import Persistence
import PersistenceSQLite
import Platform
import SCSI
import Services
import StorageArray

/// Checks that inventory, volumes and array of a data directory agree. The server must not be running.
public enum DataCheck {
    /// What was found.
    public struct Report: Sendable {
        /// One line each; empty if everything agrees.
        public var problems: [String] = []
        public var machines = 0
        public var files = 0
    }

    /// Opens the directory as a start would, so that what a crash left is finished first, then compares.
    ///
    /// - Parameter includingData: also reads every block of the array and checks its sum.
    /// - Throws: `StartError` if a part cannot be opened at all.
    public static func run(
        _ configuration: Configuration, includingData: Bool, world: World = .system
    ) async throws(StartError) -> Report {
        let directory = DataDirectory(configuration.dataDirectory)
        guard DataDirectory.exists(directory.inventory) else { throw StartError("\(directory.path) holds no inventory") }
        let logs = LogFactory(configuration, world: world)
        let parts = try Parts(configuration, directory, world)
        guard !FirstStart(store: parts.product.store, world: world, method: configuration.passwordMethod).isDue else {
            throw StartError("the first start of \(directory.path) was not completed")
        }
        _ = try await parts.prepare(configuration, password: nil, world: world, logger: logs.logger("check"))
        var report = Report()
        do {
            report.problems += try parts.array.pool.verify(includingData: includingData).map { "array: \($0)" }
        } catch {
            report.problems.append("array: \(error)")
        }
        let inventory = parts.product.store.snapshot
        report.problems += parts.product.array.disagreements(inventory)
        for datastore in inventory[Datastore.self].all {
            check(datastore, inventory, parts.product.fabric, &report)
        }
        report.machines = inventory[VirtualMachine.self].count
        for machine in inventory[VirtualMachine.self].all where machine.lifecycle != .ready {
            report.problems.append("inventory: \(machine.id) is \(machine.lifecycle.rawValue)")
        }
        await parts.close()
        return report
    }

    /// The volume's own rules, and that it has the files the inventory names.
    private static func check(
        _ datastore: Datastore, _ inventory: Inventory, _ fabric: StorageFabric, _ report: inout Report
    ) {
        var wanted: [String: UInt64?] = [:]
        for machine in inventory[VirtualMachine.self].all {
            if machine.home.datastore == datastore.id { wanted[machine.configurationFile] = UInt64?.none }
            for disk in machine.hardware.disks where disk.file.datastore == datastore.id {
                wanted[disk.file.path] = disk.capacityBytes
            }
        }
        do throws(Fault) {
            let host = try fabric.anyHost(for: datastore, in: inventory)
            let found = try fabric.with(datastore, on: host, changes: false) { (volume) throws(VolumeError) in
                (problems: try volume.check(), files: try volume.filesWithSizes())
            }
            report.files += found.files.count
            // A lock of a mount that is gone is void by the volume's rules: whoever meets it takes it.
            report.problems += found.problems.filter { $0.kind != .staleLock }.map { "volume \(datastore.name): \($0)" }
            for (path, size) in wanted.sorted(by: { $0.key < $1.key }) {
                guard let bytes = found.files[path] else {
                    report.problems.append("datastore \(datastore.name): \(path) is missing")
                    continue
                }
                if let size, bytes / 512 * 512 < size {
                    report.problems.append("datastore \(datastore.name): \(path) has \(bytes) bytes, not \(size)")
                }
            }
            // Directories of machines hold nothing that no machine knows, unless someone uploaded it.
            for path in found.files.keys.sorted() where wanted[path] == nil && path.hasSuffix(".vmx") {
                report.problems.append("datastore \(datastore.name): \(path) belongs to no virtual machine")
            }
        } catch {
            report.problems.append("datastore \(datastore.name): \(error.detail ?? error.messages[0].defaultMessage)")
        }
    }
}

extension Volume {
    /// All files with their sizes.
    func filesWithSizes(below directory: String = "") throws(VolumeError) -> [String: UInt64] {
        var found: [String: UInt64] = [:]
        for entry in try entries(of: directory.isEmpty ? "/" : directory) {
            let path = directory + "/" + entry.name
            if entry.isDirectory {
                found.merge(try filesWithSizes(below: path)) { first, _ in first }
            } else {
                found[path] = try information(path).sizeBytes
            }
        }
        return found
    }
}
