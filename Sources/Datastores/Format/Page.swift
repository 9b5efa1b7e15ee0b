/// A piece of metadata that changes as a whole: the body of a record, or a page of a directory.
///
/// ```
///  0  magic of its kind (4)    4  CRC-32C of the page, itself zero (4)    8  version (8)    16  its first sector (8)
/// 32  content
/// ```
/// The sector number finds writes that went astray. Invariant: the version of a place grows with every change and is
/// never set back, not even when the inode or cluster is freed; replay of a journal stands on this.
struct Page: Equatable, Sendable {
    enum Kind: UInt32, Sendable {
        case inode = 0x4544_4F4E  // "NODE"
        case cluster = 0x5355_4C43  // "CLUS"
        case directory = 0x4552_4944  // "DIRE"
        case host = 0x5453_4F48  // "HOST"
    }

    static let headerBytes = 32
    static let bodyBytes = Geometry.bodySectors * Device.sectorBytes
    static let directoryBytes = 4096

    let kind: Kind
    let sector: UInt64
    var bytes: [UInt8]

    var version: UInt64 { bytes.field(at: 8) }

    /// - Parameter bytes: as read; all zeros is a page that was never written, of version 0.
    init(_ kind: Kind, sector: UInt64, decoding bytes: [UInt8]) throws(VolumeError) {
        self.kind = kind
        self.sector = sector
        self.bytes = bytes
        if bytes.field(UInt32.self, at: 0) == 0, bytes.isAllZeros { return }
        guard bytes.field(UInt32.self, at: 0) == kind.rawValue, bytes.hasValidChecksum(at: 4),
            bytes.field(UInt64.self, at: 16) == sector
        else { throw .corrupt("\(kind) page at sector \(sector)") }
    }

    /// The page made ready for writing, one version on.
    func sealed() -> Page {
        var next = self
        next.bytes.setField(kind.rawValue, at: 0)
        next.bytes.setField(version + 1, at: 8)
        next.bytes.setField(sector, at: 16)
        next.bytes.seal(checksumAt: 4)
        return next
    }
}
