import Glibc

// Integers of the volume format: little-endian, at any alignment.

extension Array where Element == UInt8 {
    func field<Value: FixedWidthInteger>(_ type: Value.Type = Value.self, at offset: Int) -> Value {
        withUnsafeBytes { Value(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Value.self)) }
    }

    mutating func setField<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
        withUnsafeMutableBytes { $0.storeBytes(of: value.littleEndian, toByteOffset: offset, as: Value.self) }
    }

    func volumeIdentifier(at offset: Int) -> VolumeIdentifier {
        VolumeIdentifier(high: field(at: offset), low: field(at: offset + 8))
    }

    mutating func setVolumeIdentifier(_ identifier: VolumeIdentifier, at offset: Int) {
        setField(identifier.high, at: offset)
        setField(identifier.low, at: offset + 8)
    }

    /// Writes UTF-8 text into a field of `width` bytes, padded with zeros; longer text is cut at a character.
    mutating func setText(_ text: String, at offset: Int, width: Int) {
        var used = 0
        for character in text {
            let bytes = Array(character.utf8)
            guard used + bytes.count <= width else { break }
            replaceSubrange(offset + used..<offset + used + bytes.count, with: bytes)
            used += bytes.count
        }
    }

    func text(at offset: Int, width: Int) -> String {
        let field = self[offset..<offset + width]
        return String(decoding: field.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// Whether the checksum at `offset`, taken with its own four bytes as zeros, is right.
    func hasValidChecksum(at offset: Int) -> Bool { field(UInt32.self, at: offset) == checksum(at: offset) }

    mutating func seal(checksumAt offset: Int) { setField(checksum(at: offset), at: offset) }

    private func checksum(at offset: Int) -> UInt32 {
        var copy = self
        copy.setField(UInt32(0), at: offset)
        return copy.withUnsafeBytes { Checksum.crc32c($0) }
    }

    var isAllZeros: Bool {
        withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return true }
            // Every byte equals its successor, and the first is zero.
            return bytes[0] == 0 && memcmp(start, start + 1, bytes.count - 1) == 0
        }
    }
}
