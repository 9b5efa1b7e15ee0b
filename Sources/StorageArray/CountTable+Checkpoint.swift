import Platform

// How the counts get to the medium and, at opening, their index back from it.

extension CountTable {
    /// Changed pages on their way to the device, and where each goes.
    struct Staging {
        let pages: UnsafeMutableRawBufferPointer
        var blocks: [UInt64] = []
        /// Of the roots, for the superblock.
        var rootChecksum: UInt32 = 0

        fileprivate init(pageCount: Int) {
            pages = .allocate(byteCount: max(1, pageCount) * Layout.blockBytes, alignment: Layout.blockBytes)
            blocks.reserveCapacity(pageCount)
        }

        /// Memory for the next page, which goes to `block`.
        fileprivate mutating func next(_ block: Int) -> UnsafeMutableRawBufferPointer {
            let start = blocks.count * Layout.blockBytes
            blocks.append(UInt64(block) << 32)
            return UnsafeMutableRawBufferPointer(rebasing: pages[start..<start + Layout.blockBytes])
        }
    }

    /// Copies all that changed, as checkpoint `generation`; what is stored there is not valid before its superblock.
    func stage(generation: UInt64) -> Staging {
        for region in dirtyRegions { dirtyIndexPages.insert(region / Layout.wordsPerPage) }
        var staging = Staging(pageCount: dirtyRegions.count + dirtyIndexPages.count + geometry.rootPages)
        for region in dirtyRegions.sorted() { stageRegion(region, generation, &staging) }
        for index in dirtyIndexPages.sorted() { stageIndexPage(index, &staging) }
        dirtyRegions.removeAll(keepingCapacity: true)
        dirtyIndexPages.removeAll(keepingCapacity: true)
        stageRoots(generation, &staging)
        return staging
    }

    private func stageRegion(_ region: Int, _ generation: UInt64, _ staging: inout Staging) {
        let entry = regions + region
        entry.pointee.place = entry.pointee.isStored ? 1 - entry.pointee.place : 0
        let page = staging.next(place(ofRegion: region))
        let target = page.bindMemory(to: Count.self)
        let source = counts + region * Geometry.blocksPerRegion
        for index in 0..<Geometry.blocksPerRegion { target[index] = Self.stored(source[index]).littleEndian }
        entry.pointee.checksum = Checksum.of(UnsafeRawBufferPointer(page))
        entry.pointee.isStored = true
        entry.pointee.isDirty = false
        entry.pointee.generation = generation
    }

    private func stageIndexPage(_ index: Int, _ staging: inout Staging) {
        indexPages[index].place = indexPages[index].isStored ? 1 - indexPages[index].place : 0
        let page = staging.next(place(ofIndexPage: index))
        page.clear()
        let first = index * Layout.wordsPerPage
        for region in first..<min(first + Layout.wordsPerPage, geometry.regionCount) {
            let entry = regions[region]
            guard entry.isStored else { continue }
            let used = usableBlocks(ofRegion: region) - Int(entry.free) - Int(entry.transient) - Int(entry.abandoned)
            page.baseAddress?.putEntry(entry, used: used, at: 8 * (region - first))
        }
        indexPages[index].checksum = Checksum.of(UnsafeRawBufferPointer(page))
        indexPages[index].isStored = true
    }

    private func stageRoots(_ generation: UInt64, _ staging: inout Staging) {
        let first = staging.blocks.count
        for root in 0..<geometry.rootPages {
            let page = staging.next(place(ofRoot: root, generation))
            page.clear()
            let start = root * Layout.wordsPerPage
            for index in start..<min(start + Layout.wordsPerPage, geometry.indexPages) where indexPages[index].isStored {
                page.baseAddress?.putEntry(indexPages[index], used: 0, at: 8 * (index - start))
            }
        }
        let roots = UnsafeRawBufferPointer(staging.pages)[first * Layout.blockBytes..<staging.blocks.count * Layout.blockBytes]
        staging.rootChecksum = Checksum.of(UnsafeRawBufferPointer(rebasing: roots))
    }

