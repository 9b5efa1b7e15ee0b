import Platform

extension StoragePool {
    static let copyPieceBytes: UInt64 = 1 << 20

    /// Copies a range between two LUNs, or within one, as if all of the source were read first.
    ///
    /// Where both offsets lie alike in a block, blocks are shared and no data moves except at ends covered in part, and
    /// the whole copy is one step. Otherwise data is read and written in pieces. Unmapped stays unmapped.
    /// - Throws: as `write`, about either LUN.
    public func copy(
        from source: LUNIdentifier, at sourceOffset: UInt64, to destination: LUNIdentifier, at offset: UInt64,
        count: UInt64
    ) throws(ArrayError) {
        try copy([RangeCopy(source: source, from: sourceOffset, destination: destination, to: offset, count: count)])
    }

    /// Does several copies, one after the other, and waits once for all. A failure leaves earlier ones done.
    public func copy(_ copies: [RangeCopy]) throws(ArrayError) {
        try finish(try copyNow(copies))
    }

    /// Does several copies; returns the group to wait for.
    func copyNow(_ copies: [RangeCopy]) throws(ArrayError) -> UInt64 {
        var group: UInt64 = 0
        for copy in copies {
            let last = try timed(copy.destination, .copyDestination) { () throws(ArrayError) in try copyNow(copy) }
            group = max(group, last)
        }
        return group
    }

    private func copyNow(_ copy: RangeCopy) throws(ArrayError) -> UInt64 {
        let sourceBlocks = try check(copy.from, copy.count)
        let blocks = try check(copy.to, copy.count)
        let ticket = locks.acquire(
            .init(lun: copy.destination.rawValue, blocks: blocks, isShared: false),
            .init(lun: copy.source.rawValue, blocks: sourceBlocks, isShared: true))
        defer { locks.release(ticket) }
        try checkReadable(copy.source, copy.from, copy.count)
        try checkWritable(copy.destination, copy.to, copy.count)
        if copy.count == 0 { return 0 }
        return copy.sharesBlocks ? try share(copy) : try move(copy)
    }

    private func checkReadable(_ identifier: LUNIdentifier, _ offset: UInt64, _ count: UInt64) throws(ArrayError) {
        gate.lock()
        defer { gate.unlock() }
        try state.lun(identifier).check(offset, count)
    }

    // MARK: Sharing

    private func share(_ copy: RangeCopy) throws(ArrayError) -> UInt64 {
        let split = EdgeSplit(copy.to, copy.count)
        var edges: [EdgeWrite] = []
        do throws(ArrayError) {
            for part in split.edges {
                if let edge = try stageCopiedEdge(copy, part) { edges.append(edge) }
            }
        } catch {
            giveBack(edges)
            throw error
        }
        var change: JournalRecord?
        if !split.whole.isEmpty {
            let distance = (split.whole.lowerBound * UInt64(Layout.blockBytes)) - copy.to
            let first = (copy.from + distance) / UInt64(Layout.blockBytes)
            change = .copy(
                copy.source, from: first, to: copy.destination, at: split.whole.lowerBound,
                count: UInt64(split.whole.count))
        }
        let moved = UInt64(edges.count * Layout.blockBytes)
        let mapped = locked { state.luns[copy.source].map { state.mappedBlocks($0) } ?? 0 }
        return try commit(
            change, edges, to: copy.destination, Extent.blocks(copy.to, copy.count),
            Demand(pages: copy.pagesAtMost(mapped: mapped))
        ) { state in
            state.luns[copy.source]?.counters.count(.copySource, covered: copy.count, moved: moved)
            state.luns[copy.destination]?.counters.count(.copyDestination, covered: copy.count, moved: moved)
        }
    }

    /// A block at an end of the destination that gets some bytes of the source; `nil` if neither has any there.
    private func stageCopiedEdge(
        _ copy: RangeCopy, _ part: (offset: UInt64, count: Int)
    ) throws(ArrayError) -> EdgeWrite? {
        let from = try Extent(copy.from + (part.offset - copy.to), part.count)
        let to = try Extent(part.offset, part.count)
        let isSourceMapped = try isMapped(copy.source, from.blocks.lowerBound)
        let isTargetMapped = try isMapped(copy.destination, to.blocks.lowerBound)
        guard isSourceMapped || isTargetMapped else { return nil }
        let bytes = try readBytes(copy.source, from)
        return EdgeWrite(block: to.blocks.lowerBound, pointers: try stage(copy.destination, to, copying: bytes))
    }

