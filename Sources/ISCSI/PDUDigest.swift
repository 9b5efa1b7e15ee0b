import StorageArray

/// The digest of headers and data: CRC32C, least significant byte first.
///
/// Source: RFC 7143 §13.1; the order of the bytes is that of appendix A.4's examples of RFC 3720.
enum PDUDigest {
    static func of(_ bytes: UnsafeRawBufferPointer) -> UInt32 { Checksum.extend(0, bytes) }

    /// Digest of bytes that follow those with digest `seed`.
    static func extend(_ seed: UInt32, _ bytes: UnsafeRawBufferPointer) -> UInt32 { Checksum.extend(seed, bytes) }

    static func read(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> UInt32 {
        UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    static func store(_ digest: UInt32, to target: UnsafeMutableRawPointer) {
        target.storeBytes(of: digest.littleEndian, as: UInt32.self)
    }
}
