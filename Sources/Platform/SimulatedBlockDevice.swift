import Glibc
import Synchronization

/// A block device in memory that can lose power: what was not flushed may then be there, missing, torn or reordered.
///
/// Sectors of 512 bytes are atomic. Between two flushes the device keeps every write; `crash` then decides for each
/// sector, from a seed, which of the versions written since the last flush (or the flushed one) is on the medium. A
/// discard counts as a write of zeros; the size after growing may or may not survive.
public final class SimulatedBlockDevice: BlockDevice {
    /// What survives a loss of power of the data not yet flushed.
    public enum Survivors: Sendable, CaseIterable {
        case nothing
        case everything
        /// Each write whole or not at all, regardless of order.
        case someWrites
        /// Each sector on its own.
        case someSectors
    }

    static let sectorBytes = 512

    private struct State {
        var size: UInt64
        var flushedSize: UInt64
        var medium = SparseBytes()
        var flushed = SparseBytes()
        var unflushed: [UnflushedWrite] = []
        var operations = 0
        var operationsUntilPowerLoss: Int?
        var hasPower = true
        var sizeLimit = UInt64.max
        var refusal: DeviceError?
    }

    private struct UnflushedWrite {
        let offset: UInt64
        let count: Int
        /// `nil` for zeros.
        let bytes: [UInt8]?
    }

    private let state: Mutex<State>
    private let keepsUnflushedWrites: Bool

    /// - Parameter canLosePower: without it nothing is recorded, and the device is plain memory.
    public init(sizeBytes: UInt64 = 0, canLosePower: Bool = true) {
        state = Mutex(State(size: sizeBytes, flushedSize: sizeBytes))
        keepsUnflushedWrites = canLosePower
    }

    public var sizeBytes: UInt64 { state.withLock(\.size) }

    /// Writes, flushes, discards and growths so far.
    public var operationCount: Int { state.withLock(\.operations) }

    /// Bytes of memory that hold something.
    public var allocatedBytes: UInt64 { state.withLock { $0.medium.allocatedBytes } }

    /// Loses power at the modifying operation after `count` more: that one and everything later throws `.powerLost`.
    ///
    /// A write that is cut off this way counts as unflushed: a part of it may reach the medium.
    public func losePower(afterOperations count: Int) {
        state.withLock { $0.operationsUntilPowerLoss = count }
    }

    /// Cuts the power now and restores it: what was not flushed survives as `survivors` and `seed` say.
    public func crash(keeping survivors: Survivors, seed: UInt64) {
        state.withLock { state in
            var random = SplitMix64(seed: seed)
            let keepsSize = survivors == .everything || (survivors != .nothing && random.next() & 1 == 0)
            state.size = keepsSize ? state.size : state.flushedSize
            state.medium = state.flushed
            for write in state.unflushed where write.offset + UInt64(write.count) <= state.size {
                Self.survive(write, survivors, &random, &state.medium)
            }
            state.unflushed = []
            state.flushed = state.medium
            state.flushedSize = state.size
            state.operationsUntilPowerLoss = nil
            state.hasPower = true
        }
    }

    private static func survive(
        _ write: UnflushedWrite, _ survivors: Survivors, _ random: inout SplitMix64, _ medium: inout SparseBytes
    ) {
        switch survivors {
        case .nothing: return
        case .everything: medium.write(write.bytes, count: write.count, at: write.offset)
        case .someWrites:
            guard random.next() & 1 == 0 else { return }
            medium.write(write.bytes, count: write.count, at: write.offset)
        case .someSectors:
            var start = 0
            while start < write.count {
                // Up to the next sector boundary of the device.
                let end = min(write.count, start + sectorBytes - Int((write.offset + UInt64(start)) % UInt64(sectorBytes)))
                if random.next() & 1 == 0 {
                    let bytes = write.bytes.map { Array($0[start..<end]) }
                    medium.write(bytes, count: end - start, at: write.offset + UInt64(start))
                }
                start = end
            }
        }
    }

    /// Another device that holds the same, all of it flushed.
    public func copy() -> SimulatedBlockDevice {
        let (size, medium) = state.withLock { ($0.size, $0.medium) }
        let copy = SimulatedBlockDevice(sizeBytes: size, canLosePower: keepsUnflushedWrites)
        copy.state.withLock {
            $0.medium = medium
            $0.flushed = medium
        }
        return copy
    }

    /// Keeps the device from growing beyond a size, as a full disk does; `nil` lets it grow again.
    public func limitSize(to bytes: UInt64?) { state.withLock { $0.sizeLimit = bytes ?? .max } }

    /// Makes every later write, flush and discard fail, or work again.
    public func refuse(with error: DeviceError?) { state.withLock { $0.refusal = error } }

