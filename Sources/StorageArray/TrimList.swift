import Glibc

/// Free blocks whose space the file system may still keep, in pieces of 16 blocks.
struct TrimList {
    static let blocksPerPiece = 16
    private static let piecesPerRegion = Geometry.blocksPerRegion / blocksPerPiece

    private let table: CountTable
    /// Pieces that became wholly free, as runs.
    private var runs: [Range<Int>] = []
    /// Pieces that the file system may keep space for.
    private var backed: PieceSet
    /// Blocks of the runs; an upper bound.
    private(set) var blocks = 0

    init(_ table: CountTable) {
        self.table = table
        backed = PieceSet(count: table.geometry.regionCount * Self.piecesPerRegion)
    }

    // Pieces are counted from the first region on, so that none reaches over the end of one.

    private func piece(_ block: Int) -> Int { (block - table.geometry.dataStart) / Self.blocksPerPiece }
    private func start(_ piece: Int) -> Int { table.geometry.dataStart + piece * Self.blocksPerPiece }

    func markBacked(_ block: UInt32) { backed.insert(piece(Int(block))) }

    private func isWhollyFree(_ piece: Int) -> Bool {
        let first = start(piece)
        guard first + Self.blocksPerPiece <= table.end, table.isLoaded(UInt32(first)) else { return false }
        for block in first..<first + Self.blocksPerPiece where table[UInt32(block)] != CountTable.free { return false }
        return true
    }

    /// Some blocks became free.
    mutating func note(_ start: Int, _ count: Int) {
        let last = piece(start + count - 1)
        for piece in piece(start)...last where backed.contains(piece) && isWhollyFree(piece) { append(piece) }
    }

    private mutating func append(_ piece: Int) {
        blocks += Self.blocksPerPiece
        if let previous = runs.last, previous.upperBound == piece {
            runs[runs.count - 1] = previous.lowerBound..<piece + 1
        } else {
            runs.append(piece..<piece + 1)
        }
    }

    /// Treats the free pieces of a loaded region as backed, once: after opening it is not known which are.
    mutating func examine(region: Int) {
        guard table.regions[region].isLoaded, !table.regions[region].wasExamined else { return }
        table.regions[region].wasExamined = true
        let first = region * Self.piecesPerRegion
        for piece in first..<first + Self.piecesPerRegion where isWhollyFree(piece) && !backed.contains(piece) {
            backed.insert(piece)
            append(piece)
        }
    }

    mutating func take(maximumBlocks: Int) -> Range<Int>? {
        while let candidate = runs.popLast() {
            var pieces = candidate
            while let first = pieces.first, !canTrim(first) { pieces = first + 1..<pieces.upperBound }
            guard let first = pieces.first else {
                blocks -= candidate.count * Self.blocksPerPiece
                continue
            }
            var stop = first
            while stop < pieces.upperBound, (stop - first) * Self.blocksPerPiece < maximumBlocks, canTrim(stop) {
                stop += 1
            }
            if stop < pieces.upperBound { runs.append(stop..<pieces.upperBound) }
            blocks -= (stop - candidate.lowerBound) * Self.blocksPerPiece
            let taken = start(first)..<start(stop)
            for block in taken { table.set(UInt32(block), CountTable.transient) }
            return taken
        }
        return nil
    }

    /// A region that was forgotten since has no free piece here: its pieces are noted again when one is freed.
    private func canTrim(_ piece: Int) -> Bool { backed.contains(piece) && isWhollyFree(piece) }

    mutating func finish(_ blocks: Range<Int>) {
        for block in blocks { table.set(UInt32(block), CountTable.free) }
        for piece in piece(blocks.lowerBound)..<piece(blocks.upperBound) { backed.remove(piece) }
    }
}

/// A set of small numbers, one bit each.
final class PieceSet {
    private let words: UnsafeMutablePointer<UInt64>

    /// Zeros that take memory only where they are touched.
    init(count: Int) {
        guard let bytes = calloc(count / 64 + 1, 8) else { preconditionFailure("no memory for a bit per 64 KiB of pool") }
        words = bytes.bindMemory(to: UInt64.self, capacity: count / 64 + 1)
    }

    deinit { Glibc.free(words) }

    func contains(_ member: Int) -> Bool { words[member >> 6] >> UInt64(member & 63) & 1 != 0 }
    func insert(_ member: Int) { words[member >> 6] |= 1 << UInt64(member & 63) }
    func remove(_ member: Int) { words[member >> 6] &= ~(1 << UInt64(member & 63)) }
}
