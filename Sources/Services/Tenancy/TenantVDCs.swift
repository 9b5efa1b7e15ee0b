import ContractTypes
import Coordination
import Domain
import Persistence

/// `com.vmware.vio.tenant.vdc`
struct TenantVDCs: TenantVDCService {
    let store: Store

    func create(spec: VioTenantVdcCreateSpec, call: Call) async throws(Fault) -> String {
        let plan = TenantDatacenterPlan(
            name: spec.displayName, compute: spec.compute, cpuReserve: spec.cpuReserve, memoryReserve: spec.memReserve,
            cpuLimit: spec.cpuLimit, memoryLimit: spec.memLimit)
        return try await store.commit(by: call) { (draft) throws(Fault) in
            let tenant = try Self.tenant(spec.projectID, &draft)
            return try plan.make(of: tenant, model: .flex, processorSpeedMHz: 1000, &draft).id.rawValue
        }
    }

    /// That of the project; made with the project's first virtual datacenter, for this service has no other way.
    private static func tenant(_ project: String, _ draft: inout Draft) throws(Fault) -> Tenant {
        if let known = draft[Tenant.self].record(by: "project", project) { return known.value }
        if let known = draft[Tenant.self].record(Identifier(project)) { return known.value }
        return try draft.makeTenant(name: project, project: project, limits: .unlimited, field: "spec.project_id")
    }

    func update(vdc: String, spec: VioTenantVdcUpdateSpec, call: Call) async throws(Fault) {
        let plan = TenantDatacenterPlan(
            name: spec.displayName, compute: spec.compute, cpuReserve: spec.cpuReserve, memoryReserve: spec.memReserve,
            cpuLimit: spec.cpuLimit, memoryLimit: spec.memLimit)
        try await store.commit(by: call) { (draft) throws(Fault) in
            try plan.change(try draft.inventory.tenantDatacenter(vdc).value, &draft)
        }
    }

    func list(call: Call) throws(Fault) -> [VioTenantVdcSummary] {
        let inventory = store.snapshot
        let rows = inventory[TenantDatacenter.self].all.map { datacenter in
            VioTenantVdcSummary(
                vdc: datacenter.id.rawValue, compute: inventory.clusterName(of: datacenter), displayName: datacenter.name,
                projectID: inventory.project(of: datacenter))
        }
        return try limited(rows, to: 1000, "tenancy.vdc", "virtual datacenters")
    }

    func get(vdc: String, call: Call) throws(Fault) -> VioTenantVdcInfo {
        let inventory = store.snapshot
        let datacenter = try inventory.tenantDatacenter(vdc).value
        return VioTenantVdcInfo(
            compute: inventory.clusterName(of: datacenter), displayName: datacenter.name,
            projectID: inventory.project(of: datacenter), cpuLimit: datacenter.limits.cpu, cpuReserve: datacenter.cpuReserve,
            memLimit: datacenter.limits.memory, memReserve: datacenter.memoryReserve,
            resourcePool: datacenter.pool.rawValue)
    }

    /// Only an empty one; it need not be disabled, since this service has no way to do that.
    func delete(vdc: String, call: Call) async throws(Fault) {
        try await store.commit(by: call) { (draft) throws(Fault) in
            let datacenter = try draft.inventory.tenantDatacenter(vdc).value
            guard datacenter.state != .deleting else { throw .datacenterClosed(vdc, datacenter.state.rawValue) }
            try draft.inventory.requireEmpty(datacenter)
            try draft.removeDatacenter(datacenter)
        }
    }
}

extension Draft {
    /// Removes an empty virtual datacenter with everything that refers to it.
    mutating func removeDatacenter(_ datacenter: TenantDatacenter) throws(Fault) {
        try removePlaces(of: datacenter)
        try removePermissions(on: ManagedObject(datacenter.id))
        try remove(Identifier<TenancyUsage>(datacenter.id.rawValue))
        try remove(datacenter.id)
        audit(datacenter, detail: datacenter.name)
    }

    /// Removes the resource pool and the folder of a virtual datacenter that has no machines.
    mutating func removePlaces(of datacenter: TenantDatacenter) throws(Fault) {
        try removePermissions(on: ManagedObject(datacenter.pool))
        try remove(datacenter.pool)
        try removePermissions(on: ManagedObject(datacenter.folder))
        try remove(datacenter.folder)
    }

    /// - Throws: `already_exists`; `invalid_argument`.
    mutating func makeTenant(name: String, project: String, limits: TenancyAmounts, field: String) throws(Fault) -> Tenant {
        let allowed = project.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) || [0x2D, 0x2E, 0x5F].contains(byte)
        }
        guard allowed, (1...64).contains(project.utf8.count) else {
            throw .invalid(field, "it must have 1 to 64 letters, digits, dots, dashes and underscores.")
        }
        let name = try TenantDatacenterPlan.name(name, "spec.name")
        if self[Tenant.self].record(by: "name", name.lowercased()) != nil { throw .duplicateName("Tenant", name) }
        if self[Tenant.self].record(by: "project", project) != nil { throw .duplicateName("Tenant", project) }
        let tenant = Tenant(
            id: nextIdentifier(prefix: "tenant-"), name: name, projectID: project, isEnabled: true, limits: limits)
        try insert(tenant)
        try put(TenancyUsage(id: Identifier(tenant.id.rawValue)))
        audit(target: tenant.id.rawValue, detail: name)
        return tenant
    }
}

extension Inventory {
    fileprivate func clusterName(of datacenter: TenantDatacenter) -> String {
        self[Cluster.self].record(datacenter.cluster)?.value.name ?? datacenter.cluster.rawValue
    }

    fileprivate func project(of datacenter: TenantDatacenter) -> String {
        self[Tenant.self].record(datacenter.tenant)?.value.projectID ?? datacenter.tenant.rawValue
    }
}
