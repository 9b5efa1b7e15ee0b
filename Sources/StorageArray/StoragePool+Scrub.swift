import Platform

// Looking for decay before somebody needs the data: everything that is mapped is read and proven while commands go on,
// then the counts are made again.

/// How far a scrub has come.
public struct ScrubProgress: Sendable, Equatable {
    /// Bytes of LUNs that have been looked at, shared ones once for each LUN.
    public var doneBytes: UInt64 = 0
    /// Bytes that LUNs map.
    public var totalBytes: UInt64 = 0
    /// Blocks that have been read from the medium, shared ones once.
    public var readBlocks: UInt64 = 0
    /// Data is proven; the counts are being made again, and commands wait.
    public var isCounting = false
}

/// What a scrub found.
public struct ScrubReport: Sendable, Equatable {
    /// A block that is not what was written: reading it fails, writing it anew mends it.
    public struct DamagedBlock: Sendable, Hashable {
        public let lun: LUNIdentifier
        /// Offset on the LUN in bytes. A block that LUNs share is reported at the first of them.
        public let offset: UInt64
    }

    /// The first thousand.
    public internal(set) var damagedBlocks: [DamagedBlock] = []
    public internal(set) var damagedBlockCount = 0
    /// What else does not hold: counts, map pages, what the pool keeps for itself. One sentence each.
    public internal(set) var problems: [String] = []
    public internal(set) var progress = ScrubProgress()
    /// Nobody stopped it.
    public internal(set) var isComplete = false

    public var isClean: Bool { damagedBlockCount == 0 && problems.isEmpty }
}

extension StoragePool {
    private static let maximumReported = 1000

    /// Walks everything and reports each damaged block and each wrong count.
    ///
    /// Commands go on, except on the 2 MiB that are being read, for writers, and while the counts are made again at the
    /// end: about half a second for 100 GiB of data in single blocks.
    /// - Parameters:
    ///   - bytesPerSecond: how fast to read at most; `nil` for as fast as it goes.
    ///   - includingCounts: makes the counts again, too.
    ///   - shouldGoOn: is told how far it has come, at least once per 2 MiB; `false` stops the scrub.
    /// - Throws: `.device` when the device fails, rather than giving wrong bytes.
    public func scrub(
        bytesPerSecond: UInt64? = nil, includingCounts: Bool = true,
        shouldGoOn: (ScrubProgress) -> Bool = { _ in true }
    ) throws(ArrayError) -> ScrubReport {
        var report = ScrubReport()
        let identifiers = locked { () -> [LUNIdentifier] in
            report.progress.totalBytes = state.luns.values.reduce(0) { $0 + state.mappedBlocks($1) * 4096 }
            return state.luns.keys.sorted()
        }
        var pass = ScrubPass(blocks: locked { state.allocator.end }, bytesPerSecond: bytesPerSecond, clock: clock)
        for identifier in identifiers {
            var block: UInt64 = 0
            while let next = try scrubLeaf(identifier, block, &pass, &report) {
                block = next
                guard shouldGoOn(report.progress) else { return report }
                pass.rest(after: report.progress.readBlocks)
            }
        }
        if includingCounts {
            report.progress.isCounting = true
            guard shouldGoOn(report.progress) else { return report }
            report.problems += try verify(includingData: false)
        }
        report.isComplete = true
        return report
    }

