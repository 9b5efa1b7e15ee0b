import Glibc
import Platform

/// A count for every block of the pool: 0 is free, 1 to 65532 are references, the largest three have other meanings.
///
/// The counts of a region of 2048 blocks are one page. It is read when first needed, and forgotten when clean and not
/// used lately. On the medium the page has two places at the start of its region; a checkpoint writes the one that the
/// checkpoint before it does not need. The index names the valid one and its checksum:
/// ```
/// superblock ─checksum─► roots, 8 bytes per index page ─checksum─► index page, 8 bytes per region ─checksum─► counts
/// entry   0 CRC32C u32   4 used blocks u16 (index pages only)   6 flags u16: bit 0 stored, bit 1 the second place
/// counts  2 bytes per block; a block that is on its way from or to being used is stored as free
/// ```
/// An entry of zero: nothing of the region was ever used.
final class CountTable {
    typealias Count = UInt16

    static let free: Count = 0
    /// Metadata in its place: catalogue pages, and the places of the counts themselves.
    static let held = Count.max
    /// Not free yet, or taken and not named yet; a crash makes it free.
    static let transient = Count.max - 1
    /// More references than `largest`; the allocator keeps the number.
    static let overflowed = Count.max - 2
    static let largest = Count.max - 3

    struct Region {
        var checksum: UInt32 = 0
        var isStored = false
        /// 0 or 1.
        var place: UInt8 = 0
        var isLoaded = false
        /// Differs from what is stored.
        var isDirty = false
        var wasTouched = false
        /// Its free pieces have been noted for trimming.
        var wasExamined = false
        var free: UInt16 = 0
        var transient: UInt16 = 0
        /// Free blocks that are not given out, because the counts cannot be read.
        var abandoned: UInt16 = 0
        /// Checkpoint that wrote or is writing it.
        var generation: UInt64 = 0

        /// What the counts of a region are proven by.
        var entry: UInt64 { isStored ? UInt64(checksum) | UInt64(place) << 32 | 1 << 33 : 0 }
    }

    let geometry: Geometry
    let device: any BlockDevice
    /// First block of the first region.
    private let base: Int
    /// Blocks that the device has now.
    private(set) var end = 0
    private(set) var freeBlocks = 0
    private(set) var loadedCount = 0
    let regions: UnsafeMutablePointer<Region>
    /// By block from the first region on; meaningless where the region is not loaded.
    let counts: UnsafeMutablePointer<Count>
    var dirtyRegions: [Int] = []
    /// As regions, one level up.
    var indexPages: [Region]
    var dirtyIndexPages: Set<Int> = []
    /// Regions whose free pieces have not been noted for trimming: after opening it is not known which of them the file
    /// system keeps space for.
    var unexamined: [Int] = []
    /// Regions that existed when the pool was opened.
    var knownRegions = 0
    private var hand = 0

