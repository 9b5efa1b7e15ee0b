import Contract
import Coordination
import Datastores
import Domain
import Persistence

/// Makes a virtual machine with its files: what create and clone have in common.
///
/// ```
/// admit: record `creating` (name, directory and files are taken)
///   └─► directories ─► files in them ─► record `ready`, in one commit with the end of the task
///   undo ◄─ empty ones removed ◄─ files removed ◄─┘ any fault, cancellation or crash; release: record removed
/// ```
/// Only a ready machine can be seen, so nobody meets a half-made one. The directories are a step of their own so that
/// the undo removes files only from directories that this workflow has made.
struct ProvisionVirtualMachine: Workflow {
    typealias Dependencies = StorageFabric

    static let name = "provision-virtual-machine"
    static let steps: [WorkflowStep<ProvisionVirtualMachine>] = [
        WorkflowStep(
            "Creating directories",
            run: { (state, context) async throws(Fault) in try await state.makeDirectories(context) },
            undo: { (state, context) async throws(Fault) in try await state.removeDirectories(context) }),
        WorkflowStep(
            "Creating files",
            run: { (state, context) async throws(Fault) in try await state.makeFiles(context) },
            change: { (state, draft) throws(Fault) in try state.publish(&draft) },
            undo: { (state, context) async throws(Fault) in try await state.removeFiles(context) }),
    ]

    /// As planned; `admit` completes identifier, directory and file paths.
    var machine: VirtualMachine
    /// Where each disk of the machine comes from, in the same order.
    var origins: [Origin]
    let powersOn: Bool

    enum Origin: Codable, Sendable, Equatable {
        /// A new file in the machine's directory on the disk's datastore. The name has no directory.
        case new(fileName: String)
        /// A copy, under this name.
        case copy(of: DatastorePath, fileName: String)
        /// A file that exists and stays where it is.
        case existing
    }

    /// - Parameter machine: with a placeholder identifier; paths of new disks are filled in later.
    init(machine: VirtualMachine, origins: [Origin], powersOn: Bool) {
        self.machine = machine
        self.origins = origins
        self.powersOn = powersOn
    }

    var target: WorkflowTarget? { WorkflowTarget(type: "VirtualMachine", id: machine.id.rawValue) }

    var result: String? {
        String(decoding: DataValue.string(machine.id.rawValue).jsonRPCText, as: UTF8.self)
    }

    // MARK: - Reservation

    func admit(_ draft: inout Draft) throws(Fault) -> ProvisionVirtualMachine {
        let machines = draft[VirtualMachine.self]
        guard draft[Folder.self].contains(machine.folder) else {
            throw .notFound("folder", "Folder", machine.folder.rawValue)
        }
        guard machines.record(by: "name", VirtualMachine.nameKey(machine.name, in: machine.folder)) == nil else {
            throw .duplicateName("VirtualMachine", machine.name)
        }
        if let source = machine.cloneSource {
            guard machines.record(source)?.value.lifecycle == .ready else { throw .virtualMachineNotFound(source.rawValue) }
        }
        var admitted = self
        try admitted.complete(draft)
        for disk in admitted.machine.hardware.disks {
            if let holder = machines.record(by: "file", disk.file.key) {
                throw Fault(
                    .resourceInUse, id: "com.viaduct.disk.attached",
                    "The file '\(disk.file.path)' is a disk of the virtual machine with identifier '\(holder.id)'.",
                    arguments: [disk.file.path, holder.id.rawValue])
            }
        }
        admitted.machine = admitted.machine.with(draft.nextIdentifier(VirtualMachine.self, prefix: "vm-"))
        // As it will be: a claim on everything that it is going to consume.
        if powersOn { admitted.machine.powerState = .on }
        try draft.insertCharged(admitted.machine)
        draft.audit(admitted.machine, detail: machine.name)
        return admitted
    }

    /// Chooses a directory that no other machine has (the planned one, unless someone was faster), and with it the paths
    /// of new files.
    private mutating func complete(_ draft: Draft) throws(Fault) {
        let wanted = machine.home.path
        var number = 1
        while draft[VirtualMachine.self].record(by: "home", machine.home.key) != nil {
            machine.home.path = "\(wanted)_\(number)"
            number += 1
        }
        for (index, origin) in origins.enumerated() {
            switch origin {
            case .new(let fileName), .copy(_, let fileName):
                machine.hardware.disks[index].file.path = "\(machine.home.path)/\(fileName)"
            case .existing: break
            }
        }
    }

    func release(_ draft: inout Draft) throws(Fault) {
        if draft[VirtualMachine.self].contains(machine.id) { try draft.removeCharged(machine.id) }
    }

    private func publish(_ draft: inout Draft) throws(Fault) {
        try draft.updateCharged(machine.id) { (record: inout VirtualMachine) throws(Fault) in
            record.lifecycle = .ready
            record.cloneSource = nil
        }
    }

    // MARK: - Files

    private var configurationPath: String { machine.configurationPath }

