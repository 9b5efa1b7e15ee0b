// Looking names up, and changing directories within a change.

extension MountState {
    /// Makes sure that `directories` holds the directory as it is now.
    ///
    /// A directory that another host is changing is not read: `.contended`. Between two reads of an unlocked inode
    /// with the same version its pages have not changed.
    mutating func load(_ directory: InodeReference, path: String) throws(VolumeError) {
        if directories.count > 1024 { directories.removeAll() }
        for _ in 0..<10 {
            let (page, isHeld) = try readUnlockedInode(directory.number)
            let inode = try Inode(decoding: page, number: directory.number)
            guard inode.state == .linked, inode.generation == directory.generation else { throw .notFound(path) }
            guard inode.kind == .directory else { throw .notADirectory(path) }
            if let known = directories[directory.number], known.version == page.version,
                known.generation == inode.generation
            {
                return
            }
            let index = try ExtentReader(device: device, geometry: geometry).directory(inode, version: page.version)
            if !isHeld {
                let (after, _) = try readUnlockedInode(directory.number)
                guard after.version == page.version else { continue }
            }
            directories[directory.number] = index
            return
        }
        throw .contended(holder: nil)
    }

    private mutating func readUnlockedInode(_ number: UInt32) throws(VolumeError) -> (page: Page, isHeld: Bool) {
        let sector = geometry.inodeSector(number)
        if let record = held[sector] { return (record.page, true) }
        let bytes = try device.read(sector: sector, sectors: Int(Geometry.recordSectors))
        let lock = try LockSector(decoding: bytes, sector: sector)
        if lock.mode == .exclusive, let other = try liveOwners(of: lock).first {
            throw .contended(holder: try readHeartbeat(other.slot).hostName)
        }
        return (try Page(.inode, sector: sector + 1, decoding: Array(bytes[Device.sectorBytes...])), false)
    }

    /// What a path names. - Throws: `.notFound`, `.notADirectory`.
    mutating func resolve(_ path: FilePath) throws(VolumeError) -> InodeReference {
        var reference = InodeReference.root
        for (depth, name) in path.names.enumerated() {
            guard reference.kind == .directory else {
                throw .notADirectory(FilePath(names: Array(path.names.prefix(depth))).text)
            }
            guard let next = try entry(name, in: reference, path: path.text) else { throw .notFound(path.text) }
            reference = next
        }
        return reference
    }

    mutating func entry(
        _ name: FileName, in directory: InodeReference, path: String
    ) throws(VolumeError) -> InodeReference? {
        try load(directory, path: path)
        return directories[directory.number]?.entries[name]?.reference
    }

    // Within a change.

    /// Locks the directory `path` for changing.
    mutating func lockDirectory(_ path: FilePath) throws(VolumeError) -> InodeReference {
        let reference = try resolve(path)
        guard reference.kind == .directory else { throw .notADirectory(path.text) }
        try lock(geometry.inodeSector(reference.number), .inode)
        try load(reference, path: path.text)
        return reference
    }

    mutating func addEntry(
        _ name: FileName, _ target: InodeReference, to directory: InodeReference
    ) throws(VolumeError) {
        if directories[directory.number]?.vacant.isEmpty != false { try addPage(to: directory) }
        guard let place = directories[directory.number]?.vacant.popLast() else {
            throw .corrupt("directory \(directory.number): no vacant entry")
        }
        try changeDirectoryPage(directory, place.page) { $0.set(place.entry, name: name, to: target) }
        directories[directory.number]?.entries[name] = DirectoryIndex.Place(
            reference: target, page: place.page, entry: place.entry)
    }

    mutating func removeEntry(_ name: FileName, from directory: InodeReference) throws(VolumeError) {
        guard let place = directories[directory.number]?.entries.removeValue(forKey: name) else { return }
        try changeDirectoryPage(directory, place.page) { $0.clear(place.entry) }
        directories[directory.number]?.vacant.append((place.page, place.entry))
    }

    private mutating func changeDirectoryPage(
        _ directory: InodeReference, _ number: Int, _ body: (inout DirectoryPage) -> Void
    ) throws(VolumeError) {
        guard let sector = directories[directory.number]?.sector(ofPage: number) else {
            throw .corrupt("directory \(directory.number): page \(number)")
        }
        var content: DirectoryPage
        if let changed = directoryPages[sector] {
            content = DirectoryPage(page: changed.page)
        } else {
            let bytes = try device.read(sector: sector, sectors: Int(DirectoryPage.sectors))
            content = DirectoryPage(page: try Page(.directory, sector: sector, decoding: bytes))
        }
        body(&content)
        directoryPages[sector] = ChangedDirectoryPage(page: content.page, directory: directory.number)
        var inode = try inode(directory.number)
        inode.modified = clock.now()
        setInode(inode)
    }

    /// Makes a directory one page longer, with a new block when its last is full.
    private mutating func addPage(to directory: InodeReference) throws(VolumeError) {
        guard var index = directories[directory.number] else { return }
        var inode = try inode(directory.number)
        if index.pageCount == Int(inode.mappedBlocks) * DirectoryPage.pagesPerBlock {
            let run = try allocate(upTo: 1)
            try device.zero(run.sectors)
            let logical = UInt32(index.pageCount / DirectoryPage.pagesPerBlock)
            index.map.insert(Extent(logical: logical, start: run.start, count: 1), geometry: geometry)
            try store(index.map, in: &inode)
        }
        inode.sizeBytes += UInt64(Page.directoryBytes)
        setInode(inode)
        index.vacant += (0..<DirectoryPage.entryCount).reversed().map { (index.pageCount, $0) }
        index.pageCount += 1
        directories[directory.number] = index
    }
}

extension DirectoryIndex {
    mutating func add(_ content: DirectoryPage, number: Int) throws(VolumeError) {
        for entry in (0..<DirectoryPage.entryCount).reversed() {
            guard let found = try content.entry(entry) else {
                vacant.append((number, entry))
                continue
            }
            let place = Place(reference: found.reference, page: number, entry: entry)
            guard entries.updateValue(place, forKey: found.name) == nil else {
                throw .corrupt("two entries of one name in the directory page at sector \(content.page.sector)")
            }
        }
    }
}
