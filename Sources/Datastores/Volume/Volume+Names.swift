import Domain

/// What is known of a file or directory.
public struct FileInformation: Sendable, Equatable {
    /// Empty for the root.
    public var name: String
    public var isDirectory: Bool
    public var sizeBytes: UInt64
    /// Blocks it occupies, with those set aside for it; holes take none.
    public var allocatedBytes: UInt64
    public var modified: Timestamp
}

public struct DirectoryEntry: Sendable, Equatable {
    public var name: String
    public var isDirectory: Bool
}

/// How a file gets its blocks.
public enum Allocation: Sendable, Equatable {
    /// With the first write to each; the file begins as one hole.
    case thin
    /// At once, and set to zeros.
    case eagerZeroed
}

extension Volume {
    /// - Throws: `.notFound`, when a name of the path does not exist.
    public func information(_ path: String) throws(VolumeError) -> FileInformation {
        let path = try FilePath(path)
        return try attempt { (state) throws(VolumeError) in
            let reference = try state.resolve(path)
            let sector = state.geometry.inodeSector(reference.number) + 1
            let bytes = try state.device.read(sector: sector, sectors: Geometry.bodySectors)
            let inode = try Inode(
                decoding: try Page(.inode, sector: sector, decoding: bytes), number: reference.number)
            guard inode.generation == reference.generation, inode.state == .linked else {
                throw .notFound(path.text)
            }
            return FileInformation(
                name: path.names.last?.text ?? "", isDirectory: inode.kind == .directory, sizeBytes: inode.sizeBytes,
                allocatedBytes: inode.allocatedBytes, modified: inode.modified)
        }
    }

    /// The entries of a directory, in byte order of their names.
    public func entries(of path: String) throws(VolumeError) -> [DirectoryEntry] {
        let path = try FilePath(path)
        return try attempt { (state) throws(VolumeError) in
            let reference = try state.resolve(path)
            try state.load(reference, path: path.text)
            let entries = state.directories[reference.number]?.entries ?? [:]
            return entries.sorted { $0.key < $1.key }.map { name, place in
                DirectoryEntry(name: name.text, isDirectory: place.reference.kind == .directory)
            }
        }
    }

    /// - Throws: `.alreadyExists`, `.notFound` when the parent is missing.
    public func createDirectory(_ path: String) throws(VolumeError) {
        try create(try FilePath(path), .directory, sizeBytes: 0)
    }

    /// Makes a file of `sizeBytes` bytes, all zeros. When this throws there is no file.
    ///
    /// - Throws: `.alreadyExists`, `.notFound` when the parent is missing, `.noSpace`, `.fileTooLarge`.
    public func createFile(
        _ path: String, sizeBytes: UInt64 = 0, allocation: Allocation = .thin
    ) throws(VolumeError) {
        guard sizeBytes <= Self.maximumFileBytes else { throw .fileTooLarge }
        let path = try FilePath(path)
        switch allocation {
        case .thin: try create(path, .file, sizeBytes: sizeBytes)
        case .eagerZeroed: try createZeroed(path, sizeBytes: sizeBytes)
        }
    }

    private func create(_ path: FilePath, _ kind: Inode.Kind, sizeBytes: UInt64) throws(VolumeError) {
        guard let name = path.names.last else { throw .alreadyExists(path.text) }
        try change { (state) throws(VolumeError) in
            let parent = try state.lockDirectory(path.parent)
            guard try state.entry(name, in: parent, path: path.text) == nil else { throw .alreadyExists(path.text) }
            var inode = try state.allocateInode(kind)
            inode.state = .linked
            inode.sizeBytes = sizeBytes
            state.setInode(inode)
            try state.addEntry(name, inode.reference, to: parent)
        }
    }

    private func createZeroed(_ path: FilePath, sizeBytes: UInt64) throws(VolumeError) {
        try requireVacant(path)
        let number = try makeUnlinked(sizeBytes: sizeBytes)
        let blocks = Int((sizeBytes + Geometry.blockBytes - 1) / Geometry.blockBytes)
        try linking(number, at: path) { () throws(VolumeError) in
            var map = ExtentMap()
            while map.blockCount < UInt64(blocks) {
                let before = map
                let (after, added) = try change { (state) throws(VolumeError) in
                    try state.extend(number, before) { current in
                        let mapped = Int(current.blockCount)
                        return mapped < blocks ? (UInt32(mapped), blocks - mapped, UInt32(mapped)) : nil
                    }
                }
                map = after
                for extent in added { try device.zero(extent.run.sectors) }
            }
        }
    }

    /// Removes a file or an empty directory. The name is gone when this returns; the space is given back too, unless
    /// another host holds a lock it takes, and then with a later heartbeat.
    ///
    /// - Throws: `.busy` while it is open anywhere, `.directoryNotEmpty`, `.notFound`.
    public func remove(_ path: String) throws(VolumeError) {
        let path = try FilePath(path)
        guard let name = path.names.last else { throw .invalidArgument("the root cannot be removed") }
        let number = try change { (state) throws(VolumeError) in try state.unlink(name, path) }
        guard let number else { return }
        try reclaim(number)
    }

    /// Removes a directory with all that is in it, or a file. Each removal inside is whole; the tree as such is not:
    /// when this throws, part of it may be gone.
    public func removeTree(_ path: String) throws(VolumeError) {
        guard try information(path).isDirectory else { return try remove(path) }
        for entry in try entries(of: path) {
            let inner = path.hasSuffix("/") ? path + entry.name : path + "/" + entry.name
            try entry.isDirectory ? removeTree(inner) : remove(inner)
        }
        try remove(path)
    }

