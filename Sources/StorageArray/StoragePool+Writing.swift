import Glibc
import Platform

extension StoragePool {
    /// Writes bytes, whole or not at all.
    ///
    /// - Throws: `.noSuchLUN`, `.misaligned`, `.outOfRange`, `.tooLarge`, `.writeProtected`, `.outOfSpace`,
    ///   `.corruptBlock` (of a block written in part), `.device`, `.stopped`.
    public func write(
        _ identifier: LUNIdentifier, at offset: UInt64, _ bytes: UnsafeRawBufferPointer
    ) throws(ArrayError) {
        try finish(try writeNow(identifier, at: offset, bytes))
    }

    /// As `write`; returns the group to wait for.
    func writeNow(
        _ identifier: LUNIdentifier, at offset: UInt64, _ bytes: UnsafeRawBufferPointer
    ) throws(ArrayError) -> UInt64 {
        try timed(identifier, .write) { () throws(ArrayError) in
            let extent = try Extent(offset, bytes.count)
            let ticket = locks.acquire(.init(lun: identifier.rawValue, blocks: extent.blocks, isShared: false))
            defer { locks.release(ticket) }
            return try writeHeld(identifier, extent, bytes, for: .write)
        }
    }

    /// Writes `replacement` if what is there equals `expected`; nothing can come between the two.
    ///
    /// - Parameters:
    ///   - expected, replacement: of one length.
    /// - Throws: `.miscompare` with the offset of the first difference, or as `write`. Nothing is written then.
    public func compareAndWrite(
        _ identifier: LUNIdentifier, at offset: UInt64, expected: UnsafeRawBufferPointer,
        replacement: UnsafeRawBufferPointer
    ) throws(ArrayError) {
        let outcome = try compareAndWriteNow(identifier, at: offset, expected: expected, replacement: replacement)
        // The loser saw what the winner wrote: it may say so only when that is durable.
        try finish(outcome.group)
        if let difference = outcome.difference { throw .miscompare(UInt64(difference)) }
    }

    /// As `compareAndWrite`; returns the group to wait for, and where the bytes differ if they do.
    func compareAndWriteNow(
        _ identifier: LUNIdentifier, at offset: UInt64, expected: UnsafeRawBufferPointer,
        replacement: UnsafeRawBufferPointer
    ) throws(ArrayError) -> (group: UInt64, difference: Int?) {
        precondition(expected.count == replacement.count, "both halves of a compare and write are of one length")
        return try timed(identifier, .compareAndWrite) { () throws(ArrayError) in
            let extent = try Extent(offset, expected.count)
            guard extent.count > 0 else { return (try checkEmpty(identifier, extent, writes: true), nil) }
            let ticket = locks.acquire(.init(lun: identifier.rawValue, blocks: extent.blocks, isShared: false))
            defer { locks.release(ticket) }
            return try compareAndWriteHeld(identifier, extent, expected, replacement)
        }
    }

    private func compareAndWriteHeld(
        _ identifier: LUNIdentifier, _ extent: Extent, _ expected: UnsafeRawBufferPointer,
        _ replacement: UnsafeRawBufferPointer
    ) throws(ArrayError) -> (group: UInt64, difference: Int?) {
        try locked { () -> ArrayError? in
            do throws(ArrayError) {
                try state.lun(identifier).checkWritable()
                return nil
            } catch { return error }
        }.raise()
        let found = UnsafeMutableRawBufferPointer.allocate(byteCount: extent.count, alignment: Layout.blockBytes)
        defer { found.deallocate() }
        let seen = try readHeld(identifier, extent, into: found, for: nil)
        guard let difference = Self.firstDifference(UnsafeRawBufferPointer(found), expected) else {
            return (try writeHeld(identifier, extent, replacement, for: .compareAndWrite), nil)
        }
        locked { state.luns[identifier]?.counters.countFailure(.compareAndWrite) }
        return (seen, difference)
    }

