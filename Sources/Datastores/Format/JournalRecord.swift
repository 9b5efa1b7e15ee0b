/// One change of several pages, written in one command before the pages themselves are.
///
/// ```
///  0  magic "JRNL" (4)    4  CRC-32C of the record, itself zero (4)    8  generation of the writer (8)
/// 16  sequence (8)       24  pages (4)    28  sectors of the record (4)
/// 64  per page: 0 first sector (8)    8 sectors (4)    16 sector of its guard (8)    24 guard's version (8)
/// then, from the next sector border, the pages one after another
/// ```
/// A slot has room for one record: the next is written only when all pages of the last are in place.
///
/// The guard of a page is a page at a fixed place, under the same lock, that is written after it: a page of a
/// directory is guarded by the directory's inode, every other page by itself. While the guard on the volume is older
/// than the record, the lock is still held, so writing the page again is right; once it is not, the page has been
/// written, and perhaps since changed or even given another use, so it must be left alone.
struct JournalRecord: Sendable {
    struct Image: Sendable {
        var page: Page
        var guardSector: UInt64
        var guardVersion: UInt64
    }

    static let magic: UInt32 = 0x4C4E_524A
    static let maximumSectors = Int(Geometry.hostAreaSectors - Geometry.journalSector)
    /// Pages in one change, so that record and transfer limits hold.
    static let maximumImages = 120

    var generation: UInt64
    var sequence: UInt64
    var images: [Image]

    var encoded: [UInt8] {
        let start = Self.imagesStart(images.count)
        var bytes = [UInt8](repeating: 0, count: start)
        var total = start
        for (index, image) in images.enumerated() {
            let offset = 64 + 32 * index
            bytes.setField(image.page.sector, at: offset)
            bytes.setField(UInt32(image.page.bytes.count / Device.sectorBytes), at: offset + 8)
            bytes.setField(image.guardSector, at: offset + 16)
            bytes.setField(image.guardVersion, at: offset + 24)
            total += image.page.bytes.count
        }
        bytes.setField(Self.magic, at: 0)
        bytes.setField(generation, at: 8)
        bytes.setField(sequence, at: 16)
        bytes.setField(UInt32(images.count), at: 24)
        bytes.setField(UInt32(total / Device.sectorBytes), at: 28)
        for image in images { bytes += image.page.bytes }
        bytes.seal(checksumAt: 4)
        return bytes
    }

    private static func imagesStart(_ count: Int) -> Int {
        (64 + 32 * count + Device.sectorBytes - 1) / Device.sectorBytes * Device.sectorBytes
    }

    /// - Parameter area: all sectors of a journal.
    /// - Returns: `nil` when there is no whole record: none was ever written, or the last one was never completed.
    init?(decoding area: [UInt8]) {
        guard area.field(UInt32.self, at: 0) == Self.magic else { return nil }
        let count = Int(area.field(UInt32.self, at: 24))
        let total = Int(area.field(UInt32.self, at: 28)) * Device.sectorBytes
        guard count <= Self.maximumImages, total <= area.count, total >= Self.imagesStart(count) else { return nil }
        let record = Array(area[..<total])
        guard record.hasValidChecksum(at: 4) else { return nil }
        generation = record.field(at: 8)
        sequence = record.field(at: 16)
        images = []
        var offset = Self.imagesStart(count)
        for index in 0..<count {
            let entry = 64 + 32 * index
            let end = offset + Int(record.field(UInt32.self, at: entry + 8)) * Device.sectorBytes
            guard end <= total, end > offset else { return nil }
            let bytes = Array(record[offset..<end])
            let sector: UInt64 = record.field(at: entry)
            guard let kind = Page.Kind(rawValue: bytes.field(UInt32.self, at: 0)),
                let page = Self.page(kind, sector: sector, bytes)
            else { return nil }
            images.append(
                Image(page: page, guardSector: record.field(at: entry + 16), guardVersion: record.field(at: entry + 24)))
            offset = end
        }
    }

    private static func page(_ kind: Page.Kind, sector: UInt64, _ bytes: [UInt8]) -> Page? {
        do { return try Page(kind, sector: sector, decoding: bytes) } catch { return nil }
    }

    init(generation: UInt64, sequence: UInt64, images: [Image]) {
        self.generation = generation
        self.sequence = sequence
        self.images = images
    }
}
