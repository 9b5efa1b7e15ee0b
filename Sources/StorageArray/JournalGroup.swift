/// Records on their way to the journal: one group becomes durable by one write and one flush.
///
/// ```
///  0 magic u64   8 epoch u64   16 group u64   24 records u32   28 bytes u32 (header and records)   32 zeros
/// 60 CRC32C u32 of those bytes, itself taken as zero   64 records   padded with zeros to whole pages
/// ```
struct JournalGroup {
    static let magic: UInt64 = 0x7075_6F72_4744_560A
    static let headerBytes = 64

    private(set) var bytes = [UInt8](repeating: 0, count: headerBytes)
    private(set) var recordCount: UInt32 = 0

    var isEmpty: Bool { recordCount == 0 }

    mutating func append(_ record: JournalRecord) {
        let start = bytes.count
        bytes.append(contentsOf: [UInt8](repeating: 0, count: record.byteCount))
        bytes.withUnsafeMutableBytes { buffer in
            if let base = buffer.baseAddress { record.encode(into: base + start) }
        }
        recordCount += 1
    }

    /// The group as it goes to the journal, whole pages.
    func sealed(epoch: UInt64, group: UInt64) -> [UInt8] {
        var sealed = bytes
        let pageBytes = Layout.blockBytes
        sealed.append(contentsOf: [UInt8](repeating: 0, count: (pageBytes - bytes.count % pageBytes) % pageBytes))
        sealed.withUnsafeMutableBytes { buffer in
            guard let base = buffer.baseAddress else { return }
            base.putLittle(Self.magic, at: 0)
            base.putLittle(epoch, at: 8)
            base.putLittle(group, at: 16)
            base.putLittle(recordCount, at: 24)
            base.putLittle(UInt32(bytes.count), at: 28)
            base.putLittle(Checksum.of(base, count: bytes.count), at: 60)
        }
        return sealed
    }

    /// What the header at the start of a page says, unproven.
    struct Header {
        let group: UInt64
        let recordCount: Int
        let byteCount: Int

        /// - Returns: `nil` if there is no header of the epoch.
        init?(_ page: UnsafeRawBufferPointer, epoch: UInt64) {
            guard let start = page.baseAddress, page.count >= headerBytes,
                start.little(UInt64.self, at: 0) == magic, start.little(UInt64.self, at: 8) == epoch
            else { return nil }
            group = start.little(UInt64.self, at: 16)
            recordCount = Int(start.little(UInt32.self, at: 24))
            byteCount = Int(start.little(UInt32.self, at: 28))
        }
    }

    /// Whether the bytes of a group (header and records) match their checksum.
    static func isIntact(_ bytes: [UInt8]) -> Bool {
        var copy = bytes
        return copy.withUnsafeMutableBytes { buffer in
            guard let base = buffer.baseAddress, buffer.count >= headerBytes else { return false }
            let expected = UnsafeRawPointer(base).little(UInt32.self, at: 60)
            base.putLittle(UInt32(0), at: 60)
            return Checksum.of(base, count: buffer.count) == expected
        }
    }
}

/// Where the next group goes: a ring of pages between the last checkpoint and the head.
///
/// A group is never split over the ring's end; it goes to page 0 then, and the pages it skipped count as used.
struct JournalRing {
    let pages: Int
    private(set) var head: Int
    private(set) var used = 0

    init(pages: Int, head: Int) {
        self.pages = pages
        self.head = head
    }

    /// Largest group, so that the checkpoint's own always finds room in what `hasRoom` keeps.
    var maximumGroupPages: Int { pages / 8 }
    var maximumGroupBytes: Int { maximumGroupPages * Layout.blockBytes }

    /// Whether a group fits with room to spare for the group that a checkpoint writes.
    func hasRoom(for count: Int) -> Bool { used + cost(of: count) + 2 * maximumGroupPages <= pages }

    private func cost(of count: Int) -> Int { head + count > pages ? pages - head + count : count }

    /// Moves the head past a group and returns its first page.
    mutating func place(_ count: Int) -> Int {
        used += cost(of: count)
        precondition(used <= pages, "the journal overran its checkpoint")
        let page = head + count > pages ? 0 : head
        head = page + count
        return page
    }

    /// A checkpoint made when `used` was `count` is durable.
    mutating func release(_ count: Int) { used -= count }
}