    private static func firstDifference(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int? {
        if let first = left.baseAddress, let second = right.baseAddress, memcmp(first, second, left.count) == 0 {
            return nil
        }
        return left.indices.first { left[$0] != right[$0] }
    }

    /// Writes with the range held; returns the group to wait for.
    func writeHeld(
        _ identifier: LUNIdentifier, _ extent: Extent, _ bytes: UnsafeRawBufferPointer, for primitive: Primitive
    ) throws(ArrayError) -> UInt64 {
        guard extent.count > 0 else { return try checkEmpty(identifier, extent, writes: true) }
        let pointers = try stage(identifier, extent, bytes)
        gate.lock()
        defer { gate.unlock() }
        do throws(ArrayError) {
            try prepare(Demand(recordBytes: 24 + 8 * pointers.count, isUrgent: true))
            let lun = try state.lun(identifier)
            try record(writing: pointers, to: identifier, at: extent.blocks.lowerBound)
            note(lun, extent.blocks)
            lun.counters.count(
                primitive, covered: UInt64(extent.count), moved: UInt64(pointers.count * Layout.blockBytes))
        } catch {
            state.allocator.giveBack(pointers)
            throw error
        }
        return openGroup
    }

    /// With the gate held.
    func record(writing pointers: [UInt64], to identifier: LUNIdentifier, at block: UInt64) throws(ArrayError) {
        let failure: ArrayError? = pointers.withUnsafeBufferPointer { buffer in
            do throws(ArrayError) {
                try record(.write(identifier, block: block, buffer))
                return nil
            } catch { return error }
        }
        try failure.raise()
    }

    /// The checks of a command that does nothing.
    func checkEmpty(_ identifier: LUNIdentifier, _ extent: Extent, writes: Bool) throws(ArrayError) -> UInt64 {
        gate.lock()
        defer { gate.unlock() }
        let lun = try state.lun(identifier)
        try lun.check(extent.offset, UInt64(extent.count))
        if writes { try lun.checkWritable() }
        return 0
    }

    // MARK: Staging

    /// Puts bytes into blocks taken for them and returns the pointers, to be recorded or given back. The edges of a
    /// write that does not fill its first or last block are completed from what is there. Needs the range held.
    ///
    /// - Parameter isUrgent: may use the space that is kept for unmapping, whatever it replaces.
    func stage(
        _ identifier: LUNIdentifier, _ extent: Extent, _ bytes: UnsafeRawBufferPointer, isUrgent: Bool = false
    ) throws(ArrayError) -> [UInt64] {
        let unit = Layout.blockBytes
        let blocks = extent.blocks
        let head = Int(extent.offset % UInt64(unit))
        let end = head + extent.count
        var (pointers, old) = try take(identifier, extent, isUrgent: isUrgent)
        do throws(ArrayError) {
            var first = 0
            var last = blocks.count
            if head > 0 || end < unit {
                let part = UnsafeRawBufferPointer(rebasing: bytes[0..<min(extent.count, unit - head)])
                try stageEdge(part, at: head, over: old.first, extent.offset, &pointers[0])
                first = 1
            }
            if end % unit != 0 && last > first {
                let start = (last - 1) * unit - head
                let part = UnsafeRawBufferPointer(rebasing: bytes[start...])
                try stageEdge(part, at: 0, over: old.last, extent.offset + UInt64(start), &pointers[last - 1])
                last -= 1
            }
            guard first < last else { return pointers }
            let start = first * unit - head
            let middle = UnsafeRawBufferPointer(rebasing: bytes[start..<start + (last - first) * unit])
            try stageWhole(middle, &pointers, first..<last)
        } catch {
            locked { state.allocator.giveBack(pointers) }
            throw error
        }
        return pointers
    }

    /// Takes blocks for a write and looks up the old ones at its edges.
    private func take(
        _ identifier: LUNIdentifier, _ extent: Extent, isUrgent: Bool
    ) throws(ArrayError) -> (pointers: [UInt64], old: (first: UInt64, last: UInt64)) {
        let blocks = extent.blocks
        var pointers = [UInt64](repeating: 0, count: blocks.count)
        gate.lock()
        defer { gate.unlock() }
        let lun = try state.lun(identifier)
        try lun.check(extent.offset, UInt64(extent.count))
        try lun.checkWritable()
        try makeResident(identifier, blocks, forChange: true)
        let pages = blocks.count / Layout.entriesPerPage + 8
        var demand = Demand(blocks: blocks.count, pages: pages, isUrgent: isUrgent)
        // Close to the end of the space: a write that only replaces blocks of its own may use what is kept for that.
        if !isUrgent, spareBlocks - blocks.count - pages < slopBlocks { demand.isUrgent = try owns(lun, blocks) }
        try prepare(demand)
        let old = (
            try state.pointer(below: lun.root, block: blocks.lowerBound),
            try state.pointer(below: lun.root, block: blocks.upperBound - 1)
        )
        let failure: ArrayError? = pointers.withUnsafeMutableBufferPointer { buffer in
            do throws(ArrayError) { try state.allocator.take(into: buffer) } catch { return error }
            return nil
        }
        try failure.raise()
        return (pointers, old)
    }

    /// With the gate held: whether every block of the range is mapped and named by this LUN only.
    private func owns(_ lun: PoolState.LUN, _ blocks: Range<UInt64>) throws(ArrayError) -> Bool {
        for block in blocks {
            for level in 0...Layout.rootLevel {
                let page = try state.page(below: lun.root, level: level, block: block)
                if page.isNone { return false }
                if try state.references(page) > 1 { return false }
            }
            let pointer = BlockPointer(rawValue: try state.pointer(below: lun.root, block: block))
            guard pointer.isMapped, try state.allocator.referenceCount(pointer.block) == 1 else { return false }
        }
        return true
    }

    private func stageEdge(
        _ part: UnsafeRawBufferPointer, at start: Int, over old: UInt64, _ offset: UInt64, _ pointer: inout UInt64
    ) throws(ArrayError) {
        let block = UnsafeMutableRawBufferPointer.allocate(byteCount: Layout.blockBytes, alignment: Layout.blockBytes)
        defer { block.deallocate() }
        try fetch([old], firstByte: 0, at: offset - offset % UInt64(Layout.blockBytes), into: block)
        UnsafeMutableRawBufferPointer(rebasing: block[start..<start + part.count]).copyMemory(from: part)
        let number = BlockPointer(rawValue: pointer).block
        pointer = BlockPointer(block: number, checksum: Checksum.of(UnsafeRawBufferPointer(block))).rawValue
        do throws(DeviceError) {
            try device.write(UnsafeRawBufferPointer(block), at: BlockPointer(rawValue: pointer).offset)
        } catch { throw ArrayError(error) }
    }

    private func stageWhole(
        _ bytes: UnsafeRawBufferPointer, _ pointers: inout [UInt64], _ range: Range<Int>
    ) throws(ArrayError) {
        guard let base = bytes.baseAddress else { return }
        for index in range {
            let start = base + (index - range.lowerBound) * Layout.blockBytes
            let block = BlockPointer(rawValue: pointers[index]).block
            pointers[index] =
                BlockPointer(block: block, checksum: Checksum.of(start, count: Layout.blockBytes)).rawValue
        }
        do throws(DeviceError) {
            try device.writeBlocks(bytes, to: pointers[range])
        } catch { throw ArrayError(error) }
    }

    /// Waits for a command's group, then does maintenance if that is up to commands.
    func finish(_ group: UInt64) throws(ArrayError) {
        try waitUntilDurable(group)
        maintainIfDue()
    }
}

extension Optional where Wrapped == ArrayError {
    /// Throws the error if there is one: closures of the standard library do not pass typed errors through.
    func raise() throws(ArrayError) {
        if let self { throw self }
    }
}
