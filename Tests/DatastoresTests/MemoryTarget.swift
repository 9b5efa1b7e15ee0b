import SCSI
import Synchronization

/// A LUN in memory that can refuse commands, hold less than asked for, and lose power at any command.
///
/// Every command is atomic and durable when it returns, as on the array; a crash comes before or after a command.
final class MemoryTarget: SCSITarget {
    struct Features: Sendable {
        var compareAndWrite = true
        var writeSame = true
        var unmap = true
        var extendedCopy = true
        /// UNMAP and freed space read as this afterwards, so that nobody relies on zeros.
        var residue: UInt8 = 0
        var copySegments: UInt16 = 64
        var maximumTransferBlocks: UInt32 = 16384
    }

    private struct Contents: Sendable {
        var chunks: [UInt64: [UInt8]] = [:]
        /// Commands until power is lost; `nil`: never.
        var commandsLeft: Int?
        var executed = 0
        var byOperation: [UInt8: Int] = [:]
    }

    private static let chunkBytes = 65536

    let sizeBytes: UInt64
    let features: Features
    private let name: UInt64
    private let contents = Mutex(Contents())

    init(sizeBytes: UInt64, name: UInt64 = 1, features: Features = Features()) {
        self.sizeBytes = sizeBytes
        self.name = name
        self.features = features
    }

    /// Executes `count` more commands, then none until power is back.
    func losePower(afterCommands count: Int) { contents.withLock { $0.commandsLeft = count } }
    func restorePower() { contents.withLock { $0.commandsLeft = nil } }
    var hasLostPower: Bool { contents.withLock { $0.commandsLeft == 0 } }
    var executedCommands: Int { contents.withLock { $0.executed } }
    func count(of operation: UInt8) -> Int { contents.withLock { $0.byOperation[operation, default: 0] } }

    /// Changes bytes behind everybody's back.
    func damage(atByte offset: UInt64, count: Int = 1) {
        contents.withLock { contents in
            var bytes = Self.read(contents, offset, count)
            for index in bytes.indices { bytes[index] ^= 0x5A }
            Self.write(&contents, offset, bytes)
        }
    }

    func bytes(at offset: UInt64, count: Int) -> [UInt8] { contents.withLock { Self.read($0, offset, count) } }

    func copy() -> MemoryTarget {
        let other = MemoryTarget(sizeBytes: sizeBytes, name: name, features: features)
        let chunks = contents.withLock { $0.chunks }
        other.contents.withLock { $0.chunks = chunks }
        return other
    }

