import Glibc
import Platform

/// One walk over all maps that counts again what the state has counted. Reads pages that are not in memory, past the
/// cache. With the gate held.
struct MapWalk {
    private let state: PoolState
    private(set) var problems: [String] = []
    /// Pages that are in memory as the last checkpoint left them; those that are not were proven by the walk.
    private(set) var cachedPages: [BlockPointer] = []
    /// Every mapped block once.
    private(set) var dataBlocks: [BlockPointer] = []

    /// Names by block, from the first region on.
    private let found: UnsafeMutablePointer<UInt32>
    private var dirtyPages: [PageArena.Slot: UInt32] = [:]
    /// How many blocks a page maps, by name.
    private var mappedBelow: [PageName: UInt64] = [:]
    private var storedPages = 0

    /// - Parameter catalogueBlocks: how many blocks the catalogue holds.
    static func run(_ state: PoolState, catalogueBlocks: Int) throws(ArrayError) -> MapWalk {
        var walk = try MapWalk(state)
        defer { Glibc.free(walk.found) }
        for lun in state.luns.values.sorted(by: { $0.record.identifier < $1.record.identifier }) {
            let mapped = walk.visit(lun.root, level: Layout.rootLevel)
            if mapped != lun.mapped {
                walk.report("\(lun.record.identifier): \(lun.mapped) blocks counted, \(mapped) found")
            }
        }
        for page in state.dead { _ = walk.visit(page.name, level: page.level) }
        walk.compareDirtyPages()
        walk.compareCounts(catalogueBlocks: catalogueBlocks)
        return walk
    }

    private init(_ state: PoolState) throws(ArrayError) {
        self.state = state
        let count = max(1, state.allocator.end - state.allocator.table.geometry.dataStart)
        guard let zeros = calloc(count, MemoryLayout<UInt32>.stride) else { throw .tooLarge }
        found = zeros.bindMemory(to: UInt32.self, capacity: count)
    }

    private mutating func report(_ problem: String) {
        if problems.count < 1000 { problems.append(problem) }
    }

    // MARK: Maps

    /// Returns the mapped blocks found below a page.
    private mutating func visit(_ name: PageName, level: Int) -> UInt64 {
        if name.isNone { return 0 }
        if let slot = name.slot {
            dirtyPages[slot, default: 0] += 1
        } else {
            guard count(name.stored, "map page") else { return 0 }
        }
        if let known = mappedBelow[name] { return known }
        let mapped = visitEntries(name, level: level)
        mappedBelow[name] = mapped
        if mapped == 0 { report("map page \(name.rawValue >> 32): maps nothing") }
        return mapped
    }

    /// Counts one name of a block; `false` if there is no such block.
    private mutating func count(_ pointer: BlockPointer, _ what: String) -> Bool {
        guard state.allocator.contains(pointer.block) else {
            report("\(what) \(pointer.block): outside of the pool")
            return false
        }
        found[Int(pointer.block) - state.allocator.table.geometry.dataStart] += 1
        return true
    }

