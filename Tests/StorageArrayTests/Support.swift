import Glibc
import Platform

@testable import StorageArray

/// A generator whose whole state is its seed, so that a failure can be run again.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }

    mutating func bytes(_ count: Int) -> [UInt8] {
        let fill = UInt8(truncatingIfNeeded: next())
        var bytes = [UInt8](repeating: fill, count: count)
        // Few bytes differ: enough to tell writes apart, cheap to make.
        for offset in stride(from: 0, to: count, by: 512) {
            let word = next()
            for index in 0..<8 where offset + index < count {
                bytes[offset + index] = UInt8(truncatingIfNeeded: word >> UInt64(8 * index))
            }
        }
        return bytes
    }
}

/// Randomness for pool identities in tests.
struct FixedRandomness: Randomness {
    func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index * 37 + 11) }
    }
}

extension StoragePool {
    /// A formatted pool on a device in memory.
    static func inMemory(
        _ device: SimulatedBlockDevice = SimulatedBlockDevice(), maximumBytes: UInt64 = 64 << 20,
        journalBytes: Int = 512 << 10, mapMemoryBytes: Int = defaultMapMemoryBytes
    ) throws -> StoragePool {
        try format(
            device, options: PoolOptions(maximumBytes: maximumBytes, journalBytes: journalBytes),
            randomness: FixedRandomness())
        return try open(device, mapMemoryBytes: mapMemoryBytes)
    }

    /// Where a block of a LUN lies.
    func pointer(_ lun: LUNIdentifier, block: UInt64) throws -> BlockPointer {
        gate.lock()
        defer { gate.unlock() }
        return BlockPointer(rawValue: try state.pointer(below: try state.lun(lun).root, block: block))
    }

    func isFree(_ block: UInt32) throws -> Bool {
        gate.lock()
        defer { gate.unlock() }
        return try state.allocator.isFree(block)
    }

    func write(_ lun: LUNIdentifier, at offset: UInt64, _ bytes: [UInt8]) throws(ArrayError) {
        try bytes.withBytes { buffer throws(ArrayError) in try write(lun, at: offset, buffer) }
    }

    func read(_ lun: LUNIdentifier, at offset: UInt64, count: Int) throws(ArrayError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0xEE, count: count)
        let failure: ArrayError? = bytes.withUnsafeMutableBytes { buffer in
            do throws(ArrayError) { try read(lun, at: offset, into: buffer) } catch { return error }
            return nil
        }
        if let failure { throw failure }
        return bytes
    }

    func writeSame(_ lun: LUNIdentifier, at offset: UInt64, count: UInt64, pattern: [UInt8]) throws(ArrayError) {
        try pattern.withBytes { buffer throws(ArrayError) in
            try writeSame(lun, at: offset, count: count, pattern: buffer)
        }
    }

    func compareAndWrite(
        _ lun: LUNIdentifier, at offset: UInt64, expected: [UInt8], replacement: [UInt8]
    ) throws(ArrayError) {
        try expected.withBytes { first throws(ArrayError) in
            try replacement.withBytes { second throws(ArrayError) in
                try compareAndWrite(lun, at: offset, expected: first, replacement: second)
            }
        }
    }
}

extension StoragePool {
    func deferredWrite(_ lun: LUNIdentifier, at offset: UInt64, _ bytes: [UInt8]) throws(ArrayError) -> CommitTicket {
        try bytes.withResult { buffer throws(ArrayError) in try deferredWrite(lun, at: offset, buffer) }
    }

    func deferredRead(
        _ lun: LUNIdentifier, at offset: UInt64, count: Int
    ) throws(ArrayError) -> ([UInt8], CommitTicket) {
        var bytes = [UInt8](repeating: 0xEE, count: count)
        let result: Result<CommitTicket, ArrayError> = bytes.withUnsafeMutableBytes { buffer in
            do throws(ArrayError) { return .success(try deferredRead(lun, at: offset, into: buffer)) } catch {
                return .failure(error)
            }
        }
        return (bytes, try result.get())
    }

    func deferredCompareAndWrite(
        _ lun: LUNIdentifier, at offset: UInt64, expected: [UInt8], replacement: [UInt8]
    ) throws(ArrayError) -> (ticket: CommitTicket, difference: Int?) {
        try expected.withResult { first throws(ArrayError) in
            try replacement.withResult { second throws(ArrayError) in
                try deferredCompareAndWrite(lun, at: offset, expected: first, replacement: second)
            }
        }
    }
}

extension [UInt8] {
    func withResult<Value>(_ body: (UnsafeRawBufferPointer) throws(ArrayError) -> Value) throws(ArrayError) -> Value {
        let result: Result<Value, ArrayError> = withUnsafeBytes { buffer in
            do throws(ArrayError) { return .success(try body(buffer)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    func withBytes(_ body: (UnsafeRawBufferPointer) throws(ArrayError) -> Void) throws(ArrayError) {
        let failure: ArrayError? = withUnsafeBytes { buffer in
            do throws(ArrayError) { try body(buffer) } catch { return error }
            return nil
        }
        if let failure { throw failure }
    }
}

extension UnsafeRawBufferPointer {
    func elementsEqualFast(_ other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count else { return false }
        guard let left = baseAddress, let right = other.baseAddress else { return count == 0 }
        return memcmp(left, right, count) == 0
    }
}

/// Long forms of the tests run with VIADUCT_LONG=1.
let isLong = getenv("VIADUCT_LONG") != nil
