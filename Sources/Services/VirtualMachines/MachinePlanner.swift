import ContractTypes
import Datastores
import Domain
import Persistence
import Platform

/// Makes of a create or clone specification the workflow that carries it out.
struct MachinePlanner {
    let store: Store
    let fabric: StorageFabric
    let world: World
    /// Of the client; `nil` for the program itself.
    var access: Access?

    /// - Throws: `invalid_argument`, `not_found`, `already_exists`, `unsupported`, each naming the field.
    func plan(_ spec: VcenterVMCreateSpec) async throws(Fault) -> ProvisionVirtualMachine {
        let inventory = store.snapshot
        let wish = Placement.Wish(
            folder: spec.placement?.folder, resourcePool: spec.placement?.resourcePool, host: spec.placement?.host,
            cluster: spec.placement?.cluster, datastore: spec.placement?.datastore)
        let placement = try Placement.choose(wish, field: "spec.placement", in: inventory, mayUse: mayUse(inventory)) {
            fabric.freeBytes($0.id) ?? 0
        }
        let name = spec.name ?? Self.freeName(in: placement.folder, inventory)
        try MachineNames.check(name, field: "spec.name")
        try Self.requireFree(name, in: placement.folder, inventory)
        try access?.permit(
            "VirtualMachine.Inventory.Create", placement, datastores: existingFileDatastores(spec, placement, inventory), inventory)
        let sizes = try await sizesOfExistingFiles(spec, placement, inventory)
        var planner = HardwarePlanner(
            inventory: inventory, placement: placement, name: name, macSeed: macSeed(), existingFileBytes: sizes)
        planner.access = access
        let plan = try planner.plan(spec)
        try access?.permit(plan.hardware, inventory)
        let home = try await freeDirectory(name, placement, plan.hardware, plan.origins, inventory)
        let machine = machine(
            name: name, placement: placement, home: home, guestOS: spec.guestOS.rawValue, hardware: plan.hardware,
            source: nil)
        return ProvisionVirtualMachine(machine: machine, origins: plan.origins, powersOn: false)
    }

    /// - Throws: as for a create specification.
    func plan(_ spec: VcenterVMCloneSpec) async throws(Fault) -> ProvisionVirtualMachine {
        let inventory = store.snapshot
        let source = try inventory.machine(spec.source).value
        guard spec.guestCustomizationSpec?.name == nil else {
            throw .unsupported("spec.guest_customization_spec", "guest customization is not offered.")
        }
        let wish = Placement.Wish(
            folder: spec.placement?.folder, resourcePool: spec.placement?.resourcePool, host: spec.placement?.host,
            cluster: spec.placement?.cluster, datastore: spec.placement?.datastore)
        let placement = try Placement.choose(
            wish, field: "spec.placement", fallback: source, in: inventory, mayUse: mayUse(inventory)
        ) { fabric.freeBytes($0.id) ?? 0 }
        try access?.permit("VirtualMachine.Inventory.CreateFromExisting", placement, datastores: [], inventory)
        if spec.powerOn == true {
            try access?.require("VirtualMachine.Interact.PowerOn", on: ManagedObject(placement.folder), in: inventory)
        }
        try MachineNames.check(spec.name, field: "spec.name")
        try Self.requireFree(spec.name, in: placement.folder, inventory)
        let (hardware, origins) = try copied(source, spec, placement, inventory)
        try access?.permit(hardware, inventory)
        let home = try await freeDirectory(spec.name, placement, hardware, origins, inventory)
        let machine = machine(
            name: spec.name, placement: placement, home: home, guestOS: source.guestOS, hardware: hardware,
            source: source.id)
        return ProvisionVirtualMachine(machine: machine, origins: origins, powersOn: spec.powerOn ?? false)
    }

    private func mayUse(_ inventory: Inventory) -> (Datastore) -> Bool {
        { access?.may(PrivilegeSet(ids: ["Datastore.AllocateSpace"]), on: ManagedObject($0.id), in: inventory) ?? true }
    }

