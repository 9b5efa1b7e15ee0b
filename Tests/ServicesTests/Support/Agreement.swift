import Datastores
import Domain
import Persistence
import StorageArray

@testable import Services

extension Laboratory {
    /// Where inventory, volumes and array do not agree; empty if they do.
    ///
    /// - Parameter foreign: files and directories (with a slash at their end) that belong to no machine, by datastore.
    func disagreements(foreign: [String: Set<String>] = [:]) throws -> [String] {
        var found = try pool.verify(includingData: true).map { "array: \($0)" }
        found += array.disagreements(inventory)
        for machine in inventory[VirtualMachine.self].all where machine.lifecycle != .ready {
            found.append("\(machine.id) is \(machine.lifecycle)")
        }
        for machine in inventory[VirtualMachine.self].all where machine.cloneSource != nil {
            found.append("\(machine.id) is still being cloned")
        }
        for datastore in inventory[Datastore.self].all {
            let (tree, problems) = try on(datastore.name) { (volume) throws(VolumeError) in
                (try volume.tree(), try volume.problems())
            }
            found += problems.map { "\(datastore.name): \($0)" }
            found += compare(tree, expected(on: datastore), foreign[datastore.name] ?? [], datastore.name)
        }
        return found
    }

    private func expected(on datastore: Datastore) -> [String: UInt64?] {
        var wanted: [String: UInt64?] = [:]
        for machine in inventory[VirtualMachine.self].all {
            if machine.home.datastore == datastore.id {
                wanted.updateValue(nil, forKey: machine.configurationFile)
                wanted.updateValue(nil, forKey: machine.home.path + "/")
            }
            for disk in machine.hardware.disks where disk.file.datastore == datastore.id {
                wanted[disk.file.path] = disk.capacityBytes
                let directory = disk.file.path.split(separator: "/").dropLast().map { "/" + $0 }.joined()
                if !directory.isEmpty { wanted.updateValue(nil, forKey: directory + "/") }
            }
        }
        return wanted
    }

    private func compare(
        _ tree: [String: UInt64], _ wanted: [String: UInt64?], _ foreign: Set<String>, _ datastore: String
    ) -> [String] {
        var found: [String] = []
        for (path, size) in wanted.sorted(by: { $0.key < $1.key }) {
            guard let bytes = tree[path] else {
                found.append("\(datastore): \(path) is missing")
                continue
            }
            if let size, bytes / 512 * 512 != size { found.append("\(datastore): \(path) has \(bytes) bytes, not \(size)") }
        }
        for path in tree.keys.sorted() where wanted[path] == nil && !foreign.contains(path) {
            found.append("\(datastore): \(path) belongs to nobody")
        }
        return found
    }

    /// Free bytes of a volume, counted anew.
    func freeBytes(_ name: String) throws -> UInt64 {
        try on(name) { (volume) throws(VolumeError) in
            try volume.refreshFreeSpace()
            return volume.freeBytes
        }
    }
}
