/// Which blocks of the pool are free, and how often each used one is named.
///
/// ```
/// free ─take─► transient ─claim─► used (1…) ─last release─► transient: pending ─its group durable──────► free
///                  └──── place ──► map page, held ────────► transient: deferred ─next checkpoint durable─► free
/// ```
/// A freed block is pending until the group that freed it is durable: a crash before that brings the old mapping back,
/// and with it the need for the old bytes. What the last checkpoint needs is deferred until the next one is durable.
/// Everything throws `.damaged` or `.device` if the counts of a block cannot be read.
final class BlockAllocator {
    /// Consecutive blocks on their way to being free.
    struct FreedRun {
        let group: UInt64
        let start: UInt32
        var count: UInt32
    }

    let table: CountTable
    /// Blocks for data and metadata if the device grew to its limit.
    let usableBlocks: Int
    private(set) var pendingBlocks = 0
    private(set) var deferredBlocks = 0
    /// Blocks with data, shared ones once.
    var usedBlocks = 0
    /// Group that a release now belongs to.
    var currentGroup: UInt64 = 0
    /// While a journal is replayed, only free blocks may be claimed.
    var isReplaying = false
    /// Blocks named more often than the table can count.
    var overflow: [UInt32: UInt64] = [:]
    var trimming: TrimList

    private var hint: Int
    private var pending: [FreedRun] = []
    private var pendingHead = 0
    private var deferred: [FreedRun] = []

    init(_ table: CountTable) {
        self.table = table
        usableBlocks = table.geometry.usableBlocks(upTo: table.geometry.limit)
        hint = table.geometry.dataStart
        trimming = TrimList(table)
    }

    var end: Int { table.end }
    var limit: Int { table.geometry.limit }
    var freeBlocks: Int { table.freeBlocks }

    /// Blocks that could be given out if the device grew to its limit.
    var availableBlocks: Int { freeBlocks + usableBlocks - table.geometry.usableBlocks(upTo: end) }

    func contains(_ block: UInt32) -> Bool { table.contains(block) }

    func grow(to newEnd: Int) { table.grow(to: newEnd) }

    /// How often a block is named.
    func referenceCount(_ block: UInt32) throws(ArrayError) -> UInt64 {
        try table.load(block)
        return references(block)
    }

    /// The same of a block whose counts are loaded.
    private func references(_ block: UInt32) -> UInt64 {
        let count = table[block]
        if count <= CountTable.largest { return UInt64(count) }
        return count == CountTable.overflowed ? overflow[block] ?? 0 : 0
    }

    func isFree(_ block: UInt32) throws(ArrayError) -> Bool {
        try table.load(block)
        return table[block] == CountTable.free
    }

    // MARK: Taking

    /// Takes free blocks, in runs where there are runs, and puts their pointers (without checksum) into `pointers`.
    ///
    /// At least `pointers.count` blocks must be free. A region whose counts cannot be read is passed over.
    /// - Throws: `.damaged` if so many regions are unreadable that there are too few; none is taken then.
    func take(into pointers: UnsafeMutableBufferPointer<UInt64>) throws(ArrayError) {
        precondition(pointers.count <= freeBlocks, "more blocks wanted than are free")
        var taken = 0
        while taken < pointers.count {
            guard freeBlocks > 0 else {
                giveBack(pointers[..<taken])
                throw .damaged("counts of free blocks")
            }
            if hint >= end { hint = table.geometry.dataStart }
            let region = table.region(of: UInt32(hint))
            let stop = min(end, table.geometry.start(ofRegion: region + 1))
            guard table.regions[region].free > 0 else {
                hint = stop
                continue
            }
            do throws(ArrayError) { try table.load(UInt32(hint)) } catch {
                table.abandon(region: region)
                continue
            }
            while hint < stop, taken < pointers.count {
                if table[UInt32(hint)] == CountTable.free {
                    occupy(UInt32(hint))
                    pointers[taken] = UInt64(hint) << 32
                    taken += 1
                }
                hint += 1
            }
        }
    }

    private func occupy(_ block: UInt32) {
        table.set(block, CountTable.transient)
        trimming.markBacked(block)
    }

    /// Frees blocks that were taken but never became reachable.
    func giveBack(_ pointers: some Sequence<UInt64>) {
        for pointer in pointers where pointer != 0 { table.set(BlockPointer(rawValue: pointer).block, CountTable.free) }
    }

    /// A block that was taken, or that a record being replayed says so about, holds data and is named once.
    ///
    /// - Throws: `.damaged` if it is in use.
    func claim(_ block: UInt32) throws(ArrayError) {
        try table.load(block)
        guard table[block] == (isReplaying ? CountTable.free : CountTable.transient) else {
            throw .damaged("block \(block): claimed, but in use")
        }
        if isReplaying { trimming.markBacked(block) }
        table.set(block, 1)
        usedBlocks += 1
    }

    /// The same for blocks of one region that follow each other.
    func claim(_ start: UInt32, count: Int) throws(ArrayError) {
        try table.load(start)
        if !isReplaying, table.allCounts(start, count, liesIn: CountTable.transient...CountTable.transient) {
            table.exchange(start, count, from: CountTable.transient, to: 1)
            usedBlocks += count
        } else {
            for block in start..<start + UInt32(count) { try claim(block) }
        }
    }

