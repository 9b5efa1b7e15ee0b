import Platform

// Zeros, unmapped space and repeated patterns: the map changes, data does not move.

/// A block that a command covers in part and therefore rewrites.
struct EdgeWrite {
    let block: UInt64
    let pointers: [UInt64]
}

extension StoragePool {
    /// Makes a range read as zeros and frees its blocks; a block covered in part is rewritten with zeros in it.
    ///
    /// - Parameter count: any multiple of 512 up to the LUN's end. The whole range changes in one step.
    /// - Throws: as `write`.
    public func unmap(_ identifier: LUNIdentifier, at offset: UInt64, count: UInt64) throws(ArrayError) {
        try zero(identifier, offset, count, for: .unmap)
    }

    /// The same as `unmap`, counted as zeros written.
    public func writeZeros(_ identifier: LUNIdentifier, at offset: UInt64, count: UInt64) throws(ArrayError) {
        try zero(identifier, offset, count, for: .writeSame)
    }

    /// Unmaps several ranges, one after the other, and waits once for all. A failure leaves earlier ones unmapped.
    public func unmap(_ identifier: LUNIdentifier, _ ranges: [(offset: UInt64, count: UInt64)]) throws(ArrayError) {
        try finish(try zeroNow(identifier, ranges, for: .unmap))
    }

    private func zero(
        _ identifier: LUNIdentifier, _ offset: UInt64, _ count: UInt64, for primitive: Primitive
    ) throws(ArrayError) {
        try finish(try zeroNow(identifier, offset, count, for: primitive))
    }

    func zeroNow(
        _ identifier: LUNIdentifier, _ ranges: [(offset: UInt64, count: UInt64)], for primitive: Primitive
    ) throws(ArrayError) -> UInt64 {
        var group: UInt64 = 0
        for range in ranges { group = max(group, try zeroNow(identifier, range.offset, range.count, for: primitive)) }
        return group
    }

    /// Zeros a range; returns the group to wait for.
    func zeroNow(
        _ identifier: LUNIdentifier, _ offset: UInt64, _ count: UInt64, for primitive: Primitive
    ) throws(ArrayError) -> UInt64 {
        try timed(identifier, primitive) { () throws(ArrayError) in
            let blocks = try check(offset, count)
            let ticket = locks.acquire(.init(lun: identifier.rawValue, blocks: blocks, isShared: false))
            defer { locks.release(ticket) }
            return try zeroHeld(identifier, offset, count, for: primitive)
        }
    }

    /// Blocks of a range of any length.
    func check(_ offset: UInt64, _ count: UInt64) throws(ArrayError) -> Range<UInt64> {
        guard offset % UInt64(Layout.sectorBytes) == 0, count % UInt64(Layout.sectorBytes) == 0 else {
            throw .misaligned
        }
        guard offset <= Layout.maximumLUNBytes, count <= Layout.maximumLUNBytes else { throw .outOfRange }
        return Extent.blocks(offset, count)
    }

    /// - Parameter primitive: what to count it as, if at all.
    func zeroHeld(
        _ identifier: LUNIdentifier, _ offset: UInt64, _ count: UInt64, for primitive: Primitive?
    ) throws(ArrayError) -> UInt64 {
        try checkWritable(identifier, offset, count)
        guard count > 0 else { return 0 }
        let split = EdgeSplit(offset, count)
        var edges: [EdgeWrite] = []
        do throws(ArrayError) {
            for part in split.edges {
                if let edge = try stageZeroEdge(identifier, part) { edges.append(edge) }
            }
        } catch {
            giveBack(edges)
            throw error
        }
        let change: JournalRecord? =
            split.whole.isEmpty
            ? nil : .unmap(identifier, block: split.whole.lowerBound, count: UInt64(split.whole.count))
        return try commit(
            change, edges, to: identifier, Extent.blocks(offset, count), Demand(pages: 16, isUrgent: true)
        ) { state in
            guard let primitive else { return }
            state.luns[identifier]?.counters.count(
                primitive, covered: count, moved: UInt64(edges.count * Layout.blockBytes))
        }
    }