    /// The source's hardware with new disks and MAC addresses.
    private func copied(
        _ source: VirtualMachine, _ spec: VcenterVMCloneSpec, _ placement: Placement, _ inventory: Inventory
    ) throws(Fault) -> (Hardware, [ProvisionVirtualMachine.Origin]) {
        let keys = Set(source.hardware.disks.map { String($0.key) })
        for key in spec.disksToRemove ?? [] where !keys.contains(key) {
            throw .deviceNotFound(key, of: source.id.rawValue)
        }
        var targets: [String: Identifier<Datastore>] = [:]
        for (key, update) in spec.disksToUpdate?.entries ?? [] {
            guard keys.contains(key) else { throw .deviceNotFound(key, of: source.id.rawValue) }
            guard let id = update.datastore else { continue }
            guard let datastore = inventory[Datastore.self][Identifier(id)] else {
                throw .notFound("datastore", "Datastore", id)
            }
            guard datastore.datacenter == placement.datacenter else {
                throw .invalid(
                    "spec.disks_to_update[\(key)].datastore", "it is not in the datacenter '\(placement.datacenter)'.")
            }
            targets[key] = datastore.id
        }
        var hardware = source.hardware
        hardware.disks.removeAll { spec.disksToRemove?.contains(String($0.key)) ?? false }
        let base = MachineNames.directory(spec.name)
        var origins: [ProvisionVirtualMachine.Origin] = []
        for index in hardware.disks.indices {
            let disk = hardware.disks[index]
            origins.append(.copy(of: disk.file, fileName: index == 0 ? "\(base).vmdk" : "\(base)_\(index).vmdk"))
            let datastore = targets[String(disk.key)] ?? placement.datastore
            hardware.disks[index].file = DatastorePath(datastore: datastore, path: "")
        }
        var seed = macSeed()
        for index in hardware.nics.indices {
            hardware.nics[index].macAddress = MACAddress.generated(seed)
            hardware.nics[index].macType = "ASSIGNED"
            seed &+= 1
        }
        return (hardware, origins)
    }

    /// The directory for a machine of this name: one that no machine has and that is on none of its datastores. As in
    /// vSphere, a number is added until that holds; in a virtual datacenter its identifier stands in front, so that nobody
    /// learns from it what others have.
    private func freeDirectory(
        _ name: String, _ placement: Placement, _ hardware: Hardware, _ origins: [ProvisionVirtualMachine.Origin],
        _ inventory: Inventory
    ) async throws(Fault) -> String {
        var datastores = [placement.datastore]
        for (disk, origin) in zip(hardware.disks, origins) where origin != .existing {
            if !datastores.contains(disk.file.datastore) { datastores.append(disk.file.datastore) }
        }
        let owner = inventory.tenantDatacenter(of: placement.resourcePool)
        let wanted = "/" + (owner.map { "\($0.id)." } ?? "") + MachineNames.directory(name)
        var (path, number) = (wanted, 0)
        while true {
            let places = datastores.map { DatastorePath(datastore: $0, path: path) }
            var isTaken = places.contains { inventory[VirtualMachine.self].record(by: "home", $0.key) != nil }
            for place in places where !isTaken {
                isTaken = try await fabric.information(on: place, by: placement.host, inventory) != nil
            }
            if !isTaken { return path }
            number += 1
            path = "\(wanted)_\(number)"
        }
    }

    private func machine(
        name: String, placement: Placement, home: String, guestOS: String, hardware: Hardware,
        source: Identifier<VirtualMachine>?
    ) -> VirtualMachine {
        VirtualMachine(
            id: Identifier(""), name: name, folder: placement.folder, datacenter: placement.datacenter, host: placement.host,
            cluster: placement.cluster, resourcePool: placement.resourcePool,
            home: DatastorePath(datastore: placement.datastore, path: home), guestOS: guestOS,
            biosUUID: UUIDText.random(world.randomness), instanceUUID: UUIDText.random(world.randomness), hardware: hardware,
            cloneSource: source)
    }

