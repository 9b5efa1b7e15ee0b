// What it costs to decide about one more virtual machine: 1,000 virtual datacenters of 100 tenants, 100,000 machines in
// them. Charge, both levels of limits and the new sums; without the commit that stores them.

let datacenters = (0..<1000).map { number in
    TenantDatacenter(
        id: Identifier("vdc-\(number)"), tenant: Identifier("tenant-\(number % 100)"), name: "vdc \(number)", summary: "",
        cluster: Identifier("domain-c1"), pool: Identifier("resgroup-\(number)"), folder: Identifier("group-v\(number)"), model: .reservation,
        processorSpeedMHz: 1000, cpuReserve: 0, memoryReserve: 0,
        limits: TenancyAmounts(machines: 1000, cpu: 1 << 30, memory: 1 << 30, storage: 1 << 40, nics: -1))
}
let tenantLimits = TenancyAmounts(machines: 10_000, cpu: 1 << 40, memory: 1 << 40, storage: 1 << 50, nics: -1)
let byPool = Dictionary(uniqueKeysWithValues: datacenters.map { ($0.pool.rawValue, $0) })

func machine(_ number: Int) -> VirtualMachine {
    let hardware = Hardware(
        version: "VMX_21", cpu: CPU(count: 2, coresPerSocket: 1, isHotAddEnabled: false, isHotRemoveEnabled: false),
        memory: Memory(sizeMiB: 1024, isHotAddEnabled: false),
        boot: Boot(firmware: .bios, delayMilliseconds: 0, retry: false, retryDelayMilliseconds: 0, entersSetup: false),
        bootOrder: [])
    return VirtualMachine(
        id: Identifier("vm-\(number)"), name: "vm \(number)", folder: Identifier("group-v1"), datacenter: Identifier("datacenter-1"),
        host: Identifier("host-1"), cluster: nil, resourcePool: Identifier("resgroup-\(number % 1000)"),
        home: DatastorePath(datastore: Identifier("datastore-1"), path: "/vm-\(number)"), guestOS: "UBUNTU_64", biosUUID: "",
        instanceUUID: "", hardware: hardware)
}

/// The sums that are kept.
struct Ledger {
    let byPool: [String: TenantDatacenter]
    let tenantLimits: TenancyAmounts
    var sums: [String: TenancyUsage] = [:]

    mutating func admit(_ machine: VirtualMachine) -> Bool {
        guard let datacenter = byPool[machine.resourcePool.rawValue] else { return false }
        let charge = datacenter.charge(of: machine)
        let levels = [(datacenter.id.rawValue, datacenter.limits), (datacenter.tenant.rawValue, tenantLimits)].map { scope, limits in
            let usage = sums[scope] ?? TenancyUsage(id: Identifier(scope))
            return QuotaAdmission.Level(scope: scope, limits: limits, used: usage.used, claimed: usage.claimed)
        }
        guard QuotaAdmission.violations(charge, at: levels).isEmpty else { return false }
        for level in levels {
            var usage = sums[level.scope] ?? TenancyUsage(id: Identifier(level.scope))
            usage.used = usage.used + charge
            sums[level.scope] = usage
        }
        return true
    }
}

var ledger = Ledger(byPool: byPool, tenantLimits: tenantLimits)
let machines = (0..<120_000).map(machine)
var admitted = 0
for machine in machines[..<100_000] where ledger.admit(machine) { admitted += 1 }
let clock = ContinuousClock()
let duration = clock.measure { for machine in machines[100_000...] where ledger.admit(machine) { admitted += 1 } }
precondition(admitted == machines.count, "Something was refused.")
let nanoseconds = Int64(duration / .nanoseconds(1)) / 20_000
print("admission: \(nanoseconds) ns per create, 1000 virtual datacenters, 100000 virtual machines")
