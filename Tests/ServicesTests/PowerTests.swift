import ContractTypes
import Datastores
import Domain
import Testing

@testable import Services

// What may be switched when, and what of the hardware may be changed meanwhile.

@Suite struct PowerTests {
    enum Switch: String, CaseIterable {
        case start, stop, suspend, reset
    }

    private static func flip(_ action: Switch, _ id: String, _ lab: Laboratory) async throws(Fault) {
        let (power, call) = (lab.powerService, lab.call(action.rawValue))
        switch action {
        case .start: try await power.start(vm: id, call: call)
        case .stop: try await power.stop(vm: id, call: call)
        case .suspend: try await power.suspend(vm: id, call: call)
        case .reset: try await power.reset(vm: id, call: call)
        }
    }

    private static func machine(_ state: PowerState, _ lab: Laboratory) async throws -> String {
        let id = try await lab.create("machine-\(state.label)-\(lab.inventory[VirtualMachine.self].count)")
        if state != .off(clean: true) { try await lab.start(id) }
        if state == .suspended { try await flip(.suspend, id, lab) }
        if state == .off(clean: false) { try await flip(.stop, id, lab) }
        return id
    }

    /// Result state, or type and identifier of the fault.
    private enum Outcome: Equatable {
        case state(PowerState)
        case fault(String)
    }

    private static let table: [(PowerState, Switch, Outcome)] = [
        (.off(clean: true), .start, .state(.on)),
        (.on, .start, .fault("already_in_desired_state com.vmware.api.vcenter.vm.power.already_powered_on")),
        (.suspended, .start, .state(.on)),
        (.off(clean: true), .stop, .fault("already_in_desired_state com.vmware.api.vcenter.vm.power.already_powered_off")),
        (.off(clean: false), .stop, .fault("already_in_desired_state com.vmware.api.vcenter.vm.power.already_powered_off")),
        (.on, .stop, .state(.off(clean: false))), (.suspended, .stop, .state(.off(clean: false))),
        (.off(clean: true), .suspend, .fault("not_allowed_in_current_state com.viaduct.vm.power.not_powered_on")),
        (.on, .suspend, .state(.suspended)),
        (.suspended, .suspend, .fault("already_in_desired_state com.vmware.api.vcenter.vm.power.already_suspended")),
        (.off(clean: true), .reset, .fault("not_allowed_in_current_state com.viaduct.vm.power.not_powered_on")),
        (.on, .reset, .state(.on)),
        (.suspended, .reset, .fault("not_allowed_in_current_state com.viaduct.vm.power.not_powered_on")),
    ]

    @Test func everySwitchInEveryState() async throws {
        let lab = try await Laboratory.made()
        for (state, action, expected) in Self.table {
            let id = try await Self.machine(state, lab)
            #expect(try lab.machine(id).powerState == state)
            var outcome: Outcome
            do throws(Fault) {
                try await Self.flip(action, id, lab)
                outcome = .state(lab.inventory[VirtualMachine.self][Identifier(id)]?.powerState ?? .suspended)
            } catch {
                outcome = .fault(error.shape)
                #expect(error.messages.last?.id == "vmsg.InvalidPowerState.summary")
                #expect(lab.inventory[VirtualMachine.self][Identifier(id)]?.powerState == state)
            }
            #expect(outcome == expected, "\(action) while \(state)")
        }
        let info = try lab.powerService.get(vm: try await Self.machine(.off(clean: false), lab), call: lab.call())
        #expect(info.state == .poweredOff && info.cleanPowerOff == false)
        let running = try lab.powerService.get(vm: try await Self.machine(.on, lab), call: lab.call())
        #expect(running.state == .poweredOn && running.cleanPowerOff == nil)
        for action in Switch.allCases {
            let unknown = await fault { try await Self.flip(action, "vm-9", lab) }
            #expect(unknown?.shape == "not_found com.vmware.api.vcenter.vm.not_found")
        }
        try await lab.close()
    }

    private static let locked = "not_allowed_in_current_state com.viaduct.vm.hardware.not_allowed_in_power_state"