    private func macSeed() -> UInt32 {
        world.randomness.bytes(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func freeName(in folder: Identifier<Folder>, _ inventory: Inventory) -> String {
        let machines = inventory[VirtualMachine.self]
        var number = 1
        while true {
            let name = number == 1 ? "New Virtual Machine" : "New Virtual Machine (\(number))"
            if machines.record(by: "name", VirtualMachine.nameKey(name, in: folder)) == nil { return name }
            number += 1
        }
    }

    private static func requireFree(_ name: String, in folder: Identifier<Folder>, _ inventory: Inventory) throws(Fault) {
        if inventory[VirtualMachine.self].record(by: "name", VirtualMachine.nameKey(name, in: folder)) != nil {
            throw .duplicateName("VirtualMachine", name)
        }
    }

    /// The datastores of the files that the specification attaches.
    private func existingFileDatastores(
        _ spec: VcenterVMCreateSpec, _ placement: Placement, _ inventory: Inventory
    ) throws(Fault) -> [Identifier<Datastore>] {
        var resolver = HardwarePlanner(inventory: inventory, placement: placement, name: "", macSeed: 0, existingFileBytes: [:])
        resolver.access = access
        var datastores: [Identifier<Datastore>] = []
        for (index, disk) in (spec.disks ?? []).enumerated() {
            guard let text = disk.backing?.vmdkFile else { continue }
            datastores.append(try resolver.existingFile(text, "spec.disks[\(index)].backing.vmdk_file").datastore)
        }
        return datastores
    }

    /// Looks up every file that the specification attaches; one that does not exist has no size.
    private func sizesOfExistingFiles(
        _ spec: VcenterVMCreateSpec, _ placement: Placement, _ inventory: Inventory
    ) async throws(Fault) -> [DatastorePath: UInt64] {
        var resolver = HardwarePlanner(inventory: inventory, placement: placement, name: "", macSeed: 0, existingFileBytes: [:])
        resolver.access = access
        var sizes: [DatastorePath: UInt64] = [:]
        for (index, disk) in (spec.disks ?? []).enumerated() {
            guard let text = disk.backing?.vmdkFile else { continue }
            let field = "spec.disks[\(index)].backing.vmdk_file"
            let file = try resolver.existingFile(text, field)
            guard sizes[file] == nil else { throw .invalid(field, "two disks cannot have one file.") }
            sizes[file] = try await fabric.sizeOfDisk(file, by: placement.host, field: field, inventory)
        }
        return sizes
    }
}

extension StorageFabric {
    /// Size of a file that is to become a disk, rounded down to whole sectors; `nil` if there is none.
    ///
    /// - Throws: `invalid_argument` for a directory or less than a sector.
    func sizeOfDisk(
        _ file: DatastorePath, by host: Identifier<Host>, field: String, _ inventory: Inventory
    ) async throws(Fault) -> UInt64? {
        guard let found = try await information(on: file, by: host, inventory) else { return nil }
        guard !found.isDirectory else { throw .invalid(field, "it is a directory.") }
        guard found.sizeBytes >= 512 else { throw .invalid(field, "the file is shorter than one sector.") }
        return found.sizeBytes / 512 * 512
    }

    /// What a datastore knows of a file or directory; `nil` if nothing has the name.
    func information(
        on file: DatastorePath, by host: Identifier<Host>, _ inventory: Inventory
    ) async throws(Fault) -> FileInformation? {
        guard let host = inventory[Host.self][host] else { throw .notFound("host", "Host", host.rawValue) }
        let datastore = try ProvisionVirtualMachine.datastore(file.datastore, inventory)
        return try await run { () throws(Fault) in
            try self.with(datastore, on: host, changes: false) { (volume) throws(VolumeError) -> FileInformation? in
                do throws(VolumeError) {
                    return try volume.information(file.path)
                } catch .notFound {
                    return nil
                }
            }
        }
    }
}
