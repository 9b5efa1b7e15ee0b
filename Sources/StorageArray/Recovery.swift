import Platform

/// From what a device holds to the state at the last durable group.
///
/// Group n + 1 is written only after the flush of group n returned, so a valid group proves all before it. Only the
/// last one may have been cut off by a loss of power: its own bytes are proven by its checksum, and the data it speaks
/// of by the checksums of those blocks that are still mapped when it has been applied. (A block that the group itself
/// freed again may have been reused after the group was durable.) If one fails, the group was never acknowledged, and
/// the recovery is done again without it.
enum Recovery {
    struct Result {
        let state: PoolState
        let superblock: Superblock
        let journalHead: Int
        let nextGroup: UInt64
        let catalogueBlocks: [UInt32]
    }

    /// - Parameter memoryPages: how many pages of map and counts to keep in memory.
    static func run(_ device: any BlockDevice, memoryPages: Int) throws(ArrayError) -> Result {
        let superblock = try Superblock.read(from: device)
        let geometry = superblock.geometry
        guard Int(superblock.journalStart) == geometry.journalStart, geometry.limit > geometry.dataStart,
            device.sizeBytes >= UInt64(geometry.dataStart * Layout.blockBytes)
        else { throw .damaged("superblock: geometry") }
        var journal = JournalReader(device, superblock)
        let groups = try journal.readAll()
        if let result = try replay(device, superblock, journal, groups, memoryPages) { return result }
        var shorter = journal
        shorter.forgetLast()
        guard let result = try replay(device, superblock, shorter, groups.dropLast(), memoryPages) else {
            throw .damaged("journal: data of a group that was durable")
        }
        return result
    }

    /// - Returns: `nil` if the last group's data is not all there.
    private static func replay(
        _ device: any BlockDevice, _ superblock: Superblock, _ journal: JournalReader,
        _ groups: some BidirectionalCollection<JournalReader.Group>, _ memoryPages: Int
    ) throws(ArrayError) -> Result? {
        var loader = try CheckpointLoader(device, superblock)
        try loader.load()
        let state = loader.state
        state.allocator.isReplaying = true
        defer { state.allocator.isReplaying = false }
        for group in groups {
            state.allocator.currentGroup = group.number
            state.evict(downTo: memoryPages, written: superblock.generation)
            var written: [UInt64] = []
            let isLast = group.number == journal.nextGroup - 1
            do throws(ArrayError) {
                try apply(group, to: state, &written)
            } catch {
                // A block beyond the end of the device: growing it was not durable, and neither was the group.
                if isLast { return nil }
                throw error
            }
            if isLast, try !isOnMedium(written, state, device) { return nil }
            state.allocator.settle(upTo: group.number)
        }
        return Result(
            state: state, superblock: superblock, journalHead: journal.page, nextGroup: journal.nextGroup,
            catalogueBlocks: loader.catalogueBlocks)
    }

    /// - Parameter written: gets the pointers of the blocks that the group wrote.
    private static func apply(
        _ group: JournalReader.Group, to state: PoolState, _ written: inout [UInt64]
    ) throws(ArrayError) {
        var pointers: [UInt64] = []
        let failure: ArrayError? = group.bytes.withUnsafeBytes { buffer in
            do throws(ArrayError) {
                var offset = JournalGroup.headerBytes
                for _ in 0..<group.recordCount {
                    let record = try JournalRecord.decode(UnsafeRawBufferPointer(rebasing: buffer[offset...]))
                    pointers += blocks(of: record)
                    try check(record, against: state)
                    try state.apply(record)
                    offset += record.byteCount
                }
                return nil
            } catch { return error }
        }
        written = pointers
        try failure.raise()
    }

    /// Pointers of the blocks that a record says were written.
    private static func blocks(of record: JournalRecord) -> [UInt64] {
        switch record {
        case .write(_, _, let pointers): pointers.filter { $0 != 0 }
        case .fill(_, _, _, let pointer): [pointer]
        case .unmap, .copy, .create, .clone, .delete, .resize, .revert, .update, .reap: []
        }
    }