    /// Proves what one leaf maps, from a block on; returns where to go on, `nil` at the end of the LUN.
    private func scrubLeaf(
        _ identifier: LUNIdentifier, _ block: UInt64, _ pass: inout ScrubPass, _ report: inout ScrubReport
    ) throws(ArrayError) -> UInt64? {
        let leafEnd = (block / UInt64(Layout.entriesPerPage) + 1) * UInt64(Layout.entriesPerPage)
        let ticket = locks.acquire(.init(lun: identifier.rawValue, blocks: block..<leafEnd, isShared: true))
        defer { locks.release(ticket) }
        let found: (next: UInt64, pointers: [UInt64])
        do throws(ArrayError) {
            guard let leaf = try leaf(identifier, block, leafEnd) else { return nil }
            found = leaf
        } catch .damaged(let what) {
            report.note("\(identifier) at \(block * 4096): \(what)", limit: Self.maximumReported)
            return leafEnd
        }
        for (index, rawValue) in found.pointers.enumerated() where rawValue != 0 {
            let pointer = BlockPointer(rawValue: rawValue)
            report.progress.doneBytes += UInt64(Layout.blockBytes)
            guard pass.isNew(pointer.block) else { continue }
            report.progress.readBlocks += 1
            if try pass.isIntact(pointer, device) { continue }
            report.damagedBlockCount += 1
            let offset = (block + UInt64(index)) * UInt64(Layout.blockBytes)
            guard identifier != .attributes else {
                report.note("what is kept about lun-\(offset >> 15) is damaged", limit: Self.maximumReported)
                continue
            }
            if report.damagedBlocks.count < Self.maximumReported {
                report.damagedBlocks.append(.init(lun: identifier, offset: offset))
            }
        }
        return found.next
    }

    /// What a leaf maps from a block on, or how far there is nothing; `nil` beyond the end or when the LUN is gone.
    private func leaf(
        _ identifier: LUNIdentifier, _ block: UInt64, _ end: UInt64
    ) throws(ArrayError) -> (next: UInt64, pointers: [UInt64])? {
        gate.lock()
        defer { gate.unlock() }
        guard let size = state.luns[identifier]?.record.sizeBlocks, block < size else { return nil }
        try makeResident(identifier, block..<block + 1, forChange: false)
        let root = try state.lun(identifier).root
        let missing = try state.missingSpan(below: root, block: block)
        if missing > 0 { return (block + missing, []) }
        var pointers = [UInt64](repeating: 0, count: Int(end - block))
        try lookUp(state.lun(identifier), block, &pointers)
        return (end, pointers)
    }
}

extension ScrubReport {
    fileprivate mutating func note(_ problem: String, limit: Int) {
        if problems.count < limit { problems.append(problem) }
    }
}

/// What a scrub keeps in mind while it reads.
private struct ScrubPass {
    /// A bit per block of the pool: it was read.
    private var seen: [UInt64]
    private let bytesPerSecond: UInt64?
    private let clock: any Clock
    private let start: UInt64
    private let buffer = ScrubBuffer()

    init(blocks: Int, bytesPerSecond: UInt64?, clock: any Clock) {
        seen = [UInt64](repeating: 0, count: blocks / 64 + 1)
        self.bytesPerSecond = bytesPerSecond
        self.clock = clock
        start = clock.monotonicNanoseconds
    }

    /// Whether a block is read for the first time; one that the pool has got since the start always is.
    mutating func isNew(_ block: UInt32) -> Bool {
        let (word, bit) = (Int(block / 64), UInt64(1) << UInt64(block % 64))
        guard word < seen.count else { return true }
        defer { seen[word] |= bit }
        return seen[word] & bit == 0
    }

    /// A block that fails is read once more.
    func isIntact(_ pointer: BlockPointer, _ device: any BlockDevice) throws(ArrayError) -> Bool {
        do throws(DeviceError) {
            for _ in 0..<2 {
                try device.read(into: buffer.bytes, at: pointer.offset)
                if Checksum.of(UnsafeRawBufferPointer(buffer.bytes)) == pointer.checksum { return true }
            }
            return false
        } catch { throw .device(error) }
    }

    /// Sleeps as long as it is ahead of its rate.
    func rest(after blocks: UInt64) {
        guard let bytesPerSecond, bytesPerSecond > 0 else { return }
        let due = Double(blocks * UInt64(Layout.blockBytes)) / Double(bytesPerSecond) * 1e9
        let ahead = due - Double(clock.monotonicNanoseconds - start)
        if ahead > 1e6 { Pause.milliseconds(Int(min(ahead / 1e6, 1000))) }
    }
}

private final class ScrubBuffer {
    let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: Layout.blockBytes, alignment: Layout.blockBytes)

    deinit { bytes.deallocate() }
}
