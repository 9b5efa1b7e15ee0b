import Datastores
import Domain
import Testing

@testable import Services

// What deleting gives back, and when it is refused.

@Suite struct DeleteTests {
    @Test func everythingAMachineTookIsGivenBack() async throws {
        let lab = try await Laboratory.made()
        let store = try lab.datastoreID("datastore1")
        try await lab.delete(lab.create("warm-up", disks: [.new(mebibytes: 1)], datastore: store))
        let (usage, free) = (lab.pool.usage.dataBytes, try lab.freeBytes("datastore1"))
        let id = try await lab.create(
            "web", disks: [.new(mebibytes: 64), .new(mebibytes: 8, policy: LabDescription.zeroedPolicy)], datastore: store)
        try lab.write(pattern(4, 5 << 20), to: "/web/web.vmdk", on: "datastore1")
        let copy = try await lab.clone(id, "copy")
        #expect(lab.pool.usage.dataBytes > usage + 5 << 20)
        try await lab.delete(id)
        try await lab.delete(copy)
        #expect(try lab.freeBytes("datastore1") == free)
        let rest = Int64(lab.pool.usage.dataBytes) - Int64(usage)
        // Bookkeeping pages of the volume that were touched for the first time.
        #expect(rest < 1 << 20, "\(rest) bytes are still in use")
        #expect(try lab.disagreements().isEmpty)
        let gone = await fault { try await lab.delete(id) }
        #expect(gone?.shape == "not_found com.vmware.api.vcenter.vm.not_found")
        try await lab.close()
    }

    @Test func aMachineThatIsNotOffIsNotDeleted() async throws {
        let lab = try await Laboratory.made()
        let id = try await lab.create("web", disks: [.new(mebibytes: 4)])
        try await lab.start(id)
        for _ in 0..<2 {
            let refusal = await fault { try await lab.delete(id) }
            #expect(refusal?.shape == "not_allowed_in_current_state com.viaduct.vm.delete.not_powered_off")
            #expect(refusal?.messages.last?.id == "vmsg.InvalidPowerState.summary")
            if try lab.machine(id).powerState == .on { try await lab.powerService.suspend(vm: id, call: lab.call()) }
        }
        try await lab.powerService.stop(vm: id, call: lab.call())
        try await lab.delete(id)
        try await lab.close()
    }

    /// The clone is held in the middle of its copy.
    @Test func aMachineThatIsBeingClonedIsNotDeleted() async throws {
        let lab = try await Laboratory.made()
        let id = try await lab.create("web", disks: [.new(mebibytes: 16)])
        try lab.write(pattern(5, 3 << 20), to: "/web/web.vmdk", on: lab.machineDatastore(id))
        let barrier = Barrier()
        lab.target.setTrap { cdb in if cdb[0] == 0x83 { barrier.wait() } }
        let clone = Task { try await lab.clone(id, "copy") }
        while !barrier.hasBeenReached { await Task.yield() }
        let refusal = await fault { try await lab.delete(id) }
        #expect(refusal?.shape == "resource_busy com.viaduct.vm.busy")
        lab.target.setTrap(nil)
        barrier.open()
        let copy = try await clone.value
        try await lab.delete(id)
        try await lab.delete(copy)
        #expect(try lab.disagreements().isEmpty)
        try await lab.close()
    }

    /// Someone reads the disk over the file access.
    @Test func aMachineWhoseDiskIsOpenStaysWhole() async throws {
        let lab = try await Laboratory.made()
        let id = try await lab.create("web", disks: [.new(mebibytes: 4), .new(mebibytes: 4)])
        let name = try lab.machineDatastore(id)
        let file = try lab.on(name) { (volume) throws(VolumeError) in try volume.open("/web/web_1.vmdk", for: .reading) }
        let refusal = await fault { try await lab.delete(id) }
        #expect(refusal?.shape == "resource_in_use com.viaduct.datastore.locked")
        #expect(try lab.machine(id).lifecycle == .ready)
        try file.close()
        #expect(try lab.disagreements().isEmpty)
        try await lab.delete(id)
        #expect(try lab.disagreements().isEmpty)
        try await lab.close()
    }

    @Test func otherFilesOfTheDirectoryStay() async throws {
        let lab = try await Laboratory.made()
        let id = try await lab.create("web", disks: [.new(mebibytes: 4)], datastore: lab.datastoreID("datastore1"))
        try lab.on("datastore1") { (volume) throws(VolumeError) in try volume.createFile("/web/notes.txt", sizeBytes: 7) }
        try await lab.delete(id)
        let tree = try lab.on("datastore1") { (volume) throws(VolumeError) in try volume.tree() }
        #expect(tree == ["/web/": 0, "/web/notes.txt": 7])
        try await lab.close()
    }

    @Test func aMachineWhoseFilesAreGoneCanBeDeleted() async throws {
        let lab = try await Laboratory.made()
        let id = try await lab.create("web", disks: [.new(mebibytes: 4)], datastore: lab.datastoreID("datastore1"))
        try lab.on("datastore1") { (volume) throws(VolumeError) in try volume.removeTree("/web") }
        try await lab.delete(id)
        #expect(try lab.disagreements().isEmpty)
        try await lab.close()
    }
}

extension Laboratory {
    /// Name of the datastore that a machine is on.
    func machineDatastore(_ id: String) throws -> String {
        let home = try machine(id).home.datastore
        return try found(inventory[Datastore.self][home]).name
    }
}
