import Glibc

/// Which blocks of the pool are free, and how often each used one is referenced.
///
/// ```
/// free ──take──► used (1…) ──last release──► pending ──its group durable──► free
///                held (metadata) ──freed──► deferred ──next checkpoint durable──► free
/// ```
/// A freed block is pending until the group that freed it is durable: a crash before that brings the old mapping back,
/// and with it the need for the old bytes.
final class BlockAllocator {
    /// Neither free nor data: superblocks, journal, map pages, blocks on their way to being free.
    static let held = UInt32.max
    static let blocksPerGroup = 4096
    /// Space goes back to the file system in pieces of this many blocks.
    static let blocksPerTrim = 16

    private struct FreedRun {
        let group: UInt64
        let start: UInt32
        var count: UInt32
    }

    /// Blocks that the pool may grow to.
    let limit: Int
    /// Blocks that the device has now.
    private(set) var end: Int
    private(set) var freeBlocks = 0
    private(set) var pendingBlocks = 0
    private(set) var deferredBlocks = 0
    /// Blocks with data, shared ones once.
    private(set) var usedBlocks = 0
    /// Group that a release now belongs to.
    var currentGroup: UInt64 = 0

    private let references: UnsafeMutablePointer<UInt32>
    private let freeInGroup: UnsafeMutablePointer<UInt32>
    /// One bit per trim piece: the file system may keep space for it.
    private let isBacked: UnsafeMutablePointer<UInt8>
    private var hint = 0
    private var pending: [FreedRun] = []
    private var pendingHead = 0
    private var deferred: [UInt32] = []
    /// Trim pieces that became wholly free, as runs.
    private var trimmable: [Range<Int>] = []

    /// - Parameters:
    ///   - limit, end: in blocks.
    ///   - reserved: blocks at the start that are never given out.
    init(limit: Int, end: Int, reserved: Int) {
        self.limit = limit
        self.end = 0
        references = Self.zeros(limit + 1, UInt32.self)
        freeInGroup = Self.zeros(limit / Self.blocksPerGroup + 1, UInt32.self)
        isBacked = Self.zeros(limit / Self.blocksPerTrim + 1, UInt8.self)
        grow(to: end)
        for block in 0..<reserved { hold(UInt32(block)) }
        hint = reserved
    }

    deinit {
        Glibc.free(references)
        Glibc.free(freeInGroup)
        Glibc.free(isBacked)
    }

    /// Zeros that take memory only where they are touched.
    private static func zeros<Element: BitwiseCopyable>(_ count: Int, _: Element.Type) -> UnsafeMutablePointer<Element> {
        guard let bytes = calloc(count, MemoryLayout<Element>.stride) else {
            preconditionFailure("no memory for the tables of a pool of \(count) blocks")
        }
        return bytes.bindMemory(to: Element.self, capacity: count)
    }

    /// Blocks that could be given out if the device grew to its limit.
    var availableBlocks: Int { freeBlocks + limit - end }

    func referenceCount(_ block: UInt32) -> UInt32 {
        let count = references[Int(block)]
        return count == Self.held ? 0 : count
    }

    func isFree(_ block: UInt32) -> Bool { references[Int(block)] == 0 }

    func contains(_ block: UInt32) -> Bool { block > 0 && Int(block) < end }

    func grow(to newEnd: Int) {
        precondition(newEnd <= limit, "a pool does not grow past its limit")
        guard newEnd > end else { return }
        for block in end..<newEnd { freeInGroup[block / Self.blocksPerGroup] += 1 }
        freeBlocks += newEnd - end
        end = newEnd
    }

    // MARK: Taking

    /// Takes free blocks, in runs where there are runs, and puts their pointers (without checksum) into `pointers`.
    ///
    /// - Parameter mark: the reference count they get. At least `pointers.count` blocks must be free.
    func take(into pointers: UnsafeMutableBufferPointer<UInt64>, mark: UInt32 = 1) {
        precondition(pointers.count <= freeBlocks, "more blocks wanted than are free")
        var taken = 0
        while taken < pointers.count {
            if hint >= end { hint = 0 }
            let group = hint / Self.blocksPerGroup
            guard freeInGroup[group] > 0 else {
                hint = (group + 1) * Self.blocksPerGroup
                continue
            }
            if references[hint] == 0 {
                occupy(UInt32(hint), mark)
                pointers[taken] = UInt64(hint) << 32
                taken += 1
            }
            hint += 1
        }
    }

    private func occupy(_ block: UInt32, _ mark: UInt32) {
        references[Int(block)] = mark
        freeInGroup[Int(block) / Self.blocksPerGroup] -= 1
        isBacked[Int(block) / Self.blocksPerTrim] = 1
        freeBlocks -= 1
        if mark != Self.held { usedBlocks += 1 }
    }

    /// Takes one certain block for data with one reference; `false` if it is not free.
    func claim(_ block: UInt32) -> Bool {
        guard contains(block), references[Int(block)] == 0 else { return false }
        occupy(block, 1)
        return true
    }

    /// Takes one certain block for metadata.
    @discardableResult
    func hold(_ block: UInt32) -> Bool {
        guard Int(block) < end, references[Int(block)] == 0 else { return false }
        occupy(block, Self.held)
        return true
    }

    /// One more reference to a used block; while a pool is read from the medium also the first.
    func retain(_ block: UInt32, count: UInt32 = 1) {
        if references[Int(block)] == 0 { return occupy(block, count) }
        references[Int(block)] += count
    }

    // MARK: Giving back

