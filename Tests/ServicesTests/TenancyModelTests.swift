import ContractTypes
import Domain
import Persistence
import Testing

@testable import Services

// Many tenants at once: rounds of clients that make, clone, start, stop, resize and delete machines and change limits, all
// at the same time; some rounds end in a loss of power at a random write. After each, a ledger that knows nothing of kept
// sums counts the machines: no limit is exceeded but by what was there when it was lowered, nothing is claimed for work
// that is over, and kept and counted sums agree. The short form runs in CI; VIADUCT_LONG=1 runs many more rounds.

@Suite struct TenancyModelTests {
    @Test(arguments: isLongForm ? Array(100..<124) : [101, 102] as [UInt64])
    func noLimitIsExceededAndNoClaimIsLeftWhoeverDoesWhat(seed: UInt64) async throws {
        var crowd = try await Crowd(seed: seed)
        for round in 0..<(isLongForm ? 40 : 10) {
            try await crowd.play("seed \(seed), round \(round)", losesPower: round % 4 == 3)
        }
        try await crowd.lab.close()
    }
}

/// Three tenants with a virtual datacenter each, and what a naive ledger knows about them.
private struct Crowd {
    var lab: Laboratory
    var random: SeededGenerator
    private var vdcs: [String] = []
    /// The most that may be in use, by virtual datacenter.
    private var bounds: [String: TenancyAmounts] = [:]
    private var names = 0

    private static let clients = 12

    init(seed: UInt64) async throws {
        random = SeededGenerator(seed: seed)
        var description = LabDescription.small
        description.datacenters[0].clusters[0].isDRSEnabled = true
        lab = try await Laboratory.made(description)
        let service = Self.vdcs(lab)
        for number in 0..<3 {
            let tenant = try await Tenants(store: lab.store, authorization: lab.authorization).create(
                spec: ViaductTenancyTenantsCreateSpec(name: "t\(number)", projectID: "t\(number)"), call: lab.call())
            let vdc = try await service.create(
                spec: ViaductTenancyVdcsCreateSpec(
                    tenant: tenant, displayName: "v", compute: "Lab Cluster", cpuLimit: 3000, memLimit: 2048, vmQuota: 4,
                    storageLimit: 16),
                call: lab.call())
            vdcs.append(vdc)
            bounds[vdc] = try lab.inventory.tenantDatacenter(vdc).value.limits
        }
    }

    private static func vdcs(_ lab: Laboratory) -> VirtualDatacenters {
        VirtualDatacenters(store: lab.store, engine: lab.engine, authorization: lab.authorization)
    }

    /// One thing that a client does.
    private enum Action: Sendable {
        case make(String, in: String, memory: Int64, mebibytes: Int64)
        case clone(String, String, starts: Bool)
        case start(String), stop(String), delete(String)
        case resize(String, memory: Int64)
        case limit(String, machines: Int64, memory: Int64)

        func run(_ lab: Laboratory) async throws(Fault) {
            switch self {
            case .make(let name, let vdc, let memory, let mebibytes):
                let pool = try lab.inventory.tenantDatacenter(vdc).value.pool.rawValue
                let spec = VcenterVMCreateSpec(
                    guestOS: .ubuntu64, name: name, placement: VcenterVMPlacementSpec(resourcePool: pool),
                    memory: VcenterVmHardwareMemoryUpdateSpec(sizeMiB: memory), disks: [.new(mebibytes: mebibytes)])
                _ = try await lab.machines.create(spec: spec, call: lab.call())
            case .clone(let source, let name, let starts):
                _ = try await lab.machines.clone(spec: .init(source: source, name: name, powerOn: starts), call: lab.call())
            case .start(let id): try await lab.powerService.start(vm: id, call: lab.call())
            case .stop(let id): try await lab.powerService.stop(vm: id, call: lab.call())
            case .delete(let id): try await lab.machines.delete(vm: id, call: lab.call())
            case .resize(let id, let memory):
                try await MemorySizes(store: lab.store).update(vm: id, spec: .init(sizeMiB: memory), call: lab.call())
            case .limit(let vdc, let machines, let memory):
                try await Crowd.vdcs(lab).update(
                    vdc: vdc, spec: ViaductTenancyVdcsUpdateSpec(memLimit: memory, vmQuota: machines), call: lab.call())
            }
        }
    }

