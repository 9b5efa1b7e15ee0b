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
        let (folders, datacenters) = (Choice(filter?.folders), Choice(filter?.datacenters))
        guard filter?.types?.contains(.vmfs) ?? true else { return [] }
        let inventory = store.snapshot
        let access = authorization.access(call, inventory)
        let rows = inventory[Datastore.self].all
            .filter {
                ids.contains($0.id.rawValue) && names.contains($0.name) && folders.contains($0.folder.rawValue)
                    && datacenters.contains($0.datacenter.rawValue)
                    && access.shows(ManagedObject($0.id), inventory)
            }
            .map {
                VcenterDatastoreSummary(
                    datastore: $0.id.rawValue, name: $0.name, type: .vmfs,
                    freeSpace: fabric.freeBytes($0.id).map { Int64(clamping: $0) }, capacity: Int64(clamping: $0.capacityBytes))
            }
        return try limited(rows, to: 2500, "datastore", "datastores")
    }
}
