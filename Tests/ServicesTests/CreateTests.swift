import ContractTypes
import Datastores
import Domain
import Testing

@testable import Services

// What creating a machine makes: files on the volume, blocks in the pool, a record.

@Suite struct CreateTests {
    @Test func aThinDiskTakesNoBlocksAndAnEagerZeroedOneAllOfThem() async throws {
        let lab = try await Laboratory.made()
        let free = try lab.freeBytes("datastore1")
        let id = try await lab.create(
            "web", disks: [.new(mebibytes: 100), .new(mebibytes: 40, policy: LabDescription.zeroedPolicy)],
            datastore: lab.datastoreID("datastore1"))
        let (thin, eager) = try lab.on("datastore1") { (volume) throws(VolumeError) in
            (try volume.information("/web/web.vmdk"), try volume.information("/web/web_1.vmdk"))
        }
        #expect(thin.sizeBytes == 100 << 20)
        #expect(thin.allocatedBytes == 0)
        #expect(eager.sizeBytes == 40 << 20)
        #expect(eager.allocatedBytes == 40 << 20)
        let taken = free - (try lab.freeBytes("datastore1"))
        #expect(taken >= 40 << 20 && taken <= 44 << 20)
        let machine = try lab.machine(id)
        #expect(machine.lifecycle == .ready)
        #expect(machine.hardware.disks.map(\.key) == [2000, 2001])
        #expect(try lab.disagreements().isEmpty)
        try await lab.close()
    }

    @Test func theConfigurationFileSaysWhatTheRecordSays() async throws {
        let lab = try await Laboratory.made()
        let network = try lab.network("Lab Network").id.rawValue
        let spec = VcenterVMCreateSpec(
            guestOS: .ubuntu64, name: "a \"b\"|c",
            placement: VcenterVMPlacementSpec(datastore: try lab.datastoreID("datastore1")),
            cpu: VcenterVmHardwareCpuUpdateSpec(count: 4, coresPerSocket: 2),
            memory: VcenterVmHardwareMemoryUpdateSpec(sizeMiB: 512), disks: [.new(mebibytes: 8)],
            nics: [
                VcenterVmHardwareEthernetCreateSpec(
                    macType: .manual, macAddress: "00-50-56-00-00-0A",
                    backing: VcenterVmHardwareEthernetBackingSpec(type: .standardPortgroup, network: network))
            ],
            cdroms: [VcenterVmHardwareCdromCreateSpec()])
        let id = try await lab.machines.create(spec: spec, call: lab.call())
        let machine = try lab.machine(id)
        #expect(machine.home.path == "/a -b--c")
        let text = String(decoding: try lab.bytes(machine.configurationFile, on: "datastore1"), as: UTF8.self)
        for line in [
            "displayName = \"a |22b|22|7Cc\"", "numvcpus = \"4\"", "cpuid.coresPerSocket = \"2\"", "memSize = \"512\"",
            "scsi0.virtualDev = \"pvscsi\"", "scsi0:0.fileName = \"/a -b--c/a -b--c.vmdk\"", "sata0:0.present = \"TRUE\"",
            "ethernet0.address = \"00:50:56:00:00:0a\"", "ethernet0.networkName = \"Lab Network\"",
            "uuid.bios = \"\(machine.biosUUID)\"",
        ] {
            #expect(text.split(separator: "\n").contains(Substring(line)), "\(line) is not in\n\(text)")
        }
        try await lab.close()
    }

    @Test func anExistingFileIsAttachedWhereItLiesAndGoesWithTheMachine() async throws {
        let lab = try await Laboratory.made()
        try lab.on("datastore1") { (volume) throws(VolumeError) in
            try volume.createDirectory("/images")
            try volume.createFile("/images/disk.vmdk", sizeBytes: (3 << 20) + 100)
            try volume.createFile("/images/other.iso", sizeBytes: 4096)
        }
        let id = try await lab.create("web", disks: [.existing("[datastore1] images/disk.vmdk")])
        let disk = try found(try lab.machine(id).hardware.disks.first)
        #expect(disk.file.path == "/images/disk.vmdk")
        // Whole sectors.
        #expect(disk.capacityBytes == 3 << 20)
        let foreign = ["datastore1": Set(["/images/", "/images/other.iso"])]
        #expect(try lab.disagreements(foreign: foreign).isEmpty)
        let second = await fault { try await lab.create("db", disks: [.existing("[datastore1] /images//disk.vmdk")]) }
        #expect(second?.shape == "resource_in_use com.viaduct.disk.attached")
        #expect(try lab.disagreements(foreign: foreign).isEmpty)
        try await lab.delete(id)
        #expect(try lab.disagreements(foreign: foreign).isEmpty)
        try await lab.close()
    }

