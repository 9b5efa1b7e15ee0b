import API
import Datastores
import Domain
import Persistence
import Platform
import Services

/// The files of the datastores as the file access over HTTP sees them.
///
/// Whole files are written without a name first and appear in one step; a part is written in place.
struct FileAccessAdapter: DatastoreFiles {
    let product: Product

    func datacenters() async throws(FileFault) -> [String] {
        product.store.snapshot[Datacenter.self].all.map(\.name).sorted()
    }

    func datastores(of datacenter: String) async throws(FileFault) -> [String] {
        let inventory = product.store.snapshot
        let found = try Self.datacenter(datacenter, inventory)
        return inventory[Datastore.self].all.filter { $0.datacenter == found.id }.map(\.name).sorted()
    }

    func information(on location: FileLocation) async throws(FileFault) -> FileFacts {
        try await with(location, changes: false) { (volume) throws(VolumeError) in
            FileFacts(try volume.information(location.text))
        }
    }

    func list(_ directory: FileLocation) async throws(FileFault) -> [FileEntry] {
        try await with(directory, changes: false) { (volume) throws(VolumeError) in
            var entries: [FileEntry] = []
            for entry in try volume.entries(of: directory.text) {
                let path = directory.text == "/" ? "/" + entry.name : directory.text + "/" + entry.name
                do throws(VolumeError) {
                    entries.append(FileEntry(name: entry.name, information: FileFacts(try volume.information(path))))
                } catch .notFound {
                    // Removed since the directory was read.
                    continue
                }
            }
            return entries
        }
    }

    func open(_ location: FileLocation) async throws(FileFault) -> any FileContent {
        let fabric = product.fabric
        return try await with(location, changes: false) { (volume) throws(VolumeError) in
            let information = FileFacts(try volume.information(location.text))
            return StoredContent(
                file: try volume.open(location.text, for: .reading), volume: volume, information: information, fabric: fabric)
        }
    }

    func write(_ location: FileLocation, _ mode: FileWriteMode, call: Call) async throws(FileFault) -> any FileSink {
        let (fabric, store) = (product.fabric, product.store)
        try requireUnused(location)
        return try await with(location, changes: true) { (volume) throws(VolumeError) -> any FileSink in
            switch mode {
            case .replace(let bytes):
                if let bytes, bytes > volume.freeBytes { throw .noSpace }
                try volume.createDirectories(above: location)
                if try volume.kind(of: location.text) == .directory { throw .isADirectory(location.text) }
                return PendingSink(
                    file: try volume.makePendingFile(), location: location, volume: volume, fabric: fabric, store: store,
                    call: call, requireUnused: { () throws(FileFault) in try requireUnused(location) })
            case .patch(let offset, _):
                return PatchSink(
                    file: try volume.patiently { () throws(VolumeError) in try volume.open(location.text, for: .writing) },
                    location: location, volume: volume, offset: offset,
                    fabric: fabric, store: store, call: call)
            }
        }
    }

    func delete(_ location: FileLocation, call: Call) async throws(FileFault) {
        try requireUnused(location)
        try await with(location, changes: true) { (volume) throws(VolumeError) in
            try volume.patiently { () throws(VolumeError) in try volume.remove(location.text) }
        }
        try await FileAudit.record(location, "deleted", product.store, call)
    }

    /// A disk of a machine that runs belongs to its guest alone.
    private func requireUnused(_ location: FileLocation) throws(FileFault) {
        let inventory = product.store.snapshot
        let datastore = try Self.datastore(location, inventory)
        let key = DatastorePath(datastore: datastore.id, path: location.text).key
        guard let machine = inventory[VirtualMachine.self].record(by: "file", key)?.value else { return }
        if case .off = machine.powerState, machine.lifecycle == .ready { return }
        throw .inUse
    }

    private func with<Success: Sendable>(
        _ location: FileLocation, changes: Bool, _ body: @escaping @Sendable (Volume) throws(VolumeError) -> Success
    ) async throws(FileFault) -> Success {
        let inventory = product.store.snapshot
        let datastore = try Self.datastore(location, inventory)
        let fabric = product.fabric
        let outcome: Result<Success, VolumeError>
        do throws(Fault) {
            let host = try fabric.anyHost(for: datastore, in: inventory)
            outcome = try await fabric.run { () throws(Fault) in
                fabric.attempt(datastore, on: host, changes: changes, body)
            }
        } catch {
            throw .inaccessible(error.detail ?? error.messages.first?.defaultMessage ?? "")
        }
        switch outcome {
        case .success(let value): return value
        case .failure(let error): throw FileFault(error)
        }
    }

    static func datacenter(_ path: String, _ inventory: Inventory) throws(FileFault) -> Datacenter {
        let found = inventory[Datacenter.self].record(by: "name", "\(Folder.root)/\(path)")
        guard let found else { throw .noSuchDatacenter }
        return found.value
    }

    static func datastore(_ location: FileLocation, _ inventory: Inventory) throws(FileFault) -> Datastore {
        let datacenter = try datacenter(location.datacenter, inventory)
        let found = inventory[Datastore.self].record(by: "name", "\(datacenter.id)/\(location.datastore)")
        guard let found else { throw .noSuchDatastore }
        return found.value
    }
}

extension FileLocation {
    /// As the volume writes it.
    var text: String { "/" + path.joined(separator: "/") }
}

extension FileFacts {
    init(_ information: Datastores.FileInformation) {
        self.init(
            isDirectory: information.isDirectory, sizeBytes: information.isDirectory ? 0 : information.sizeBytes,
            modifiedAt: information.modified, version: "\(information.sizeBytes)-\(information.modified.milliseconds)")
    }
}

extension Volume {
    enum Kind {
        case file, directory
    }

    /// `nil` if nothing has the name.
    func kind(of path: String) throws(VolumeError) -> Kind? {
        do throws(VolumeError) {
            return try information(path).isDirectory ? .directory : .file
        } catch .notFound {
            return nil
        }
    }

    /// Tries again for up to a second while a file is busy: a download gives its lock up only some moments after its
    /// client has had the last byte, and that client must be able to go on with the file.
    func patiently<Success>(_ body: () throws(VolumeError) -> Success) throws(VolumeError) -> Success {
        for _ in 0..<50 {
            do throws(VolumeError) { return try body() } catch .busy { Pause.milliseconds(20) }
        }
        return try body()
    }

    /// Makes the directories on the way to a file that are missing.
    func createDirectories(above location: FileLocation) throws(VolumeError) {
        var path = ""
        for name in location.path.dropLast() {
            path += "/" + name
            do throws(VolumeError) {
                try createDirectory(path)
            } catch .alreadyExists {
                if try kind(of: path) == .file { throw .notADirectory(path) }
            }
        }
    }
}

extension FileFault {
    init(_ error: VolumeError) {
        switch error {
        case .notFound: self = .notFound
        case .notADirectory: self = .notADirectory
        case .isADirectory: self = .isADirectory
        case .directoryNotEmpty: self = .directoryNotEmpty
        case .alreadyExists, .busy, .contended: self = .inUse
        case .noSpace, .arrayOutOfSpace, .tooManyFiles: self = .noSpace
        case .invalidName, .invalidArgument: self = .invalidName
        case .fileTooLarge: self = .tooLarge
        case .notAVolume, .unsupportedVersion, .unsuitableDevice, .corrupt, .device, .tooManyHosts, .fenced, .failed, .closed,
            .cancelled:
            self = .inaccessible("\(error)")
        }
    }
}