    private mutating func action() -> Action {
        let vdc = vdcs[Int(random.next() % UInt64(vdcs.count))]
        let ids = lab.inventory[VirtualMachine.self].all.map(\.id.rawValue)
        let any = ids.isEmpty ? "vm-0" : ids[Int(random.next() % UInt64(ids.count))]
        let size = Int64(1 + random.next() % 6)
        names += 1
        switch random.next() % 12 {
        case 0, 1, 2: return .make("m\(names)", in: vdc, memory: size * 256, mebibytes: size)
        case 3, 4: return .clone(any, "c\(names)", starts: size > 3)
        case 5, 6: return .start(any)
        case 7: return .stop(any)
        case 8: return .delete(any)
        case 9, 10: return .resize(any, memory: size * 256)
        default: return .limit(vdc, machines: 2 + size % 4, memory: 512 * size)
        }
    }

    mutating func play(_ place: String, losesPower: Bool) async throws {
        let actions = (0..<Self.clients).map { _ in action() }
        if losesPower { lab.power.lose(afterWrites: Int(1 + random.next() % 60)) }
        let current = lab
        let outcomes = await withTaskGroup(of: Fault?.self) { group in
            for action in actions {
                group.addTask { await faultIfAny { () throws(Fault) in try await action.run(current) } }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        if losesPower {
            await lab.die()
            lab.medium.device.crash(keeping: .nothing, seed: random.next())
            lab = try await Laboratory.reopened(lab.medium, seed: random.next())
        } else {
            let expected: [FaultType] = [
                .unableToAllocateResource, .notFound, .notAllowedInCurrentState, .alreadyInDesiredState, .resourceBusy,
            ]
            for outcome in outcomes { if let outcome { #expect(expected.contains(outcome.type), "\(place): \(outcome)") } }
        }
        try check(place, actions)
    }

    private mutating func check(_ place: String, _ actions: [Action]) throws {
        let inventory = lab.inventory
        #expect(inventory.usageDifferences().isEmpty, "\(place)")
        let disagreements = try lab.disagreements()
        #expect(disagreements.isEmpty, "\(place): \(disagreements)")
        for vdc in vdcs {
            let datacenter = try inventory.tenantDatacenter(vdc).value
            let counted = count(datacenter, inventory)
            #expect(inventory.usage(of: vdc).claimed == .none && inventory.usage(of: vdc).used == counted, "\(place), \(vdc)")
            var bound = bounds[vdc] ?? datacenter.limits
            // Which of the limits set in this round came when does not matter: the highest of them bounds the round.
            for case .limit(vdc, let machines, let memory) in actions {
                bound.machines = max(bound.machines, machines)
                bound.memory = max(bound.memory, memory)
            }
            for dimension in QuotaDimension.allCases where bound[dimension] >= 0 {
                #expect(counted[dimension] <= bound[dimension], "\(place), \(vdc): \(dimension) \(counted), at most \(bound)")
            }
            // What is above a limit that was lowered may stay, but not grow.
            for dimension in QuotaDimension.allCases where bound[dimension] >= 0 {
                bound[dimension] = max(datacenter.limits[dimension], counted[dimension])
            }
            bounds[vdc] = bound
        }
    }

    /// What the machines of a virtual datacenter are charged, counted without any of the product's rules.
    private func count(_ datacenter: TenantDatacenter, _ inventory: Inventory) -> TenancyAmounts {
        var sum = TenancyAmounts.none
        for machine in inventory[VirtualMachine.self].all where machine.resourcePool == datacenter.pool {
            sum.machines += 1
            sum.nics += Int64(machine.hardware.nics.count)
            sum.storage += machine.hardware.disks.reduce(0) { $0 + Int64($1.capacityBytes >> 20) }
            guard machine.powerState == .on else { continue }
            sum.cpu += machine.hardware.cpu.count * 1000
            sum.memory += machine.hardware.memory.sizeMiB
        }
        return sum
    }
}
