import ContractTypes
import Domain
import Persistence

/// `com.vmware.vcenter.network`
struct Networks: NetworkService {
    let store: Store
    let authorization: Authorization

    func list(filter: VcenterNetworkFilterSpec?, call: Call) throws(Fault) -> [VcenterNetworkSummary] {
        let (ids, names) = (Choice(filter?.networks), Choice(filter?.names))
        let inventory = store.snapshot
        let access = authorization.access(call, inventory)
        let folders = Choice(access.known(filter?.folders, .folder, inventory))
        let datacenters = Choice(access.known(filter?.datacenters, .datacenter, inventory))
        let types = Choice(filter?.types?.map(\.rawValue))
        let rows = inventory[Network.self].all
            .filter {
                ids.contains($0.id.rawValue) && names.contains($0.name) && types.contains($0.type.rawValue)
                    && folders.contains($0.folder.rawValue) && datacenters.contains($0.datacenter.rawValue)
                    && access.shows(ManagedObject($0.id), inventory)
            }
            .map {
                VcenterNetworkSummary(network: $0.id.rawValue, name: $0.name, type: VcenterNetworkType($0.type))
            }
        return try limited(rows, to: 1000, "network", "networks")
    }
}

extension VcenterNetworkType {
    init(_ type: NetworkType) {
        switch type {
        case .standardPortGroup: self = .standardPortgroup
        case .distributedPortGroup: self = .distributedPortgroup
        case .opaqueNetwork: self = .opaqueNetwork
        }
    }
}