    private func stageZeroEdge(
        _ identifier: LUNIdentifier, _ part: (offset: UInt64, count: Int)
    ) throws(ArrayError) -> EdgeWrite? {
        let extent = try Extent(part.offset, part.count)
        let block = extent.blocks.lowerBound
        guard try isMapped(identifier, block) else { return nil }
        let zeros = [UInt8](repeating: 0, count: part.count)
        return EdgeWrite(block: block, pointers: try stage(identifier, extent, copying: zeros))
    }

    func stage(
        _ identifier: LUNIdentifier, _ extent: Extent, copying bytes: [UInt8], isUrgent: Bool = false
    ) throws(ArrayError) -> [UInt64] {
        let result: Result<[UInt64], ArrayError> = bytes.withUnsafeBytes { buffer in
            do throws(ArrayError) { return .success(try stage(identifier, extent, buffer, isUrgent: isUrgent)) } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    func isMapped(_ identifier: LUNIdentifier, _ block: UInt64) throws(ArrayError) -> Bool {
        gate.lock()
        defer { gate.unlock() }
        try makeResident(identifier, block..<block + 1, forChange: false)
        return try state.pointer(below: try state.lun(identifier).root, block: block) != 0
    }

    func checkWritable(_ identifier: LUNIdentifier, _ offset: UInt64, _ count: UInt64) throws(ArrayError) {
        gate.lock()
        defer { gate.unlock() }
        let lun = try state.lun(identifier)
        try lun.check(offset, count)
        try lun.checkWritable()
    }

    /// Records edges and a change as one step of one group; on failure the edges' blocks are given back.
    ///
    /// - Parameter counting: called with the gate held when the change is done.
    func commit(
        _ change: JournalRecord?, _ edges: [EdgeWrite], to identifier: LUNIdentifier, _ blocks: Range<UInt64>,
        _ demand: Demand, counting: (PoolState) -> Void
    ) throws(ArrayError) -> UInt64 {
        var demand = demand
        demand.recordBytes = (change?.byteCount ?? 0) + edges.reduce(0) { $0 + 24 + 8 * $1.pointers.count }
        gate.lock()
        defer { gate.unlock() }
        do throws(ArrayError) {
            try makeResident(change, in: identifier, blocks)
            try prepare(demand)
            let lun = try state.lun(identifier)
            // Nothing to do, for instance zeros over what is unmapped: only what was seen has to be durable.
            if change == nil && edges.isEmpty {
                counting(state)
                return lastChange(lun, blocks)
            }
            if let change { try record(change) }
            for edge in edges { try record(writing: edge.pointers, to: identifier, at: edge.block) }
            note(lun, blocks)
        } catch {
            for edge in edges { state.allocator.giveBack(edge.pointers) }
            throw error
        }
        counting(state)
        return openGroup
    }

    func giveBack(_ edges: [EdgeWrite]) {
        locked { for edge in edges { state.allocator.giveBack(edge.pointers) } }
    }

    // MARK: Patterns

    /// Writes the same 512 bytes to every sector of a range. Whole blocks of it share one block of the pool for every
    /// GiB; one GiB is one step.
    ///
    /// - Parameter pattern: 512 bytes.
    public func writeSame(
        _ identifier: LUNIdentifier, at offset: UInt64, count: UInt64, pattern: UnsafeRawBufferPointer
    ) throws(ArrayError) {
        try finish(try fillNow(identifier, at: offset, count: count, pattern: pattern))
    }

    /// As `writeSame`; returns the group to wait for.
    func fillNow(
        _ identifier: LUNIdentifier, at offset: UInt64, count: UInt64, pattern: UnsafeRawBufferPointer
    ) throws(ArrayError) -> UInt64 {
        precondition(pattern.count == Layout.sectorBytes, "a pattern is one sector")
        if pattern.allSatisfy({ $0 == 0 }) { return try zeroNow(identifier, offset, count, for: .writeSame) }
        return try timed(identifier, .writeSame) { () throws(ArrayError) in
            let blocks = try check(offset, count)
            let ticket = locks.acquire(.init(lun: identifier.rawValue, blocks: blocks, isShared: false))
            defer { locks.release(ticket) }
            return try fillPieces(identifier, offset, count, pattern)
        }
    }

    /// Long fills are several steps: so many references to one block stay countable, whatever is copied from it.
    private func fillPieces(
        _ identifier: LUNIdentifier, _ offset: UInt64, _ count: UInt64, _ pattern: UnsafeRawBufferPointer
    ) throws(ArrayError) -> UInt64 {
        try checkWritable(identifier, offset, count)
        var group = try fillHeld(identifier, offset, min(count, Self.fillPieceBytes), pattern)
        var done = Self.fillPieceBytes
        while done < count {
            group = try fillHeld(identifier, offset + done, min(count - done, Self.fillPieceBytes), pattern)
            done += Self.fillPieceBytes
        }
        return group
    }

    private static let fillPieceBytes: UInt64 = 1 << 30

    private func fillHeld(
        _ identifier: LUNIdentifier, _ offset: UInt64, _ count: UInt64, _ pattern: UnsafeRawBufferPointer
    ) throws(ArrayError) -> UInt64 {
        try checkWritable(identifier, offset, count)
        guard count > 0 else { return 0 }
        let split = EdgeSplit(offset, count)
        var edges: [EdgeWrite] = []
        let change: JournalRecord?
        var filler: [UInt64] = []
        do throws(ArrayError) {
            for part in split.edges {
                let extent = try Extent(part.offset, part.count)
                let pointers = try stage(identifier, extent, copying: repeated(pattern, part.count))
                edges.append(EdgeWrite(block: extent.blocks.lowerBound, pointers: pointers))
            }
            if !split.whole.isEmpty {
                let first = try Extent(split.whole.lowerBound * UInt64(Layout.blockBytes), Layout.blockBytes)
                filler = try stage(identifier, first, copying: repeated(pattern, Layout.blockBytes))
            }
            change = filler.first.map {
                .fill(identifier, block: split.whole.lowerBound, count: UInt64(split.whole.count), pointer: $0)
            }
        } catch {
            giveBack(edges)
            throw error
        }
        let written = edges.count + filler.count
        do throws(ArrayError) {
            return try commit(
                change, edges, to: identifier, Extent.blocks(offset, count),
                Demand(pages: split.whole.count / Layout.entriesPerPage + 16)
            ) { state in
                state.luns[identifier]?.counters.count(
                    .writeSame, covered: count, moved: UInt64(written * Layout.blockBytes))
            }
        } catch {
            locked { state.allocator.giveBack(filler) }
            throw error
        }
    }

    private func repeated(_ pattern: UnsafeRawBufferPointer, _ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count { bytes.append(contentsOf: pattern) }
        return bytes
    }
}

/// A range of bytes as the whole blocks in it and the parts of blocks at its ends.
struct EdgeSplit {
    /// In blocks.
    let whole: Range<UInt64>
    let edges: [(offset: UInt64, count: Int)]

    init(_ offset: UInt64, _ count: UInt64) {
        let unit = UInt64(Layout.blockBytes)
        let end = offset + count
        let first = (offset + unit - 1) / unit
        let last = end / unit
        if first > last {
            // All within one block, touching neither end of it.
            whole = first..<first
            edges = [(offset, Int(count))]
            return
        }
        whole = first..<last
        var edges: [(offset: UInt64, count: Int)] = []
        if offset % unit != 0 { edges.append((offset, Int(first * unit - offset))) }
        if end % unit != 0 { edges.append((last * unit, Int(end - last * unit))) }
        self.edges = edges
    }
}
