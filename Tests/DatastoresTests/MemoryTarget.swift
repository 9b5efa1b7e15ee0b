import SCSI
import Synchronization

/// A LUN in memory that can refuse commands, offer less than the array does, and lose power at any command.
///
/// Every command is atomic and durable when it returns, as on the array; a crash comes between two commands.
final class MemoryTarget: SCSITarget, @unchecked Sendable {
    struct Features: Sendable {
        var compareAndWrite = true
        var writeSame = true
        var unmap = true
        var extendedCopy = true
        /// What freed space reads as, so that nobody relies on zeros.
        var residue: UInt8 = 0
        var copySegments: UInt16 = 64
        var maximumTransferBlocks: UInt32 = 16384
    }

    private struct Counters: Sendable {
        /// Commands until power is lost; `nil`: never.
        var commandsLeft: Int?
        var executed = 0
        var byOperation: [UInt8: Int] = [:]
    }

    let sizeBytes: UInt64
    let features: Features
    private let name: UInt64
    // Reached only with `counters` locked, hence the unchecked conformance.
    private let memory: SparseMemory
    private let counters = Mutex(Counters())

    init(sizeBytes: UInt64, name: UInt64 = 1, features: Features = Features(), memory: SparseMemory? = nil) {
        self.sizeBytes = sizeBytes
        self.name = name
        self.features = features
        self.memory = memory ?? SparseMemory(count: Int(sizeBytes))
    }

    /// Executes `count` more commands, then none until power is back.
    func losePower(afterCommands count: Int) { counters.withLock { $0.commandsLeft = count } }
    func restorePower() { counters.withLock { $0.commandsLeft = nil } }
    var hasLostPower: Bool { counters.withLock { $0.commandsLeft == 0 } }
    var executedCommands: Int { counters.withLock { $0.executed } }
    func count(of operation: UInt8) -> Int { counters.withLock { $0.byOperation[operation, default: 0] } }

    /// Changes bytes behind everybody's back.
    func damage(atByte offset: UInt64, count: Int = 1) {
        var bytes = self.bytes(at: offset, count: count)
        for index in bytes.indices { bytes[index] ^= 0x5A }
        counters.withLock { _ in bytes.withUnsafeBytes { memory.write($0, at: Int(offset)) } }
    }

    func bytes(at offset: UInt64, count: Int) -> [UInt8] {
        counters.withLock { _ in
            var bytes = [UInt8](repeating: 0, count: count)
            bytes.withUnsafeMutableBytes { memory.read(into: $0, at: Int(offset)) }
            return bytes
        }
    }

    func copy() -> MemoryTarget {
        counters.withLock { _ in
            MemoryTarget(sizeBytes: sizeBytes, name: name, features: features, memory: memory.copy())
        }
    }

    func execute(
        _ cdb: CDB, lun: UInt16, from nexus: Nexus, dataOut: UnsafeRawBufferPointer,
        dataIn: UnsafeMutableRawBufferPointer
    ) -> Completion {
        counters.withLock { counters in
            if let left = counters.commandsLeft {
                guard left > 0 else { return Completion(.checkCondition, sense: Sense(.notReady, 0x0403)) }
                counters.commandsLeft = left - 1
            }
            counters.executed += 1
            counters.byOperation[cdb[0], default: 0] += 1
            do throws(Sense) {
                return Completion(.good, dataInCount: try perform(cdb, dataOut, dataIn))
            } catch {
                return Completion(.checkCondition, sense: error)
            }
        }
    }