    /// - Throws: `.tooLarge` if there is no address space for the table.
    init(_ geometry: Geometry, device: any BlockDevice) throws(ArrayError) {
        self.geometry = geometry
        self.device = device
        base = geometry.dataStart
        regions = .allocate(capacity: geometry.regionCount)
        regions.initialize(repeating: Region(), count: geometry.regionCount)
        indexPages = [Region](repeating: Region(), count: geometry.indexPages)
        // Pages of the region's size, which take memory only once they are touched.
        let bytes = mmap(
            nil, geometry.regionCount * Layout.blockBytes, PROT_READ | PROT_WRITE,
            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        guard let bytes, bytes != MAP_FAILED else {
            regions.deallocate()
            throw .tooLarge
        }
        _ = madvise(bytes, geometry.regionCount * Layout.blockBytes, MADV_NOHUGEPAGE)
        counts = bytes.bindMemory(to: Count.self, capacity: geometry.regionCount * Geometry.blocksPerRegion)
    }

    deinit {
        munmap(counts, geometry.regionCount * Layout.blockBytes)
        regions.deallocate()
    }

    func contains(_ block: UInt32) -> Bool { Int(block) >= base && Int(block) < end }

    /// Of a block that the pool contains.
    func region(of block: UInt32) -> Int {
        Int(truncatingIfNeeded: UInt(bitPattern: Int(block) - base) / UInt(Geometry.blocksPerRegion))
    }

    func usableBlocks(ofRegion region: Int) -> Int {
        let start = geometry.start(ofRegion: region) + Geometry.countPlaces
        return max(0, min(end, start + Geometry.blocksPerRegion - Geometry.countPlaces) - start)
    }

    func grow(to newEnd: Int) {
        precondition(newEnd <= geometry.limit, "a pool does not grow past its limit")
        guard newEnd > end, newEnd > geometry.dataStart else { return end = max(end, newEnd) }
        let first = max(0, end - geometry.dataStart) / Geometry.blocksPerRegion
        let last = (newEnd - 1 - geometry.dataStart) / Geometry.blocksPerRegion
        let before = (first...last).map(usableBlocks)
        end = newEnd
        for region in first...last {
            let more = usableBlocks(ofRegion: region) - before[region - first]
            regions[region].free += UInt16(more)
            freeBlocks += more
        }
    }

    // MARK: Counts

    /// The count of a block whose region is loaded.
    subscript(block: UInt32) -> Count { counts[Int(block) - base] }

    /// Sets the count of a block whose region is loaded.
    func set(_ block: UInt32, _ count: Count) {
        let region = regions + region(of: block)
        let entry = counts + (Int(block) - base)
        let old = entry.pointee
        entry.pointee = count
        if old == Self.free {
            region.pointee.free -= 1
            freeBlocks -= 1
        }
        if count == Self.free {
            region.pointee.free += 1
            freeBlocks += 1
        }
        if old == Self.transient { region.pointee.transient -= 1 }
        if count == Self.transient { region.pointee.transient += 1 }
        if !region.pointee.isDirty, Self.stored(old) != Self.stored(count) { markDirty(region) }
    }

    // MARK: Runs of blocks in one loaded region

    /// Blocks from this one to the end of its region.
    func blocksLeft(inRegionOf block: UInt32) -> Int {
        Geometry.blocksPerRegion - Int(UInt(bitPattern: Int(block) - base) % UInt(Geometry.blocksPerRegion))
    }

    /// Whether all counts of a run lie in a range.
    func allCounts(_ start: UInt32, _ count: Int, liesIn range: ClosedRange<Count>) -> Bool {
        let entries = counts + (Int(start) - base)
        var outside = 0
        for index in 0..<count { outside += range.contains(entries[index]) ? 0 : 1 }
        return outside == 0
    }

    /// Adds to the counts of a run, all of which are used before and afterwards.
    func add(_ more: Int16, to start: UInt32, _ count: Int) {
        let region = regions + region(of: start)
        let entries = counts + (Int(start) - base)
        for index in 0..<count { entries[index] = entries[index] &+ Count(bitPattern: more) }
        if !region.pointee.isDirty { markDirty(region) }
    }

    /// Makes a run that is transient used once, or a run that is used once transient.
    func exchange(_ start: UInt32, _ count: Int, from old: Count, to new: Count) {
        let region = regions + region(of: start)
        (counts + (Int(start) - base)).update(repeating: new, count: count)
        if old == Self.transient { region.pointee.transient -= UInt16(count) }
        if new == Self.transient { region.pointee.transient += UInt16(count) }
        if !region.pointee.isDirty { markDirty(region) }
    }

    /// What the medium gets for a count.
    static func stored(_ count: Count) -> Count { count == transient ? free : count }

    private func markDirty(_ region: UnsafeMutablePointer<Region>) {
        region.pointee.isDirty = true
        dirtyRegions.append(region - regions)
    }

    // MARK: Loading

    func isLoaded(_ block: UInt32) -> Bool { contains(block) && regions[region(of: block)].isLoaded }

    /// Makes the count of a block accessible.
    ///
    /// - Throws: `.damaged` if there is no such block or its counts are not what the index says, `.device`.
    func load(_ block: UInt32) throws(ArrayError) {
        guard contains(block) else { throw .damaged("block \(block): outside of the pool") }
        let region = region(of: block)
        if regions[region].isLoaded {
            regions[region].wasTouched = true
        } else {
            try load(region: region)
        }
    }

    private func load(region: Int) throws(ArrayError) {
        let page = page(of: region)
        if regions[region].isStored { try Self.read(device, regions[region], at: place(ofRegion: region), into: page) }
        try finishLoading(region)
    }

    /// The memory of a region's counts.
    func page(of region: Int) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(
            start: counts + region * Geometry.blocksPerRegion, count: Layout.blockBytes)
    }

