/// Which units (data blocks or inodes) of one cluster are in use: the content of a cluster page.
///
/// ```
/// 32  units in use (4)    64  one bit per unit, 1: in use; unit u is bit u mod 8 of byte u / 8
/// ```
struct Cluster: Sendable {
    private static let countOffset = 32
    private static let bitmapOffset = 64

    var page: Page
    let units: Int

    init(_ page: Page, units: Int) {
        self.page = page
        self.units = units
    }

    var usedCount: Int { Int(page.bytes.field(UInt32.self, at: Self.countOffset)) }
    var freeCount: Int { units - usedCount }

    func isUsed(_ unit: Int) -> Bool { page.bytes[Self.bitmapOffset + unit / 8] >> UInt8(unit % 8) & 1 == 1 }

    /// - Throws: `.corrupt` when a unit is already what it is to become.
    mutating func mark(_ range: Range<Int>, used: Bool) throws(VolumeError) {
        for unit in range {
            guard isUsed(unit) != used else { throw .corrupt("cluster at sector \(page.sector): unit \(unit)") }
            page.bytes[Self.bitmapOffset + unit / 8] ^= 1 << UInt8(unit % 8)
        }
        let count = used ? usedCount + range.count : usedCount - range.count
        page.bytes.setField(UInt32(count), at: Self.countOffset)
    }

    /// A free run of at most `count` units: the first that is long enough, else the longest.
    ///
    /// - Parameter parity: whether the run's first unit is to be even (0) or odd (1), where that can be had.
    func freeRun(of count: Int, from hint: Int = 0, parity: Int? = nil) -> Range<Int>? {
        var best: Range<Int>?
        var unit = hint
        var wrapped = hint == 0
        while true {
            guard let run = nextFreeRun(from: unit, atMost: count, parity: parity) else {
                if wrapped { return best }
                (unit, wrapped) = (0, true)
                continue
            }
            if run.count == count { return run }
            if run.count > best?.count ?? 0 { best = run }
            unit = run.upperBound
        }
    }

    private func nextFreeRun(from start: Int, atMost count: Int, parity: Int?) -> Range<Int>? {
        var first = start
        while first < units, isUsed(first) {
            // Whole bytes in use are passed over at once.
            first += first % 8 == 0 && page.bytes[Self.bitmapOffset + first / 8] == 0xFF ? 8 : 1
        }
        guard first < units else { return nil }
        if let parity, first % 2 != parity, first + 1 < units, !isUsed(first + 1) { first += 1 }
        var end = first
        while end < units, end - first < count, !isUsed(end) { end += 1 }
        return first..<end
    }
}
