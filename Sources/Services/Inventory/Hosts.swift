import ContractTypes
import Domain
import Persistence

/// `com.vmware.vcenter.host`
struct Hosts: HostService {
    let store: Store
    let authorization: Authorization

    /// A simulated host is always connected and powered on.
    func list(filter: VcenterHostFilterSpec?, call: Call) throws(Fault) -> [VcenterHostSummary] {
        let (ids, names) = (Choice(filter?.hosts), Choice(filter?.names))
        guard filter?.connectionStates?.contains(.connected) ?? true else { return [] }
        let inventory = store.snapshot
        let access = authorization.access(call, inventory)
        let folders = Choice(access.known(filter?.folders, .folder, inventory))
        let datacenters = Choice(access.known(filter?.datacenters, .datacenter, inventory))
        let clusters = Choice(access.known(filter?.clusters, .cluster, inventory))
        let uuids = Choice(filter?.hostUuids)
        let rows = inventory[Host.self].all
            .filter {
                ids.contains($0.id.rawValue) && names.contains($0.name) && folders.contains($0.folder.rawValue)
                    && datacenters.contains($0.datacenter.rawValue) && clusters.contains($0.cluster?.rawValue)
                    && uuids.contains($0.uuid) && (filter?.standalone).map { [cluster = $0.cluster] in $0 == (cluster == nil) } ?? true
                    && access.shows(ManagedObject($0.id), inventory)
            }
            .map {
                VcenterHostSummary(
                    host: $0.id.rawValue, name: $0.name, connectionState: .connected, powerState: .poweredOn, hostUUID: $0.uuid)
            }
        return try limited(rows, to: 2500, "host", "hosts")
    }
}
