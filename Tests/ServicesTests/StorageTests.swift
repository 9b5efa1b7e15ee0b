import Contract
import ContractTypes
import Coordination
import Datastores
import Domain
import Platform
import StorageArray
import Testing

@testable import Services

// By which path hosts move data, what the counters say about it, and that switching paths hurts nobody.

@Suite struct StorageTests {
    private func statistics(_ lab: Laboratory) -> ArrayStatistics {
        ArrayStatistics(store: lab.store, pool: lab.pool, fabric: lab.fabric)
    }

    private func settings(_ lab: Laboratory) -> HostSettings { HostSettings(store: lab.store, fabric: lab.fabric) }

    private func host(_ lab: Laboratory, _ name: String = "esx-1") throws -> String {
        try found(lab.inventory[Host.self].all.first { $0.name == name }).id.rawValue
    }

    private func mover(_ lab: Laboratory, _ host: String) throws -> ViaductArrayStatisticsMover {
        try found(statistics(lab).get(call: lab.call()).movers.first { $0.host == host })
    }

    @Test func countersSayWhatWasDone() async throws {
        let lab = try await Laboratory.made()
        let (host, store) = (try host(lab), try lab.datastoreID("datastore1"))
        let start = try statistics(lab).get(call: lab.call())
        let id = try await lab.create(
            "web", disks: [.new(mebibytes: 8), .new(mebibytes: 6, policy: LabDescription.zeroedPolicy)], datastore: store,
            host: host)
        let created = try statistics(lab).get(call: lab.call())
        // And the blocks set aside for small files.
        let zeroed = created.total.blockZeroing.bytes - start.total.blockZeroing.bytes
        #expect(zeroed >= 6 << 20 && zeroed <= 10 << 20)
        #expect(created.total.hardwareAssistedLocking.commands > start.total.hardwareAssistedLocking.commands)
        #expect(created.total.fullCopy.commands == 0)
        try lab.write(pattern(1, 3 << 20), to: "/web/web.vmdk", on: "datastore1")
        let written = try statistics(lab).get(call: lab.call())
        try await lab.clone(id, "copy")
        let cloned = try statistics(lab).get(call: lab.call())
        // 3 MiB of the thin disk and all of the zeroed one.
        #expect(cloned.total.fullCopy.bytes == 9 << 20)
        #expect(cloned.total.writes.bytes - written.total.writes.bytes < 1 << 20)
        #expect(cloned.total.initiatorBytes >= 15 << 20 && cloned.total.arrayBytes < 2 << 20)
        #expect(cloned.pool.allocated - written.pool.allocated < 1 << 20)
        try await lab.delete(id)
        let deleted = try statistics(lab).get(call: lab.call())
        let freed = deleted.total.unmap.bytes - cloned.total.unmap.bytes
        #expect(freed >= 9 << 20 && freed <= 12 << 20)
        let mover = try mover(lab, host)
        #expect(mover.move.hardware.bytes == 9 << 20 && mover.move.software.bytes == 0)
        #expect(mover.initialize.hardware.bytes >= 6 << 20 && mover.initialize.software.bytes == 0)
        #expect(mover.delete.hardware.bytes == freed)
        #expect(deleted.units.map(\.name) == ["Lab/datastore1", "Lab/datastore2"])
        #expect(deleted.units.map(\.commands.fullCopy.bytes) == [9 << 20, 0])
        try await lab.close()
    }

    @Test func optionsMoveTheWorkToTheHost() async throws {
        let lab = try await Laboratory.made()
        let (host, call) = (try host(lab), lab.call())
        let settings = settings(lab)
        let keys = [
            "DataMover.HardwareAcceleratedInit", "DataMover.HardwareAcceleratedMove", "VMFS3.HardwareAcceleratedLocking",
        ]
        #expect(try settings.list(host: host, call: call).map(\.key) == keys)
        for key in keys {
            try await settings.update(host: host, key: key, spec: ViaductHostSettingsUpdateSpec(value: 0), call: call)
            #expect(try settings.get(host: host, key: key, call: call).value == 0)
        }
        #expect(try settings.list(host: host, call: call).map(\.value) == [0, 0, 0])
        let before = try mover(lab, host)
        let store = try lab.datastoreID("datastore1")
        let id = try await lab.create(
            "web", disks: [.new(mebibytes: 4, policy: LabDescription.zeroedPolicy)], datastore: store, host: host)
        try lab.write(pattern(2, 2 << 20), to: "/web/web.vmdk", at: 1 << 20, on: "datastore1")
        try await lab.clone(id, "copy")
        let after = try mover(lab, host)
        #expect(after.move.software.bytes - before.move.software.bytes == 4 << 20)
        #expect(after.initialize.software.bytes - before.initialize.software.bytes >= 4 << 20)
        #expect(after.locking.software.commands > before.locking.software.commands)
        #expect(after.move.hardware.bytes == before.move.hardware.bytes)
        #expect(try lab.bytes("/copy/copy.vmdk", on: "datastore1") == lab.bytes("/web/web.vmdk", on: "datastore1"))
        #expect(try statistics(lab).get(call: call).total.fullCopy.commands == 0)
        // Other hosts are as they were.
        #expect(try settings.list(host: self.host(lab, "esx-2"), call: call).map(\.value) == [1, 1, 1])
        #expect(try lab.disagreements().isEmpty)
        try await lab.close()
    }