    /// Directories of the machine, one per datastore with a file of its own, and that of the configuration.
    private var directories: [DatastorePath] {
        var found = [machine.home]
        for (disk, origin) in zip(machine.hardware.disks, origins) where origin != .existing {
            let directory = DatastorePath(datastore: disk.file.datastore, path: machine.home.path)
            if !found.contains(directory) { found.append(directory) }
        }
        return found
    }

    /// - Throws: `already_exists` when there is one that this workflow has not made.
    private func makeDirectories(_ context: StepContext<StorageFabric>) async throws(Fault) {
        let inventory = context.snapshot
        let host = try Self.host(machine, inventory)
        let storage = context.dependencies
        for directory in directories {
            let datastore = try Self.datastore(directory.datastore, inventory)
            try await storage.run { () throws(Fault) in
                try storage.with(datastore, on: host) { (volume) throws(VolumeError) in
                    try volume.createDirectory(directory.path)
                }
            }
        }
    }

    /// One that was there before is left, unless it is empty.
    private func removeDirectories(_ context: StepContext<StorageFabric>) async throws(Fault) {
        let inventory = context.snapshot
        let host = try Self.host(machine, inventory)
        try await context.dependencies.remove([], thenEmpty: directories, by: host, inventory)
    }

    private func makeFiles(_ context: StepContext<StorageFabric>) async throws(Fault) {
        let inventory = context.snapshot
        let host = try Self.host(machine, inventory)
        let storage = context.dependencies
        let total = Int64(machine.hardware.disks.count)
        for (index, disk) in machine.hardware.disks.enumerated() {
            try context.checkCancellation()
            context.report(completed: Int64(index), total: total, message: "Writing \(disk.label)")
            try await make(disk, from: origins[index], host, inventory, context)
        }
        let text = Array(VMXFile.text(machine) { inventory[Network.self][$0]?.name }.utf8)
        let (path, home) = (configurationPath, try Self.datastore(machine.home.datastore, inventory))
        try await storage.run { () throws(Fault) in
            try storage.with(home, on: host) { (volume) throws(VolumeError) in
                try volume.createFile(path)
                try volume.writing(path) { (file) throws(VolumeError) in try file.write(text, at: 0) }
            }
        }
    }

    private func make(
        _ disk: Disk, from origin: Origin, _ host: Host, _ inventory: Inventory, _ context: StepContext<StorageFabric>
    ) async throws(Fault) {
        let storage = context.dependencies
        let datastore = try Self.datastore(disk.file.datastore, inventory)
        switch origin {
        case .existing: return
        case .new:
            try await storage.run { () throws(Fault) in
                try storage.with(datastore, on: host) { (volume) throws(VolumeError) in
                    try volume.createFile(
                        disk.file.path, sizeBytes: disk.capacityBytes,
                        allocation: disk.provisioning == .thin ? .thin : .eagerZeroed)
                }
            }
        case .copy(let source, _):
            let sourceDatastore = try Self.datastore(source.datastore, inventory)
            let isCancelled: @Sendable () -> Bool = { context.isCancellationRequested }
            try await storage.run { () throws(Fault) in
                try storage.copy(
                    source.path, on: sourceDatastore, to: disk.file.path, on: datastore, by: host, isCancelled: isCancelled)
            }
        }
    }

    /// Removes what `makeFiles` may have made: no file that was there before.
    private func removeFiles(_ context: StepContext<StorageFabric>) async throws(Fault) {
        let inventory = context.snapshot
        let host = try Self.host(machine, inventory)
        var files = [DatastorePath(datastore: machine.home.datastore, path: configurationPath)]
        for (disk, origin) in zip(machine.hardware.disks, origins) where origin != .existing { files.append(disk.file) }
        try await context.dependencies.remove(files, thenEmpty: [], by: host, inventory)
    }

    static func host(_ machine: VirtualMachine, _ inventory: Inventory) throws(Fault) -> Host {
        guard let host = inventory[Host.self][machine.host] else { throw .notFound("host", "Host", machine.host.rawValue) }
        return host
    }

    static func datastore(_ id: Identifier<Datastore>, _ inventory: Inventory) throws(Fault) -> Datastore {
        guard let datastore = inventory[Datastore.self][id] else { throw .notFound("datastore", "Datastore", id.rawValue) }
        return datastore
    }
}

extension VirtualMachine {
    /// The same machine under another identifier.
    func with(_ id: Identifier<VirtualMachine>) -> VirtualMachine {
        VirtualMachine(
            id: id, name: name, folder: folder, datacenter: datacenter, host: host, cluster: cluster,
            resourcePool: resourcePool,
            home: home, guestOS: guestOS, biosUUID: biosUUID, instanceUUID: instanceUUID, hardware: hardware,
            cloneSource: cloneSource)
    }

    /// The configuration file, named as the directory.
    public var configurationFile: String { configurationPath }

    var configurationPath: String {
        let name = home.path.split(separator: "/").last.map(String.init) ?? ""
        return "\(home.path)/\(name).vmx"
    }
}
