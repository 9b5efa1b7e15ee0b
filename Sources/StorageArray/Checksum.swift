import CChecksum

/// CRC32C, the checksum of blocks, pages, journal groups and superblocks.
public enum Checksum {
    /// The checksum of bytes that follow those with checksum `seed`; 0 at the start. Also the digest of iSCSI.
    public static func extend(_ seed: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 {
        viaduct_crc32c(seed, bytes.baseAddress, bytes.count)
    }

    static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        viaduct_crc32c(0, bytes.baseAddress, bytes.count)
    }

    static func of(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { of($0) } }

    static func of(_ start: UnsafeRawPointer, count: Int) -> UInt32 { viaduct_crc32c(0, start, count) }

    /// Without processor support; the same value, slower.
    static func portable(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        viaduct_crc32c_portable(0, bytes.baseAddress, bytes.count)
    }
}