    @Test func processorsChangeWhileOffAndAsFarAsHotAddAllows() async throws {
        let lab = try await Laboratory.made()
        let processors = Processors(store: lab.store)
        typealias Spec = VcenterVmHardwareCpuUpdateSpec
        let update = { (id: String, spec: Spec) in try await processors.update(vm: id, spec: spec, call: lab.call()) }
        let id = try await lab.create("web")
        try await update(id, Spec(count: 4, coresPerSocket: 2, hotAddEnabled: true))
        try await update(id, Spec())
        #expect(
            try lab.machine(id).hardware.cpu
                == CPU(count: 4, coresPerSocket: 2, isHotAddEnabled: true, isHotRemoveEnabled: false))
        #expect(
            await fault { try await update(id, Spec(count: 3)) }?.messages.first?.arguments.first == "spec.cores_per_socket")
        #expect(await fault { try await update(id, Spec(count: 0)) }?.messages.first?.arguments.first == "spec.count")
        try await lab.start(id)
        try await update(id, Spec(count: 6))
        try await update(id, Spec(count: 6, coresPerSocket: 2, hotAddEnabled: true))
        for spec in [Spec(count: 4), Spec(coresPerSocket: 1), Spec(hotAddEnabled: false), Spec(hotRemoveEnabled: true)] {
            #expect(await fault { try await update(id, spec) }?.shape == Self.locked)
        }
        #expect(try processors.get(vm: id, call: lab.call()).count == 6)
        try await Self.flip(.suspend, id, lab)
        #expect(await fault { try await update(id, Spec(count: 8)) }?.shape == Self.locked)
        #expect(await fault { try await update("vm-9", Spec()) }?.type == .notFound)
        try await lab.close()
    }

    @Test func memoryChangesWhileOffAndAsFarAsHotAddAllows() async throws {
        let lab = try await Laboratory.made()
        let memory = MemorySizes(store: lab.store)
        typealias Spec = VcenterVmHardwareMemoryUpdateSpec
        let update = { (id: String, spec: Spec) in try await memory.update(vm: id, spec: spec, call: lab.call()) }
        let id = try await lab.create("web")
        try await update(id, Spec(sizeMiB: 2048))
        try await lab.start(id)
        #expect(await fault { try await update(id, Spec(sizeMiB: 4096)) }?.shape == Self.locked)
        #expect(await fault { try await update(id, Spec(hotAddEnabled: true)) }?.shape == Self.locked)
        #expect(try memory.get(vm: id, call: lab.call()).hotAddLimitMiB == nil)
        try await Self.flip(.stop, id, lab)
        try await update(id, Spec(hotAddEnabled: true))
        #expect(try memory.get(vm: id, call: lab.call()).hotAddIncrementSizeMiB == nil)
        try await lab.start(id)
        let info = try memory.get(vm: id, call: lab.call())
        #expect(info.hotAddIncrementSizeMiB == 128 && info.hotAddLimitMiB == 2048 * 16)
        try await update(id, Spec(sizeMiB: 2048 + 256))
        for size: Int64 in [2048 + 256 + 4, 2048 * 64] {
            #expect(
                await fault { try await update(id, Spec(sizeMiB: size)) }?.messages.first?.arguments.first == "spec.size_MiB")
        }
        #expect(await fault { try await update(id, Spec(sizeMiB: 2048)) }?.shape == Self.locked)
        #expect(try lab.machine(id).hardware.memory.sizeMiB == 2304)
        try await lab.close()
    }

    @Test func aDiskGetsAnotherFileWhileTheMachineIsOff() async throws {
        let lab = try await Laboratory.made()
        let id = try await lab.create(
            "web", disks: [.new(mebibytes: 4), .new(mebibytes: 8)], datastore: lab.datastoreID("datastore1"))
        try await lab.create("db", disks: [.new(mebibytes: 4)], datastore: lab.datastoreID("datastore1"))
        try lab.on("datastore2") { (volume) throws(VolumeError) in try volume.createFile("/image", sizeBytes: 5 << 20) }
        let update = { (disk: String, file: String) in
            let backing = VcenterVmHardwareDiskBackingSpec(type: .vmdkFile, vmdkFile: file)
            let spec = VcenterVmHardwareDiskUpdateSpec(backing: backing)
            try await lab.disks.update(vm: id, disk: disk, spec: spec, call: lab.call())
        }
        for file in ["[datastore1] db/db.vmdk", "[datastore1] web/web_1.vmdk"] {
            let refusal = await fault { try await update("2000", file) }
            #expect(refusal?.shape == "resource_in_use com.viaduct.disk.attached", "\(file)")
        }
        #expect(
            await fault { try await update("2000", "[datastore1] none") }?.messages.first?.arguments.first
                == "spec.backing.vmdk_file")
        #expect(
            await fault { try await update("2009", "[datastore2] image") }?.shape
                == "not_found com.vmware.api.vcenter.vm.device.not_found")
        // The file it has already.
        try await update("2000", "[datastore1] web/web.vmdk")
        try await update("2000", "[datastore2] image")
        let info = try lab.disks.get(vm: id, disk: "2000", call: lab.call())
        #expect(info.capacity == 5 << 20 && info.backing.vmdkFile == "[datastore2] image")
        #expect(try lab.disks.list(vm: id, call: lab.call()).map(\.disk) == ["2000", "2001"])
        try await lab.disks.update(vm: id, disk: "2000", spec: VcenterVmHardwareDiskUpdateSpec(), call: lab.call())
        try await lab.start(id)
        #expect(await fault { try await update("2001", "[datastore1] web/web.vmdk") }?.shape == Self.locked)
        try await lab.close()
    }
}