    /// Gives a file or directory another name or place, in one step. Open files may be renamed.
    ///
    /// - Throws: `.alreadyExists` when the new name is taken, `.invalidArgument` when a directory would go into itself.
    public func rename(_ from: String, to: String) throws(VolumeError) {
        let (from, to) = (try FilePath(from), try FilePath(to))
        guard let oldName = from.names.last, let newName = to.names.last else {
            throw .invalidArgument("the root has no other name")
        }
        guard !to.isInside(from) else { throw .invalidArgument("a directory cannot go into itself") }
        try change { (state) throws(VolumeError) in
            // Two moves of directories at once could make each the other's parent; the root's lock lets one through.
            try state.lock(state.geometry.inodeSector(InodeReference.root.number), .inode)
            let oldParent = try state.lockDirectory(from.parent)
            let newParent = try state.lockDirectory(to.parent)
            guard let target = try state.entry(oldName, in: oldParent, path: from.text) else {
                throw .notFound(from.text)
            }
            guard try state.entry(newName, in: newParent, path: to.text) == nil else { throw .alreadyExists(to.text) }
            try state.removeEntry(oldName, from: oldParent)
            try state.addEntry(newName, target, to: newParent)
        }
    }

    func requireVacant(_ path: FilePath) throws(VolumeError) {
        guard let name = path.names.last else { throw .alreadyExists(path.text) }
        try attempt { (state) throws(VolumeError) in
            let parent = try state.resolve(path.parent)
            guard try state.entry(name, in: parent, path: path.text) == nil else { throw .alreadyExists(path.text) }
        }
    }

    func makeUnlinked(sizeBytes: UInt64) throws(VolumeError) -> UInt32 {
        try change { (state) throws(VolumeError) in try state.makeUnlinked(.file, sizeBytes: sizeBytes).number }
    }

    /// Fills a new file and then gives it its name; on any error there is no file.
    func linking(
        _ number: UInt32, at path: FilePath, fill: () throws(VolumeError) -> Void
    ) throws(VolumeError) {
        do {
            try fill()
            try change { (state) throws(VolumeError) in try state.link(number, at: path) }
        } catch {
            let reason = error
            // What cannot be removed now is listed as unfinished work and goes with recovery.
            do { try reclaim(number) } catch { throw reason }
            throw reason
        }
    }

    /// Frees an unlinked file now, or later when another host is in the way.
    func reclaim(_ number: UInt32) throws(VolumeError) {
        do {
            try attempt { (state) throws(VolumeError) in try state.reclaim(number) }
        } catch .contended {
            try attempt { (state) throws(VolumeError) in _ = state.deferred.insert(number) }
        }
    }
}

extension Inode {
    var reference: InodeReference { InodeReference(number: number, generation: generation, kind: kind) }
}

extension MountState {
    /// Takes a name away; gives the inode when there are blocks to free after it, with its lock kept.
    mutating func unlink(_ name: FileName, _ path: FilePath) throws(VolumeError) -> UInt32? {
        let parent = try lockDirectory(path.parent)
        guard let target = try entry(name, in: parent, path: path.text) else { throw .notFound(path.text) }
        try requireNotKept(target.number, path.text)
        try lock(geometry.inodeSector(target.number), .inode, file: path.text)
        var inode = try inode(target.number)
        guard inode.state == .linked, inode.generation == target.generation else { throw .notFound(path.text) }
        if inode.kind == .directory {
            try load(target, path: path.text)
            guard directories[target.number]?.entries.isEmpty == true else { throw .directoryNotEmpty(path.text) }
        }
        try removeEntry(name, from: parent)
        directories[target.number] = nil
        if inode.ownsNothing {
            try freeInode(target.number)
            return nil
        }
        inode.state = .unlinked
        setInode(inode)
        keepLock(ofInode: target.number, true)
        try changeHostPage { (page) throws(VolumeError) in try page.add(target.number) }
        return target.number
    }

    private func requireNotKept(_ number: UInt32, _ path: String) throws(VolumeError) {
        guard keptLocks[geometry.inodeSector(number)] == nil else { throw .busy(path, holder: host.name) }
    }

    mutating func link(_ number: UInt32, at path: FilePath) throws(VolumeError) {
        guard let name = path.names.last else { throw .alreadyExists(path.text) }
        let parent = try lockDirectory(path.parent)
        guard try entry(name, in: parent, path: path.text) == nil else { throw .alreadyExists(path.text) }
        try lock(geometry.inodeSector(number), .inode)
        var inode = try inode(number)
        inode.state = .linked
        inode.modified = clock.now()
        setInode(inode)
        keepLock(ofInode: number, false)
        try addEntry(name, inode.reference, to: parent)
        try changeHostPage { $0.remove(number) }
    }

    /// Takes more blocks for an unlinked file.
    mutating func extend(
        _ number: UInt32, _ before: ExtentMap, place: (ExtentMap) -> (logical: UInt32, count: Int, parity: UInt32)?
    ) throws(VolumeError) -> (map: ExtentMap, added: [Extent]) {
        try lock(geometry.inodeSector(number), .inode)
        var map = before
        let added = try self.map(&map, place: place)
        var inode = try inode(number)
        try store(map, in: &inode)
        setInode(inode)
        return (map, added)
    }
}