    func execute(
        _ cdb: CDB, lun: UInt16, from nexus: Nexus, dataOut: UnsafeRawBufferPointer,
        dataIn: UnsafeMutableRawBufferPointer
    ) -> Completion {
        let out = Array(dataOut)
        let (completion, answer) = contents.withLock { contents -> (Completion, [UInt8]) in
            if let left = contents.commandsLeft {
                guard left > 0 else { return (Completion(.checkCondition, sense: Sense(.notReady, 0x0403)), []) }
                contents.commandsLeft = left - 1
            }
            contents.executed += 1
            contents.byOperation[cdb[0], default: 0] += 1
            return perform(cdb, out, &contents)
        }
        guard completion.status == .good else { return completion }
        let count = min(answer.count, dataIn.count)
        answer.withUnsafeBytes { dataIn.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        return Completion(.good, dataInCount: count)
    }

    private func perform(_ cdb: CDB, _ out: [UInt8], _ contents: inout Contents) -> (Completion, [UInt8]) {
        let (lba, blocks) = (cdb.number(2, 8), cdb.number(10, 4))
        let bytes = Int(blocks) * 512
        switch cdb[0] {
        case 0x12: return (.good, inquiry(cdb))
        case 0x9E: return (.good, capacity)
        case 0x84: return features.extendedCopy ? (.good, copyParameters) : Self.refused(.invalidOperationCode)
        case 0x91: return (.good, [])
        case 0x88:
            guard isInside(lba, blocks) else { return Self.refused(.lbaOutOfRange) }
            return (.good, Self.read(contents, lba * 512, bytes))
        case 0x8A:
            guard isInside(lba, blocks), out.count == bytes, blocks <= features.maximumTransferBlocks else {
                return Self.refused(.invalidFieldInCDB)
            }
            Self.write(&contents, lba * 512, out)
            return (.good, [])
        case 0x89: return compareAndWrite(cdb, lba, out, &contents)
        case 0x93:
            guard features.writeSame else { return Self.refused(.invalidOperationCode) }
            guard isInside(lba, blocks) else { return Self.refused(.lbaOutOfRange) }
            Self.zero(&contents, lba * 512, blocks * 512)
            return (.good, [])
        case 0x42: return unmap(out, &contents)
        case 0x83: return extendedCopy(out, &contents)
        default: return Self.refused(.invalidOperationCode)
        }
    }

    private func compareAndWrite(
        _ cdb: CDB, _ lba: UInt64, _ out: [UInt8], _ contents: inout Contents
    ) -> (Completion, [UInt8]) {
        guard features.compareAndWrite else { return Self.refused(.invalidOperationCode) }
        guard cdb[13] == 1, out.count == 1024, isInside(lba, 1) else { return Self.refused(.invalidFieldInCDB) }
        let found = Self.read(contents, lba * 512, 512)
        if let offset = zip(found, out).enumerated().first(where: { $1.0 != $1.1 })?.offset {
            return Self.refused(.miscompare(at: UInt64(offset)))
        }
        Self.write(&contents, lba * 512, Array(out[512...]))
        return (.good, [])
    }

    private func unmap(_ out: [UInt8], _ contents: inout Contents) -> (Completion, [UInt8]) {
        guard features.unmap else { return Self.refused(.invalidOperationCode) }
        for offset in stride(from: 8, to: out.count, by: 16) {
            let (lba, blocks) = (out.number(offset, 8), out.number(offset + 8, 4))
            guard isInside(lba, blocks) else { return Self.refused(.lbaOutOfRange) }
            if features.residue == 0 {
                Self.zero(&contents, lba * 512, blocks * 512)
            } else {
                let residue = [UInt8](repeating: features.residue, count: Int(blocks) * 512)
                Self.write(&contents, lba * 512, residue)
            }
        }
        return (.good, [])
    }

    private func extendedCopy(_ out: [UInt8], _ contents: inout Contents) -> (Completion, [UInt8]) {
        guard features.extendedCopy else { return Self.refused(.invalidOperationCode) }
        var offset = 16 + Int(out.number(2, 2))
        let end = offset + Int(out.number(8, 4))
        guard (end - offset) / 32 <= Int(features.copySegments) else { return Self.refused(.tooManySegmentDescriptors) }
        for device in stride(from: 16, to: offset, by: 32) where out.number(device + 16, 8) != name {
            return Self.refused(.copyTargetNotReachable)
        }
        while offset < end {
            let bytes = Int(out.number(offset + 8, 4))
            let (source, destination) = (out.number(offset + 12, 8), out.number(offset + 20, 8))
            Self.copy(&contents, from: source * 512, to: destination * 512, bytes)
            offset += 32
        }
        return (.good, [])
    }

    private static func refused(_ sense: Sense) -> (Completion, [UInt8]) {
        (Completion(.checkCondition, sense: sense), [])
    }

    private func isInside(_ lba: UInt64, _ blocks: UInt64) -> Bool { (lba + blocks) * 512 <= sizeBytes }
}

extension MemoryTarget {
    private static func read(_ contents: Contents, _ offset: UInt64, _ count: Int) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(count)
        forEachChunk(offset, count) { chunk, start, length in
            if let bytes = contents.chunks[chunk] {
                result += bytes[start..<start + length]
            } else {
                result += repeatElement(0, count: length)
            }
        }
        return result
    }

    private static func write(_ contents: inout Contents, _ offset: UInt64, _ bytes: [UInt8]) {
        var done = 0
        forEachChunk(offset, bytes.count) { chunk, start, length in
            let part = bytes[done..<done + length]
            contents.chunks[chunk, default: [UInt8](repeating: 0, count: chunkBytes)]
                .replaceSubrange(start..<start + length, with: part)
            done += length
        }
    }

