import Synchronization

/// What a copy took.
public struct MoveReport: Sendable, Equatable {
    /// Bytes of blocks copied; holes are not among them.
    public var copiedBytes: UInt64 = 0
    public var sizeBytes: UInt64 = 0
    /// EXTENDED COPY commands, and READ and WRITE commands.
    public var hardwareCommands: UInt64 = 0
    public var softwareCommands: UInt64 = 0
}

extension Volume {
    /// Copies a file, within this volume or from another one; holes stay holes. When this throws there is no copy.
    ///
    /// The copy's blocks lie as those of the source do, modulo 2 MiB, where space allows, so that the array can share
    /// them. The source is open for reading meanwhile.
    /// - Parameters:
    ///   - other: where `source` is; `nil`: on this volume.
    ///   - progress: told the bytes copied so far and in all, now and then.
    ///   - isCancelled: asked as often; `true` ends the copy with `.cancelled`.
    /// - Throws: `.busy` while someone writes the source, `.alreadyExists`, `.noSpace`, `.cancelled`.
    @discardableResult
    public func clone(
        _ source: String, on other: Volume? = nil, to destination: String,
        progress: (_ done: UInt64, _ total: UInt64) -> Void = { _, _ in }, isCancelled: () -> Bool = { false }
    ) throws(VolumeError) -> MoveReport {
        let path = try FilePath(destination)
        try requireVacant(path)
        let file = try (other ?? self).open(source, for: .reading)
        let (map, sizeBytes) = file.state.withLock { ($0.map, $0.sizeBytes) }
        let before = statistics.move
        var report = MoveReport(sizeBytes: sizeBytes)
        do throws(VolumeError) {
            if isCancelled() { throw VolumeError.cancelled }
            let number = try makeUnlinked(sizeBytes: sizeBytes)
            try linking(number, at: path) { () throws(VolumeError) in
                let runs = try allocateCopy(of: map, for: number)
                report.copiedBytes = runs.bytes
                var done: UInt64 = 0
                try device.copy(runs, from: file.volume.device) { bytes in
                    done += bytes
                    progress(done, report.copiedBytes)
                    return !isCancelled()
                }
            }
        } catch {
            let reason = error
            try file.close()
            throw reason
        }
        try file.close()
        let after = statistics.move
        report.hardwareCommands = after.hardware.commands - before.hardware.commands
        report.softwareCommands = after.software.commands - before.software.commands
        return report
    }

    /// Gives a new file blocks wherever the source has them.
    private func allocateCopy(of source: ExtentMap, for number: UInt32) throws(VolumeError) -> [SectorCopy] {
        var copies: [SectorCopy] = []
        var map = ExtentMap()
        var cursor = CopyCursor(source)
        while !cursor.isAtEnd {
            let (before, start) = (map, cursor)
            (map, cursor, copies) = try change { (state) throws(VolumeError) in
                var cursor = start
                var copies = copies
                let result = try state.extend(number, before) { current in
                    cursor.place(after: current)
                }
                for extent in result.added { copies.append(cursor.copy(into: extent)) }
                return (result.map, cursor, copies)
            }
        }
        return copies
    }
}

/// Walks the extents of a source while blocks for the copy are found.
private struct CopyCursor: Sendable {
    let source: ExtentMap
    /// Extent and block within it that has no place in the copy yet.
    private var index = 0
    private var offset: UInt32 = 0
    private var mapped: UInt64 = 0

    init(_ source: ExtentMap) { self.source = source }

    var isAtEnd: Bool { index == source.extents.count }

    /// The next run to find blocks for, given the copy's map with all found so far.
    mutating func place(after map: ExtentMap) -> (logical: UInt32, count: Int, parity: UInt32)? {
        advance(by: map.lastEnd)
        guard !isAtEnd else { return nil }
        let extent = source.extents[index]
        return (extent.logical + offset, Int(extent.count - offset), (extent.start + offset) % 2)
    }

    private mutating func advance(by logicalEnd: UInt32) {
        while index < source.extents.count, source.extents[index].logicalEnd <= logicalEnd {
            index += 1
            offset = 0
        }
        guard index < source.extents.count else { return }
        if logicalEnd > source.extents[index].logical { offset = logicalEnd - source.extents[index].logical }
    }

    func copy(into extent: Extent) -> SectorCopy {
        let from = source.lookup(extent.logical, limit: extent.count).start ?? 0
        return SectorCopy(
            source: Geometry.sector(ofBlock: from), destination: Geometry.sector(ofBlock: extent.start),
            count: UInt64(extent.count) * Geometry.blockSectors)
    }
}

extension ExtentMap {
    /// The file block after the last mapped one; 0 when there is none.
    var lastEnd: UInt32 { extents.last?.logicalEnd ?? 0 }
}
