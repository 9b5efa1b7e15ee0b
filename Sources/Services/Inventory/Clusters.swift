import ContractTypes
import Domain
import Persistence

/// `com.vmware.vcenter.cluster`
struct Clusters: ClusterService {
    let store: Store
    let authorization: Authorization

    func get(cluster: String, call: Call) throws(Fault) -> VcenterClusterInfo {
        guard let found = store.snapshot[Cluster.self][Identifier(cluster)] else {
            throw .notFound("cluster", "Cluster", cluster)
        }
        return VcenterClusterInfo(name: found.name, resourcePool: found.resourcePool.rawValue)
    }

    func list(filter: VcenterClusterFilterSpec?, call: Call) throws(Fault) -> [VcenterClusterSummary] {
        let inventory = store.snapshot
        let access = authorization.access(call, inventory)
        let (ids, names) = (Choice(filter?.clusters), Choice(filter?.names))
        let folders = Choice(access.known(filter?.folders, .folder, inventory))
        let datacenters = Choice(access.known(filter?.datacenters, .datacenter, inventory))
        let rows = inventory[Cluster.self].all
            .filter {
                ids.contains($0.id.rawValue) && names.contains($0.name) && folders.contains($0.folder.rawValue)
                    && datacenters.contains($0.datacenter.rawValue)
                    && access.shows(ManagedObject($0.id), inventory)
            }
            .map {
                VcenterClusterSummary(
                    cluster: $0.id.rawValue, name: $0.name, haEnabled: $0.isHAEnabled, drsEnabled: $0.isDRSEnabled)
            }
        return try limited(rows, to: 1000, "cluster", "clusters")
    }
}