    /// Block where the valid page of the index is stored.
    func place(ofIndexPage index: Int) -> Int { geometry.indexStart + 2 * index + Int(indexPages[index].place) }

    private func place(ofRoot root: Int, _ generation: UInt64) -> Int {
        geometry.rootStart + Int(generation & 1) * geometry.rootPages + root
    }

    // MARK: Opening

    /// Reads the index of a checkpoint, into a table in which everything is free.
    func readIndex(generation: UInt64, rootChecksum: UInt32) throws(ArrayError) {
        let roots = try readRoots(generation)
        guard Checksum.of(roots) == rootChecksum else { throw .damaged("roots of the counts") }
        for index in 0..<geometry.indexPages {
            let word = roots.word(at: 8 * index)
            guard word != 0 else { continue }
            indexPages[index] = .init(entry: word)
            try readIndexPage(index)
        }
    }

    private func readRoots(_ generation: UInt64) throws(ArrayError) -> [UInt8] {
        try device.bytes(
            at: UInt64(place(ofRoot: 0, generation)) * UInt64(Layout.blockBytes),
            count: geometry.rootPages * Layout.blockBytes)
    }

    private func readIndexPage(_ index: Int) throws(ArrayError) {
        let page = try device.bytes(
            at: UInt64(place(ofIndexPage: index)) * UInt64(Layout.blockBytes), count: Layout.blockBytes)
        guard Checksum.of(page) == indexPages[index].checksum else {
            throw .damaged("index of the counts, page \(index)")
        }
        let first = index * Layout.wordsPerPage
        for region in first..<min(first + Layout.wordsPerPage, geometry.regionCount) {
            let word = page.word(at: 8 * (region - first))
            guard word != 0 else { continue }
            let used = Int(word >> 32 & 0xFFFF)
            guard used <= usableBlocks(ofRegion: region) else { throw .damaged("region \(region): beyond the device") }
            let entry = Region(entry: word)
            setStored(region, checksum: entry.checksum, used: used, place: entry.place)
        }
    }

    // MARK: Proving

    /// Whether the medium holds what the entry of a region says.
    func isIntact(region: Int) throws(ArrayError) -> Bool {
        guard regions[region].isStored else { return true }
        return try isIntact(place(ofRegion: region), regions[region])
    }

    func isIntact(indexPage index: Int) throws(ArrayError) -> Bool {
        guard indexPages[index].isStored else { return true }
        return try isIntact(place(ofIndexPage: index), indexPages[index])
    }

    func rootsAreIntact(generation: UInt64, rootChecksum: UInt32) throws(ArrayError) -> Bool {
        Checksum.of(try readRoots(generation)) == rootChecksum
    }

    private func isIntact(_ block: Int, _ entry: Region) throws(ArrayError) -> Bool {
        let bytes = try device.bytes(at: UInt64(block) * UInt64(Layout.blockBytes), count: Layout.blockBytes)
        return Checksum.of(bytes) == entry.checksum
    }
}

extension CountTable.Region {
    fileprivate init(entry: UInt64) {
        checksum = UInt32(truncatingIfNeeded: entry)
        isStored = true
        place = UInt8(truncatingIfNeeded: entry >> 49 & 1)
    }
}

extension UnsafeMutableRawPointer {
    fileprivate func putEntry(_ entry: CountTable.Region, used: Int, at offset: Int) {
        putLittle(entry.checksum, at: offset)
        putLittle(UInt16(used), at: offset + 4)
        putLittle(UInt16(1 | UInt16(entry.place) << 1), at: offset + 6)
    }
}

extension [UInt8] {
    /// Eight bytes, little-endian.
    func word(at offset: Int) -> UInt64 {
        withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
    }
}