    /// One reference less; the last one makes the block pending.
    func release(_ block: UInt32) {
        let left = references[Int(block)] - 1
        guard left == 0 else {
            references[Int(block)] = left
            return
        }
        references[Int(block)] = Self.held
        usedBlocks -= 1
        pendingBlocks += 1
        if let last = pending.indices.last, last >= pendingHead, pending[last].group == currentGroup,
            pending[last].start + pending[last].count == block
        {
            pending[last].count += 1
        } else {
            pending.append(FreedRun(group: currentGroup, start: block, count: 1))
        }
    }

    /// Frees what groups up to `group` released: they are durable.
    func settle(upTo group: UInt64) {
        while pendingHead < pending.count, pending[pendingHead].group <= group {
            let run = pending[pendingHead]
            pendingHead += 1
            pendingBlocks -= Int(run.count)
            for block in run.start..<run.start + run.count { makeFree(block) }
            noteTrimmable(Int(run.start), Int(run.count))
        }
        if pendingHead > 1024, pendingHead * 2 > pending.count {
            pending.removeFirst(pendingHead)
            pendingHead = 0
        }
    }

    private func makeFree(_ block: UInt32) {
        references[Int(block)] = 0
        freeInGroup[Int(block) / Self.blocksPerGroup] += 1
        freeBlocks += 1
    }

    /// Frees blocks that were taken but never became reachable.
    func giveBack(_ pointers: [UInt64]) {
        for pointer in pointers where pointer != 0 {
            usedBlocks -= 1
            makeFree(BlockPointer(rawValue: pointer).block)
        }
    }

    /// Lets go of a block that holds metadata of the last checkpoint; free once the next one is durable.
    func deferFree(_ block: UInt32) {
        deferred.append(block)
        deferredBlocks += 1
    }

    /// What was deferred until now, to be handed to `freeDeferred` when the checkpoint being made is durable.
    func takeDeferred() -> [UInt32] {
        defer { deferred = [] }
        return deferred
    }

    func freeDeferred(_ blocks: [UInt32]) {
        deferredBlocks -= blocks.count
        for block in blocks {
            makeFree(block)
            noteTrimmable(Int(block), 1)
        }
    }

    // MARK: Trimming

    private func isWhollyFree(_ piece: Int) -> Bool {
        let start = piece * Self.blocksPerTrim
        guard start + Self.blocksPerTrim <= end else { return false }
        for block in start..<start + Self.blocksPerTrim where references[block] != 0 { return false }
        return true
    }

    private func noteTrimmable(_ start: Int, _ count: Int) {
        let last = (start + count - 1) / Self.blocksPerTrim
        for piece in start / Self.blocksPerTrim...last where isBacked[piece] != 0 && isWhollyFree(piece) {
            trimmableBlocks += Self.blocksPerTrim
            if let previous = trimmable.last, previous.upperBound == piece {
                trimmable[trimmable.count - 1] = previous.lowerBound..<piece + 1
            } else {
                trimmable.append(piece..<piece + 1)
            }
        }
    }

    /// Free blocks whose space may go back; an upper bound.
    private(set) var trimmableBlocks = 0

    /// Holds a run of free blocks whose space may go back, at most `maximumBlocks`; `nil` when there is none.
    func takeTrimmable(maximumBlocks: Int) -> Range<Int>? {
        while let candidate = trimmable.popLast() {
            var pieces = candidate
            while let first = pieces.first, isBacked[first] == 0 || !isWhollyFree(first) {
                pieces = first + 1..<pieces.upperBound
            }
            guard let first = pieces.first else {
                trimmableBlocks -= candidate.count * Self.blocksPerTrim
                continue
            }
            var stop = first
            while stop < pieces.upperBound, (stop - first) * Self.blocksPerTrim < maximumBlocks,
                isBacked[stop] != 0, isWhollyFree(stop)
            {
                stop += 1
            }
            if stop < pieces.upperBound { trimmable.append(stop..<pieces.upperBound) }
            trimmableBlocks -= (stop - candidate.lowerBound) * Self.blocksPerTrim
            let blocks = first * Self.blocksPerTrim..<stop * Self.blocksPerTrim
            for block in blocks { hold(UInt32(block)) }
            return blocks
        }
        return nil
    }

    /// Frees a run that `takeTrimmable` held.
    func finishTrim(_ blocks: Range<Int>) {
        for block in blocks {
            makeFree(UInt32(block))
            isBacked[block / Self.blocksPerTrim] = 0
        }
    }

    /// Treats every free piece as backed: after opening it is not known which are.
    func noteAllFreeTrimmable() {
        for piece in 0..<end / Self.blocksPerTrim where isWhollyFree(piece) {
            isBacked[piece] = 1
            noteTrimmable(piece * Self.blocksPerTrim, Self.blocksPerTrim)
        }
    }

    // MARK: Proving

    /// Compares the tables with what a walk over all maps found; says what does not hold.
    ///
    /// - Parameters:
    ///   - expected: references by block, `end` of them.
    ///   - metadataBlocks: superblocks, journal, and pages of the last checkpoint that are still needed.
    func problems(expected: UnsafePointer<UInt32>, metadataBlocks: Int) -> [String] {
        var problems: [String] = []
        var (free, used, held) = (0, 0, 0)
        for block in 0..<end {
            let found = references[block]
            if found == 0 { free += 1 } else if found == Self.held { held += 1 } else { used += 1 }
            let count = found == Self.held ? 0 : found
            if count != expected[block], problems.count < 100 {
                problems.append("block \(block): \(count) references counted, \(expected[block]) found")
            }
        }
        let heldExpected = metadataBlocks + pendingBlocks + deferredBlocks
        if free != freeBlocks { problems.append("\(free) blocks are free, \(freeBlocks) are counted") }
        if used != usedBlocks { problems.append("\(used) blocks are used, \(usedBlocks) are counted") }
        if held != heldExpected { problems.append("\(held) blocks are held, \(heldExpected) are needed") }
        return problems
    }
}
