import Datastores
import SCSI
import Testing

// Random operations against a naive tree of byte arrays: what the volume answers is what the tree answers, also after
// another host has taken over.

/// Files as byte arrays and directories as `nil`, by path.
private struct Tree {
    var nodes: [String: [UInt8]?] = [:]

    var files: [String] { nodes.keys.filter { nodes[$0] != .some(nil) }.sorted() }
    var directories: [String] { [""] + nodes.keys.filter { nodes[$0] == .some(nil) }.sorted() }

    func inside(_ path: String) -> [String] { nodes.keys.filter { $0.hasPrefix(path + "/") } }

    mutating func rename(_ from: String, _ to: String) {
        for path in inside(from) + [from] {
            if let node = nodes.removeValue(forKey: path) { nodes[to + path.dropFirst(from.count)] = node }
        }
    }
}

/// One seeded run: the volume, the tree, and the dice.
private struct Run {
    var volume: Volume
    var tree = Tree()
    var dice: SeededGenerator
    let laboratory: Laboratory

    private mutating func pick(_ from: [String]) -> String? { from.randomElement(using: &dice) }
    private mutating func size(_ most: Int) -> Int { Int.random(in: 0...most, using: &dice) }

    private mutating func freshPath() -> String? {
        pick(tree.directories).map { "\($0)/n\(Int.random(in: 0..<40, using: &dice))" }
    }

    mutating func step(_ number: Int) throws {
        switch Int.random(in: 0..<12, using: &dice) {
        case 0: try create(directory: true)
        case 1, 2: try create(directory: false)
        case 3, 4, 5: try write(UInt64(number))
        case 6: try truncate()
        case 7: try clone()
        case 8: try rename()
        case 9, 10: try remove()
        default: try zero()
        }
    }

    private mutating func create(directory: Bool) throws {
        guard let path = freshPath() else { return }
        let volume = volume
        if tree.nodes[path] != nil {
            #expect(throws: VolumeError.alreadyExists(path)) { () throws -> Void in try volume.createFile(path) }
        } else if directory {
            try volume.createDirectory(path)
            tree.nodes[path] = .some(nil)
        } else {
            let (bytes, eager) = (size(3_000_000), Bool.random(using: &dice))
            try volume.createFile(path, sizeBytes: UInt64(bytes), allocation: eager ? .eagerZeroed : .thin)
            tree.nodes[path] = [UInt8](repeating: 0, count: bytes)
        }
    }

    private mutating func write(_ seed: UInt64) throws {
        guard let path = pick(tree.files), var bytes = tree.nodes[path] ?? nil else { return }
        let (offset, content) = (size(4_000_000), pattern(seed, size(Bool.random(using: &dice) ? 600 : 1_500_000)))
        try volume.write(content, to: path, at: UInt64(offset))
        if content.isEmpty { return }
        if bytes.count < offset + content.count {
            bytes += [UInt8](repeating: 0, count: offset + content.count - bytes.count)
        }
        bytes.replaceSubrange(offset..<offset + content.count, with: content)
        tree.nodes[path] = bytes
    }

    private mutating func truncate() throws {
        guard let path = pick(tree.files), let bytes = tree.nodes[path] ?? nil else { return }
        let count = size(5_000_000)
        let file = try volume.open(path, for: .writing)
        try file.truncate(to: UInt64(count))
        try file.close()
        let kept = bytes.prefix(count)
        tree.nodes[path] = kept + [UInt8](repeating: 0, count: count - kept.count)
    }

    private mutating func zero() throws {
        guard let path = pick(tree.files), var bytes = tree.nodes[path] ?? nil, !bytes.isEmpty else { return }
        let start = size(bytes.count - 1)
        let end = start + size(bytes.count - start)
        let file = try volume.open(path, for: .writing)
        try file.zero(UInt64(start)..<UInt64(end))
        try file.close()
        bytes.replaceSubrange(start..<end, with: repeatElement(0, count: end - start))
        tree.nodes[path] = bytes
    }

    private mutating func clone() throws {
        guard let path = pick(tree.files), let destination = freshPath(), tree.nodes[destination] == nil else { return }
        try volume.clone(path, to: destination)
        tree.nodes[destination] = tree.nodes[path]
    }

    private mutating func rename() throws {
        guard let from = pick(Array(tree.nodes.keys.sorted())), let to = freshPath() else { return }
        let volume = volume
        if tree.nodes[to] != nil || to.hasPrefix(from + "/") {
            #expect(throws: VolumeError.self) { () throws -> Void in try volume.rename(from, to: to) }
        } else {
            try volume.rename(from, to: to)
            tree.rename(from, to)
        }
    }

    private mutating func remove() throws {
        guard let path = pick(Array(tree.nodes.keys.sorted())) else { return }
        let inside = tree.inside(path)
        let volume = volume
        if !inside.isEmpty, Bool.random(using: &dice) {
            #expect(throws: VolumeError.directoryNotEmpty(path)) { () throws -> Void in try volume.remove(path) }
            return
        }
        try volume.removeTree(path)
        for gone in inside + [path] { tree.nodes[gone] = nil }
    }

    func compare() throws {
        var found: [String] = []
        var waiting = [""]
        while let path = waiting.popLast() {
            for entry in try volume.entries(of: path) {
                found.append(path + "/" + entry.name)
                if entry.isDirectory { waiting.append(path + "/" + entry.name) }
            }
        }
        #expect(found.sorted() == tree.nodes.keys.sorted())
        for path in tree.files {
            let same = try volume.read(path) == tree.nodes[path] ?? nil
            #expect(same, "bytes of \(path)")
        }
        #expect(try volume.check().isEmpty)
    }
}

@Suite struct ModelTests {
    @Test(arguments: isLongForm ? Array(1...200) : [1, 2, 3])
    func theVolumeIsATreeOfBytes(seed: UInt64) throws {
        let target = MemoryTarget(sizeBytes: 512 << 20, features: .init(residue: 0xCD))
        try Self.run(seed: seed, on: Laboratory(target), accelerated: seed % 3 != 0)
    }

    static func run(seed: UInt64, on laboratory: Laboratory, accelerated: Bool, steps: Int = 60) throws {
        try laboratory.format()
        let acceleration = Acceleration(move: accelerated, initialize: accelerated, locking: accelerated)
        var run = Run(
            volume: try laboratory.mount(1, acceleration: acceleration), dice: SeededGenerator(seed: seed),
            laboratory: laboratory)
        for number in 0..<steps {
            try run.step(number)
            guard number % 20 == 19 else { continue }
            try run.compare()
            try run.volume.unmount()
            run.volume = try laboratory.mount(UInt64(2 + number / 20), acceleration: acceleration)
        }
        try run.compare()
    }
}
