import SCSI
import Synchronization

extension OpenFile {
    /// Blocks that one step of a write gives a place; commits follow as often.
    static let stepBlocks = 64

    /// Writes `buffer` at `offset`; the file grows and gets blocks as needed. What lies between its old end and
    /// `offset` is a hole or zeros.
    ///
    /// - Throws: `.noSpace`: part of the bytes may be written then, and the file has its old size at least.
    public func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(VolumeError) {
        guard offset <= Volume.maximumFileBytes, UInt64(buffer.count) <= Volume.maximumFileBytes - offset else {
            throw .fileTooLarge
        }
        try state.withLock { (state) throws(VolumeError) in
            try requireWritable(state)
            var done = 0
            while done < buffer.count {
                let start = offset + UInt64(done)
                let room = UInt64(Self.stepBlocks) * Geometry.blockBytes - start % Geometry.blockBytes
                let count = min(buffer.count - done, Int(room))
                try writeStep(UnsafeRawBufferPointer(rebasing: buffer[done..<done + count]), at: start, &state)
                done += count
            }
        }
    }

    private func writeStep(
        _ buffer: UnsafeRawBufferPointer, at start: UInt64, _ state: inout FileState
    ) throws(VolumeError) {
        let end = start + UInt64(buffer.count)
        try zeroGap(before: start, &state)
        try mapHoles(of: start..<end, &state)
        try FileBytes(device: volume.device, map: state.map).write(buffer, at: start)
        if end > state.sizeBytes {
            state.sizeBytes = end
            state.isChanged = true
        }
        if state.uncommittedBlocks >= Self.stepBlocks { try commit(&state) }
    }

    /// Bytes after the end of a file may be anything; they are zeroed when the end moves past them.
    private func zeroGap(before start: UInt64, _ state: inout FileState) throws(VolumeError) {
        let size = state.sizeBytes
        let blockEnd = (size + Geometry.blockBytes - 1) / Geometry.blockBytes * Geometry.blockBytes
        guard start > size, blockEnd > size else { return }
        try FileBytes(device: volume.device, map: state.map).zero(size..<min(start, blockEnd))
    }

    /// Gives every hole of a byte range blocks, and zeros what of them the range does not cover.
    private func mapHoles(of range: Range<UInt64>, _ state: inout FileState) throws(VolumeError) {
        let end = UInt32((range.upperBound + Geometry.blockBytes - 1) / Geometry.blockBytes)
        var logical = UInt32(range.lowerBound / Geometry.blockBytes)
        while logical < end {
            let found = state.map.lookup(logical, limit: end - logical)
            if found.start != nil {
                logical += found.count
                continue
            }
            let run = try takeReserve(Int(found.count), at: logical, &state)
            let extent = Extent(logical: logical, start: run.start, count: run.count)
            if !state.reserveIsZeroed { try zeroUncovered(extent, by: range) }
            state.map.insert(extent, geometry: volume.geometry)
            state.uncommittedBlocks += Int(run.count)
            state.isChanged = true
            logical += run.count
        }
    }

    private func zeroUncovered(_ extent: Extent, by range: Range<UInt64>) throws(VolumeError) {
        let first = UInt64(extent.logical) * Geometry.blockBytes
        let last = UInt64(extent.logicalEnd) * Geometry.blockBytes
        let bytes = FileBytes(device: volume.device, map: ExtentMap([extent]))
        if range.lowerBound > first { try bytes.zero(first..<min(range.lowerBound, last)) }
        if range.upperBound < last { try bytes.zero(max(range.upperBound, first)..<last) }
    }

    /// Takes at most `count` blocks from what is set aside, setting more aside when there is none.
    private func takeReserve(
        _ count: Int, at logical: UInt32, _ state: inout FileState
    ) throws(VolumeError) -> BlockRun {
        if state.reserve.isEmpty {
            let wanted = min(max(count, state.nextReserve), Self.stepBlocks)
            let runs = try volume.reserve(wanted, parity: logical % 2, for: number, state)
            state.reserve = runs
            state.uncommittedBlocks = 0
            state.isChanged = false
            state.nextReserve = min(wanted * 2, Self.stepBlocks)
            state.reserveIsZeroed = volume.device.acceleration.initialize
            if state.reserveIsZeroed {
                for run in runs { try volume.device.zero(run.sectors) }
            }
        }
        let run = state.reserve[0]
        let taken = BlockRun(start: run.start, count: min(run.count, UInt32(count)))
        if taken.count == run.count {
            state.reserve.removeFirst()
        } else {
            state.reserve[0] = BlockRun(start: run.start + taken.count, count: run.count - taken.count)
        }
        return taken
    }

    /// Gives the file another size: what is cut off is given back, what is added is a hole.
    ///
    /// - Throws: `.noSpace`, `.tooManyFiles` when cutting a file in very many pieces finds no room for the lists.
    public func truncate(to sizeBytes: UInt64) throws(VolumeError) {
        guard sizeBytes <= Volume.maximumFileBytes else { throw .fileTooLarge }
        try state.withLock { (state) throws(VolumeError) in
            try requireWritable(state)
            if sizeBytes > state.sizeBytes { try zeroGap(before: sizeBytes, &state) }
            let end = UInt32((sizeBytes + Geometry.blockBytes - 1) / Geometry.blockBytes)
            var next = state
            let removed = next.map.removeAll(from: end)
            next.sizeBytes = sizeBytes
            next.isChanged = true
            let discarded = try volume.cut(number, next, removed)
            next.isChanged = false
            next.uncommittedBlocks = 0
            state = next
            if let discarded { try volume.reclaim(discarded) }
        }
    }

    /// Makes a range read as zeros; holes stay holes. The part beyond the end of the file is left out.
    public func zero(_ range: Range<UInt64>) throws(VolumeError) {
        try state.withLock { (state) throws(VolumeError) in
            try requireWritable(state)
            let end = min(range.upperBound, state.sizeBytes)
            guard range.lowerBound < end else { return }
            try FileBytes(device: volume.device, map: state.map).zero(range.lowerBound..<end)
        }
    }

    private func requireWritable(_ state: borrowing FileState) throws(VolumeError) {
        try state.requireOpen()
        guard mode == .writing else { throw .invalidArgument("the file is open for reading") }
    }
}

extension Volume {
    var geometry: Geometry { state.withLock { $0.geometry } }

    /// Stores a file and moves the extents it lost to an inode without a name, in one change.
    ///
    /// - Returns: that inode, to be reclaimed; `nil` when nothing was lost.
    func cut(_ number: UInt32, _ file: FileState, _ removed: [Extent]) throws(VolumeError) -> UInt32? {
        try change { (state) throws(VolumeError) in
            try state.lock(state.geometry.inodeSector(number), .inode)
            try state.storeFile(number, file)
            guard !removed.isEmpty else { return nil }
            var bin = try state.makeUnlinked(.file, sizeBytes: 0)
            try state.store(ExtentMap(removed), in: &bin)
            state.setInode(bin)
            return bin.number
        }
    }
}
