/// Fourteen entries of a directory; a directory is a sequence of such pages of 4096 bytes.
///
/// ```
/// 32  entries of 288 bytes:  0 inode (4), 0: empty    4 kind (1)    5 name bytes (1)    8 generation (8)    16 name (255)
/// ```
struct DirectoryPage: Sendable {
    static let entryCount = 14
    static let entryBytes = 288
    static let pagesPerBlock = Int(Geometry.blockBytes) / Page.directoryBytes
    static let sectors: UInt64 = 8

    var page: Page

    /// - Throws: `.corrupt` when an entry is not UTF-8 or breaks a name rule.
    func entry(_ index: Int) throws(VolumeError) -> (name: FileName, reference: InodeReference)? {
        let offset = Page.headerBytes + index * Self.entryBytes
        let number = page.bytes.field(UInt32.self, at: offset)
        if number == 0 { return nil }
        let count = Int(page.bytes[offset + 5])
        let bytes = Array(page.bytes[offset + 16..<offset + 16 + count])
        guard let kind = Inode.Kind(rawValue: page.bytes[offset + 4]), kind != .none, let name = FileName(bytes) else {
            throw .corrupt("entry \(index) of the directory page at sector \(page.sector)")
        }
        return (name, InodeReference(number: number, generation: page.bytes.field(at: offset + 8), kind: kind))
    }

    mutating func set(_ index: Int, name: FileName, to reference: InodeReference) {
        clear(index)
        let offset = Page.headerBytes + index * Self.entryBytes
        page.bytes.setField(reference.number, at: offset)
        page.bytes[offset + 4] = reference.kind.rawValue
        page.bytes[offset + 5] = UInt8(name.bytes.count)
        page.bytes.setField(reference.generation, at: offset + 8)
        page.bytes.replaceSubrange(offset + 16..<offset + 16 + name.bytes.count, with: name.bytes)
    }

    mutating func clear(_ index: Int) {
        let offset = Page.headerBytes + index * Self.entryBytes
        for place in offset..<offset + Self.entryBytes { page.bytes[place] = 0 }
    }
}

/// What a directory entry points at.
struct InodeReference: Hashable, Sendable {
    static let root = InodeReference(number: 1, generation: 1, kind: .directory)

    var number: UInt32
    var generation: UInt64
    var kind: Inode.Kind
}
