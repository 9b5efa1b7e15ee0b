import Domain
import Persistence

// What virtual machines consume is charged in the commit that changes them: the check and the sums are one transaction,
// so that neither a race nor a crash can come between. A machine that is being made is a claim; the commit that makes it
// ready turns the claim into usage, and the one that undoes it takes it back.
extension Draft {
    /// Adds a virtual machine and charges for it.
    ///
    /// - Throws: as `charge`; as `insert`.
    mutating func insertCharged(_ machine: VirtualMachine) throws(Fault) {
        try charge(from: nil, to: machine)
        try insert(machine)
    }

    /// Changes a virtual machine and charges for what grows.
    ///
    /// - Throws: as `charge`; as `update`.
    mutating func updateCharged(
        _ id: Identifier<VirtualMachine>, _ body: (inout VirtualMachine) throws(Fault) -> Void
    ) throws(Fault) {
        guard let old = self[VirtualMachine.self].record(id)?.value else { throw .virtualMachineNotFound(id.rawValue) }
        var new = old
        try body(&new)
        try charge(from: old, to: new)
        try put(new)
    }

    /// Removes a virtual machine and what was charged for it.
    mutating func removeCharged(_ id: Identifier<VirtualMachine>) throws(Fault) {
        try charge(from: self[VirtualMachine.self].record(id)?.value, to: nil)
        try remove(id)
    }

    /// Names a machine in the audit entry of this change, with the tenant whose it is.
    mutating func audit(_ machine: VirtualMachine, detail: String?) {
        audit(target: machine.id.rawValue, detail: detail)
        if let datacenter = inventory.tenantDatacenter(of: machine.resourcePool) { audit(target: datacenter.tenant.rawValue) }
    }

    /// Names a virtual datacenter in the audit entry of this change, with the tenant whose it is.
    mutating func audit(_ datacenter: TenantDatacenter, detail: String?) {
        audit(target: datacenter.id.rawValue, detail: detail)
        audit(target: datacenter.tenant.rawValue)
    }

    /// Charges the difference between two states of a machine, both in one resource pool.
    ///
    /// - Throws: `unable_to_allocate_resource` with every limit that is broken; `not_allowed_in_current_state` if the
    ///   virtual datacenter or its tenant may consume no more.
    private mutating func charge(from old: VirtualMachine?, to new: VirtualMachine?) throws(Fault) {
        guard let pool = new?.resourcePool ?? old?.resourcePool, let datacenter = inventory.tenantDatacenter(of: pool) else { return }
        let (before, after) = (old.map(datacenter.charge(of:)) ?? .none, new.map(datacenter.charge(of:)) ?? .none)
        let growth = after - before
        let starts = new?.powerState == .on && old?.powerState != .on
        if growth.grows || starts { try inventory.admit(growth, to: datacenter) }
        // Also of a machine that is off: it would be started as it is.
        if let new { try inventory.requireAllowed(new, old, in: datacenter) }
        var (used, claimed) = (TenancyAmounts.none, TenancyAmounts.none)
        if let old {
            if old.lifecycle == .creating { claimed = claimed - before } else { used = used - before }
        }
        if let new {
            if new.lifecycle == .creating { claimed = claimed + after } else { used = used + after }
        }
        try book(used: used, claimed: claimed, on: datacenter)
    }

    /// Changes the sums of a virtual datacenter and its tenant, in the commit that changes what they count.
    ///
    /// For whatever is a tenant's, after `Inventory.admit`. What is booked here `countedUsage` has to count.
    mutating func book(used: TenancyAmounts, claimed: TenancyAmounts, on datacenter: TenantDatacenter) throws(Fault) {
        guard used != .none || claimed != .none else { return }
        for scope in [datacenter.id.rawValue, datacenter.tenant.rawValue] {
            var usage = inventory.usage(of: scope)
            usage.used = usage.used + used
            usage.claimed = usage.claimed + claimed
            try put(usage)
        }
    }
}

extension Inventory {
    /// The virtual datacenter whose resource pool is this one or stands above it; `nil` if there is none.
    func tenantDatacenter(of pool: Identifier<ResourcePool>) -> TenantDatacenter? {
        guard !self[TenantDatacenter.self].isEmpty else { return nil }
        var next: Identifier<ResourcePool>? = pool
        while let pool = next {
            if let found = self[TenantDatacenter.self].record(by: "pool", pool.rawValue) { return found.value }
            next = self[ResourcePool.self].record(pool)?.value.parent
        }
        return nil
    }

    /// The sums kept for a virtual datacenter or tenant.
    func usage(of scope: String) -> TenancyUsage {
        self[TenancyUsage.self][Identifier(scope)] ?? TenancyUsage(id: Identifier(scope))
    }

