import Platform

extension Randomness {
    public func bytes(_ count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            fill(UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[..<count])))
            initialized = count
        }
    }

    /// A token nobody can guess: 256 random bits as 43 characters of Base64 for URLs.
    public func token() -> String { Base64.url.encode(bytes(32)) }
}
