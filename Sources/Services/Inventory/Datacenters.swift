import ContractTypes
import Domain
import Persistence

/// `com.vmware.vcenter.datacenter`
struct Datacenters: DatacenterService {
    let store: Store
    let authorization: Authorization

    func get(datacenter: String, call: Call) throws(Fault) -> VcenterDatacenterInfo {
        guard let found = store.snapshot[Datacenter.self][Identifier(datacenter)] else {
            throw .notFound("datacenter", "Datacenter", datacenter)
        }
        return VcenterDatacenterInfo(
            name: found.name, datastoreFolder: found.datastoreFolder.rawValue, hostFolder: found.hostFolder.rawValue,
            networkFolder: found.networkFolder.rawValue, vmFolder: found.virtualMachineFolder.rawValue)
    }

    func list(filter: VcenterDatacenterFilterSpec?, call: Call) throws(Fault) -> [VcenterDatacenterSummary] {
        let inventory = store.snapshot
        let access = authorization.access(call, inventory)
        let (ids, names) = (Choice(filter?.datacenters), Choice(filter?.names))
        let folders = Choice(access.known(filter?.folders, .folder, inventory))
        let rows = inventory[Datacenter.self].all
            .filter {
                ids.contains($0.id.rawValue) && names.contains($0.name) && folders.contains($0.parent.rawValue)
                    && access.shows(ManagedObject($0.id), inventory)
            }
            .map { VcenterDatacenterSummary(datacenter: $0.id.rawValue, name: $0.name) }
        return try limited(rows, to: 1000, "datacenter", "datacenters")
    }
}
