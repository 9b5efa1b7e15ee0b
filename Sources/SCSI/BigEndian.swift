// Fields of CDBs, parameter lists and pages are big-endian at any alignment (SPC-4 §3.6.3).

extension UnsafeRawBufferPointer {
    func bigEndian16(at offset: Int) -> UInt16 {
        UInt16(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    func bigEndian32(at offset: Int) -> UInt32 {
        UInt32(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    func bigEndian64(at offset: Int) -> UInt64 {
        UInt64(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// The bytes from `offset` on, at most `count` of them; empty when there are none.
    func slice(_ offset: Int, _ count: Int) -> UnsafeRawBufferPointer {
        guard offset < self.count else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(rebasing: self[offset..<Swift.min(self.count, offset + count)])
    }
}

extension Array where Element == UInt8 {
    /// Overwrites bytes from `offset` on with the value, most significant byte first.
    mutating func put<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
        var shift = Value.bitWidth
        for index in offset..<offset + Value.bitWidth / 8 {
            shift -= 8
            self[index] = UInt8(truncatingIfNeeded: value >> shift)
        }
    }

    /// Appends the value, most significant byte first.
    mutating func append<Value: FixedWidthInteger>(bigEndian value: Value) {
        let offset = count
        append(contentsOf: repeatElement(0, count: Value.bitWidth / 8))
        put(value, at: offset)
    }

    /// A page of zeros to fill in.
    static func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
}

extension CDB {
    func bigEndian16(at index: Int) -> UInt16 { UInt16(self[index]) << 8 | UInt16(self[index + 1]) }

    func bigEndian32(at index: Int) -> UInt32 {
        UInt32(bigEndian16(at: index)) << 16 | UInt32(bigEndian16(at: index + 2))
    }

    func bigEndian64(at index: Int) -> UInt64 {
        UInt64(bigEndian32(at: index)) << 32 | UInt64(bigEndian32(at: index + 4))
    }
}
