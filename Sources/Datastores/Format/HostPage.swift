/// The unfinished work of one host slot: inodes without a name, which whoever takes the slot over must remove.
///
/// ```
/// 32  inodes (4)    36  inode numbers, 800 (4 each)
/// ```
struct HostPage: Sendable {
    static let capacity = 800

    var page: Page
    private(set) var unfinished: [UInt32]

    init(_ page: Page) throws(VolumeError) {
        self.page = page
        let count = Int(page.bytes.field(UInt32.self, at: 32))
        guard count <= Self.capacity else { throw .corrupt("host page at sector \(page.sector)") }
        unfinished = (0..<count).map { page.bytes.field(at: 36 + 4 * $0) }
    }

    mutating func add(_ inode: UInt32) throws(VolumeError) {
        guard unfinished.count < Self.capacity else { throw .busy("unfinished work of this host", holder: nil) }
        unfinished.append(inode)
        encode()
    }

    mutating func remove(_ inode: UInt32) {
        unfinished.removeAll { $0 == inode }
        encode()
    }

    private mutating func encode() {
        page.bytes.setField(UInt32(unfinished.count), at: 32)
        for (index, inode) in unfinished.enumerated() { page.bytes.setField(inode, at: 36 + 4 * index) }
    }
}