    func quotaLevels(of datacenter: TenantDatacenter) -> [QuotaAdmission.Level] {
        let own = usage(of: datacenter.id.rawValue)
        var levels = [
            QuotaAdmission.Level(
                scope: datacenter.id.rawValue, limits: datacenter.limits, used: own.used, claimed: own.claimed)
        ]
        if let tenant = self[Tenant.self].record(datacenter.tenant)?.value, tenant.limits != .unlimited {
            let sum = usage(of: tenant.id.rawValue)
            levels.append(
                QuotaAdmission.Level(scope: tenant.id.rawValue, limits: tenant.limits, used: sum.used, claimed: sum.claimed))
        }
        return levels
    }

    /// Whether a virtual datacenter may consume more; `growth` may be nothing, for what only starts.
    ///
    /// - Throws: `unable_to_allocate_resource` with every limit that is broken; `not_allowed_in_current_state` if the
    ///   virtual datacenter or its tenant may consume no more.
    func admit(_ growth: TenancyAmounts, to datacenter: TenantDatacenter) throws(Fault) {
        try requireOpen(datacenter)
        let violations = QuotaAdmission.violations(growth, at: quotaLevels(of: datacenter))
        guard violations.isEmpty else { throw .quotaExceeded(violations, name: datacenter.name) }
    }

    /// - Throws: `not_allowed_in_current_state` if it or its tenant is disabled or going. What its members may not do while
    ///   it is suspended, `requireMembersMayWrite` says.
    func requireOpen(_ datacenter: TenantDatacenter) throws(Fault) {
        guard datacenter.state == .enabled || datacenter.state == .suspended else {
            throw .datacenterClosed(datacenter.id.rawValue, datacenter.state.rawValue)
        }
        guard self[Tenant.self].record(datacenter.tenant)?.value.isEnabled ?? false else {
            throw .datacenterClosed(datacenter.tenant.rawValue, "DISABLED")
        }
    }

    /// What a virtual datacenter allows of a machine. What the machine had before is not asked about.
    ///
    /// - Throws: `invalid_argument`.
    fileprivate func requireAllowed(
        _ machine: VirtualMachine, _ old: VirtualMachine?, in datacenter: TenantDatacenter
    ) throws(Fault) {
        let (hardware, allowed) = (machine.hardware, datacenter.allowed)
        if let most = allowed.processorsPerMachine, hardware.cpu.count > max(most, old?.hardware.cpu.count ?? 0) {
            throw .notAllowed("more than \(most) virtual processors", datacenter)
        }
        if let most = allowed.memoryPerMachine, hardware.memory.sizeMiB > max(most, old?.hardware.memory.sizeMiB ?? 0) {
            throw .notAllowed("more than \(most) MB of memory", datacenter)
        }
        for datastore in machine.datastores where old?.datastores.contains(datastore) != true {
            guard serves(ManagedObject(datastore), datacenter) else {
                throw .notAllowed("the datastore '\(datastore)'", datacenter)
            }
        }
        let networks = old?.hardware.nics.map(\.network) ?? []
        for nic in hardware.nics where !networks.contains(nic.network) {
            guard serves(ManagedObject(nic.network), datacenter) else {
                throw .notAllowed("the network '\(nic.network)'", datacenter)
            }
        }
    }

    /// Counts from the objects what virtual datacenters and tenants consume, by scope.
    func countedUsage() -> [String: TenancyUsage] {
        var sums: [String: TenancyUsage] = [:]
        for datacenter in self[TenantDatacenter.self].all {
            for scope in [datacenter.id.rawValue, datacenter.tenant.rawValue] where sums[scope] == nil {
                sums[scope] = TenancyUsage(id: Identifier(scope))
            }
        }
        for machine in self[VirtualMachine.self].all {
            guard let datacenter = tenantDatacenter(of: machine.resourcePool) else { continue }
            let charge = datacenter.charge(of: machine)
            for scope in [datacenter.id.rawValue, datacenter.tenant.rawValue] {
                var sum = sums[scope] ?? TenancyUsage(id: Identifier(scope))
                if machine.lifecycle == .creating { sum.claimed = sum.claimed + charge } else { sum.used = sum.used + charge }
                sums[scope] = sum
            }
        }
        return sums
    }

    /// Where kept sums and counted ones differ; empty if all is well.
    func usageDifferences() -> [(scope: String, dimension: QuotaDimension, recorded: Int64, counted: Int64)] {
        let counted = countedUsage()
        let scopes = Set(counted.keys).union(self[TenancyUsage.self].all.map(\.id.rawValue))
        var found: [(scope: String, dimension: QuotaDimension, recorded: Int64, counted: Int64)] = []
        for scope in scopes.sorted() {
            let (kept, real) = (usage(of: scope), counted[scope] ?? TenancyUsage(id: Identifier(scope)))
            for dimension in QuotaDimension.allCases {
                for (left, right) in [
                    (kept.used[dimension], real.used[dimension]), (kept.claimed[dimension], real.claimed[dimension]),
                ] where left != right { found.append((scope, dimension, left, right)) }
            }
        }
        return found
    }
}