    /// The ranges of a record lie on its LUNs.
    private static func check(_ record: JournalRecord, against state: PoolState) throws(ArrayError) {
        let ranges: [(LUNIdentifier, UInt64, UInt64)]
        switch record {
        case .write(let lun, let block, let pointers): ranges = [(lun, block, UInt64(pointers.count))]
        case .fill(let lun, let block, let count, _): ranges = [(lun, block, count)]
        case .unmap(let lun, let block, let count): ranges = [(lun, block, count)]
        case .copy(let source, let sourceBlock, let destination, let block, let count):
            ranges = [(source, sourceBlock, count), (destination, block, count)]
        case .create, .clone, .delete, .resize, .revert, .update, .reap: return
        }
        for (lun, block, count) in ranges {
            let size = try state.lun(lun).record.sizeBlocks
            guard count > 0, block <= size, count <= size - block else { throw .damaged("journal: a range") }
        }
    }

    /// Whether every block that is still mapped holds what its pointer says.
    private static func isOnMedium(
        _ written: [UInt64], _ state: PoolState, _ device: any BlockDevice
    ) throws(ArrayError) -> Bool {
        for rawValue in written {
            let pointer = BlockPointer(rawValue: rawValue)
            guard try state.allocator.referenceCount(pointer.block) > 0 else { continue }
            let block = try device.bytes(at: pointer.offset, count: Layout.blockBytes)
            if block.withUnsafeBytes({ Checksum.of($0) }) != pointer.checksum { return false }
        }
        return true
    }
}

/// Reads the journal from the checkpoint on.
struct JournalReader {
    struct Group {
        let number: UInt64
        let recordCount: Int
        /// Header and records.
        let bytes: [UInt8]
        /// Where the group was looked for.
        let page: Int
    }

    private static let pagesAtOnce = 256

    private let device: any BlockDevice
    private let superblock: Superblock
    /// Journal page where the next group goes, and its number.
    private(set) var page: Int
    private(set) var nextGroup: UInt64
    private var lastPage = 0

    init(_ device: any BlockDevice, _ superblock: Superblock) {
        self.device = device
        self.superblock = superblock
        page = Int(superblock.journalPage)
        nextGroup = superblock.nextGroup
    }

    /// All valid groups in order.
    ///
    /// - Throws: `.damaged` if a later group is valid: the chain is broken in its middle, which no crash does.
    mutating func readAll() throws(ArrayError) -> [Group] {
        var groups: [Group] = []
        while let group = try readNext() {
            groups.append(group)
            lastPage = page
            page = group.page + (group.bytes.count + Layout.blockBytes - 1) / Layout.blockBytes
            nextGroup += 1
        }
        try checkNothingFollows()
        return groups
    }

    /// Leaves the last group out.
    mutating func forgetLast() {
        page = lastPage
        nextGroup -= 1
    }

    private func readNext() throws(ArrayError) -> Group? {
        if let group = try read(at: page) { return group }
        return try read(at: 0)
    }

    private func read(at page: Int) throws(ArrayError) -> Group? {
        guard page < Int(superblock.journalPages), let header = try header(at: page), header.group == nextGroup,
            header.byteCount >= JournalGroup.headerBytes,
            page + (header.byteCount + Layout.blockBytes - 1) / Layout.blockBytes <= Int(superblock.journalPages)
        else { return nil }
        let bytes = try device.bytes(at: offset(of: page), count: header.byteCount)
        guard JournalGroup.isIntact(bytes) else { return nil }
        return Group(number: header.group, recordCount: header.recordCount, bytes: bytes, page: page)
    }

    private func offset(of page: Int) -> UInt64 {
        UInt64(Int(superblock.journalStart) + page) * UInt64(Layout.blockBytes)
    }

    private func header(at page: Int) throws(ArrayError) -> JournalGroup.Header? {
        let bytes = try device.bytes(at: offset(of: page), count: JournalGroup.headerBytes)
        return bytes.withUnsafeBytes { JournalGroup.Header($0, epoch: superblock.epoch) }
    }

    private func checkNothingFollows() throws(ArrayError) {
        let pages = Int(superblock.journalPages)
        for first in stride(from: 0, to: pages, by: Self.pagesAtOnce) {
            let count = min(Self.pagesAtOnce, pages - first)
            let bytes = try device.bytes(at: offset(of: first), count: count * Layout.blockBytes)
            let later: UInt64? = bytes.withUnsafeBytes { buffer in
                for page in 0..<count {
                    let start = page * Layout.blockBytes
                    let header = JournalGroup.Header(
                        UnsafeRawBufferPointer(rebasing: buffer[start..<start + JournalGroup.headerBytes]),
                        epoch: superblock.epoch)
                    if let header, header.group > nextGroup { return header.group }
                }
                return nil
            }
            if let later { throw .damaged("journal: group \(nextGroup) is missing before group \(later)") }
        }
    }
}
