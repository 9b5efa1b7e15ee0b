import ContractTypes
import Domain
import Persistence

/// `com.viaduct.tenancy.capacity`: for operators, what the clusters have and what of it is promised.
struct TenancyCapacity: TenancyCapacityService {
    let store: Store

    func list(call: Call) throws(Fault) -> [ViaductTenancyCapacitySummary] {
        let inventory = store.snapshot
        let rows = inventory[Cluster.self].all.map { cluster -> ViaductTenancyCapacitySummary in
            let capacity = inventory.capacity(of: cluster.id)
            let datacenters = inventory[TenantDatacenter.self].records(by: "cluster", cluster.id.rawValue).map(\.value)
            var used = TenancyAmounts.none
            for datacenter in datacenters { used = used + inventory.usage(of: datacenter.id.rawValue).total }
            return ViaductTenancyCapacitySummary(
                cluster: cluster.id.rawValue, name: cluster.name, vdcs: Int64(datacenters.count),
                cpu: Self.part(capacity.cpu, used.cpu, datacenters.map { ($0.cpuReserve, $0.limits.cpu) }),
                memory: Self.part(capacity.memory, used.memory, datacenters.map { ($0.memoryReserve, $0.limits.memory) }))
        }
        return try limited(rows, to: 1000, "tenancy.capacity", "clusters")
    }

    private static func part(
        _ capacity: Int64, _ used: Int64, _ promises: [(reserve: Int64, limit: Int64)]
    ) -> ViaductTenancyCapacityPart {
        let reserved = promises.reduce(0) { $0 + $1.reserve }
        let limits = promises.map(\.limit)
        // Without a limit a virtual datacenter may take any number: no sum says anything then.
        let sum = limits.contains(-1) ? nil : limits.reduce(0, +)
        return ViaductTenancyCapacityPart(
            capacity: capacity, reserved: reserved, reservable: max(0, capacity - reserved), used: used, limits: sum,
            overcommitRatio: sum.flatMap { capacity > 0 ? Double($0) / Double(capacity) : nil })
    }
}
