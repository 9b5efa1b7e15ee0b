extension Digest {
    /// Reads what `hexadecimal` writes; `nil` for anything else.
    public init?(hexadecimal text: String) {
        guard let bytes = Hexadecimal.decode(text.utf8), bytes.count == 32 else { return nil }
        self.init(
            words: bytes.withUnsafeBytes { $0.loadUnaligned(as: (UInt64, UInt64, UInt64, UInt64).self) })
    }

    /// From `bytes`; `nil` unless there are 32.
    public init?(raw bytes: ArraySlice<UInt8>) {
        guard bytes.count == 32 else { return nil }
        self.init(
            words: bytes.withUnsafeBytes { $0.loadUnaligned(as: (UInt64, UInt64, UInt64, UInt64).self) })
    }
}
