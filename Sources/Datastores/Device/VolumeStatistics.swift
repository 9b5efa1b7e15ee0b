/// What a mount asked the array to do, by purpose and by path, as esxtop's VAAI columns show it.
public struct VolumeStatistics: Sendable, Equatable {
    public struct Counter: Sendable, Equatable {
        public var commands: UInt64 = 0
        /// Bytes of the volume concerned, whether or not they went over the path.
        public var bytes: UInt64 = 0

        public init() {}

        mutating func add(bytes count: UInt64, commands number: UInt64 = 1) {
            commands += number
            bytes += count
        }
    }

    /// One purpose: what the array did itself, and what the host did with plain reads and writes.
    public struct Paths: Sendable, Equatable {
        public var hardware = Counter()
        public var software = Counter()

        public init() {}
    }

    /// EXTENDED COPY, or READ and WRITE.
    public var move = Paths()
    /// WRITE SAME, or WRITE of zeros.
    public var initialize = Paths()
    /// COMPARE AND WRITE, or READ and WRITE under the software reservation.
    public var locking = Paths()
    /// UNMAP; in software nothing is sent, the space just stays with the LUN.
    public var delete = Paths()
    /// Locks that another host held at the moment of the attempt.
    public var lockConflicts: UInt64 = 0

    public init() {}
}
