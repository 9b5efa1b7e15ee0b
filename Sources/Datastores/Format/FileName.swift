/// One component of a path, compared byte by byte.
///
/// Not a `String`: Swift holds precomposed and decomposed forms of a letter equal, and the volume keeps them apart.
struct FileName: Hashable, Sendable, Comparable {
    static let maximumBytes = 255

    let bytes: [UInt8]

    var text: String { String(decoding: bytes, as: UTF8.self) }

    /// - Returns: `nil` for what is not UTF-8 or breaks a rule of `NameRule`.
    init?(_ bytes: [UInt8]) {
        guard Self.brokenRule(bytes) == nil, String(validating: bytes, as: UTF8.self) != nil else { return nil }
        self.bytes = bytes
    }

    init(_ text: some StringProtocol) throws(VolumeError) {
        let bytes = Array(text.utf8)
        if let rule = Self.brokenRule(bytes) { throw .invalidName(String(text), rule) }
        self.bytes = bytes
    }

    private static func brokenRule(_ bytes: [UInt8]) -> NameRule? {
        if bytes.isEmpty { return .empty }
        if bytes.count > maximumBytes { return .tooLong }
        if bytes.contains(0) { return .containsNUL }
        if bytes.contains(UInt8(ascii: "/")) { return .containsSlash }
        return bytes == [0x2E] || bytes == [0x2E, 0x2E] ? .reserved : nil
    }

    static func < (left: FileName, right: FileName) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }
}

/// A path from the root of a volume: names separated by `/`, with or without one at either end.
struct FilePath: Hashable, Sendable {
    static let maximumDepth = 256

    let names: [FileName]

    /// - Throws: `.invalidName` for a component that no file can have, among them an empty one between two slashes.
    init(_ text: String) throws(VolumeError) {
        // Scalars, not characters: a combining mark after a slash would join it to one character.
        var scalars = text.unicodeScalars[...]
        if scalars.first == "/" { scalars.removeFirst() }
        if scalars.last == "/" { scalars.removeLast() }
        if scalars.isEmpty {
            names = []
            return
        }
        var names: [FileName] = []
        for part in scalars.split(separator: "/", omittingEmptySubsequences: false) {
            names.append(try FileName(String(part)))
        }
        guard names.count <= Self.maximumDepth else { throw .invalidArgument("a path has at most 256 names") }
        self.names = names
    }

    init(names: [FileName]) { self.names = names }

    var text: String { "/" + names.map(\.text).joined(separator: "/") }
    var isRoot: Bool { names.isEmpty }
    var parent: FilePath { FilePath(names: names.dropLast()) }

    func isInside(_ other: FilePath) -> Bool {
        names.count > other.names.count && Array(names.prefix(other.names.count)) == other.names
    }
}
