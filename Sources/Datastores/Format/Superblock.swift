/// What a volume is. Written once when it is made, in two places; never changed while it is mounted.
///
/// ```
///   0  magic "VIADUCTV" (8)      8  CRC-32C of the 4096 bytes, itself zero (4)    12  format version (4)
///  16  volume identifier (16)   32  block bytes (4)    36  host slots (4)         40  blocks in all (8)
///  48  inodes (4)               52  blocks per cluster (4)    56  first data block (8)    64  label, UTF-8 (64)
/// ```
struct Superblock: Equatable, Sendable {
    static let magic = UInt64(littleEndian: 0x5654_4355_4441_4956)
    static let version: UInt32 = 1
    static let sectors = 8
    static let places: [UInt64] = [0, 1024]

    var identifier: VolumeIdentifier
    var label: String
    var geometry: Geometry

    var encoded: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.sectors * Device.sectorBytes)
        bytes.setField(Self.magic, at: 0)
        bytes.setField(Self.version, at: 12)
        bytes.setVolumeIdentifier(identifier, at: 16)
        bytes.setField(UInt32(Geometry.blockBytes), at: 32)
        bytes.setField(UInt32(geometry.hostSlots), at: 36)
        bytes.setField(geometry.totalBlocks, at: 40)
        bytes.setField(UInt32(geometry.inodeCount), at: 48)
        bytes.setField(UInt32(geometry.blocksPerCluster), at: 52)
        bytes.setField(geometry.dataBlock, at: 56)
        bytes.setText(label, at: 64, width: 64)
        bytes.seal(checksumAt: 8)
        return bytes
    }

    /// - Parameter bytes: 4096.
    init(decoding bytes: [UInt8]) throws(VolumeError) {
        guard bytes.field(UInt64.self, at: 0) == Self.magic else { throw .notAVolume }
        guard bytes.hasValidChecksum(at: 8) else { throw .corrupt("superblock: checksum") }
        let version = bytes.field(UInt32.self, at: 12)
        guard version == Self.version else { throw .unsupportedVersion(version) }
        let totalBlocks = bytes.field(UInt64.self, at: 40)
        guard (Geometry.minimumBlocks...Geometry.maximumBlocks).contains(totalBlocks) else {
            throw .corrupt("superblock: capacity")
        }
        geometry = Geometry(totalBlocks: totalBlocks)
        guard bytes.field(UInt32.self, at: 32) == UInt32(Geometry.blockBytes),
            bytes.field(UInt32.self, at: 36) == UInt32(geometry.hostSlots),
            bytes.field(UInt32.self, at: 48) == UInt32(geometry.inodeCount),
            bytes.field(UInt32.self, at: 52) == UInt32(geometry.blocksPerCluster),
            bytes.field(UInt64.self, at: 56) == geometry.dataBlock
        else { throw .corrupt("superblock: geometry") }
        identifier = bytes.volumeIdentifier(at: 16)
        label = bytes.text(at: 64, width: 64)
    }

    init(identifier: VolumeIdentifier, label: String, geometry: Geometry) {
        self.identifier = identifier
        self.label = label
        self.geometry = geometry
    }

    /// Reads the superblock, or its copy when the first is damaged.
    static func read(from device: Device) throws(VolumeError) -> Superblock {
        do {
            return try Superblock(decoding: try device.read(sector: places[0], sectors: sectors))
        } catch .corrupt(let reason) {
            do {
                return try Superblock(decoding: try device.read(sector: places[1], sectors: sectors))
            } catch .notAVolume {
                throw .corrupt(reason)
            }
        }
    }
}