    private mutating func visitEntries(_ name: PageName, level: Int) -> UInt64 {
        let slot = name.slot ?? state.arena.find(name.stored)
        if name.slot == nil { storedPages += 1 }
        guard slot == 0 else {
            if name.slot == nil { cachedPages.append(name.stored) }
            let page = state.arena.page(slot).pointee
            if Int(page.level) != level { report("map page in slot \(slot): level") }
            let mapped = visitEntries(state.arena.entries(slot), level: level, isDirty: page.isDirty)
            if level < Layout.rootLevel, mapped != page.mapped {
                report("map page in slot \(slot): \(page.mapped) blocks counted, \(mapped) found")
            }
            return mapped
        }
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Layout.blockBytes, alignment: Layout.blockBytes)
        defer { buffer.deallocate() }
        do throws(ArrayError) { try state.device.readPage(name.stored, into: buffer) } catch {
            report("map page \(name.stored.block): checksum")
            return 0
        }
        return visitEntries(buffer.bindMemory(to: UInt64.self).baseAddress, level: level, isDirty: false)
    }

    private mutating func visitEntries(_ entries: UnsafeMutablePointer<UInt64>?, level: Int, isDirty: Bool) -> UInt64 {
        guard let entries else { return 0 }
        var mapped: UInt64 = 0
        for index in 0..<Layout.entryCount(ofLevel: level) {
            let isCounted = level > 0 && level < Layout.rootLevel
            let counted = isCounted ? entries[Layout.countWords + index] : 0
            guard entries[index] != 0 else {
                if counted != 0 { report("a map page: blocks counted for nothing") }
                continue
            }
            guard level > 0 else {
                let pointer = BlockPointer(rawValue: entries[index])
                mapped += 1
                guard count(pointer, "block") else { continue }
                if found[Int(pointer.block) - state.allocator.table.geometry.dataStart] == 1 { dataBlocks.append(pointer) }
                continue
            }
            let child = PageName(rawValue: entries[index])
            if child.slot != nil, !isDirty { report("a map page: clean above a dirty page") }
            let below = visit(child, level: level - 1)
            if isCounted, below != counted { report("a map page: \(counted) blocks counted below, \(below) found") }
            mapped += below
        }
        return mapped
    }

    // MARK: Counts

    private mutating func compareDirtyPages() {
        for (slot, names) in dirtyPages.sorted(by: { $0.key < $1.key }) {
            let counted = state.arena.page(slot).pointee.references
            if counted != names { report("map page in slot \(slot): \(counted) references counted, \(names) found") }
        }
        if dirtyPages.count != state.arena.dirtyCount {
            report("\(state.arena.dirtyCount) dirty map pages are kept, \(dirtyPages.count) are reachable")
        }
    }

    private struct Totals {
        var free = 0
        var used = 0
        var held = 0
        var transient = 0
    }

    private mutating func compareCounts(catalogueBlocks: Int) {
        let allocator = state.allocator
        var totals = Totals()
        let spare = UnsafeMutableRawBufferPointer.allocate(byteCount: Layout.blockBytes, alignment: Layout.blockBytes)
        defer { spare.deallocate() }
        for region in 0..<allocator.table.geometry.regionCount where allocator.table.usableBlocks(ofRegion: region) > 0 {
            guard let counts = counts(ofRegion: region, spare) else { continue }
            compare(region, counts, &totals)
        }
        let (pending, deferred) = (allocator.pendingBlocks, allocator.deferredBlocks)
        if totals.free != allocator.freeBlocks {
            report("\(totals.free) blocks are free, \(allocator.freeBlocks) are counted")
        }
        if totals.used - storedPages != allocator.usedBlocks {
            report("\(totals.used - storedPages) blocks hold data, \(allocator.usedBlocks) are counted")
        }
        if totals.held != catalogueBlocks { report("\(totals.held) blocks are held, \(catalogueBlocks) are needed") }
        if totals.transient != pending + deferred {
            report("\(totals.transient) blocks are on their way to being free, \(pending + deferred) are counted")
        }
    }

    /// The counts of a region, in memory or in `spare`; `nil` if they cannot be read.
    private mutating func counts(
        ofRegion region: Int, _ spare: UnsafeMutableRawBufferPointer
    ) -> UnsafePointer<CountTable.Count>? {
        let table = state.allocator.table
        let entry = table.regions[region]
        if entry.isLoaded { return UnsafePointer(table.counts + region * Geometry.blocksPerRegion) }
        spare.clear()
        do throws(ArrayError) {
            if entry.isStored { try CountTable.read(table.device, entry, at: table.place(ofRegion: region), into: spare) }
        } catch {
            report("counts of region \(region): checksum")
            return nil
        }
        return UnsafePointer(spare.bindMemory(to: CountTable.Count.self).baseAddress)
    }

    private mutating func compare(_ region: Int, _ counts: UnsafePointer<CountTable.Count>, _ totals: inout Totals) {
        let table = state.allocator.table
        let first = table.geometry.start(ofRegion: region)
        for index in Geometry.countPlaces..<Geometry.countPlaces + table.usableBlocks(ofRegion: region) {
            let names = UInt64(found[first + index - table.geometry.dataStart])
            var counted: UInt64 = 0
            switch counts[index] {
            case CountTable.free: totals.free += 1
            case CountTable.held: totals.held += 1
            case CountTable.transient: totals.transient += 1
            case let count:
                totals.used += 1
                counted = UInt64(count)
                if count == CountTable.overflowed { counted = state.allocator.overflow[UInt32(first + index)] ?? 0 }
            }
            if counted != names { report("block \(first + index): \(counted) references counted, \(names) found") }
        }
    }
}
