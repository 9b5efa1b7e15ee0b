import ContractTypes
import Domain
import Persistence

/// `com.viaduct.tenancy.tenants`
struct Tenants: TenantsService {
    let store: Store
    let authorization: Authorization

    func create(spec: ViaductTenancyTenantsCreateSpec, call: Call) async throws(Fault) -> String {
        let limits = try TenantDatacenterPlan(
            cpuLimit: spec.cpuLimit, memoryLimit: spec.memLimit, machineLimit: spec.vmQuota, nicLimit: spec.vnicQuota,
            storageLimit: spec.storageLimit
        ).limits(.unlimited)
        return try await store.commit(by: call) { (draft) throws(Fault) in
            try draft.makeTenant(name: spec.name, project: spec.projectID, limits: limits, field: "spec.project_id").id.rawValue
        }
    }

    func update(tenant: String, spec: ViaductTenancyTenantsUpdateSpec, call: Call) async throws(Fault) {
        let plan = TenantDatacenterPlan(
            cpuLimit: spec.cpuLimit, memoryLimit: spec.memLimit, machineLimit: spec.vmQuota, nicLimit: spec.vnicQuota,
            storageLimit: spec.storageLimit)
        try await store.commit(by: call) { (draft) throws(Fault) in
            var new = try Self.find(tenant, draft.inventory)
            if let name = spec.name {
                new.name = try TenantDatacenterPlan.name(name, "spec.name")
                if let holder = draft[Tenant.self].record(by: "name", name.lowercased()), holder.id != new.id {
                    throw .duplicateName("Tenant", name)
                }
            }
            new.isEnabled = spec.enabled ?? new.isEnabled
            new.limits = try plan.limits(new.limits)
            try draft.put(new)
            draft.audit(target: tenant, detail: "\(new.name), \(new.isEnabled ? "enabled" : "disabled"), \(new.limits.listing)")
        }
    }

    func get(tenant: String, call: Call) throws(Fault) -> ViaductTenancyTenantsInfo {
        let found = try Self.find(tenant, store.snapshot)
        return ViaductTenancyTenantsInfo(
            name: found.name, projectID: found.projectID, enabled: found.isEnabled, cpuLimit: found.limits.cpu,
            memLimit: found.limits.memory, vmQuota: found.limits.machines, vnicQuota: found.limits.nics,
            storageLimit: found.limits.storage)
    }

    func list(call: Call) throws(Fault) -> [ViaductTenancyTenantsSummary] {
        let inventory = store.snapshot
        let access = authorization.access(call, inventory)
        let rows = inventory[Tenant.self].all.filter { access.administers(ManagedObject($0.id), inventory) }.map {
            ViaductTenancyTenantsSummary(tenant: $0.id.rawValue, name: $0.name, projectID: $0.projectID, enabled: $0.isEnabled)
        }
        return try limited(rows, to: 1000, "tenancy.tenant", "tenants")
    }

    func delete(tenant: String, call: Call) async throws(Fault) {
        try await store.commit(by: call) { (draft) throws(Fault) in
            let found = try Self.find(tenant, draft.inventory)
            let count = draft[TenantDatacenter.self].ids(by: "tenant", tenant).count
            guard count == 0 else {
                throw .tenancy(
                    .resourceInUse, "tenant_in_use", "The tenant '\(found.name)' has \(count) virtual datacenters.", tenant,
                    String(count))
            }
            try draft.removePermissions(on: ManagedObject(found.id))
            try draft.remove(found.id)
            try draft.remove(Identifier<TenancyUsage>(tenant))
            draft.audit(target: tenant, detail: found.name)
        }
    }

    static func find(_ id: String, _ inventory: Inventory) throws(Fault) -> Tenant {
        guard let found = inventory[Tenant.self][Identifier(id)] else { throw .tenantNotFound(id) }
        return found
    }
}