    private static func zero(_ contents: inout Contents, _ offset: UInt64, _ count: UInt64) {
        forEachChunk(offset, Int(count)) { chunk, start, length in
            if length == chunkBytes {
                contents.chunks[chunk] = nil
            } else if contents.chunks[chunk] != nil {
                contents.chunks[chunk]?.replaceSubrange(
                    start..<start + length, with: repeatElement(0, count: length))
            }
        }
    }

    private static func copy(_ contents: inout Contents, from: UInt64, to: UInt64, _ count: Int) {
        guard from % UInt64(chunkBytes) == 0, to % UInt64(chunkBytes) == 0, count % chunkBytes == 0 else {
            return write(&contents, to, read(contents, from, count))
        }
        let (source, destination) = (from / UInt64(chunkBytes), to / UInt64(chunkBytes))
        for index in 0..<UInt64(count / chunkBytes) {
            contents.chunks[destination + index] = contents.chunks[source + index]
        }
    }

    private static func forEachChunk(_ offset: UInt64, _ count: Int, _ body: (UInt64, Int, Int) -> Void) {
        var done = 0
        while done < count {
            let position = offset + UInt64(done)
            let start = Int(position % UInt64(chunkBytes))
            let length = min(chunkBytes - start, count - done)
            body(position / UInt64(chunkBytes), start, length)
            done += length
        }
    }

    private var capacity: [UInt8] {
        var answer = [UInt8](repeating: 0, count: 32)
        answer.setNumber(sizeBytes / 512 - 1, 0, 8)
        answer.setNumber(512, 8, 4)
        answer[14] = 0xC0
        return answer
    }

    private func inquiry(_ cdb: CDB) -> [UInt8] {
        guard cdb[1] & 1 == 1 else {
            var answer = [UInt8](repeating: 0, count: 96)
            answer[5] = features.extendedCopy ? 0x08 : 0
            return answer
        }
        var answer = [UInt8](repeating: 0, count: 64)
        (answer[1], answer[3]) = (cdb[2], 60)
        switch cdb[2] {
        case 0x83:
            answer[3] = 20
            answer.replaceSubrange(4..<8, with: [1, 3, 0, 16])
            answer.setNumber(0x6000_0000_0000_0001, 8, 8)
            answer.setNumber(name, 16, 8)
            return Array(answer[..<24])
        case 0xB0:
            answer[5] = features.compareAndWrite ? 1 : 0
            answer.setNumber(UInt64(features.maximumTransferBlocks), 8, 4)
            answer.setNumber(0xFFFF_FFFF, 20, 4)
            answer.setNumber(64, 24, 4)
            answer.setNumber(0x80_0000, 36, 8)
            return answer
        case 0xB2:
            answer[3] = 4
            (answer[5], answer[6]) = (features.unmap ? 0xE4 : 0x64, 2)
            return Array(answer[..<8])
        default:
            return []
        }
    }

    private var copyParameters: [UInt8] {
        var answer = [UInt8](repeating: 0, count: 47)
        answer.setNumber(8, 8, 2)
        answer.setNumber(UInt64(features.copySegments), 10, 2)
        answer.setNumber(4096, 12, 4)
        answer.setNumber(0x1000_0000, 16, 4)
        answer[43] = 3
        answer.replaceSubrange(44..<47, with: [0x02, 0x0A, 0xE4])
        return answer
    }
}

extension CDB {
    func number(_ index: Int, _ width: Int) -> UInt64 {
        (index..<index + width).reduce(0) { $0 << 8 | UInt64(self[$1]) }
    }
}

extension Array where Element == UInt8 {
    func number(_ index: Int, _ width: Int) -> UInt64 {
        self[index..<index + width].reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func setNumber(_ value: UInt64, _ index: Int, _ width: Int) {
        for byte in 0..<width { self[index + byte] = UInt8(truncatingIfNeeded: value >> UInt64(8 * (width - 1 - byte))) }
    }
}
