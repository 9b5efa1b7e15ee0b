import Datastores
import Domain
import Persistence

extension StorageFabric {
    /// Removes files, then those of the directories that are empty; what is not there is done already.
    func remove(
        _ files: [DatastorePath], thenEmpty directories: [DatastorePath], by host: Host, _ inventory: Inventory
    ) async throws(Fault) {
        for file in files {
            let datastore = try ProvisionVirtualMachine.datastore(file.datastore, inventory)
            try await run { () throws(Fault) in
                try self.with(datastore, on: host) { (volume) throws(VolumeError) in
                    do throws(VolumeError) {
                        try volume.remove(file.path)
                    } catch .notFound {
                        return
                    }
                }
            }
        }
        for directory in directories {
            let datastore = try ProvisionVirtualMachine.datastore(directory.datastore, inventory)
            try await run { () throws(Fault) in
                try self.with(datastore, on: host) { (volume) throws(VolumeError) in
                    do throws(VolumeError) {
                        try volume.remove(directory.path)
                    } catch .notFound {
                        return
                    } catch .directoryNotEmpty {
                        // Someone keeps other files there.
                        return
                    }
                }
            }
        }
    }

    /// Copies a file, within a datastore or between two; the array does it where it can. Blocks.
    func copy(
        _ source: String, on sourceDatastore: Datastore, to path: String, on datastore: Datastore, by host: Host,
        isCancelled: () -> Bool
    ) throws(Fault) {
        guard sourceDatastore.id != datastore.id else {
            return try with(datastore, on: host) { (volume) throws(VolumeError) -> Void in
                _ = try volume.clone(source, to: path, isCancelled: isCancelled)
            }
        }
        // Both mounts are in use until the copy has ended.
        let result = try with(sourceDatastore, on: host, changes: false) { (origin) throws(VolumeError) in
            self.attempt(datastore, on: host) { (volume) throws(VolumeError) -> Void in
                _ = try volume.clone(source, on: origin, to: path, isCancelled: isCancelled)
            }
        }
        if case .failure(let error) = result { throw Fault(error, on: datastore) }
    }
}

extension Volume {
    /// Opens a file for writing, and closes it whatever `body` does.
    func writing<Success>(_ path: String, _ body: (OpenFile) throws(VolumeError) -> Success) throws(VolumeError) -> Success {
        let file = try open(path, for: .writing)
        let result: Success
        do throws(VolumeError) {
            result = try body(file)
        } catch {
            let reason = error
            try file.close()
            throw reason
        }
        try file.close()
        return result
    }
}

extension OpenFile {
    func write(_ bytes: [UInt8], at offset: UInt64) throws(VolumeError) {
        var failure: VolumeError?
        bytes.withUnsafeBytes { buffer in
            do throws(VolumeError) {
                try write(buffer, at: offset)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }
}
