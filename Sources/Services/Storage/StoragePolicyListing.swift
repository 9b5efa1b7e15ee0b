import ContractTypes
import Domain
import Persistence

/// `com.vmware.vcenter.storage.policies`
struct StoragePolicyListing: StoragePoliciesService {
    let store: Store

    func list(filter: VcenterStoragePoliciesFilterSpec?, call: Call) throws(Fault) -> [VcenterStoragePoliciesSummary] {
        let ids = Choice(filter?.policies)
        let rows = store.snapshot[StoragePolicy.self].all
            .filter { ids.contains($0.id.rawValue) }
            .map { VcenterStoragePoliciesSummary(policy: $0.id.rawValue, name: $0.name, description: $0.summary) }
        return try limited(rows, to: 1024, "storage.policies", "storage policies")
    }
}
