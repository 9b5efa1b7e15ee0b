import SCSI

/// Moves bytes between memory and the blocks of a file.
struct FileBytes {
    let device: Device
    let map: ExtentMap

    private static let sectorBytes = UInt64(Device.sectorBytes)

    /// - Returns: bytes read, up to the end of the file. Holes read as zeros.
    func read(
        into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64, sizeBytes: UInt64
    ) throws(VolumeError) -> Int {
        guard offset < sizeBytes else { return 0 }
        let total = Int(min(UInt64(buffer.count), sizeBytes - offset))
        try forEachRun(offset, total) { (place, done, count) throws(VolumeError) in
            let part = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
            if let place {
                try read(part, atByte: place)
            } else {
                part.initializeMemory(as: UInt8.self, repeating: 0)
            }
        }
        return total
    }

    /// Writes into blocks the file has; every byte of the range must be mapped.
    func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(VolumeError) {
        try forEachRun(offset, buffer.count) { (place, done, count) throws(VolumeError) in
            guard let place else { throw .corrupt("a write into a hole") }
            try write(UnsafeRawBufferPointer(rebasing: buffer[done..<done + count]), atByte: place)
        }
    }

    /// Zeros those parts of a range that have blocks.
    func zero(_ range: Range<UInt64>) throws(VolumeError) {
        try forEachRun(range.lowerBound, Int(range.upperBound - range.lowerBound)) {
            (place, _, count) throws(VolumeError) in
            if let place { try zero(byte: place, count: UInt64(count)) }
        }
    }

    /// Calls `body` for each contiguous run of a byte range: where it lies on the LUN in bytes, or `nil` for a hole;
    /// its offset in the range; its bytes.
    private func forEachRun(
        _ offset: UInt64, _ total: Int,
        _ body: (_ place: UInt64?, _ done: Int, _ count: Int) throws(VolumeError) -> Void
    ) throws(VolumeError) {
        var done = 0
        while done < total {
            let position = offset + UInt64(done)
            let inBlock = position % Geometry.blockBytes
            let blocks = (inBlock + UInt64(total - done) + Geometry.blockBytes - 1) / Geometry.blockBytes
            let found = map.lookup(UInt32(position / Geometry.blockBytes), limit: UInt32(min(blocks, 1 << 20)))
            let available = UInt64(found.count) * Geometry.blockBytes - inBlock
            let count = Int(min(available, UInt64(total - done)))
            try body(found.start.map { UInt64($0) * Geometry.blockBytes + inBlock }, done, count)
            done += count
        }
    }

    // Bytes of the LUN at any alignment.

    private func read(_ buffer: UnsafeMutableRawBufferPointer, atByte place: UInt64) throws(VolumeError) {
        if place % Self.sectorBytes == 0, buffer.count % Device.sectorBytes == 0 {
            return try device.read(into: buffer, sector: place / Self.sectorBytes)
        }
        let first = place / Self.sectorBytes
        let end = (place + UInt64(buffer.count) + Self.sectorBytes - 1) / Self.sectorBytes
        let bytes = try device.read(sector: first, sectors: Int(end - first))
        let skip = Int(place - first * Self.sectorBytes)
        bytes.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[skip..<skip + buffer.count])) }
    }

    private func write(_ buffer: UnsafeRawBufferPointer, atByte place: UInt64) throws(VolumeError) {
        if place % Self.sectorBytes == 0, buffer.count % Device.sectorBytes == 0 {
            return try device.write(buffer, sector: place / Self.sectorBytes)
        }
        // Head and tail share a sector with other bytes: read those, and write all in one command.
        let first = place / Self.sectorBytes
        let end = (place + UInt64(buffer.count) + Self.sectorBytes - 1) / Self.sectorBytes
        var bytes = [UInt8](repeating: 0, count: Int(end - first) * Device.sectorBytes)
        bytes.replaceSubrange(0..<Device.sectorBytes, with: try device.read(sector: first, sectors: 1))
        if end - first > 1 {
            let last = bytes.count - Device.sectorBytes
            bytes.replaceSubrange(last..<bytes.count, with: try device.read(sector: end - 1, sectors: 1))
        }
        let skip = Int(place - first * Self.sectorBytes)
        bytes.withUnsafeMutableBytes {
            UnsafeMutableRawBufferPointer(rebasing: $0[skip..<skip + buffer.count]).copyMemory(from: buffer)
        }
        try device.write(bytes, sector: first)
    }

    private func zero(byte place: UInt64, count: UInt64) throws(VolumeError) {
        let end = place + count
        let first = (place + Self.sectorBytes - 1) / Self.sectorBytes
        let last = end / Self.sectorBytes
        guard first < last else {
            return try writeZeros(place..<end)
        }
        if place < first * Self.sectorBytes { try writeZeros(place..<first * Self.sectorBytes) }
        try device.zero(SectorRange(start: first, count: last - first))
        if last * Self.sectorBytes < end { try writeZeros(last * Self.sectorBytes..<end) }
    }

    private func writeZeros(_ range: Range<UInt64>) throws(VolumeError) {
        let zeros = [UInt8](repeating: 0, count: Int(range.upperBound - range.lowerBound))
        try zeros.withBytes { (buffer) throws(VolumeError) in try write(buffer, atByte: range.lowerBound) }
    }
}
