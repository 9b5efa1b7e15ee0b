@testable import StorageArray

/// What the array should do, in the plainest way: every LUN is one array of bytes.
struct FlatArray {
    struct LUN: Equatable {
        var bytes: [UInt8]
        var isReadOnly = false
        var snapshotOf: LUNIdentifier?
        var reservations: [UInt8] = []
        var threshold: UInt64?
    }

    var luns: [LUNIdentifier: LUN] = [:]

    /// One command against LUNs of the model.
    enum Command {
        case write(LUNIdentifier, Int, [UInt8])
        case zero(LUNIdentifier, Int, Int, unmap: Bool)
        case fill(LUNIdentifier, Int, Int, [UInt8])
        case copy(LUNIdentifier, Int, LUNIdentifier, Int, Int)
        case compareAndWrite(LUNIdentifier, Int, expected: [UInt8], replacement: [UInt8])
        case clone(LUNIdentifier, name: String, isReadOnly: Bool)
        case delete(LUNIdentifier)
        case resize(LUNIdentifier, Int)
        case snapshot(LUNIdentifier, name: String)
        case revert(LUNIdentifier, LUNIdentifier)
        case reserve(LUNIdentifier, [UInt8])
        case setThreshold(LUNIdentifier, UInt64?)
    }

    /// - Parameter made: the identifier a clone gets.
    mutating func apply(_ command: Command, made: LUNIdentifier? = nil) {
        switch command {
        case .write(let lun, let offset, let bytes):
            luns[lun]?.bytes.overwrite(bytes, at: offset)
        case .zero(let lun, let offset, let count, _):
            luns[lun]?.bytes.overwrite([UInt8](repeating: 0, count: count), at: offset)
        case .fill(let lun, let offset, let count, let pattern):
            for start in stride(from: offset, to: offset + count, by: 512) {
                luns[lun]?.bytes.overwrite(pattern, at: start)
            }
        case .copy(let source, let from, let destination, let to, let count):
            guard let bytes = luns[source]?.bytes[from..<from + count] else { return }
            luns[destination]?.bytes.overwrite(Array(bytes), at: to)
        case .compareAndWrite(let lun, let offset, let expected, let replacement):
            guard let found = luns[lun]?.bytes[offset..<offset + expected.count], Array(found) == expected else { return }
            luns[lun]?.bytes.overwrite(replacement, at: offset)
        case .clone(let source, _, let isReadOnly):
            guard let made, var copy = luns[source] else { return }
            copy.isReadOnly = isReadOnly
            copy.snapshotOf = nil
            copy.reservations = []
            copy.threshold = nil
            luns[made] = copy
        case .delete(let lun): luns = luns.filter { $0.key != lun && $0.value.snapshotOf != lun }
        case .snapshot(let source, _):
            guard let made, let bytes = luns[source]?.bytes else { return }
            luns[made] = LUN(bytes: bytes, isReadOnly: true, snapshotOf: source)
        case .revert(let lun, let snapshot):
            let bytes = luns[snapshot]?.bytes ?? []
            luns[lun]?.bytes = bytes
        case .reserve(let lun, let bytes): luns[lun]?.reservations = bytes
        case .setThreshold(let lun, let bytes): luns[lun]?.threshold = bytes
        case .resize(let lun, let size):
            guard let old = luns[lun]?.bytes else { return }
            let kept = old.prefix(size)
            luns[lun]?.bytes = Array(kept) + [UInt8](repeating: 0, count: size - kept.count)
        }
    }
}

extension [UInt8] {
    /// As `replaceSubrange` with as many bytes, but fast without optimization too.
    mutating func overwrite(_ bytes: [UInt8], at offset: Int) {
        withUnsafeMutableBytes { target in
            bytes.withUnsafeBytes { source in
                UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + source.count]).copyMemory(from: source)
            }
        }
    }
}

extension StoragePool {
    /// Does what the model's command says; returns the identifier that a clone made.
    @discardableResult
    func perform(_ command: FlatArray.Command) throws(ArrayError) -> LUNIdentifier? {
        switch command {
        case .write(let lun, let offset, let bytes): try write(lun, at: UInt64(offset), bytes)
        case .zero(let lun, let offset, let count, let unmap):
            if unmap {
                try self.unmap(lun, at: UInt64(offset), count: UInt64(count))
            } else {
                try writeZeros(lun, at: UInt64(offset), count: UInt64(count))
            }
        case .fill(let lun, let offset, let count, let pattern):
            try writeSame(lun, at: UInt64(offset), count: UInt64(count), pattern: pattern)
        case .copy(let source, let from, let destination, let to, let count):
            try copy(from: source, at: UInt64(from), to: destination, at: UInt64(to), count: UInt64(count))
        case .compareAndWrite(let lun, let offset, let expected, let replacement):
            do throws(ArrayError) {
                try compareAndWrite(lun, at: UInt64(offset), expected: expected, replacement: replacement)
            } catch .miscompare { return nil } catch { throw error }
        case .clone(let source, let name, let isReadOnly):
            return try cloneLUN(source, name: name, isReadOnly: isReadOnly).identifier
        case .delete(let lun): try deleteLUN(lun, withSnapshots: true)
        case .snapshot(let source, let name): return try createSnapshot(of: source, name: name).identifier
        case .revert(let lun, let snapshot): try revert(lun, to: snapshot)
        case .reserve(let lun, let bytes): try setReservations(lun, bytes)
        case .setThreshold(let lun, let bytes): try setSoftThreshold(lun, usedBytes: bytes)
        case .resize(let lun, let size): try resizeLUN(lun, sizeBytes: UInt64(size), discarding: true)
        }
        return nil
    }
}