    @Test func filesThatAreNoDisksAreRefused() async throws {
        let lab = try await Laboratory.made()
        try lab.on("datastore1") { (volume) throws(VolumeError) in
            try volume.createDirectory("/images")
            try volume.createFile("/images/tiny", sizeBytes: 511)
            try volume.createFile("/images/good", sizeBytes: 512)
        }
        let field = "spec.disks[0].backing.vmdk_file"
        for (file, reason) in [
            ("[datastore1] images", "it is a directory."), ("[datastore1] images/tiny", "the file is shorter than one sector."),
            ("[datastore1] images/none", "the file does not exist."),
            ("[datastore9] images/good", "there is no datastore named 'datastore9'."),
            ("images/good", "'images/good' is not of the form '[datastore] path'."),
        ] {
            let fault = await fault { try await lab.create("web", disks: [.existing(file)]) }
            #expect(fault?.type == .invalidArgument)
            #expect(fault?.messages.first?.arguments == [field, reason], "\(file)")
        }
        let twice = await fault {
            try await lab.create(
                "web", disks: [.existing("[datastore1] images/good"), .existing("[datastore1]images//good")])
        }
        #expect(twice?.messages.first?.arguments.first == "spec.disks[1].backing.vmdk_file")
        #expect(lab.inventory[VirtualMachine.self].isEmpty)
        try await lab.close()
    }

    @Test func ofManyWhoWantOneNameExactlyOneGetsIt() async throws {
        let lab = try await Laboratory.made()
        let outcomes = await withTaskGroup(of: String.self) { group in
            for _ in 0..<16 {
                group.addTask {
                    do {
                        _ = try await lab.create("web", disks: [.new(mebibytes: 4)])
                        return "made"
                    } catch let fault as Fault {
                        return fault.type.rawValue
                    } catch {
                        return "\(error)"
                    }
                }
            }
            return await group.reduce(into: [String]()) { $0.append($1) }
        }
        #expect(outcomes.sorted() == Array(repeating: "already_exists", count: 15) + ["made"])
        #expect(try lab.disagreements().isEmpty)
        try await lab.close()
    }

    @Test func namesAreUniquePerFolderAndMachinesOfOneNameHaveDirectoriesOfTheirOwn() async throws {
        let lab = try await Laboratory.made()
        let folders = lab.inventory[Folder.self]
        let production = try found(folders.all.first { $0.name == "Production" }).id.rawValue
        let store = try lab.datastoreID("datastore1")
        let first = try await lab.create("web", disks: [.new(mebibytes: 4)], datastore: store)
        let second = try await lab.create("web", disks: [.new(mebibytes: 4)], folder: production, datastore: store)
        #expect(try lab.machine(first).home.path == "/web")
        #expect(try lab.machine(second).home.path == "/web_1")
        let again = await fault { try await lab.create("web", folder: production) }
        #expect(again?.shape == "already_exists com.vmware.vdcs.util.duplicate_name")
        #expect(again?.messages.last?.id == "vmsg.DuplicateName.summary")
        #expect(try lab.disagreements().isEmpty)
        try await lab.close()
    }

