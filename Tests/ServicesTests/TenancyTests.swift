import ContractTypes
import Domain
import Persistence
import Testing

@testable import Services

// Quotas hold: against many clients at once, through clones that fail, through a crash at any write of a recursive delete,
// and along random histories against a ledger that counts everything anew after every step.

extension LabDescription {
    /// As `small`, with DRS.
    fileprivate static var balanced: LabDescription {
        var lab = LabDescription.small
        lab.datacenters[0].clusters[0].isDRSEnabled = true
        return lab
    }
}

extension Laboratory {
    fileprivate var vdcs: VirtualDatacenters { VirtualDatacenters(store: store, engine: engine, authorization: authorization) }
    fileprivate var vio: TenantVDCs { TenantVDCs(store: store) }
    fileprivate var tenants: Tenants { Tenants(store: store, authorization: authorization) }

    fileprivate func makeDatacenter(
        _ name: String, project: String = "blue", cpu: Int64? = nil, memory: Int64? = nil, machines: Int64? = nil,
        storage: Int64? = nil
    ) async throws(Fault) -> String {
        let vdc = try await vio.create(
            spec: VioTenantVdcCreateSpec(
                compute: "Lab Cluster", displayName: name, projectID: project, cpuLimit: cpu, memLimit: memory),
            call: call())
        if machines != nil || storage != nil {
            try await vdcs.update(
                vdc: vdc, spec: ViaductTenancyVdcsUpdateSpec(vmQuota: machines, storageLimit: storage), call: call())
        }
        return vdc
    }

    fileprivate func place(
        _ name: String, in vdc: String, memory: Int64? = nil, mebibytes: Int64? = nil
    ) async throws(Fault) -> String {
        let pool = try vio.get(vdc: vdc, call: call()).resourcePool
        let spec = VcenterVMCreateSpec(
            guestOS: .ubuntu64, name: name, placement: VcenterVMPlacementSpec(resourcePool: pool),
            memory: memory.map { VcenterVmHardwareMemoryUpdateSpec(sizeMiB: $0) },
            disks: mebibytes.map { [.new(mebibytes: $0)] } ?? [])
        return try await machines.create(spec: spec, call: call())
    }

    fileprivate func used(_ vdc: String) -> TenancyAmounts { inventory.usage(of: vdc).used }
}

@Suite struct TenancyTests {
    @Test func theFiveOperationsMakeAndRemoveAPool() async throws {
        let lab = try await Laboratory.made(.balanced)
        let vdc = try await lab.makeDatacenter("prod", cpu: 4000, memory: 8192)
        let info = try lab.vio.get(vdc: vdc, call: lab.call())
        #expect(info.cpuLimit == 4000 && info.memLimit == 8192 && info.cpuReserve == 0 && info.projectID == "blue")
        let pool = try found(lab.inventory[ResourcePool.self][Identifier(info.resourcePool)])
        #expect(pool.cpu.limit == 4000 && pool.memory.limit == 8192)
        try await lab.vio.update(vdc: vdc, spec: VioTenantVdcUpdateSpec(displayName: "blue", memLimit: 4096), call: lab.call())
        #expect(lab.inventory[ResourcePool.self][pool.id]?.memory.limit == 4096)
        #expect(try lab.vio.list(call: lab.call()).map(\.displayName) == ["blue"])
        let twice = await fault { try await lab.makeDatacenter("BLUE") }
        #expect(twice?.type == .alreadyExists)
        let greedy = await fault {
            try await lab.vio.update(vdc: vdc, spec: VioTenantVdcUpdateSpec(cpuLimit: -1, cpuReserve: 1_000_000), call: lab.call())
        }
        #expect(greedy?.type == .unableToAllocateResource)
        try await lab.vio.delete(vdc: vdc, call: lab.call())
        #expect(lab.inventory[ResourcePool.self][pool.id] == nil && lab.inventory[TenantDatacenter.self].isEmpty)
        try await lab.close()
    }

