import StorageArray

extension ExtendedCopyList {
    /// Reads a parameter list of EXTENDED COPY(LID1), at least 16 bytes.
    ///
    /// - Throws: what SPC-4 §6.4 asks for, first for the list as a whole, then for its devices, then for its segments.
    static func decode(_ list: UnsafeRawBufferPointer) throws(Sense) -> ExtendedCopyList {
        guard list.count >= 16 else { throw .parameterListLength }
        let deviceBytes = Int(list.bigEndian16(at: 2))
        let segmentBytes = Int(list.bigEndian32(at: 8))
        guard deviceBytes + segmentBytes <= Limits.copyListBytes, 16 + deviceBytes + segmentBytes <= list.count,
            deviceBytes % CopyDevice.byteCount == 0
        else { throw .parameterListLength }
        guard deviceBytes / CopyDevice.byteCount <= Limits.copyDevices else { throw .tooManyTargetDescriptors }
        let segments = try split(list.slice(16 + deviceBytes, segmentBytes))
        guard segments.count <= Limits.copySegments else { throw .tooManySegmentDescriptors }
        guard list.bigEndian32(at: 12) == 0 else { throw .inlineDataLengthExceeded }
        let identifier = list[0]
        guard let usage = ListIdentifierUsage(rawValue: list[1] >> 3 & 3), usage != .none || identifier == 0 else {
            throw .invalidParameter(byte: list[1] >> 3 & 3 == 1 ? 1 : 0)
        }

        var devices: [CopyDevice] = []
        for index in 0..<deviceBytes / CopyDevice.byteCount {
            let start = 16 + index * CopyDevice.byteCount
            devices.append(try CopyDevice(list.slice(start, CopyDevice.byteCount)))
        }
        var decoded: [CopySegment] = []
        for segment in segments { decoded.append(try CopySegment(segment)) }
        return ExtendedCopyList(listIdentifier: identifier, usage: usage, devices: devices, segments: decoded)
    }

    /// Cuts the segment list at the descriptors' own lengths.
    private static func split(_ list: UnsafeRawBufferPointer) throws(Sense) -> [UnsafeRawBufferPointer] {
        var segments: [UnsafeRawBufferPointer] = []
        var offset = 0
        while offset < list.count {
            guard offset + 4 <= list.count else { throw .parameterListLength }
            let count = 4 + Int(list.bigEndian16(at: offset + 2))
            guard offset + count <= list.count else { throw .parameterListLength }
            segments.append(list.slice(offset, count))
            offset += count
        }
        return segments
    }
}

extension CopyDevice {
    /// - Parameter bytes: 32 bytes.
    /// - Throws: UNSUPPORTED TARGET DESCRIPTOR TYPE CODE unless it names a disk by NAA designator.
    fileprivate init(_ bytes: UnsafeRawBufferPointer) throws(Sense) {
        guard bytes[0] == 0xE4, bytes[1] & 0x1F == 0 else { throw .unsupportedTargetDescriptor }
        let isNAA = bytes[4] & 0x0F == 1 && bytes[5] & 0x3F == 3 && bytes[7] == 16
        // A designator of another kind, or a null device (NUL), names no LUN here; that shows when a segment uses it.
        let isNamed = isNAA && bytes[1] & 0x20 == 0
        self.init(
            isNamed ? WorldWideName(high: bytes.bigEndian64(at: 8), low: bytes.bigEndian64(at: 16)) : .init(high: 0, low: 0),
            blockBytes: bytes.bigEndian32(at: 28) & 0xFF_FFFF)
    }
}

extension CopySegment {
    /// - Throws: UNSUPPORTED SEGMENT DESCRIPTOR TYPE CODE unless it is block to block.
    fileprivate init(_ bytes: UnsafeRawBufferPointer) throws(Sense) {
        let amount: Amount
        switch (bytes[0], bytes.count) {
        case (0x02, 28): amount = .blocks(bytes.bigEndian16(at: 10), ofDestination: bytes[1] & 0x02 != 0)
        case (0x0A, 32):
            amount = .bytes(
                bytes.bigEndian32(at: 8), sourceOffset: bytes.bigEndian16(at: 28),
                destinationOffset: bytes.bigEndian16(at: 30))
        case (0x02, _), (0x0A, _): throw .invalidFieldInParameterList
        default: throw .unsupportedSegmentDescriptor
        }
        self.init(
            source: Int(bytes.bigEndian16(at: 4)), sourceLBA: bytes.bigEndian64(at: 12),
            destination: Int(bytes.bigEndian16(at: 6)), destinationLBA: bytes.bigEndian64(at: 20), amount: amount)
    }
}
