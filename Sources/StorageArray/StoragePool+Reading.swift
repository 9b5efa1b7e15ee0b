import Platform

extension StoragePool {
    /// Reads bytes; what was never written reads as zeros.
    ///
    /// - Throws: `.noSuchLUN`, `.misaligned`, `.outOfRange`, `.tooLarge`, `.corruptBlock`, `.device`, `.stopped`.
    public func read(
        _ identifier: LUNIdentifier, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ArrayError) {
        try waitUntilDurable(try readNow(identifier, at: offset, into: buffer))
    }

    /// As `read`; returns the group that has to be durable before anyone may hear of it.
    func readNow(
        _ identifier: LUNIdentifier, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ArrayError) -> UInt64 {
        try timed(identifier, .read) { () throws(ArrayError) in
            let extent = try Extent(offset, buffer.count)
            let ticket = locks.acquire(.init(lun: identifier.rawValue, blocks: extent.blocks, isShared: true))
            defer { locks.release(ticket) }
            return try readHeld(identifier, extent, into: buffer, for: .read)
        }
    }

    /// Reads with the range held; returns the group that has to be durable before anyone may hear of it.
    func readHeld(
        _ identifier: LUNIdentifier, _ extent: Extent, into buffer: UnsafeMutableRawBufferPointer,
        for primitive: Primitive?
    ) throws(ArrayError) -> UInt64 {
        let blocks = extent.blocks
        var pointers = [UInt64](repeating: 0, count: blocks.count)
        gate.lock()
        let seen: UInt64
        do throws(ArrayError) {
            let lun = try state.lun(identifier)
            try lun.check(extent.offset, UInt64(extent.count))
            try makeResident(identifier, blocks, forChange: false)
            try lookUp(lun, blocks.lowerBound, &pointers)
            seen = lastChange(lun, blocks)
            if let primitive {
                let mapped = pointers.count { $0 != 0 } * Layout.blockBytes
                lun.counters.count(primitive, covered: UInt64(extent.count), moved: UInt64(mapped))
            }
            gate.unlock()
        } catch {
            gate.unlock()
            throw error
        }
        try fetch(pointers, firstByte: Int(extent.offset % UInt64(Layout.blockBytes)), at: extent.offset, into: buffer)
        return seen
    }

    /// With the gate held.
    func lookUp(_ lun: PoolState.LUN, _ block: UInt64, _ pointers: inout [UInt64]) throws(ArrayError) {
        let failure: ArrayError? = pointers.withUnsafeMutableBufferPointer { buffer in
            do throws(ArrayError) { try state.lookUp(below: lun.root, block: block, into: buffer) } catch { return error }
            return nil
        }
        try failure.raise()
    }

    /// Fills `buffer` from consecutive blocks of a LUN, beginning at byte `firstByte` of the first.
    ///
    /// - Parameter offset: of the buffer on the LUN, for the error.
    func fetch(
        _ pointers: [UInt64], firstByte: Int, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ArrayError) {
        let unit = Layout.blockBytes
        var done = 0
        var index = 0
        while done < buffer.count {
            let within = index == 0 ? firstByte : 0
            let pointer = BlockPointer(rawValue: pointers[index])
            let here = min(unit - within, buffer.count - done)
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + here])
            if !pointer.isMapped {
                part.clear()
                index += 1
                done += here
            } else if here < unit {
                try fetchPart(pointer, from: within, at: offset + UInt64(done), into: part)
                index += 1
                done += here
            } else {
                let count = runLength(pointers, from: index, atMost: (buffer.count - done) / unit)
                let run = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count * unit])
                try fetchRun(pointers[index..<index + count], at: offset + UInt64(done), into: run)
                index += count
                done += count * unit
            }
        }
    }

    /// Pointers from `index` on whose blocks follow each other.
    private func runLength(_ pointers: [UInt64], from index: Int, atMost limit: Int) -> Int {
        let first = BlockPointer(rawValue: pointers[index]).block
        var count = 1
        while count < limit, BlockPointer(rawValue: pointers[index + count]).block == first + UInt32(count) { count += 1 }
        return count
    }

    private func fetchPart(
        _ pointer: BlockPointer, from start: Int, at offset: UInt64, into part: UnsafeMutableRawBufferPointer
    ) throws(ArrayError) {
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: Layout.blockBytes, alignment: Layout.blockBytes)
        defer { block.deallocate() }
        try fetchRun([pointer.rawValue], at: offset, into: block)
        part.copyMemory(from: UnsafeRawBufferPointer(rebasing: block[start..<start + part.count]))
    }

    /// Reads neighbouring blocks and proves them; a block that fails is read once more before it counts as corrupt.
    private func fetchRun(
        _ pointers: ArraySlice<UInt64>, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(ArrayError) {
        guard let first = pointers.first else { return }
        do throws(DeviceError) {
            try device.read(into: buffer, at: BlockPointer(rawValue: first).offset)
            for (index, rawValue) in pointers.enumerated() {
                let pointer = BlockPointer(rawValue: rawValue)
                let range = index * Layout.blockBytes..<(index + 1) * Layout.blockBytes
                let block = UnsafeMutableRawBufferPointer(rebasing: buffer[range])
                if Checksum.of(UnsafeRawBufferPointer(block)) == pointer.checksum { continue }
                try device.read(into: block, at: pointer.offset)
                if Checksum.of(UnsafeRawBufferPointer(block)) == pointer.checksum { continue }
                buffer.clear()
                throw .system(0)
            }
        } catch .system(0) {
            throw .corruptBlock(offset)
        } catch {
            throw .device(error)
        }
    }

    /// Runs of mapped and unmapped bytes from a block on, in order and without gaps.
    ///
    /// - Parameters:
    ///   - offset: rounded down to a block.
    ///   - maximumRuns: at least 1.
    /// - Throws: `.noSuchLUN`, `.outOfRange` at or beyond the LUN's end.
    public func blockStatus(
        _ identifier: LUNIdentifier, from offset: UInt64, maximumRuns: Int
    ) throws(ArrayError) -> [BlockRun] {
        gate.lock()
        defer { gate.unlock() }
        let lun = try state.lun(identifier)
        guard offset < lun.sizeBytes else { throw .outOfRange }
        let unit = UInt64(Layout.blockBytes)
        var block = offset / unit
        var runs: [BlockRun] = []
        while block < lun.record.sizeBlocks, runs.count < maximumRuns {
            let run = try state.nextRun(below: lun.root, from: block, to: lun.record.sizeBlocks)
            runs.append(BlockRun(offset: block * unit, count: run.count * unit, isMapped: run.isMapped))
            block += run.count
        }
        return runs
    }
}

/// Consecutive bytes of a LUN that are all mapped or all unmapped.
public struct BlockRun: Sendable, Equatable {
    public let offset: UInt64
    public let count: UInt64
    public let isMapped: Bool
}