    @Test func aRefusalListsEveryLimitAndAnExactFitIsAdmitted() async throws {
        let lab = try await Laboratory.made(.balanced)
        let vdc = try await lab.makeDatacenter("prod", cpu: 1000, memory: 1024, machines: 1, storage: 8)
        let id = try await lab.place("exact", in: vdc, memory: 1024, mebibytes: 8)
        try await lab.start(id)
        #expect(lab.used(vdc) == TenancyAmounts(machines: 1, cpu: 1000, memory: 1024, storage: 8))
        let refused = await fault { try await lab.place("more", in: vdc, mebibytes: 1) }
        #expect(refused?.type == .unableToAllocateResource)
        #expect(refused?.messages.map { $0.arguments[1] } == ["vms", "storage_mb"])
        #expect(refused?.data != nil)
        try await lab.powerService.stop(vm: id, call: lab.call())
        let memory = MemorySizes(store: lab.store)
        try await memory.update(vm: id, spec: VcenterVmHardwareMemoryUpdateSpec(sizeMiB: 2048), call: lab.call())
        let start = await fault { try await lab.start(id) }
        #expect(start?.text == "vDC prod: mem_mb limit 1024, used 0, claimed 0, requested 2048, available 1024.")
        #expect(lab.inventory.usageDifferences().isEmpty)
        try await lab.close()
    }

    @Test func aClosedDatacenterTakesNothingMoreButLetsGo() async throws {
        let lab = try await Laboratory.made(.balanced)
        let vdc = try await lab.makeDatacenter("prod")
        let id = try await lab.place("web", in: vdc)
        try await lab.start(id)
        try await lab.vdcs.disable(vdc: vdc, call: lab.call())
        let refused = await fault { try await lab.place("more", in: vdc) }
        #expect(refused?.type == .notAllowedInCurrentState)
        let clone = await fault { try await lab.clone(id, "copy") }
        #expect(clone?.type == .notAllowedInCurrentState)
        try await lab.powerService.stop(vm: id, call: lab.call())
        let start = await fault { try await lab.start(id) }
        #expect(start?.type == .notAllowedInCurrentState)
        let inUse = await fault { try await lab.vdcs.delete(vdc: vdc, recursive: nil, force: nil, call: lab.call()) }
        #expect(inUse?.type == .resourceInUse && inUse?.data != nil)
        try await lab.delete(id)
        try await lab.vdcs.delete(vdc: vdc, recursive: nil, force: nil, call: lab.call())
        let tenant = try found(try lab.tenants.list(call: lab.call()).first).tenant
        try await lab.tenants.delete(tenant: tenant, call: lab.call())
        #expect(lab.inventory[TenancyUsage.self].isEmpty)
        try await lab.close()
    }

