import ContractTypes
import Domain
import Persistence

/// What a client wants of a virtual datacenter, whichever of the two services it asked; `nil` leaves as it is.
struct TenantDatacenterPlan: Sendable {
    var name: String?
    var summary: String?
    var compute: String?
    var cpuReserve: Int64?
    var memoryReserve: Int64?
    var cpuLimit: Int64?
    var memoryLimit: Int64?
    var machineLimit: Int64?
    var nicLimit: Int64?
    var storageLimit: Int64?
    var allowed: ViaductTenancyVdcsAllowed?

    /// - Throws: `invalid_argument`.
    func limits(_ old: TenancyAmounts) throws(Fault) -> TenancyAmounts {
        TenancyAmounts(
            machines: try Self.limit(machineLimit ?? old.machines, "spec.vm_quota", least: 0),
            cpu: try Self.limit(cpuLimit ?? old.cpu, "spec.cpu_limit", least: 1),
            memory: try Self.limit(memoryLimit ?? old.memory, "spec.mem_limit", least: 1),
            storage: try Self.limit(storageLimit ?? old.storage, "spec.storage_limit", least: 0),
            nics: try Self.limit(nicLimit ?? old.nics, "spec.vnic_quota", least: 0))
    }

    /// - Throws: `already_exists`, `invalid_argument`, `not_found`, `unable_to_allocate_resource`.
    func make(
        of tenant: Tenant, model: TenantDatacenter.AllocationModel, processorSpeedMHz: Int64, _ draft: inout Draft
    ) throws(Fault) -> TenantDatacenter {
        guard tenant.isEnabled else { throw .datacenterClosed(tenant.id.rawValue, "DISABLED") }
        guard (256...8000).contains(processorSpeedMHz) else { throw .invalid("spec.vcpu_speed_mhz", "it must be from 256 to 8000.") }
        let cluster = try draft.inventory.computeCluster(compute ?? "")
        var datacenter = TenantDatacenter(
            id: draft.nextIdentifier(prefix: "vdc-"), tenant: tenant.id, name: "", summary: "", cluster: cluster.id,
            pool: draft.nextIdentifier(prefix: "resgroup-"), folder: draft.nextIdentifier(prefix: "group-v"), model: model,
            processorSpeedMHz: processorSpeedMHz,
            cpuReserve: 0, memoryReserve: 0, limits: .unlimited)
        try apply(to: &datacenter, draft.inventory)
        try draft.insert(datacenter.resourcePool(in: cluster))
        try draft.insert(try draft.inventory.folder(for: datacenter, in: cluster))
        try draft.insertNamed(datacenter)
        try draft.put(TenancyUsage(id: Identifier(datacenter.id.rawValue)))
        draft.audit(datacenter, detail: "\(datacenter.name), \(datacenter.promise)")
        return datacenter
    }

    /// - Throws: as `make`; `resource_in_use` if it has machines and is to stand in another cluster.
    func change(_ old: TenantDatacenter, _ draft: inout Draft) throws(Fault) {
        guard old.state != .deleting else { throw .datacenterClosed(old.id.rawValue, old.state.rawValue) }
        var new = old
        if let compute {
            let cluster = try draft.inventory.computeCluster(compute)
            if cluster.id != old.cluster {
                try draft.inventory.requireEmpty(old)
                new.cluster = cluster.id
                new.pool = draft.nextIdentifier(prefix: "resgroup-")
                try draft.removePlaces(of: old)
                new.folder = draft.nextIdentifier(prefix: "group-v")
            }
        }
        try apply(to: &new, draft.inventory)
        guard let cluster = draft[Cluster.self][new.cluster] else { throw .notFound("cluster", "Cluster", new.cluster.rawValue) }
        try draft.put(new.resourcePool(in: cluster))
        try draft.put(try draft.inventory.folder(for: new, in: cluster))
        try draft.putNamed(new)
        draft.audit(new, detail: "\(old.promise) -> \(new.promise)")
    }

