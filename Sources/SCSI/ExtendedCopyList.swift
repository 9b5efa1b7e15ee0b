import StorageArray

/// The parameter list of EXTENDED COPY(LID1): which LUNs take part, and which runs to copy between them.
///
/// ```
///  0 LIST IDENTIFIER   1 LIST ID USAGE b4-3, PRIORITY b2-0   2 CSCD LIST LENGTH (2)   8 SEGMENT LIST LENGTH (4)
/// 12 INLINE DATA LENGTH (4)   16 copy sources and destinations (CSCD), 32 bytes each   then segment descriptors
/// ```
/// Source: SPC-4 §6.4.
public struct ExtendedCopyList: Sendable, Equatable {
    /// What happens to the result after the command. Source: SPC-4 §6.4.3.2.
    public enum ListIdentifierUsage: UInt8, Sendable {
        /// Results are held until RECEIVE COPY RESULTS asks for them.
        case hold = 0
        case discard = 2
        /// The list identifier is not used and must be zero.
        case none = 3
    }

    public var listIdentifier: UInt8
    public var usage: ListIdentifierUsage
    public var devices: [CopyDevice]
    public var segments: [CopySegment]

    public init(
        listIdentifier: UInt8 = 0, usage: ListIdentifierUsage = .none, devices: [CopyDevice], segments: [CopySegment]
    ) {
        self.listIdentifier = listIdentifier
        self.usage = usage
        self.devices = devices
        self.segments = segments
    }

    public var encoded: [UInt8] {
        let segmentBytes = segments.flatMap(\.encoded)
        var list = [UInt8].zeros(16)
        list[0] = listIdentifier
        list[1] = usage.rawValue << 3
        list.put(UInt16(devices.count * CopyDevice.byteCount), at: 2)
        list.put(UInt32(segmentBytes.count), at: 8)
        return list + devices.flatMap(\.encoded) + segmentBytes
    }
}

/// A copy source or destination, named by its world wide name in an identification descriptor (E4h).
///
/// ```
///  0 E4h   1 PERIPHERAL DEVICE TYPE b4-0   4 CODE SET (1)   5 DESIGNATOR TYPE b3-0 (3)   7 DESIGNATOR LENGTH
///  8 DESIGNATOR (20, zero padded)   28 PAD b2   29 DISK BLOCK LENGTH (3)
/// ```
/// Source: SPC-4 §6.4.5.2.
public struct CopyDevice: Sendable, Hashable {
    static let byteCount = 32

    public var name: WorldWideName
    public var blockBytes: UInt32

    public init(_ name: WorldWideName, blockBytes: UInt32 = 512) {
        self.name = name
        self.blockBytes = blockBytes
    }

    var encoded: [UInt8] {
        var bytes = [UInt8].zeros(Self.byteCount)
        bytes[0] = 0xE4
        bytes[4] = 1
        bytes[5] = 3
        bytes[7] = 16
        bytes.put(name.high, at: 8)
        bytes.put(name.low, at: 16)
        bytes.put(blockBytes, at: 28)  // Its most significant byte is the flag byte, and zero.
        return bytes
    }
}

/// One run to copy. Devices are indexes into the list's `devices`.
public struct CopySegment: Sendable, Hashable {
    /// How much, and in which of the two descriptor types that is said.
    public enum Amount: Sendable, Hashable {
        /// Segment type 02h. `ofDestination` (the DC bit) says whose block length counts.
        case blocks(UInt16, ofDestination: Bool)
        /// Segment type 0Ah, with byte offsets into the first blocks.
        case bytes(UInt32, sourceOffset: UInt16, destinationOffset: UInt16)
    }

    public var source: Int
    public var destination: Int
    public var sourceLBA: UInt64
    public var destinationLBA: UInt64
    public var amount: Amount

    public init(source: Int, sourceLBA: UInt64, destination: Int, destinationLBA: UInt64, amount: Amount) {
        self.source = source
        self.sourceLBA = sourceLBA
        self.destination = destination
        self.destinationLBA = destinationLBA
        self.amount = amount
    }

    /// A run of whole blocks in a descriptor of type 0Ah, which can say more than 65535 blocks.
    public init(source: Int, sourceLBA: UInt64, destination: Int, destinationLBA: UInt64, bytes: UInt32) {
        self.init(
            source: source, sourceLBA: sourceLBA, destination: destination, destinationLBA: destinationLBA,
            amount: .bytes(bytes, sourceOffset: 0, destinationOffset: 0))
    }

    /// ```
    /// 02h: 2 0018h   4 SOURCE INDEX   6 DESTINATION INDEX   10 NUMBER OF BLOCKS (2)   12 SOURCE LBA   20 DESTINATION LBA
    /// 0Ah: 2 001Ch   4 SOURCE INDEX   6 DESTINATION INDEX   8 NUMBER OF BYTES (4)    12 SOURCE LBA   20 DESTINATION LBA
    ///      28 SOURCE BYTE OFFSET (2)   30 DESTINATION BYTE OFFSET (2)
    /// ```
    /// Source: SPC-4 §6.4.6.4 and §6.4.6.12.
    var encoded: [UInt8] {
        var bytes: [UInt8]
        switch amount {
        case .blocks(let count, let ofDestination):
            bytes = .zeros(28)
            bytes[0] = 0x02
            bytes[1] = ofDestination ? 0x02 : 0
            bytes.put(UInt16(0x18), at: 2)
            bytes.put(count, at: 10)
        case .bytes(let count, let sourceOffset, let destinationOffset):
            bytes = .zeros(32)
            bytes[0] = 0x0A
            bytes.put(UInt16(0x1C), at: 2)
            bytes.put(count, at: 8)
            bytes.put(sourceOffset, at: 28)
            bytes.put(destinationOffset, at: 30)
        }
        bytes.put(UInt16(source), at: 4)
        bytes.put(UInt16(destination), at: 6)
        bytes.put(sourceLBA, at: 12)
        bytes.put(destinationLBA, at: 20)
        return bytes
    }
}
