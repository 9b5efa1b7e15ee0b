import ContractTypes
import Coordination
import Domain
import Persistence

/// `com.viaduct.tenancy.vdcs`
struct VirtualDatacenters: VirtualDatacentersService {
    let store: Store
    let engine: WorkflowEngine
    let authorization: Authorization

    // MARK: - Changing

    func create(spec: ViaductTenancyVdcsCreateSpec, call: Call) async throws(Fault) -> String {
        let plan = TenantDatacenterPlan(
            name: spec.displayName, summary: spec.description, compute: spec.compute, cpuReserve: spec.cpuReserve,
            memoryReserve: spec.memReserve, cpuLimit: spec.cpuLimit, memoryLimit: spec.memLimit, machineLimit: spec.vmQuota,
            nicLimit: spec.vnicQuota, storageLimit: spec.storageLimit, allowed: spec.allowed)
        let model = TenantDatacenter.AllocationModel(rawValue: spec.allocationModel?.rawValue ?? "FLEX") ?? .flex
        return try await store.commit(by: call) { (draft) throws(Fault) in
            guard let tenant = draft[Tenant.self][Identifier(spec.tenant)] else {
                throw .invalid("spec.tenant", "there is no tenant '\(spec.tenant)'.")
            }
            return try plan.make(of: tenant, model: model, processorSpeedMHz: spec.vcpuSpeedMhz ?? 1000, &draft).id.rawValue
        }
    }

    func update(vdc: String, spec: ViaductTenancyVdcsUpdateSpec, call: Call) async throws(Fault) {
        let plan = TenantDatacenterPlan(
            name: spec.displayName, summary: spec.description, compute: spec.compute, cpuReserve: spec.cpuReserve,
            memoryReserve: spec.memReserve, cpuLimit: spec.cpuLimit, memoryLimit: spec.memLimit, machineLimit: spec.vmQuota,
            nicLimit: spec.vnicQuota, storageLimit: spec.storageLimit, allowed: spec.allowed)
        try await store.commit(by: call) { (draft) throws(Fault) in
            let record = try draft.inventory.tenantDatacenter(vdc)
            if let revision = spec.revision, revision != Int64(clamping: record.revision) {
                throw .tenancy(.concurrentChange, "concurrent_change", "'\(vdc)' was changed by someone else meanwhile.", vdc)
            }
            try plan.change(record.value, &draft)
            guard spec.strict == true, let new = draft[TenantDatacenter.self][record.id] else { return }
            if let dimension = draft.inventory.overQuota(new).first {
                throw .invalid("spec", "the limit of \(dimension.rawValue) is below what is in use.")
            }
        }
    }

    func enable(vdc: String, call: Call) async throws(Fault) { try await set(.enabled, vdc, call) }
    func disable(vdc: String, call: Call) async throws(Fault) { try await set(.disabled, vdc, call) }

    func suspend(vdc: String, suspendPolicy: ViaductTenancySuspendPolicy?, call: Call) async throws(Fault) {
        try await set(.suspended, vdc, powersOff: suspendPolicy == .powerOff, call)
    }

    private func set(
        _ state: TenantDatacenter.State, _ vdc: String, powersOff: Bool = false, _ call: Call
    ) async throws(Fault) {
        try await store.commit(by: call) { (draft) throws(Fault) in
            var datacenter = try draft.inventory.tenantDatacenter(vdc).value
            guard datacenter.state != .deleting else { throw .datacenterClosed(vdc, datacenter.state.rawValue) }
            draft.audit(datacenter, detail: "\(datacenter.state.rawValue) -> \(state.rawValue)")
            datacenter.state = state
            try draft.put(datacenter)
            guard powersOff else { return }
            for id in draft[VirtualMachine.self].ids(by: "resourcePool", datacenter.pool.rawValue) {
                guard let machine = draft[VirtualMachine.self][id], machine.powerState == .on, machine.lifecycle == .ready else {
                    continue
                }
                try draft.updateCharged(id) { (machine: inout VirtualMachine) throws(Fault) in machine.powerState = .off(clean: false) }
                draft.audit(target: id.rawValue, detail: "powered off")
            }
        }
    }

    func delete(vdc: String, recursive: Bool?, force: Bool?, call: Call) async throws(Fault) {
        let record = try store.snapshot.tenantDatacenter(vdc)
        let workflow = DeleteTenantDatacenter(
            datacenter: record.id, isRecursive: recursive ?? false, isForced: force ?? false)
        _ = try await engine.run(workflow, by: call)
    }

    // MARK: - Reading

