import ContractTypes
import Domain
import Persistence

/// `com.vmware.vcenter.datastore`
struct DatastoreListing: DatastoreService {
    let store: Store
    let authorization: Authorization
    let fabric: StorageFabric

    func get(datastore: String, call: Call) throws(Fault) -> VcenterDatastoreInfo {
        let inventory = store.snapshot
        guard let found = inventory[Datastore.self][Identifier(datastore)] else {
            throw .notFound("datastore", "Datastore", datastore)
        }
        let free = fabric.freeBytes(found.id)
        return VcenterDatastoreInfo(
            name: found.name, type: .vmfs, accessible: free != nil, freeSpace: free.map { Int64(clamping: $0) },
            multipleHostAccess: inventory[Host.self].all.count { $0.datacenter == found.datacenter } > 1,
            thinProvisioningSupported: true)
    }

    func list(filter: VcenterDatastoreFilterSpec?, call: Call) throws(Fault) -> [VcenterDatastoreSummary] {
        let (ids, names) = (Choice(filter?.datastores), Choice(filter?.names))
        guard filter?.types?.contains(.vmfs) ?? true else { return [] }
        let inventory = store.snapshot
        let access = authorization.access(call, inventory)
        let folders = Choice(access.known(filter?.folders, .folder, inventory))
        let datacenters = Choice(access.known(filter?.datacenters, .datacenter, inventory))
        let rows = inventory[Datastore.self].all
            .filter {
                ids.contains($0.id.rawValue) && names.contains($0.name) && folders.contains($0.folder.rawValue)
                    && datacenters.contains($0.datacenter.rawValue)
                    && access.shows(ManagedObject($0.id), inventory)
            }
            .map { datastore in
                // Who may only take from it is not told how much others have left.
                let isOpen = access?.may(.read, on: ManagedObject(datastore.id), in: inventory) ?? true
                return VcenterDatastoreSummary(
                    datastore: datastore.id.rawValue, name: datastore.name, type: .vmfs,
                    freeSpace: isOpen ? fabric.freeBytes(datastore.id).map { Int64(clamping: $0) } : nil,
                    capacity: isOpen ? Int64(clamping: datastore.capacityBytes) : nil)
            }
        return try limited(rows, to: 2500, "datastore", "datastores")
    }
}
