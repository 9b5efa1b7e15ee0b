/// What page B0h and RECEIVE COPY RESULTS tell and commands are held to; lengths in logical blocks unless they say bytes.
enum Limits {
    static let compareAndWriteBlocks: UInt8 = 255
    static let transferBlocks: UInt32 = 0x10000
    /// A longer transfer goes to the pool in parts of this.
    static let partBytes = 8 << 20
    /// Longest parameter list, and longest answer to a question, that any command has.
    static let parameterBytes = 64 << 10
    static let answerBytes = 1 << 20
    static let atomicBlocks: UInt32 = 0x800
    /// WRITE ATOMIC begins at, and is, a multiple of this: a block of the pool.
    static let atomicGranularity: UInt32 = 8
    static let unmapDescriptors: UInt32 = 256
    static let writeSameBlocks: UInt64 = 0x80_0000
    static let copyDevices = 8
    static let copySegments = 64
    static let copyListBytes = 4096
    static let copySegmentBytes: UInt32 = 256 << 20
    /// What persistent reservations may take on the pool, and so how many initiators can be registered.
    static let reservationBytes = 16 << 10
    /// How much a command that looks at a long range takes at a time.
    static let stepBytes = 1 << 20
}