    func get(vdc: String, call: Call) throws(Fault) -> ViaductTenancyVdcsInfo {
        let inventory = store.snapshot
        let record = try inventory.tenantDatacenter(vdc)
        let (found, limits) = (record.value, record.value.limits)
        // Clusters are no business of who only uses a part of one.
        let seesCluster = authorization.access(call, inventory).shows(ManagedObject(found.cluster), inventory)
        return ViaductTenancyVdcsInfo(
            tenant: found.tenant.rawValue, displayName: found.name, description: found.summary,
            compute: seesCluster ? found.cluster.rawValue : nil, resourcePool: found.pool.rawValue,
            folder: found.folder.rawValue,
            allocationModel: found.model == .flex ? .flex : .reservation, vcpuSpeedMhz: found.processorSpeedMHz,
            cpuReserve: found.cpuReserve, memReserve: found.memoryReserve, cpuLimit: limits.cpu, memLimit: limits.memory,
            vmQuota: limits.machines, vnicQuota: limits.nics, storageLimit: limits.storage,
            allowed: ViaductTenancyVdcsAllowed(found.allowed),
            state: ViaductTenancyState(found.state), overQuota: inventory.overQuota(found).map(\.rawValue),
            revision: Int64(clamping: record.revision))
    }

    func list(call: Call) throws(Fault) -> [ViaductTenancyVdcsSummary] {
        let inventory = store.snapshot
        let access = authorization.access(call, inventory)
        let rows = inventory[TenantDatacenter.self].all.filter { access.administers(ManagedObject($0.id), inventory) }.map {
            ViaductTenancyVdcsSummary(
                vdc: $0.id.rawValue, tenant: $0.tenant.rawValue, displayName: $0.name, state: ViaductTenancyState($0.state))
        }
        return try limited(rows, to: 1000, "tenancy.vdc", "virtual datacenters")
    }

    func usage(vdc: String, call: Call) throws(Fault) -> ViaductTenancyVdcsUsage {
        let inventory = store.snapshot
        let found = try inventory.tenantDatacenter(vdc).value
        let usage = inventory.usage(of: vdc)
        return ViaductTenancyVdcsUsage(
            vdc: vdc,
            dimensions: QuotaDimension.allCases.map { dimension in
                let (limit, total) = (found.limits[dimension], usage.total[dimension])
                let percent = limit > 0 ? Double(total) * 100 / Double(limit) : nil
                return ViaductTenancyVdcsDimensionUsage(
                    name: dimension.rawValue, limit: limit, used: usage.used[dimension], claimed: usage.claimed[dimension],
                    available: limit < 0 ? nil : max(0, limit - total), usedPercent: percent,
                    state: UsageState(total: total, limit: limit).wire)
            })
    }

    func verifyUsage(vdc: String, call: Call) throws(Fault) -> [ViaductTenancyVdcsUsageDifference] {
        let inventory = store.snapshot
        let found = try inventory.tenantDatacenter(vdc).value
        return inventory.usageDifferences()
            .filter { $0.scope == vdc || $0.scope == found.tenant.rawValue }
            .map {
                ViaductTenancyVdcsUsageDifference(
                    scope: $0.scope, dimension: $0.dimension.rawValue, recorded: $0.recorded, counted: $0.counted)
            }
    }
}

/// How near a limit is. From 80 percent on people want to know, from 90 on they have to act.
private enum UsageState {
    case fine, warning, critical, over

    init(total: Int64, limit: Int64) {
        if limit < 0 || total == 0 {
            self = .fine
        } else if total > limit {
            self = .over
        } else if total * 10 >= limit * 9 {
            self = .critical
        } else {
            self = total * 10 >= limit * 8 ? .warning : .fine
        }
    }

    var wire: ViaductTenancyVdcsUsageState {
        switch self {
        case .fine: .ok
        case .warning: .warning
        case .critical: .critical
        case .over: .overQuota
        }
    }
}

extension Inventory {
    /// Dimensions in which more is used than allowed.
    fileprivate func overQuota(_ datacenter: TenantDatacenter) -> [QuotaDimension] {
        let total = usage(of: datacenter.id.rawValue).total
        return QuotaDimension.allCases.filter { datacenter.limits[$0] >= 0 && total[$0] > datacenter.limits[$0] }
    }
}

extension Access? {
    /// Whether the caller may read about a tenant or virtual datacenter.
    func administers(_ object: ManagedObject, _ inventory: Inventory) -> Bool {
        self?.may(PrivilegeSet(ids: ["System.View", "TenantManager.Query"]), on: object, in: inventory) ?? true
    }
}

extension ViaductTenancyVdcsAllowed {
    init(_ allowed: TenantDatacenter.Allowance) {
        self.init(
            datastores: allowed.datastores?.map(\.rawValue), networks: allowed.networks?.map(\.rawValue),
            cpuMaxPerVm: allowed.processorsPerMachine, memMaxMbPerVm: allowed.memoryPerMachine)
    }
}

extension ViaductTenancyState {
    init(_ state: TenantDatacenter.State) {
        switch state {
        case .enabled: self = .enabled
        case .disabled: self = .disabled
        case .suspended: self = .suspended
        case .deleting: self = .deleting
        }
    }
}
