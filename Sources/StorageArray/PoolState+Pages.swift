import Platform

// Map pages: finding them in memory or on the device, sharing them, changing them, giving them up.

extension PoolState {
    typealias Slot = PageArena.Slot

    // MARK: In memory

    /// The slot of a page, which is read if it is not in memory.
    ///
    /// - Throws: `.damaged` if the page is not what its name says, `.device`.
    func resident(_ name: PageName, level: Int) throws(ArrayError) -> Slot {
        if let slot = name.slot { return slot }
        let slot = arena.find(name.stored)
        guard slot != 0 else { return try load(name.stored, level: level) }
        guard arena.page(slot).pointee.stored == name.stored, Int(arena.page(slot).pointee.level) == level else {
            throw .damaged("map page \(name.stored.block) named in two ways")
        }
        return slot
    }

    private func load(_ pointer: BlockPointer, level: Int) throws(ArrayError) -> Slot {
        guard allocator.contains(pointer.block) else { throw .damaged("map page \(pointer.block): its place") }
        let slot = arena.makeUnfilled(level: level)
        do throws(ArrayError) {
            let page = UnsafeMutableRawBufferPointer(start: arena.entries(slot), count: Layout.blockBytes)
            try device.readPage(pointer, into: page)
            try finishLoading(slot, pointer)
            return slot
        } catch {
            arena.discard(slot)
            throw error
        }
    }

    /// Takes a page that was read and proven elsewhere, unless it is there by now.
    func adopt(_ bytes: UnsafeRawBufferPointer, _ pointer: BlockPointer, level: Int) throws(ArrayError) {
        guard arena.find(pointer) == 0 else { return }
        let slot = arena.makeUnfilled(level: level)
        UnsafeMutableRawBufferPointer(start: arena.entries(slot), count: Layout.blockBytes).copyMemory(from: bytes)
        do throws(ArrayError) { try finishLoading(slot, pointer) } catch {
            arena.discard(slot)
            throw error
        }
    }

    private func finishLoading(_ slot: Slot, _ pointer: BlockPointer) throws(ArrayError) {
        let level = Int(arena.page(slot).pointee.level)
        let entries = arena.entries(slot)
        var mapped: UInt64 = 0
        for index in 0..<Layout.wordsPerPage { entries[index] = UInt64(littleEndian: entries[index]) }
        for index in 0..<Layout.entryCount(ofLevel: level) where entries[index] != 0 {
            guard entries[index] >> 32 != 0 else { throw .damaged("map page \(pointer.block): entry \(index)") }
            if level == 0 { mapped += 1 }
        }
        if level > 0, level < Layout.rootLevel {
            for index in 0..<Layout.countWords { mapped += entries[Layout.countWords + index] }
        }
        arena.page(slot).pointee.mapped = mapped
        arena.add(slot, stored: pointer)
    }

    /// Blocks that the page an entry names maps. For an entry of a root that page may have to be read.
    func mappedBelow(_ slot: Slot, level: Int, index: Int) throws(ArrayError) -> UInt64 {
        let entries = arena.entries(slot)
        if level < Layout.rootLevel { return entries[Layout.countWords + index] }
        guard entries[index] != 0 else { return 0 }
        return arena.page(try resident(PageName(rawValue: entries[index]), level: level - 1)).pointee.mapped
    }

    /// Writes down how many blocks the page an entry names maps.
    func setMappedBelow(_ slot: Slot, level: Int, index: Int, _ mapped: UInt64) {
        if level < Layout.rootLevel { arena.entries(slot)[Layout.countWords + index] = mapped }
    }

    // MARK: Names

    func references(_ name: PageName) throws(ArrayError) -> UInt64 {
        if let slot = name.slot { return UInt64(arena.page(slot).pointee.references) }
        return try allocator.referenceCount(name.stored.block)
    }

    /// One more name for a page.
    func retain(_ name: PageName) throws(ArrayError) {
        if name.isNone { return }
        if let slot = name.slot {
            arena.page(slot).pointee.references += 1
        } else {
            try allocator.retain(name.stored.block)
        }
    }

    private func releaseShared(_ name: PageName) throws(ArrayError) {
        if let slot = name.slot {
            arena.page(slot).pointee.references -= 1
        } else {
            try allocator.releaseShared(name.stored.block)
        }
    }