    /// A block that was taken holds a map page now, named by `references` others.
    func place(_ block: UInt32, references: UInt32) {
        table.set(block, 1)
        if references > 1 { add(UInt64(references - 1), to: block) }
    }

    /// A block that was taken holds a page of the catalogue now.
    func hold(_ block: UInt32) { table.set(block, CountTable.held) }

    /// More names for a used block.
    func retain(_ block: UInt32, count: UInt64 = 1) throws(ArrayError) {
        try table.load(block)
        guard references(block) > 0 else { throw .damaged("block \(block): named, but not used") }
        add(count, to: block)
    }

    /// One more name for each of the used blocks of one region that follow each other.
    func retain(_ start: UInt32, run count: Int) throws(ArrayError) {
        try table.load(start)
        if table.allCounts(start, count, liesIn: 1...CountTable.largest - 1) {
            table.add(1, to: start, count)
        } else {
            for block in start..<start + UInt32(count) { try retain(block) }
        }
    }

    private func add(_ more: UInt64, to block: UInt32) {
        let sum = references(block) + more
        if sum <= UInt64(CountTable.largest) { return table.set(block, CountTable.Count(sum)) }
        overflow[block] = sum
        table.set(block, CountTable.overflowed)
    }

    // MARK: Giving back

    /// One name less for a block of data; the last one makes it pending.
    func release(_ block: UInt32) throws(ArrayError) {
        try table.load(block)
        if table[block] == 1 {
            table.set(block, CountTable.transient)
            usedBlocks -= 1
            pendingBlocks += 1
            pending.extend(block, 1, group: currentGroup, from: pendingHead)
        } else {
            try subtract(block)
        }
    }

    /// The same for blocks of one region that follow each other.
    func release(_ start: UInt32, count: Int) throws(ArrayError) {
        try table.load(start)
        if table.allCounts(start, count, liesIn: 1...1) {
            table.exchange(start, count, from: 1, to: CountTable.transient)
            usedBlocks -= count
            pendingBlocks += count
            pending.extend(start, UInt32(count), group: currentGroup, from: pendingHead)
        } else if table.allCounts(start, count, liesIn: 2...CountTable.largest) {
            table.add(-1, to: start, count)
        } else {
            for block in start..<start + UInt32(count) { try release(block) }
        }
    }

    /// One name less for a map page that has others.
    func releaseShared(_ block: UInt32) throws(ArrayError) {
        try table.load(block)
        try subtract(block)
    }

    private func subtract(_ block: UInt32) throws(ArrayError) {
        let left = references(block)
        guard left > 1 else { throw .damaged("block \(block): released, but not used") }
        if left - 1 <= UInt64(CountTable.largest) {
            overflow[block] = nil
            table.set(block, CountTable.Count(left - 1))
        } else {
            overflow[block] = left - 1
        }
    }

    /// Frees what groups up to `group` released: they are durable.
    func settle(upTo group: UInt64) {
        while pendingHead < pending.count, pending[pendingHead].group <= group {
            let run = pending[pendingHead]
            pendingHead += 1
            pendingBlocks -= Int(run.count)
            makeFree(run)
        }
        if pendingHead > 1024, pendingHead * 2 > pending.count {
            pending.removeFirst(pendingHead)
            pendingHead = 0
        }
    }

    private func makeFree(_ run: FreedRun) {
        for block in run.start..<run.start + run.count { table.set(block, CountTable.free) }
        trimming.note(Int(run.start), Int(run.count))
    }

    /// Lets go of a block that holds metadata of the last checkpoint; free once the next one is durable.
    func deferFree(_ block: UInt32) throws(ArrayError) {
        try table.load(block)
        deferFreeLoaded(block)
    }

    /// The same for a block whose counts are loaded.
    func deferFreeLoaded(_ block: UInt32) {
        table.set(block, CountTable.transient)
        deferred.extend(block, 1, group: 0, from: 0)
        deferredBlocks += 1
    }

    /// What was deferred until now, to be handed to `freeDeferred` when the checkpoint being made is durable.
    func takeDeferred() -> [FreedRun] {
        defer { deferred = [] }
        return deferred
    }

    func freeDeferred(_ runs: [FreedRun]) {
        for run in runs {
            deferredBlocks -= Int(run.count)
            makeFree(run)
        }
    }

    // MARK: Trimming

    /// Holds a run of free blocks whose space may go back to the file system, at most `maximumBlocks`; `nil` when there
    /// is none.
    func takeTrimmable(maximumBlocks: Int) -> Range<Int>? { trimming.take(maximumBlocks: maximumBlocks) }

    /// Frees a run that `takeTrimmable` held.
    func finishTrim(_ blocks: Range<Int>) { trimming.finish(blocks) }
}

extension [BlockAllocator.FreedRun] {
    /// Adds blocks to the last run if they follow that one; runs before `head` are done with.
    fileprivate mutating func extend(_ start: UInt32, _ count: UInt32, group: UInt64, from head: Int) {
        if let last = indices.last, last >= head, self[last].group == group, self[last].start + self[last].count == start {
            self[last].count += count
        } else {
            append(.init(group: group, start: start, count: count))
        }
    }
}
