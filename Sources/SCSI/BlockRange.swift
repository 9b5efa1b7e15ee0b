/// A run of logical blocks on a LUN.
public struct BlockRange: Hashable, Sendable {
    public var lba: UInt64
    public var blocks: UInt32

    public init(lba: UInt64, blocks: UInt32) {
        self.lba = lba
        self.blocks = blocks
    }
}