    @Test func wrongOptionsAreRefused() async throws {
        let lab = try await Laboratory.made()
        let (host, call, settings) = (try host(lab), lab.call(), settings(lab))
        let key = "DataMover.HardwareAcceleratedMove"
        for value: Int64 in [-1, 2, .max] {
            let refusal = await fault {
                try await settings.update(host: host, key: key, spec: ViaductHostSettingsUpdateSpec(value: value), call: call)
            }
            #expect(refusal?.messages.first?.arguments.first == "spec.value")
        }
        #expect(
            await fault { try settings.get(host: host, key: "Mem.X", call: call) }?.shape
                == "not_found com.viaduct.host.setting_not_found")
        #expect(await fault { try settings.list(host: "host-0", call: call) }?.type == .notFound)
        try await lab.close()
    }

    /// The options change while the host is in the middle of a copy, and it goes on with other work.
    @Test func optionsMayChangeDuringACopy() async throws {
        let lab = try await Laboratory.made()
        let (host, store) = (try host(lab), try lab.datastoreID("datastore1"))
        let id = try await lab.create("web", disks: [.new(mebibytes: 16)], datastore: store, host: host)
        try lab.write(pattern(3, 12 << 20), to: "/web/web.vmdk", on: "datastore1")
        let barrier = Barrier()
        lab.target.setTrap { cdb in if cdb[0] == 0x83 { barrier.wait() } }
        let clone = Task { try await lab.clone(id, "copy") }
        while !barrier.hasBeenReached { await Task.yield() }
        let spec = ViaductHostSettingsUpdateSpec(value: 0)
        try await settings(lab).update(host: host, key: "DataMover.HardwareAcceleratedInit", spec: spec, call: lab.call())
        try await lab.create(
            "other", disks: [.new(mebibytes: 16, policy: LabDescription.zeroedPolicy)], datastore: store, host: host)
        lab.target.setTrap(nil)
        barrier.open()
        _ = try await clone.value
        #expect(try lab.bytes("/copy/copy.vmdk", on: "datastore1") == lab.bytes("/web/web.vmdk", on: "datastore1"))
        #expect(try lab.bytes("/other/other.vmdk", on: "datastore1") == [UInt8](repeating: 0, count: 16 << 20))
        #expect(try lab.disagreements().isEmpty)
        try await lab.close()
    }

    /// A mount fails while the host is in the middle of a copy: the next one must not give the copy's blocks away before
    /// the copy has stopped writing to them.
    @Test func aFailedMountIsReplacedOnlyWhenNobodyUsesItAnyMore() async throws {
        let lab = try await Laboratory.made()
        let (host, store) = (try host(lab), try lab.datastoreID("datastore1"))
        let id = try await lab.create("web", disks: [.new(mebibytes: 16)], datastore: store, host: host)
        try lab.write(pattern(3, 12 << 20), to: "/web/web.vmdk", on: "datastore1")
        let barrier = Barrier()
        lab.target.setTrap { cdb in if cdb[0] == 0x83 { barrier.wait() } }
        let clone = Task { try await lab.clone(id, "copy") }
        while !barrier.hasBeenReached { await Task.yield() }
        // Every WRITE fails until a change was broken off in its middle.
        lab.target.fail(on: 0x8A)
        let broken = Task { try await lab.create("broken", datastore: store, host: host) }
        while !lab.inventory[WorkflowRecord.self].all.contains(where: \.isBeingUndone) { await Task.yield() }
        lab.target.behave()
        let eager = Task {
            try await lab.create(
                "other", disks: [.new(mebibytes: 16, policy: LabDescription.zeroedPolicy)], datastore: store, host: host)
        }
        // Nothing may happen now, and that can only be waited for.
        for _ in 0..<50
        where !lab.inventory[VirtualMachine.self].all.contains(where: { $0.name == "other" && $0.lifecycle == .ready }) {
            Pause.milliseconds(10)
        }
        lab.target.setTrap(nil)
        barrier.open()
        _ = try await eager.value
        #expect(await fault { try await clone.value }?.type == .resourceInaccessible)
        #expect(await fault { try await broken.value }?.type == .resourceInaccessible)
        for id in lab.engine.recover().resumed {
            do throws(Fault) { try await lab.engine.waitForEnd(of: id) } catch { continue }
        }
        #expect(try lab.bytes("/other/other.vmdk", on: "datastore1") == [UInt8](repeating: 0, count: 16 << 20))
        #expect(try lab.disagreements().isEmpty)
        try await lab.close()
    }
}

extension WorkflowRecord {
    fileprivate var isBeingUndone: Bool {
        if case .undoing = phase { true } else { false }
    }
}
