/// A directory in memory, as of one version of its inode page.
struct DirectoryIndex: Sendable {
    struct Place: Sendable {
        var reference: InodeReference
        var page: Int
        var entry: Int
    }

    var generation: UInt64
    /// Of the inode's page; every change of the directory changes that too.
    var version: UInt64
    var entries: [FileName: Place] = [:]
    /// Empty entries of pages in use.
    var vacant: [(page: Int, entry: Int)] = []
    var map = ExtentMap()
    var pageCount = 0

    /// First sector of a page; `nil` when no block is there.
    func sector(ofPage page: Int) -> UInt64? {
        let block = map.lookup(UInt32(page / DirectoryPage.pagesPerBlock), limit: 1).start
        return block.map {
            Geometry.sector(ofBlock: $0) + UInt64(page % DirectoryPage.pagesPerBlock) * DirectoryPage.sectors
        }
    }
}
