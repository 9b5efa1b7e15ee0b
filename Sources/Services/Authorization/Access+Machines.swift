import Domain
import Persistence

extension Access? {
    /// The file that `[datastore] path` names, in a datacenter. A datastore that the caller may not see does not exist.
    ///
    /// - Throws: `invalid_argument`.
    func file(
        _ text: String, _ field: String, in datacenter: Identifier<Datacenter>, _ inventory: Inventory
    ) throws(Fault) -> DatastorePath {
        let (name, path) = try MachineNames.datastorePath(text, field: field)
        let record = inventory[Datastore.self].record(by: "name", "\(datacenter)/\(name)")
        guard let record, shows(ManagedObject(record.id), inventory) else {
            throw .invalid(field, "there is no datastore named '\(name)'.")
        }
        return DatastorePath(datastore: record.id, path: path)
    }
}

// What it takes to make a virtual machine at a place that was chosen for the client in part.
extension Access {
    /// - Parameters:
    ///   - privilege: that allows the making itself, in the folder.
    ///   - datastores: of files that are attached.
    /// - Throws: `unauthorized`.
    func permit(
        _ privilege: String, _ placement: Placement, datastores: [Identifier<Datastore>], _ inventory: Inventory
    ) throws(Fault) {
        try require(privilege, on: ManagedObject(placement.folder), in: inventory)
        try require("Resource.AssignVMToPool", on: ManagedObject(placement.resourcePool), in: inventory)
        try requireActive(ManagedObject(placement.resourcePool), inventory)
        try require("Datastore.AllocateSpace", on: ManagedObject(placement.datastore), in: inventory)
        for datastore in datastores {
            try require("Datastore.Browse", "Datastore.AllocateSpace", on: ManagedObject(datastore), in: inventory)
            try require("VirtualMachine.Config.AddExistingDisk", on: ManagedObject(placement.folder), in: inventory)
        }
    }

    /// - Parameter hardware: of the machine, with the datastores and networks it takes.
    /// - Throws: `unauthorized`.
    func permit(_ hardware: Hardware, _ inventory: Inventory) throws(Fault) {
        for disk in hardware.disks {
            try require("Datastore.AllocateSpace", on: ManagedObject(disk.file.datastore), in: inventory)
        }
        for nic in hardware.nics { try require("Network.Assign", on: ManagedObject(nic.network), in: inventory) }
    }
}