    private func perform(
        _ cdb: CDB, _ out: UnsafeRawBufferPointer, _ dataIn: UnsafeMutableRawBufferPointer
    ) throws(Sense) -> Int {
        let (lba, blocks) = (cdb.lba, cdb[0] == 0x89 ? 1 : cdb.blocks)
        let (offset, bytes) = (Int(truncatingIfNeeded: lba) &* 512, Int(blocks) * 512)
        let isMedium = [0x88, 0x8A, 0x89, 0x93].contains(cdb[0])
        if isMedium, (lba + blocks) * 512 > sizeBytes { throw .lbaOutOfRange }
        switch cdb[0] {
        case 0x12: return fill(dataIn, inquiry(cdb))
        case 0x9E: return fill(dataIn, capacity)
        case 0x84 where features.extendedCopy: return fill(dataIn, copyParameters)
        case 0x91: return 0
        case 0x88:
            guard dataIn.count == bytes, blocks <= features.maximumTransferBlocks else { throw .invalidFieldInCDB }
            memory.read(into: dataIn, at: offset)
            return bytes
        case 0x8A:
            guard out.count == bytes, blocks <= features.maximumTransferBlocks else { throw .invalidFieldInCDB }
            memory.write(out, at: offset)
        case 0x89 where features.compareAndWrite:
            guard cdb[13] == 1, out.count == 1024 else { throw .invalidFieldInCDB }
            guard memory.isEqual(UnsafeRawBufferPointer(rebasing: out[..<512]), at: offset) else {
                throw .miscompare(at: 0)
            }
            memory.write(UnsafeRawBufferPointer(rebasing: out[512...]), at: offset)
        case 0x93 where features.writeSame:
            guard out.count == 512, out.allSatisfy({ $0 == 0 }) else { throw .invalidFieldInCDB }
            memory.fill(0, at: offset, count: bytes)
        case 0x42 where features.unmap: try unmap(Array(out))
        case 0x83 where features.extendedCopy: try extendedCopy(Array(out))
        default: throw .invalidOperationCode
        }
        return 0
    }

    private func fill(_ dataIn: UnsafeMutableRawBufferPointer, _ answer: [UInt8]) -> Int {
        let count = min(answer.count, dataIn.count)
        answer.withUnsafeBytes { dataIn.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        return count
    }

    private func unmap(_ list: [UInt8]) throws(Sense) {
        for descriptor in stride(from: 8, to: list.count, by: 16) {
            let (lba, blocks) = (list.number(descriptor, 8), list.number(descriptor + 8, 4))
            guard (lba + blocks) * 512 <= sizeBytes else { throw .lbaOutOfRange }
            memory.fill(features.residue, at: Int(lba) * 512, count: Int(blocks) * 512)
        }
    }

    private func extendedCopy(_ list: [UInt8]) throws(Sense) {
        var offset = 16 + Int(list.number(2, 2))
        let end = offset + Int(list.number(8, 4))
        guard (end - offset) / 32 <= Int(features.copySegments) else { throw .tooManySegmentDescriptors }
        for device in stride(from: 16, to: offset, by: 32) where list.number(device + 16, 8) != name {
            throw .copyTargetNotReachable
        }
        while offset < end {
            let (source, destination) = (list.number(offset + 12, 8), list.number(offset + 20, 8))
            let bytes = Int(list.number(offset + 8, 4))
            memory.copy(from: Int(source) * 512, to: Int(destination) * 512, count: bytes)
            offset += 32
        }
    }
}

extension MemoryTarget {
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
    /// LOGICAL BLOCK ADDRESS of the 16-byte commands, and their NUMBER OF LOGICAL BLOCKS.
    fileprivate var lba: UInt64 { high << 16 | low >> 48 }
    fileprivate var blocks: UInt64 { low >> 16 & 0xFFFF_FFFF }
}

extension Array where Element == UInt8 {
    fileprivate func number(_ index: Int, _ width: Int) -> UInt64 {
        self[index..<index + width].reduce(0) { $0 << 8 | UInt64($1) }
    }

    fileprivate mutating func setNumber(_ value: UInt64, _ index: Int, _ width: Int) {
        for byte in 0..<width { self[index + byte] = UInt8(truncatingIfNeeded: value >> UInt64(8 * (width - 1 - byte))) }
    }
}
