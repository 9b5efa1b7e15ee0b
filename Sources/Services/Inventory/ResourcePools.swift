import ContractTypes
import Domain
import Persistence

/// `com.vmware.vcenter.resource_pool`
struct ResourcePools: ResourcePoolService {
    let store: Store
    let authorization: Authorization

    func get(resourcePool: String, call: Call) throws(Fault) -> VcenterResourcePoolInfo {
        let inventory = store.snapshot
        let pools = inventory[ResourcePool.self]
        guard let found = pools[Identifier(resourcePool)] else {
            throw .notFound("resourcepool", "Resource pool", resourcePool)
        }
        let access = authorization.access(call, inventory)
        let children = pools.ids(by: "parent", resourcePool).filter { access.shows(ManagedObject($0), inventory) }
        return VcenterResourcePoolInfo(
            name: found.name, resourcePools: children.map(\.rawValue),
            cpuAllocation: VcenterResourcePoolResourceAllocationInfo(found.cpu),
            memoryAllocation: VcenterResourcePoolResourceAllocationInfo(found.memory))
    }

    func list(filter: VcenterResourcePoolFilterSpec?, call: Call) throws(Fault) -> [VcenterResourcePoolSummary] {
        let inventory = store.snapshot
        let access = authorization.access(call, inventory)
        let (ids, names) = (Choice(filter?.resourcePools), Choice(filter?.names))
        let parents = Choice(access.known(filter?.parentResourcePools, .resourcePool, inventory))
        let datacenters = Choice(access.known(filter?.datacenters, .datacenter, inventory))
        // A host's pools are those of its cluster.
        let ofHosts = access.known(filter?.hosts, .host, inventory)?.compactMap { inventory[Host.self][Identifier($0)]?.cluster?.rawValue }
        let (clusters, hostClusters) = (Choice(access.known(filter?.clusters, .cluster, inventory)), Choice(ofHosts))
        let rows = inventory[ResourcePool.self].all
            .filter {
                ids.contains($0.id.rawValue) && names.contains($0.name) && parents.contains($0.parent?.rawValue)
                    && datacenters.contains($0.datacenter.rawValue) && clusters.contains($0.cluster.rawValue)
                    && hostClusters.contains($0.cluster.rawValue) && access.shows(ManagedObject($0.id), inventory)
            }
            .map { VcenterResourcePoolSummary(resourcePool: $0.id.rawValue, name: $0.name) }
        return try limited(rows, to: 1000, "resourcepool", "resource pools")
    }
}

extension VcenterResourcePoolResourceAllocationInfo {
    init(_ allocation: ResourceAllocation) {
        let shares: VcenterResourcePoolSharesInfo =
            switch allocation.shares {
            case .low: VcenterResourcePoolSharesInfo(level: .low)
            case .normal: VcenterResourcePoolSharesInfo(level: .normal)
            case .high: VcenterResourcePoolSharesInfo(level: .high)
            case .custom(let count): VcenterResourcePoolSharesInfo(level: .custom, shares: count)
            }
        self.init(
            reservation: allocation.reservation, expandableReservation: allocation.isReservationExpandable,
            limit: allocation.limit, shares: shares)
    }
}