    private func apply(to datacenter: inout TenantDatacenter, _ inventory: Inventory) throws(Fault) {
        if let name { datacenter.name = try Self.name(name, "spec.display_name") }
        if let summary {
            guard summary.unicodeScalars.count <= 1024 else { throw .invalid("spec.description", "it has more than 1024 characters.") }
            datacenter.summary = summary
        }
        datacenter.limits = try limits(datacenter.limits)
        datacenter.cpuReserve = try Self.reserve(cpuReserve ?? datacenter.cpuReserve, under: datacenter.limits.cpu, "spec.cpu_reserve")
        datacenter.memoryReserve = try Self.reserve(
            memoryReserve ?? datacenter.memoryReserve, under: datacenter.limits.memory, "spec.mem_reserve")
        if let allowed { datacenter.allowed = try datacenter.allowed.changed(allowed, inventory) }
        try inventory.requireReservable(datacenter)
    }

    private static func limit(_ value: Int64, _ field: String, least: Int64) throws(Fault) -> Int64 {
        guard value == -1 || (least...maximum).contains(value) else {
            throw .invalid(field, "it must be -1 or from \(least) to \(maximum), not \(value).")
        }
        return value
    }

    private static func reserve(_ value: Int64, under limit: Int64, _ field: String) throws(Fault) -> Int64 {
        guard (0...maximum).contains(value) else { throw .invalid(field, "it must be from 0 to \(maximum), not \(value).") }
        guard limit == -1 || value <= limit else { throw .invalid(field, "it is more than the limit \(limit).") }
        return value
    }

    /// So large that nothing reaches it, and so small that no sum of a million overflows.
    private static let maximum: Int64 = 1 << 42

    static func name(_ text: String, _ field: String) throws(Fault) -> String {
        let scalars = text.unicodeScalars
        guard (1...80).contains(scalars.count), scalars.allSatisfy({ $0.properties.generalCategory != .control }) else {
            throw .invalid(field, "it must have 1 to 80 characters and no control characters.")
        }
        return text
    }
}

extension TenantDatacenter.Allowance {
    /// - Throws: `invalid_argument`.
    fileprivate func changed(_ wish: ViaductTenancyVdcsAllowed, _ inventory: Inventory) throws(Fault) -> Self {
        for (field, value) in [("cpu_max_per_vm", wish.cpuMaxPerVm), ("mem_max_mb_per_vm", wish.memMaxMbPerVm)] {
            if let value, value < 1 { throw .invalid("spec.allowed.\(field)", "it must be 1 or more.") }
        }
        for id in wish.datastores ?? [] where !inventory[Datastore.self].contains(Identifier(id)) {
            throw .invalid("spec.allowed.datastores", "there is no datastore '\(id)'.")
        }
        for id in wish.networks ?? [] where !inventory[Network.self].contains(Identifier(id)) {
            throw .invalid("spec.allowed.networks", "there is no network '\(id)'.")
        }
        return Self(
            datastores: wish.datastores?.map { Identifier($0) }, networks: wish.networks?.map { Identifier($0) },
            processorsPerMachine: wish.cpuMaxPerVm, memoryPerMachine: wish.memMaxMbPerVm)
    }
}

extension TenantDatacenter {
    /// Its pool, with reserves and limits as the virtual datacenter has them.
    fileprivate func resourcePool(in cluster: Cluster) -> ResourcePool {
        ResourcePool(
            id: pool, name: name, parent: cluster.resourcePool, cluster: cluster.id, datacenter: cluster.datacenter,
            cpu: ResourceAllocation(reservation: cpuReserve, isReservationExpandable: false, limit: limits.cpu, shares: .normal),
            memory: ResourceAllocation(
                reservation: memoryReserve, isReservationExpandable: false, limit: limits.memory, shares: .normal))
    }

    /// For the audit log: what is promised.
    fileprivate var promise: String {
        "reserve \(cpuReserve) MHz, \(memoryReserve) MB; limits \(limits.listing)"
    }
}

extension Draft {
    mutating func insertNamed(_ datacenter: TenantDatacenter) throws(Fault) {
        try requireFree(datacenter)
        try insert(datacenter)
    }

