import StorageArray

/// What an initiator learns from a LUN's vital product data pages and READ CAPACITY(16), read from their bytes.
///
/// Every initializer gives `nil` for another page or one that is cut off.
public enum VitalProductData {
    public static let supportedPages: UInt8 = 0x00
    public static let unitSerialNumber: UInt8 = 0x80
    public static let deviceIdentification: UInt8 = 0x83
    public static let extendedInquiry: UInt8 = 0x86
    public static let thirdPartyCopy: UInt8 = 0x8F
    public static let blockLimits: UInt8 = 0xB0
    public static let blockDeviceCharacteristics: UInt8 = 0xB1
    public static let logicalBlockProvisioning: UInt8 = 0xB2

    /// The bytes after the 4-byte header if this is page `page` and all of it is there.
    static func body(_ bytes: [UInt8], page: UInt8) -> ArraySlice<UInt8>? {
        guard bytes.count >= 4, bytes[1] == page else { return nil }
        let end = 4 + Int(bytes[2]) << 8 + Int(bytes[3])
        return end <= bytes.count ? bytes[4..<end] : nil
    }
}

/// Page 83h: the names of a LUN. Source: SPC-4 §7.8.6.
public struct DeviceIdentification: Sendable, Equatable {
    /// The NAA designator of the logical unit.
    public let name: WorldWideName

    public init?(_ bytes: [UInt8]) {
        guard var rest = VitalProductData.body(bytes, page: VitalProductData.deviceIdentification) else { return nil }
        while rest.count >= 4 {
            let start = rest.startIndex
            let end = start + 4 + Int(rest[start + 3])
            guard end <= rest.endIndex else { return nil }
            // Code set binary, association logical unit, designator type NAA.
            if rest[start] & 0x0F == 1, rest[start + 1] & 0x3F == 0x03, end - start == 20 {
                self.name = rest[(start + 4)..<end].withUnsafeBytes { raw in
                    WorldWideName(high: raw.bigEndian64(at: 0), low: raw.bigEndian64(at: 8))
                }
                return
            }
            rest = rest[end...]
        }
        return nil
    }
}

/// Page B0h: how much one command may ask for, in logical blocks. Source: SBC-3 §6.5.3.
public struct BlockLimits: Sendable, Equatable {
    /// 0 when COMPARE AND WRITE is not supported.
    public let maximumCompareAndWriteBlocks: UInt8
    public let maximumTransferBlocks: UInt32
    public let maximumUnmapBlocks: UInt32
    public let maximumUnmapDescriptors: UInt32
    public let optimalUnmapGranularityBlocks: UInt32
    /// 0 when there is no limit.
    public let maximumWriteSameBlocks: UInt64

    public init?(_ bytes: [UInt8]) {
        guard let body = VitalProductData.body(bytes, page: VitalProductData.blockLimits), body.count >= 0x3C else {
            return nil
        }
        maximumCompareAndWriteBlocks = bytes[5]
        (maximumTransferBlocks, maximumUnmapBlocks, maximumUnmapDescriptors, optimalUnmapGranularityBlocks) =
            bytes.withUnsafeBytes {
                ($0.bigEndian32(at: 8), $0.bigEndian32(at: 20), $0.bigEndian32(at: 24), $0.bigEndian32(at: 28))
            }
        maximumWriteSameBlocks = bytes.withUnsafeBytes { $0.bigEndian64(at: 36) }
    }
}

/// Page B2h: how a LUN gives space back. Source: SBC-3 §6.5.4.
public struct LogicalBlockProvisioning: Sendable, Equatable {
    public let supportsUnmap: Bool
    public let supportsWriteSameUnmap: Bool
    public let isThin: Bool

    public init?(_ bytes: [UInt8]) {
        guard let body = VitalProductData.body(bytes, page: VitalProductData.logicalBlockProvisioning), body.count >= 4
        else { return nil }
        supportsUnmap = bytes[5] & 0x80 != 0
        supportsWriteSameUnmap = bytes[5] & 0x40 != 0
        isThin = bytes[6] & 0x07 == 2
    }
}

/// What READ CAPACITY(16) tells. Source: SBC-3 §5.19.2.
public struct Capacity: Sendable, Equatable {
    public let blocks: UInt64
    public let blockBytes: UInt32
    /// Logical blocks per physical block, as a power of two.
    public let physicalBlockExponent: UInt8
    public let isThin: Bool

    public init?(_ bytes: [UInt8]) {
        guard bytes.count >= 32 else { return nil }
        let (last, length) = bytes.withUnsafeBytes { ($0.bigEndian64(at: 0), $0.bigEndian32(at: 8)) }
        guard last < .max else { return nil }
        blocks = last + 1
        blockBytes = length
        physicalBlockExponent = bytes[13] & 0x0F
        isThin = bytes[14] & 0x80 != 0
    }

    public var sizeBytes: UInt64 { blocks * UInt64(blockBytes) }
}