    @Test func ofSixtyFourClientsAtTheLastPlaceExactlyOneGetsIt() async throws {
        let lab = try await Laboratory.made(.balanced)
        let vdc = try await lab.makeDatacenter("prod", machines: 2)
        _ = try await lab.place("first", in: vdc)
        let outcomes = await withTaskGroup(of: FaultType?.self) { group in
            for number in 0..<64 {
                group.addTask { await faultIfAny { () throws(Fault) in try await lab.place("racer-\(number)", in: vdc) }?.type }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.filter { $0 == nil }.count == 1)
        #expect(outcomes.filter { $0 == .unableToAllocateResource }.count == 63)
        #expect(lab.used(vdc).machines == 2 && lab.inventory.usageDifferences().isEmpty)
        try await lab.close()
    }

    @Test func theLimitsOfATenantBindAllItsDatacenters() async throws {
        let lab = try await Laboratory.made(.balanced)
        let (one, two) = (try await lab.makeDatacenter("one"), try await lab.makeDatacenter("two"))
        let tenant = try found(try lab.tenants.list(call: lab.call()).first).tenant
        try await lab.tenants.update(tenant: tenant, spec: ViaductTenancyTenantsUpdateSpec(vmQuota: 1), call: lab.call())
        _ = try await lab.place("web", in: one)
        let refused = await fault { try await lab.place("db", in: two) }
        #expect(refused?.type == .unableToAllocateResource)
        #expect(refused?.messages.count == 1)
        try await lab.close()
    }

    @Test func aCloneThatFailsLeavesNoClaim() async throws {
        let lab = try await Laboratory.made(.balanced)
        let vdc = try await lab.makeDatacenter("prod", memory: 100_000, machines: 5)
        let id = try await lab.place("web", in: vdc, mebibytes: 8)
        lab.target.fail(afterCommands: 6)
        let failed = await faultIfAny { () throws(Fault) in
            try await lab.machines.clone(spec: VcenterVMCloneSpec(source: id, name: "copy", powerOn: true), call: lab.call())
        }
        lab.target.behave()
        #expect(failed != nil)
        #expect(lab.inventory.usage(of: vdc).total.machines == 1 && lab.inventory.usageDifferences().isEmpty)
        let copy = try await lab.clone(id, "copy", powerOn: true)
        #expect(try lab.machine(copy).powerState == .on)
        #expect(lab.used(vdc).machines == 2 && lab.used(vdc).cpu == 1000 && lab.inventory.usageDifferences().isEmpty)
        try await lab.close()
    }

    @Test func aDatacenterAllowsOnlyWhatItSays() async throws {
        let lab = try await Laboratory.made(.balanced)
        let vdc = try await lab.makeDatacenter("prod")
        let (one, two) = (try lab.datastore("datastore1").id, try lab.datastore("datastore2").id)
        try await lab.vdcs.update(
            vdc: vdc,
            spec: ViaductTenancyVdcsUpdateSpec(
                allowed: ViaductTenancyVdcsAllowed(datastores: [two.rawValue], networks: [], cpuMaxPerVm: 1, memMaxMbPerVm: 1024)),
            call: lab.call())
        let id = try await lab.place("web", in: vdc, memory: 1024)
        #expect(try lab.machine(id).home.datastore == two && lab.machine(id).home.path == "/\(vdc).web")
        let large = await fault { try await lab.place("large", in: vdc, memory: 1028) }
        #expect(large?.type == .invalidArgument, "memory")
        let processors = await fault {
            try await Processors(store: lab.store).update(vm: id, spec: VcenterVmHardwareCpuUpdateSpec(count: 2), call: lab.call())
        }
        #expect(processors?.type == .invalidArgument, "processors")
        let pool = try lab.vio.get(vdc: vdc, call: lab.call()).resourcePool
        for (placement, nics) in [
            (VcenterVMPlacementSpec(resourcePool: pool, datastore: one.rawValue), []),
            (VcenterVMPlacementSpec(resourcePool: pool), [VcenterVmHardwareEthernetCreateSpec()]),
        ] as [(VcenterVMPlacementSpec, [VcenterVmHardwareEthernetCreateSpec])] {
            let spec = VcenterVMCreateSpec(
                guestOS: .ubuntu64, name: "elsewhere", placement: placement, memory: .init(sizeMiB: 512), disks: [], nics: nics)
            let refused = await fault { try await lab.machines.create(spec: spec, call: lab.call()) }
            #expect(refused?.type == .invalidArgument, "\(nics.isEmpty ? "datastore" : "network")")
        }
        #expect(lab.used(vdc).machines == 1 && lab.inventory.usageDifferences().isEmpty)
        try await lab.close()
    }

    @Test func aMemberHasTheTenantsDatacentersAndNothingElse() async throws {
        let lab = try await Laboratory.made(.balanced)
        let (vdc, other) = (try await lab.makeDatacenter("prod"), try await lab.makeDatacenter("prod", project: "green"))
        let (mine, foreign) = (try await lab.place("web", in: vdc), try await lab.place("web", in: other))
        try await lab.store.commit(by: nil) { (draft) throws(Fault) in
            try draft.insert(User(name: "blue", domain: "vsphere.local", createdAt: draft.now))
        }
        let tenant = try lab.inventory.tenantDatacenter(vdc).value.tenant.rawValue
        let members = TenantMembers(store: lab.store)
        let principal = VcenterAuthorizationPermissionsPrincipal(type: .user, name: "blue", domain: "vsphere.local")
        let member = try await members.create(tenant: tenant, spec: .init(principal: principal, role: .tenantOperator), call: lab.call())
        let call = lab.call(by: "blue@vsphere.local")
        let ownWish = await fault {
            try await members.create(tenant: tenant, spec: .init(principal: principal, role: .tenantAuditor), call: call)
        }
        #expect(ownWish?.type == .invalidArgument, "nobody gives up rights by making himself a member")
        #expect(try lab.machines.list(filter: nil, call: call).map(\.vm) == [mine])
        #expect(try lab.vdcs.list(call: call).map(\.vdc) == [vdc] && lab.tenants.list(call: call).map(\.tenant) == [tenant])
        let host = try lab.machine(mine).host.rawValue
        #expect(try lab.machines.list(filter: .init(hosts: [host]), call: call).isEmpty, "a host that is out of sight")
        let inventory = lab.inventory
        let access = lab.authorization.access(of: "blue@vsphere.local", in: inventory)
        let datastore = ManagedObject(try lab.machine(mine).home.datastore)
        #expect(access.sees(datastore, in: inventory) && !access.may(.read, on: datastore, in: inventory), "a shared datastore")
        #expect(!access.sees(ManagedObject(.virtualMachine, foreign), in: inventory))
        let pool = try lab.inventory.tenantDatacenter(vdc).value.pool.rawValue
        let spec = VcenterVMCreateSpec(guestOS: .ubuntu64, name: "db", placement: .init(resourcePool: pool), disks: [])
        _ = try await lab.machines.create(spec: spec, call: call)
        try await lab.vdcs.suspend(vdc: vdc, suspendPolicy: nil, call: lab.call())
        let more = VcenterVMCreateSpec(guestOS: .ubuntu64, name: "more", placement: .init(resourcePool: pool), disks: [])
        let refused = await fault { try await lab.machines.create(spec: more, call: call) }
        #expect(refused?.type == .notAllowedInCurrentState, "while suspended")
        _ = try await lab.machines.create(spec: more, call: lab.call())
        try await members.delete(tenant: tenant, member: member, call: lab.call())
        #expect(try lab.machines.list(filter: nil, call: call).isEmpty && lab.vdcs.list(call: call).isEmpty)
        try await lab.close()
    }

    @Test func capacityTellsWhatIsPromised() async throws {
        let lab = try await Laboratory.made(.balanced)
        let vdc = try await lab.makeDatacenter("prod", cpu: 24_000)
        try await lab.vio.update(vdc: vdc, spec: .init(cpuReserve: 6000), call: lab.call())
        let cluster = try found(try TenancyCapacity(store: lab.store).list(call: lab.call()).first)
        // Three hosts of eight cores of 2,000 MHz.
        #expect(cluster.cpu.capacity == 48_000 && cluster.cpu.reserved == 6000 && cluster.cpu.reservable == 42_000)
        #expect(cluster.cpu.limits == 24_000 && cluster.cpu.overcommitRatio == 0.5 && cluster.memory.limits == nil)
        try await lab.close()
    }

    @Test(arguments: [0, 1, 2, 4, 7, 11, 16, 23, 31])
    func aRecursiveDeleteSurvivesALossOfPower(count: Int) async throws {
        let power = Power()
        let ground = try await Laboratory.made(.balanced)
        let vdc = try await ground.makeDatacenter("prod")
        for number in 0..<3 { _ = try await ground.place("vm-\(number)", in: vdc, mebibytes: 2) }
        try await ground.close()
        let lab = try Laboratory(ground.medium, power: power, seed: 3)
        try lab.fabric.mountAll(lab.inventory)
        let after = try await Aftermath(of: lab, power, after: count, .nothing) { (lab) throws(Fault) in
            try await lab.vdcs.delete(vdc: vdc, recursive: true, force: true, call: lab.call())
        }
        let inventory = after.laboratory.inventory
        #expect(inventory.usageDifferences().isEmpty)
        let isGone = inventory[TenantDatacenter.self].isEmpty
        if after.told == true { #expect(isGone) }
        #expect(inventory[VirtualMachine.self].count == (isGone ? 0 : 3))
        #expect(inventory[ResourcePool.self].all.filter { $0.name == "prod" }.count == (isGone ? 0 : 1))
        try await after.laboratory.close()
    }

    @Test(arguments: [11, 12, 13] as [UInt64])
    func theSumsAreRightAfterEveryStepOfARandomHistory(seed: UInt64) async throws {
        var lab = try await Laboratory.made(.balanced)
        var random = SeededGenerator(seed: seed)
        var vdcs: [String] = []
        for number in 0..<2 {
            vdcs.append(try await lab.makeDatacenter("v\(number)", project: "p\(number)", cpu: 3000, memory: 3072, machines: 4, storage: 24))
        }
        for step in 0..<60 {
            let vdc = vdcs[Int(random.next() % 2)]
            let ids = lab.inventory[VirtualMachine.self].all.map(\.id.rawValue)
            let any = ids.isEmpty ? "" : ids[Int(random.next() % UInt64(ids.count))]
            let (pick, current) = (random.next() % 8, lab)
            let size = Int64(1 + random.next() % 8)
            let outcome = await faultIfAny { () throws(Fault) in
                switch pick {
                case 0, 1: _ = try await current.place("m\(step)", in: vdc, memory: size * 256, mebibytes: size)
                case 2: _ = try await current.machines.clone(spec: .init(source: any, name: "c\(step)", powerOn: size > 4), call: current.call())
                case 3, 4: try await current.powerService.start(vm: any, call: current.call())
                case 5: try await current.powerService.stop(vm: any, call: current.call())
                case 6: try await current.machines.delete(vm: any, call: current.call())
                default: try await MemorySizes(store: current.store).update(vm: any, spec: .init(sizeMiB: size * 256), call: current.call())
                }
            }
            if let outcome {
                #expect(
                    [.unableToAllocateResource, .notFound, .notAllowedInCurrentState, .alreadyInDesiredState].contains(outcome.type),
                    "seed \(seed), step \(step): \(outcome)")
            }
            if random.next() % 16 == 0 {
                await lab.die()
                lab = try await Laboratory.reopened(lab.medium, seed: seed &+ UInt64(step))
            }
            try Self.check(lab, vdcs, "seed \(seed), step \(step)")
        }
        try await lab.close()
    }

    private static func check(_ lab: Laboratory, _ vdcs: [String], _ place: String) throws {
        let inventory = lab.inventory
        #expect(inventory.usageDifferences().isEmpty, "\(place)")
        for vdc in vdcs {
            let pool = try inventory.tenantDatacenter(vdc).value.pool
            let machines = inventory[VirtualMachine.self].all.filter { $0.resourcePool == pool }
            let running = machines.filter { $0.powerState == .on }
            let usage = inventory.usage(of: vdc)
            #expect(usage.claimed == .none && usage.used.machines == machines.count, "\(place)")
            #expect(usage.used.memory == running.reduce(0) { $0 + $1.hardware.memory.sizeMiB }, "\(place)")
            #expect(machines.count <= 4 && usage.used.memory <= 3072 && usage.used.cpu <= 3000, "\(place)")
            #expect(usage.used.storage <= 24, "\(place)")
        }
    }
}