    mutating func putNamed(_ datacenter: TenantDatacenter) throws(Fault) {
        try requireFree(datacenter)
        try put(datacenter)
    }

    private func requireFree(_ datacenter: TenantDatacenter) throws(Fault) {
        let key = "\(datacenter.tenant)/\(datacenter.name.lowercased())"
        if let holder = self[TenantDatacenter.self].record(by: "name", key), holder.id != datacenter.id {
            throw .duplicateName("TenantVdc", datacenter.name)
        }
    }
}

extension Inventory {
    /// The folder of its machines, named so that it is the only one of its name.
    fileprivate func folder(for datacenter: TenantDatacenter, in cluster: Cluster) throws(Fault) -> Folder {
        guard let home = self[Datacenter.self][cluster.datacenter] else {
            throw .notFound("datacenter", "Datacenter", cluster.datacenter.rawValue)
        }
        return Folder(
            id: datacenter.folder, name: "\(datacenter.name) (\(datacenter.id))", type: .virtualMachine,
            parent: home.virtualMachineFolder, datacenter: home.id)
    }

    /// The cluster that a client names by identifier or name.
    ///
    /// - Throws: `invalid_argument` if there is none, several have the name, or DRS is off.
    fileprivate func computeCluster(_ text: String) throws(Fault) -> Cluster {
        let named = self[Cluster.self].all.filter { $0.name == text }
        guard let cluster = self[Cluster.self][Identifier(text)] ?? (named.count == 1 ? named.first : nil) else {
            throw .invalid("spec.compute", "there is no one cluster '\(text)'.")
        }
        guard cluster.isDRSEnabled else { throw .invalid("spec.compute", "the cluster '\(cluster.id)' has DRS switched off.") }
        return cluster
    }

    /// - Throws: `resource_in_use` with the first hundred machines and their number.
    func requireEmpty(_ datacenter: TenantDatacenter) throws(Fault) {
        let ids = self[VirtualMachine.self].ids(by: "resourcePool", datacenter.pool.rawValue)
        guard !ids.isEmpty else { return }
        let machines = ids.prefix(100).compactMap { self[VirtualMachine.self].record($0)?.value }
        throw .datacenterInUse(datacenter, by: machines, total: ids.count)
    }

    /// What the hosts of a cluster have: processor and memory.
    func capacity(of cluster: Identifier<Cluster>) -> TenancyAmounts {
        self[Host.self].records(by: "cluster", cluster.rawValue).reduce(into: .none) { sum, host in
            sum.cpu += Int64(host.value.cpuCores) * Int64(host.value.coreSpeedMHz)
            sum.memory += Int64(clamping: host.value.memoryBytes >> 20)
        }
    }

    /// - Throws: `unable_to_allocate_resource` if the reserves of the cluster's virtual datacenters would exceed its hosts.
    fileprivate func requireReservable(_ datacenter: TenantDatacenter) throws(Fault) {
        let capacity = capacity(of: datacenter.cluster)
        var reserved = TenancyAmounts.none
        for other in self[TenantDatacenter.self].records(by: "cluster", datacenter.cluster.rawValue) where other.id != datacenter.id {
            reserved.cpu += other.value.cpuReserve
            reserved.memory += other.value.memoryReserve
        }
        let level = QuotaAdmission.Level(
            scope: datacenter.cluster.rawValue,
            limits: TenancyAmounts(machines: -1, cpu: capacity.cpu, memory: capacity.memory, storage: -1, nics: -1),
            used: reserved, claimed: .none)
        let wanted = TenancyAmounts(cpu: datacenter.cpuReserve, memory: datacenter.memoryReserve)
        let violations = QuotaAdmission.violations(wanted, at: [level])
        guard violations.isEmpty else { throw .quotaExceeded(violations, name: datacenter.name) }
    }

    func tenantDatacenter(_ id: String) throws(Fault) -> Record<TenantDatacenter> {
        guard let found = self[TenantDatacenter.self].record(Identifier(id)) else { throw .datacenterNotFound(id) }
        return found
    }
}