    /// Flips bits of one byte on the medium, as decay would.
    public func damage(at offset: UInt64, flipping bits: UInt8 = 0x01) {
        state.withLock { state in
            let byte = [state.medium.byte(at: offset) ^ bits]
            state.medium.write(byte, count: 1, at: offset)
            state.flushed.write(byte, count: 1, at: offset)
        }
    }

    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(DeviceError) {
        let failure: DeviceError? = state.withLock { state in
            guard state.hasPower else { return .powerLost }
            guard offset <= state.size, UInt64(buffer.count) <= state.size - offset else { return .outOfRange }
            state.medium.read(into: buffer, at: offset)
            return nil
        }
        if let failure { throw failure }
    }

    public func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) throws(DeviceError) {
        try modify(offset, UInt64(buffer.count)) { state in
            state.medium.write(buffer, at: offset)
            guard keepsUnflushedWrites else { return }
            state.unflushed.append(UnflushedWrite(offset: offset, count: buffer.count, bytes: Array(buffer)))
        }
    }

    public func flush() throws(DeviceError) {
        try modify(0, 0) { state in
            for write in state.unflushed where state.hasPower {
                state.flushed.write(write.bytes, count: write.count, at: write.offset)
            }
            guard state.hasPower else { return }
            state.unflushed.removeAll(keepingCapacity: true)
            state.flushedSize = state.size
        }
    }

    public func discard(offset: UInt64, count: UInt64) throws(DeviceError) {
        try modify(offset, count) { state in
            state.medium.write(nil, count: Int(count), at: offset)
            guard keepsUnflushedWrites else { return }
            state.unflushed.append(UnflushedWrite(offset: offset, count: Int(count), bytes: nil))
        }
    }

    public func grow(to sizeBytes: UInt64) throws(DeviceError) {
        guard state.withLock({ sizeBytes <= max($0.size, $0.sizeLimit) }) else { throw .noSpace }
        try modify(0, 0) { state in state.size = max(state.size, sizeBytes) }
    }

    /// Counts the operation, loses power if it is time, and otherwise (or for the last time) does `body`.
    private func modify(_ offset: UInt64, _ count: UInt64, _ body: (inout State) -> Void) throws(DeviceError) {
        let failure: DeviceError? = state.withLock { state in
            guard state.hasPower else { return .powerLost }
            guard offset <= state.size, count <= state.size - offset else { return .outOfRange }
            if let refusal = state.refusal { return refusal }
            state.operations += 1
            if let left = state.operationsUntilPowerLoss {
                state.operationsUntilPowerLoss = left - 1
                state.hasPower = left > 0
            }
            body(&state)
            return state.hasPower ? nil : .powerLost
        }
        if let failure { throw failure }
    }
}

/// Bytes at any offset, zeros where nothing was written; kept in chunks.
struct SparseBytes {
    private static let chunkBytes = 16 << 10

    private var chunks: [UInt64: [UInt8]] = [:]

    var allocatedBytes: UInt64 { UInt64(chunks.count * Self.chunkBytes) }

    func byte(at offset: UInt64) -> UInt8 {
        chunks[offset / UInt64(Self.chunkBytes)]?[Int(offset % UInt64(Self.chunkBytes))] ?? 0
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: UInt64) {
        Self.forEachPiece(offset, buffer.count) { chunk, within, done, count in
            let target = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<done + count])
            guard let bytes = chunks[chunk] else {
                if let start = target.baseAddress { memset(start, 0, target.count) }
                return
            }
            bytes.withUnsafeBytes { target.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[within..<within + count])) }
        }
    }

    mutating func write(_ buffer: UnsafeRawBufferPointer, at offset: UInt64) {
        Self.forEachPiece(offset, buffer.count) { chunk, within, done, count in
            chunks[chunk, default: [UInt8](repeating: 0, count: Self.chunkBytes)].withUnsafeMutableBytes {
                UnsafeMutableRawBufferPointer(rebasing: $0[within..<within + count])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[done..<done + count]))
            }
        }
    }

    /// - Parameter bytes: `count` bytes, or `nil` for zeros.
    mutating func write(_ bytes: [UInt8]?, count: Int, at offset: UInt64) {
        if let bytes { return bytes.withUnsafeBytes { write($0, at: offset) } }
        Self.forEachPiece(offset, count) { chunk, within, _, count in
            if count == Self.chunkBytes {
                chunks[chunk] = nil
            } else if chunks[chunk] != nil {
                chunks[chunk, default: []].withUnsafeMutableBytes {
                    if let start = $0.baseAddress { memset(start + within, 0, count) }
                }
            }
        }
    }

    private static func forEachPiece(_ offset: UInt64, _ count: Int, _ body: (UInt64, Int, Int, Int) -> Void) {
        var done = 0
        while done < count {
            let position = offset + UInt64(done)
            let within = Int(position % UInt64(chunkBytes))
            let piece = min(count - done, chunkBytes - within)
            body(position / UInt64(chunkBytes), within, done, piece)
            done += piece
        }
    }
}

/// A small generator whose whole state is its seed. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number
/// generators" (2014), and Vigna's public domain splitmix64.c.
struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