    @Test func aDirectoryOfThatNameThatIsThereStaysAsItIs() async throws {
        let lab = try await Laboratory.made()
        try lab.on("datastore1") { (volume) throws(VolumeError) in
            try volume.createDirectory("/web")
            try volume.createFile("/web/web.vmdk", sizeBytes: 8192)
            try volume.createFile("/web/web.vmx", sizeBytes: 10)
        }
        let id = try await lab.create("web", disks: [.new(mebibytes: 4)], datastore: lab.datastoreID("datastore1"))
        #expect(try lab.machine(id).home.path == "/web_1")
        let foreign = ["datastore1": Set(["/web/", "/web/web.vmdk", "/web/web.vmx"])]
        #expect(try lab.disagreements(foreign: foreign).isEmpty)
        try await lab.delete(id)
        #expect(try lab.disagreements(foreign: foreign).isEmpty)
        let tree = try lab.on("datastore1") { (volume) throws(VolumeError) in try volume.tree() }
        #expect(tree == ["/web/": 0, "/web/web.vmdk": 8192, "/web/web.vmx": 10])
        try await lab.close()
    }

    /// Someone uploads into the directory's name after it was chosen.
    @Test func aDirectoryThatAppearsMeanwhileIsNotTouchedByTheUndo() async throws {
        let lab = try await Laboratory.made()
        let store = try lab.datastore("datastore1")
        let planner = MachinePlanner(store: lab.store, fabric: lab.fabric, world: lab.world)
        let workflow = try await planner.plan(specification("web", disks: [.new(mebibytes: 4)], datastore: store.id.rawValue))
        try lab.on("datastore1") { (volume) throws(VolumeError) in
            try volume.createDirectory("/web")
            try volume.createFile("/web/web.vmdk", sizeBytes: 8192)
        }
        let refusal = await fault { try await lab.engine.run(workflow, by: lab.call("create")) }
        #expect(refusal?.type == .alreadyExists)
        let tree = try lab.on("datastore1") { (volume) throws(VolumeError) in try volume.tree() }
        #expect(tree == ["/web/": 0, "/web/web.vmdk": 8192])
        #expect(lab.inventory[VirtualMachine.self].isEmpty)
        try await lab.close()
    }

    @Test func whatDoesNotFitLeavesNothing() async throws {
        let lab = try await Laboratory.made()
        // The first names take a block of the root directory for good.
        try await lab.delete(lab.create("first", datastore: lab.datastoreID("datastore1")))
        let free = try lab.freeBytes("datastore1")
        let refusal = await fault {
            try await lab.create(
                "web", disks: [.new(mebibytes: 8), .new(mebibytes: 2048, policy: LabDescription.zeroedPolicy)],
                datastore: lab.datastoreID("datastore1"))
        }
        #expect(refusal?.shape == "unable_to_allocate_resource com.viaduct.datastore.no_space")
        #expect(try lab.freeBytes("datastore1") == free)
        #expect(lab.inventory[VirtualMachine.self].isEmpty)
        #expect(try lab.disagreements().isEmpty)
        try await lab.create("web")
        try await lab.close()
    }

    @Test(arguments: ["", String(repeating: "a", count: 81), "a\u{7}b"])
    func badNamesAreRefused(name: String) async throws {
        let lab = try await Laboratory.made()
        let refusal = await fault { try await lab.create(name) }
        #expect(refusal?.type == .invalidArgument)
        #expect(refusal?.messages.first?.arguments.first == "spec.name")
        try await lab.close()
    }

    @Test func aMachineWithoutANameGetsOne() async throws {
        let lab = try await Laboratory.made()
        var names: [String] = []
        for _ in 0..<3 {
            let id = try await lab.machines.create(spec: specification(nil), call: lab.call())
            names.append(try lab.machine(id).name)
        }
        #expect(names == ["New Virtual Machine", "New Virtual Machine (2)", "New Virtual Machine (3)"])
        try await lab.close()
    }

    @Test(arguments: [".hidden", "a/b", "..", "%41", "\u{e9}t\u{e9}", String(repeating: "\u{20AC}", count: 80)])
    func everyNameHasADirectory(name: String) async throws {
        let lab = try await Laboratory.made()
        let id = try await lab.create(name, disks: [.new(mebibytes: 1)])
        #expect(try lab.machine(id).name == name)
        #expect(try lab.disagreements().isEmpty)
        try await lab.delete(id)
        #expect(try lab.disagreements().isEmpty)
        try await lab.close()
    }
}