    private func readBytes(_ identifier: LUNIdentifier, _ extent: Extent) throws(ArrayError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: extent.count)
        let failure: ArrayError? = bytes.withUnsafeMutableBytes { buffer in
            do throws(ArrayError) {
                _ = try readHeld(identifier, extent, into: buffer, for: nil)
                return nil
            } catch { return error }
        }
        try failure.raise()
        return bytes
    }

    // MARK: Moving

    /// Reads and writes pieces, from the end when the destination lies behind an overlapping source.
    private func move(_ copy: RangeCopy) throws(ArrayError) -> UInt64 {
        var pieces = try pieces(of: copy)
        if copy.source == copy.destination && copy.to > copy.from { pieces.reverse() }
        var group: UInt64 = 0
        var moved: UInt64 = 0
        for piece in pieces {
            let target = copy.to + (piece.offset - copy.from)
            if piece.isMapped {
                let bytes = try readBytes(copy.source, try Extent(piece.offset, Int(piece.count)))
                group = max(group, try rewrite(copy.destination, target, bytes))
                moved += piece.count
            } else {
                group = max(group, try zeroHeld(copy.destination, target, piece.count, for: nil))
            }
        }
        locked {
            state.luns[copy.source]?.counters.count(.copySource, covered: copy.count, moved: moved)
            state.luns[copy.destination]?.counters.count(.copyDestination, covered: copy.count, moved: moved)
        }
        return group
    }

    /// The source as runs that are all mapped (cut to pieces) or all unmapped, clipped to the bytes copied.
    private func pieces(of copy: RangeCopy) throws(ArrayError) -> [BlockRun] {
        gate.lock()
        defer { gate.unlock() }
        let lun = try state.lun(copy.source)
        let unit = UInt64(Layout.blockBytes)
        let blocks = Extent.blocks(copy.from, copy.count)
        var pieces: [BlockRun] = []
        var block = blocks.lowerBound
        while block < blocks.upperBound {
            let run = try state.nextRun(below: lun.root, from: block, to: blocks.upperBound)
            let end = min((block + run.count) * unit, copy.from + copy.count)
            var start = max(block * unit, copy.from)
            while start < end {
                let count = run.isMapped ? min(end - start, Self.copyPieceBytes) : end - start
                pieces.append(BlockRun(offset: start, count: count, isMapped: run.isMapped))
                start += count
            }
            block += run.count
        }
        return pieces
    }

    private func rewrite(
        _ identifier: LUNIdentifier, _ offset: UInt64, _ bytes: [UInt8]
    ) throws(ArrayError) -> UInt64 {
        let extent = try Extent(offset, bytes.count)
        let pointers = try stage(identifier, extent, copying: bytes)
        let edge = EdgeWrite(block: extent.blocks.lowerBound, pointers: pointers)
        return try commit(nil, [edge], to: identifier, extent.blocks, Demand(isUrgent: true)) { _ in }
    }
}

/// What a copy is asked to do. Offsets and count in bytes.
public struct RangeCopy: Sendable, Equatable {
    public let source: LUNIdentifier
    public let from: UInt64
    public let destination: LUNIdentifier
    public let to: UInt64
    public let count: UInt64

    public init(source: LUNIdentifier, from: UInt64, destination: LUNIdentifier, to: UInt64, count: UInt64) {
        self.source = source
        self.from = from
        self.destination = destination
        self.to = to
        self.count = count
    }

    /// Both offsets lie alike in a block, so that whole blocks can be shared.
    var sharesBlocks: Bool { from % UInt64(Layout.blockBytes) == to % UInt64(Layout.blockBytes) }

    /// Map pages that sharing may change: single entries unless both offsets lie alike in a leaf's 2 MiB; and no more
    /// than a path or two for every block there is.
    ///
    /// - Parameter mapped: blocks that the source has.
    func pagesAtMost(mapped: UInt64) -> Int {
        let leafBytes = Layout.coverage(ofLevel: 0) * UInt64(Layout.blockBytes)
        let leaves = count / leafBytes
        let touched = from % leafBytes == to % leafBytes ? leaves / UInt64(Layout.entriesPerPage) : leaves
        return 16 + Int(min(touched, 8 * mapped))
    }
}