    /// Block where the valid page of a region's counts is stored.
    func place(ofRegion region: Int) -> Int { geometry.start(ofRegion: region) + Int(regions[region].place) }

    /// Reads and proves a page; one that fails is read once more before it counts as damaged.
    static func read(
        _ device: any BlockDevice, _ entry: Region, at block: Int, into page: UnsafeMutableRawBufferPointer
    ) throws(ArrayError) {
        do throws(DeviceError) {
            for _ in 0..<2 {
                try device.read(into: page, at: UInt64(block) * UInt64(Layout.blockBytes))
                if Checksum.of(UnsafeRawBufferPointer(page)) == entry.checksum { return }
            }
        } catch { throw .device(error) }
        page.clear()
        throw .damaged("counts at block \(block): checksum")
    }

    /// Takes counts read elsewhere, if the region still is what they were read for.
    func adopt(_ bytes: UnsafeRawBufferPointer, forRegion region: Int, entry: UInt64) throws(ArrayError) {
        guard !regions[region].isLoaded, regions[region].entry == entry else { return }
        page(of: region).copyMemory(from: bytes)
        try finishLoading(region)
    }

    private func finishLoading(_ region: Int) throws(ArrayError) {
        let start = counts + region * Geometry.blocksPerRegion
        if regions[region].isStored {
            for index in 0..<Geometry.blocksPerRegion { start[index] = Count(littleEndian: start[index]) }
        }
        for place in 0..<Geometry.countPlaces { start[place] = Self.held }
        let used = (Geometry.countPlaces..<Geometry.blocksPerRegion).count { start[$0] != Self.free }
        let free = Int(regions[region].free) + Int(regions[region].abandoned)
        guard used + free == usableBlocks(ofRegion: region) else {
            page(of: region).clear()
            throw .damaged("counts of region \(region): \(used) blocks used")
        }
        regions[region].isLoaded = true
        regions[region].wasTouched = true
        loadedCount += 1
        if region < knownRegions, !regions[region].wasExamined { unexamined.append(region) }
    }

    /// Gives up a region that cannot be read: nothing more is placed in it.
    func abandon(region: Int) {
        freeBlocks -= Int(regions[region].free)
        regions[region].abandoned += regions[region].free
        regions[region].free = 0
    }

    /// Forgets counts that were not used lately until at most `limit` pages are there, or few can go.
    func evict(downTo limit: Int, written: UInt64) {
        guard loadedCount > limit else { return }
        var steps = 4 * (loadedCount - limit) + 64
        while loadedCount > limit, steps > 0 {
            steps -= 1
            hand = hand + 1 < geometry.regionCount ? hand + 1 : 0
            let region = regions + hand
            guard region.pointee.isLoaded, !region.pointee.isDirty, region.pointee.transient == 0,
                region.pointee.generation <= written
            else { continue }
            if region.pointee.wasTouched {
                region.pointee.wasTouched = false
                continue
            }
            region.pointee.isLoaded = false
            loadedCount -= 1
            let page = page(of: hand)
            _ = madvise(page.baseAddress, page.count, MADV_DONTNEED)
        }
    }

    /// What is stored about an index page or region at opening.
    func setStored(_ region: Int, checksum: UInt32, used: Int, place: UInt8) {
        regions[region].checksum = checksum
        regions[region].isStored = true
        regions[region].place = place
        regions[region].free -= UInt16(used)
        freeBlocks -= used
    }
}
