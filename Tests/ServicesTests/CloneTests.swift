import Contract
import ContractTypes
import Datastores
import Domain
import Testing

@testable import Services

// What cloning makes, and what it shares with its source.

@Suite struct CloneTests {
    private static let content = pattern(3, 6 << 20)

    /// A machine with a thin disk of 8 MiB, 6 MiB of it written, and an eager zeroed one of 4 MiB on another datastore.
    private func source(_ lab: Laboratory) async throws -> String {
        let id = try await lab.create(
            "source", disks: [.new(mebibytes: 8), .new(mebibytes: 4, policy: LabDescription.zeroedPolicy)],
            datastore: lab.datastoreID("datastore1"))
        try lab.write(Self.content, to: "/source/source.vmdk", at: 1 << 20, on: "datastore1")
        return id
    }

    @Test func aCloneHasTheBytesOfItsSourceAndSharesItsBlocks() async throws {
        let lab = try await Laboratory.made()
        let id = try await source(lab)
        let usage = lab.pool.usage.dataBytes
        var clones: [String] = []
        for number in 1...5 { clones.append(try await lab.clone(id, "clone-\(number)")) }
        let grown = lab.pool.usage.dataBytes - usage
        #expect(grown < 3 << 20, "five clones of 6 MiB took \(grown) bytes")
        let original = try lab.bytes("/source/source.vmdk", on: "datastore1")
        #expect(Array(original[(1 << 20)..<(7 << 20)]) == Self.content)
        for number in 1...5 { #expect(try lab.bytes("/clone-\(number)/clone-\(number).vmdk", on: "datastore1") == original) }
        let copied = try lab.machine(clones[0])
        let first = try lab.machine(id)
        #expect(copied.hardware.disks.map(\.key) == first.hardware.disks.map(\.key))
        #expect(copied.hardware.disks.map(\.file.path) == ["/clone-1/clone-1.vmdk", "/clone-1/clone-1_1.vmdk"])
        #expect(copied.instanceUUID != first.instanceUUID)
        #expect(copied.powerState == .off(clean: true))
        #expect(copied.cloneSource == nil)
        #expect(try lab.disagreements().isEmpty)
        try lab.write(pattern(9, 4096), to: "/clone-1/clone-1.vmdk", at: 2 << 20, on: "datastore1")
        #expect(try lab.bytes("/source/source.vmdk", on: "datastore1") == original)
        try await lab.close()
    }

    @Test func disksCanBeLeftOutOrSentToAnotherDatastore() async throws {
        let lab = try await Laboratory.made()
        let id = try await source(lab)
        let spec = VcenterVMCloneSpec(
            source: id, name: "copy", disksToRemove: ["2001"],
            disksToUpdate: ["2000": VcenterVMDiskCloneSpec(datastore: try lab.datastoreID("datastore2"))], powerOn: true)
        let copy = try lab.machine(try await lab.machines.clone(spec: spec, call: lab.call()))
        #expect(copy.hardware.disks.map(\.key) == [2000])
        #expect(copy.home.datastore == (try lab.datastore("datastore1").id))
        #expect(copy.hardware.disks.map(\.file.datastore) == [try lab.datastore("datastore2").id])
        #expect(copy.powerState == .on)
        let original = try lab.bytes("/source/source.vmdk", on: "datastore1")
        #expect(try lab.bytes("/copy/copy.vmdk", on: "datastore2") == original)
        #expect(try lab.disagreements().isEmpty)
        try await lab.close()
    }

    @Test func aPlaceWithADirectoryOfAnotherMachineIsAvoided() async throws {
        let lab = try await Laboratory.made()
        let production = try found(lab.inventory[Folder.self].all.first { $0.name == "Production" }).id.rawValue
        try await lab.create("web", disks: [.new(mebibytes: 4)], folder: production, datastore: lab.datastoreID("datastore2"))
        let id = try await source(lab)
        let spec = VcenterVMCloneSpec(
            source: id, name: "web", placement: VcenterVMClonePlacementSpec(datastore: try lab.datastoreID("datastore1")),
            disksToUpdate: ["2000": VcenterVMDiskCloneSpec(datastore: try lab.datastoreID("datastore2"))])
        let copy = try lab.machine(try await lab.machines.clone(spec: spec, call: lab.call()))
        #expect(copy.home.path == "/web_1")
        #expect(copy.hardware.disks.first?.file.path == "/web_1/web.vmdk")
        #expect(try lab.disagreements().isEmpty)
        try await lab.close()
    }

    @Test func networkAdaptersOfACloneHaveAddressesOfTheirOwn() async throws {
        let lab = try await Laboratory.made()
        let nic = VcenterVmHardwareEthernetCreateSpec()
        let spec = VcenterVMCreateSpec(guestOS: .ubuntu64, name: "a", disks: [], nics: [nic, nic])
        let id = try await lab.machines.create(spec: spec, call: lab.call())
        let copy = try await lab.clone(id, "b")
        let addresses = try (lab.machine(id).hardware.nics + lab.machine(copy).hardware.nics).map(\.macAddress)
        #expect(Set(addresses).count == 4)
        #expect(addresses.allSatisfy { $0.hasPrefix("00:50:56:") && $0 == $0.lowercased() })
        try await lab.close()
    }

    @Test func wrongClonesAreRefused() async throws {
        let lab = try await Laboratory.made(.two)
        let id = try await source(lab)
        let far = try lab.datastoreID("far")
        let table: [(VcenterVMCloneSpec, FaultType, String)] = [
            (VcenterVMCloneSpec(source: "vm-9", name: "x"), .notFound, "vm-9"),
            (VcenterVMCloneSpec(source: id, name: "source"), .alreadyExists, "source"),
            (VcenterVMCloneSpec(source: id, name: ""), .invalidArgument, "spec.name"),
            (VcenterVMCloneSpec(source: id, name: "x", disksToRemove: ["2002"]), .notFound, "2002"),
            (VcenterVMCloneSpec(source: id, name: "x", disksToUpdate: ["7": VcenterVMDiskCloneSpec()]), .notFound, "7"),
            (
                VcenterVMCloneSpec(source: id, name: "x", disksToUpdate: ["2000": VcenterVMDiskCloneSpec(datastore: "no")]),
                .notFound, "no"
            ),
            (
                VcenterVMCloneSpec(source: id, name: "x", disksToUpdate: ["2000": VcenterVMDiskCloneSpec(datastore: far)]),
                .invalidArgument, "spec.disks_to_update[2000].datastore"
            ),
            (
                VcenterVMCloneSpec(
                    source: id, name: "x", guestCustomizationSpec: VcenterVMGuestCustomizationSpec(name: "linux")),
                .unsupported, "spec.guest_customization_spec"
            ),
        ]
        for (spec, type, argument) in table {
            let refusal = await fault { try await lab.machines.clone(spec: spec, call: lab.call()) }
            #expect(refusal?.type == type)
            #expect(
                refusal?.messages.flatMap(\.arguments).contains(argument) == true, "\(argument): \(String(describing: refusal))"
            )
        }
        #expect(lab.inventory[VirtualMachine.self].count == 1)
        try await lab.close()
    }
}