    /// One name less for a page. With the last one the page and what only it names are dead, to be freed by `reap`; a
    /// dirty page that maps nothing is freed at once.
    func drop(_ name: PageName, level: Int) throws(ArrayError) {
        if name.isNone { return }
        if try references(name) > 1 { return try releaseShared(name) }
        if let slot = name.slot, level < Layout.rootLevel, arena.page(slot).pointee.mapped == 0 {
            return arena.free(slot)
        }
        dead.append(DeadPage(name: name, level: level))
    }

    // MARK: Changing

    /// A dirty page with the content of a named one, in exchange for that name: the page itself when nothing else names
    /// it, else a copy.
    func own(_ name: PageName, level: Int) throws(ArrayError) -> Slot {
        let slot = try resident(name, level: level)
        if try references(name) > 1 {
            try retainChildren(of: slot, level: level)
            try releaseShared(name)
            let copy = arena.makeUninitialized(level: level)
            arena.entries(copy).update(from: arena.entries(slot), count: Layout.wordsPerPage)
            arena.page(copy).pointee.mapped = arena.page(slot).pointee.mapped
            return copy
        }
        if name.slot == nil {
            try allocator.deferFree(name.stored.block)
            arena.makeDirty(slot)
        }
        return slot
    }

    private func retainChildren(of slot: Slot, level: Int) throws(ArrayError) {
        let entries = arena.entries(slot)
        if level == 0 { return try retain(entries, Layout.entriesPerPage) }
        for index in 0..<Layout.entryCount(ofLevel: level) where entries[index] != 0 {
            try retain(PageName(rawValue: entries[index]))
        }
    }

    // MARK: Freeing

    /// Frees dead pages, the last ones first; what they named alone is dead then, or free if it is data.
    func reap(_ pages: UInt32) throws(ArrayError) {
        for _ in 0..<pages {
            guard let page = dead.last else { return }
            let slot = try resident(page.name, level: page.level)
            dead.removeLast()
            let entries = arena.entries(slot)
            if page.level == 0 {
                try release(entries, Layout.entriesPerPage)
            } else {
                for index in 0..<Layout.entryCount(ofLevel: page.level) where entries[index] != 0 {
                    try drop(PageName(rawValue: entries[index]), level: page.level - 1)
                }
            }
            if page.name.slot == nil { try allocator.deferFree(page.name.stored.block) }
            arena.free(slot)
        }
    }
}

// MARK: Entries of leaves

extension PoolState {
    func mappedCount(_ entries: UnsafePointer<UInt64>, _ count: Int) -> Int {
        var mapped = 0
        for index in 0..<count { mapped += entries[index] == 0 ? 0 : 1 }
        return mapped
    }

    /// One more name for the blocks of entries.
    func retain(_ entries: UnsafePointer<UInt64>, _ count: Int) throws(ArrayError) {
        try forEachRun(entries, count) { start, count throws(ArrayError) in try allocator.retain(start, run: count) }
    }

    /// One name less for the blocks of entries.
    func release(_ entries: UnsafePointer<UInt64>, _ count: Int) throws(ArrayError) {
        try forEachRun(entries, count) { start, count throws(ArrayError) in try allocator.release(start, count: count) }
    }

    /// Calls `body` for runs of blocks of one region that follow each other.
    func forEachRun(
        _ entries: UnsafePointer<UInt64>, _ count: Int, _ body: (UInt32, Int) throws(ArrayError) -> Void
    ) throws(ArrayError) {
        var index = 0
        while index < count {
            let block = entries[index] >> 32
            guard block != 0 else {
                index += 1
                continue
            }
            let start = UInt32(truncatingIfNeeded: block)
            let limit = allocator.contains(start) ? min(count, index + allocator.table.blocksLeft(inRegionOf: start)) : 0
            let first = index
            index += 1
            while index < limit, entries[index] >> 32 == block + UInt64(index - first) { index += 1 }
            try body(start, index - first)
        }
    }
}

extension BlockDevice {
    /// Reads a page and proves it; one that fails is read once more before it counts as damaged.
    func readPage(_ pointer: BlockPointer, into page: UnsafeMutableRawBufferPointer) throws(ArrayError) {
        do throws(DeviceError) {
            for _ in 0..<2 {
                try read(into: page, at: pointer.offset)
                if Checksum.of(UnsafeRawBufferPointer(page)) == pointer.checksum { return }
            }
        } catch { throw .device(error) }
        throw .damaged("map page \(pointer.block): checksum")
    }
}