/// Draws commands that fit the model's state.
struct CommandGenerator {
    var random: SeededGenerator
    /// Longest range, in bytes.
    var longest = 3 << 20
    var maximumLUNs = 6
    var sizeUnit = 2 << 20
    /// Of a hundred commands, how many are about snapshots and attributes.
    var attributeShare = 0
    private var names = 0

    init(seed: UInt64, longest: Int = 3 << 20) {
        random = SeededGenerator(seed: seed)
        self.longest = longest
    }

    mutating func next(for model: FlatArray) -> FlatArray.Command {
        let all = model.luns.keys.sorted()
        let writable = all.filter { model.luns[$0]?.isReadOnly == false }
        let target = writable[random.below(writable.count)]
        let source = all[random.below(all.count)]
        if random.below(100) < attributeShare { return attribute(target, model) }
        switch random.below(100) {
        case 0..<35: return write(target, model)
        case 35..<50:
            let (offset, count) = range(target, model)
            return .zero(target, offset, count, unmap: random.below(2) == 0)
        case 50..<56:
            let (offset, count) = range(target, model)
            return .fill(target, offset, count, random.bytes(512))
        case 56..<82: return copy(source, target, model)
        case 82..<92: return compareAndWrite(target, model)
        case 92..<96 where all.count < maximumLUNs:
            names += 1
            return .clone(source, name: "clone-\(random.next())", isReadOnly: random.below(3) == 0)
        case 96..<98 where writable.count > 2: return .delete(target)
        case 98: return .resize(target, (1 + random.below(3)) * sizeUnit)
        case 99: return attribute(target, model)
        default: return write(target, model)
        }
    }

    private mutating func attribute(_ target: LUNIdentifier, _ model: FlatArray) -> FlatArray.Command {
        let snapshots = model.luns.filter { $0.value.snapshotOf == target }.keys.sorted()
        switch random.below(6) {
        case 0 where model.luns.count < maximumLUNs: return .snapshot(target, name: "snapshot-\(random.next())")
        case 1, 2:
            guard !snapshots.isEmpty else { return .snapshot(target, name: "snapshot-\(random.next())") }
            return .revert(target, snapshots[random.below(snapshots.count)])
        case 3:
            guard let snapshot = snapshots.first, snapshots.count > 1 else { return .setThreshold(target, nil) }
            return .delete(snapshot)
        case 4: return .setThreshold(target, UInt64(random.below(512) + 1) * 4096)
        default: return .reserve(target, random.bytes(random.below(9000)))
        }
    }

    private func size(_ lun: LUNIdentifier, _ model: FlatArray) -> Int { model.luns[lun]?.bytes.count ?? 0 }

    /// Mostly short, sometimes long, sometimes aligned to a block or to 2 MiB.
    private mutating func range(_ lun: LUNIdentifier, _ model: FlatArray, at most: Int? = nil) -> (Int, Int) {
        let size = size(lun, model)
        let unit = [512, 512, 4096, 65536][random.below(4)]
        let offset = random.below(size / unit) * unit
        let limit = min(size - offset, [4096, 32768, most ?? longest][random.below(3)], most ?? longest)
        return (offset, max(512, random.below(limit / 512 + 1) * 512))
    }

    private mutating func write(_ lun: LUNIdentifier, _ model: FlatArray) -> FlatArray.Command {
        let (offset, count) = range(lun, model, at: 65536)
        return .write(lun, offset, random.bytes(count))
    }

    private mutating func copy(
        _ source: LUNIdentifier, _ target: LUNIdentifier, _ model: FlatArray
    ) -> FlatArray.Command {
        var (from, count) = range(source, model)
        var to = range(target, model).0
        switch random.below(4) {
        case 0: (from, to) = (from & ~0x1FFFFF, to & ~0x1FFFFF)
        case 1: (from, to) = (from & ~0xFFF, to & ~0xFFF)
        case 2: to = to & ~0xFFF | from & 0xFFF
        default: break
        }
        to = min(to, size(target, model) - 4096)
        count = min(count, size(source, model) - from, size(target, model) - to)
        return .copy(source, from, target, to, count)
    }

    private mutating func compareAndWrite(_ lun: LUNIdentifier, _ model: FlatArray) -> FlatArray.Command {
        let (offset, count) = range(lun, model, at: 8192)
        var expected = Array((model.luns[lun]?.bytes ?? [])[offset..<offset + count])
        if random.below(2) == 0 { expected[random.below(count)] ^= 1 }
        return .compareAndWrite(lun, offset, expected: expected, replacement: random.bytes(count))
    }
}
