import SCSI
import Synchronization

// What the array can do without the bytes going over the path, and the plain way where it cannot or must not.

extension Device {
    /// Makes a run read as zeros.
    func zero(_ range: SectorRange) throws(VolumeError) {
        var rest = range
        while rest.count > 0, acceleration.initialize, !writeSameRefused.load(ordering: .relaxed) {
            let count = min(rest.count, limits.writeSameSectors)
            let zeros = [UInt8](repeating: 0, count: Self.sectorBytes)
            do {
                try zeros.withBytes { (buffer) throws(VolumeError) in
                    _ = try port.execute(.writeSame16(lba: rest.start, blocks: UInt32(count)), sending: buffer)
                }
            } catch .device(let completion) where completion.sense == .invalidOperationCode {
                writeSameRefused.store(true, ordering: .relaxed)
                continue
            }
            statistics.withLock { $0.initialize.hardware.add(bytes: count * UInt64(Self.sectorBytes)) }
            rest = SectorRange(start: rest.start + count, count: rest.count - count)
        }
        if rest.count > 0 { try zeroInSoftware(rest) }
    }

    private func zeroInSoftware(_ range: SectorRange) throws(VolumeError) {
        let most = UInt64(min(limits.transferSectors, 2048))
        let zeros = [UInt8](repeating: 0, count: Int(min(range.count, most)) * Self.sectorBytes)
        var done: UInt64 = 0
        while done < range.count {
            let count = min(range.count - done, most)
            try zeros.withBytes { (buffer) throws(VolumeError) in
                let part = UnsafeRawBufferPointer(rebasing: buffer[..<(Int(count) * Self.sectorBytes)])
                try write(part, sector: range.start + done)
            }
            statistics.withLock { $0.initialize.software.add(bytes: count * UInt64(Self.sectorBytes)) }
            done += count
        }
    }

    /// Gives runs back to the array. What they read as afterwards is not relied on.
    func unmap(_ ranges: [SectorRange]) throws(VolumeError) {
        guard limits.supportsUnmap else {
            let bytes = ranges.reduce(0) { $0 + $1.count } * UInt64(Self.sectorBytes)
            statistics.withLock { $0.delete.software.add(bytes: bytes, commands: 0) }
            return
        }
        var batch: [BlockRange] = []
        var inBatch: UInt64 = 0
        for range in ranges {
            var rest = range
            while rest.count > 0 {
                let count = min(rest.count, limits.unmapSectors - inBatch, UInt64(UInt32.max))
                batch.append(BlockRange(lba: rest.start, blocks: UInt32(count)))
                inBatch += count
                rest = SectorRange(start: rest.start + count, count: rest.count - count)
                if inBatch == limits.unmapSectors || batch.count == limits.unmapDescriptors {
                    try send(unmapping: batch, sectors: inBatch)
                    (batch, inBatch) = ([], 0)
                }
            }
        }
        if !batch.isEmpty { try send(unmapping: batch, sectors: inBatch) }
    }

    private func send(unmapping batch: [BlockRange], sectors: UInt64) throws(VolumeError) {
        let list = UnmapList.encode(batch)
        try list.withBytes { (buffer) throws(VolumeError) in
            _ = try port.execute(.unmap(parameterListLength: UInt16(list.count)), sending: buffer)
        }
        statistics.withLock { $0.delete.hardware.add(bytes: sectors * UInt64(Self.sectorBytes)) }
    }

    /// Copies runs from `source`, by EXTENDED COPY where both LUNs offer it and this host uses it.
    ///
    /// - Parameter progress: told the bytes of each step that is done; gives `false` to stop.
    /// - Throws: `.cancelled` when `progress` said so. What was copied until then stays copied.
    func copy(
        _ runs: [SectorCopy], from source: Device, progress: (_ bytes: UInt64) -> Bool
    ) throws(VolumeError) {
        var rest = runs[...]
        if acceleration.move, let limits = limits.copy, let other = source.limits.copy?.device {
            let pieces = Self.segments(runs, limits: limits)
            var done = 0
            while done < pieces.count, !copyRefused.load(ordering: .relaxed) {
                let batch = Array(pieces[done..<min(done + limits.segments, pieces.count)])
                // A refused copy is done in software, as ESXi does; its error, if it persists, comes from there.
                guard try sendCopy(batch, from: other, to: limits) else { break }
                done += batch.count
                guard progress(batch.bytes) else { throw .cancelled }
            }
            rest = pieces[done...]
        }
        for run in rest { try copyInSoftware(run, from: source, progress: progress) }
    }

    static func segments(_ runs: [SectorCopy], limits: CopyLimits) -> [SectorCopy] {
        let most = limits.segmentBytes / UInt64(sectorBytes)
        var pieces: [SectorCopy] = []
        for run in runs {
            var done: UInt64 = 0
            while done < run.count {
                let count = min(run.count - done, most)
                pieces.append(
                    SectorCopy(source: run.source + done, destination: run.destination + done, count: count))
                done += count
            }
        }
        return pieces
    }

    /// - Returns: whether the array did it; `false` when it refused.
    private func sendCopy(
        _ batch: [SectorCopy], from source: CopyDevice, to limits: CopyLimits
    ) throws(VolumeError) -> Bool {
        let devices = source == limits.device ? [source] : [source, limits.device]
        let segments = batch.map { piece in
            let amount: CopySegment.Amount =
                limits.takesByteLengths
                ? .bytes(UInt32(piece.count * UInt64(Self.sectorBytes)), sourceOffset: 0, destinationOffset: 0)
                : .blocks(UInt16(piece.count), ofDestination: true)
            return CopySegment(
                source: 0, sourceLBA: piece.source, destination: devices.count - 1, destinationLBA: piece.destination,
                amount: amount)
        }
        let list = ExtendedCopyList(devices: devices, segments: segments).encoded
        do {
            try list.withBytes { (buffer) throws(VolumeError) in
                _ = try port.execute(.extendedCopy(parameterListLength: UInt32(list.count)), sending: buffer)
            }
        } catch .device(let completion) where completion.refusesCopy {
            if completion.sense == .invalidOperationCode { copyRefused.store(true, ordering: .relaxed) }
            return false
        }
        statistics.withLock { $0.move.hardware.add(bytes: batch.bytes) }
        return true
    }

    private func copyInSoftware(
        _ run: SectorCopy, from source: Device, progress: (_ bytes: UInt64) -> Bool
    ) throws(VolumeError) {
        let most = UInt64(min(limits.transferSectors, source.limits.transferSectors, 8192))
        var buffer = [UInt8](repeating: 0, count: Int(min(most, run.count)) * Self.sectorBytes)
        var done: UInt64 = 0
        while done < run.count {
            let count = min(run.count - done, most)
            let bytes = count * UInt64(Self.sectorBytes)
            try buffer.withMutableBytes { (whole) throws(VolumeError) in
                let part = UnsafeMutableRawBufferPointer(rebasing: whole[..<Int(bytes)])
                try source.read(into: part, sector: run.source + done)
                try write(UnsafeRawBufferPointer(part), sector: run.destination + done)
            }
            statistics.withLock { $0.move.software.add(bytes: bytes, commands: 2) }
            done += count
            guard progress(bytes) else { throw .cancelled }
        }
    }
}

extension Array where Element == SectorCopy {
    var bytes: UInt64 { reduce(0) { $0 + $1.count } * UInt64(Device.sectorBytes) }
}

extension Completion {
    /// Whether the array declined a copy that reads and writes may still do.
    fileprivate var refusesCopy: Bool { sense?.key == .illegalRequest || sense?.key == .copyAborted }
}
