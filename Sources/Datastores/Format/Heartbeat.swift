import Domain

/// The sign of life of one host: a sector that only COMPARE AND WRITE changes.
///
/// ```
///  0  magic "HBEA" (4)    4  CRC-32C of the sector, itself zero (4)    8  state (1)    12  slot (4)
/// 16  generation (8)     24  sequence (8)    32  time, ms since 1970 (8)    40  host identifier (16)
/// 56  recoverer's slot (4)   64  recoverer's generation (8)    72  host name, UTF-8 (64)
/// ```
/// Invariant: the generation of a slot only grows, by one with each mount. A lock that names an older generation than
/// its slot's, or the generation of a free slot, belongs to nobody: whatever its owner had begun was finished or
/// undone before the generation was given up.
struct Heartbeat: Equatable, Sendable {
    enum State: UInt8, Sendable {
        case free = 0
        case live = 1
        /// The owner is dead and its unfinished changes are being completed.
        case recovering = 2
    }

    static let magic: UInt32 = 0x4145_4248

    var state = State.free
    var slot: Int
    var generation: UInt64 = 0
    var sequence: UInt64 = 0
    var time = Timestamp(milliseconds: 0)
    var host = VolumeIdentifier(high: 0, low: 0)
    var hostName = ""
    var recoverer: LockOwner?

    init(slot: Int) { self.slot = slot }

    var owner: LockOwner { LockOwner(slot: slot, generation: generation) }

    var encoded: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Device.sectorBytes)
        bytes.setField(Self.magic, at: 0)
        bytes[8] = state.rawValue
        bytes.setField(UInt32(slot), at: 12)
        bytes.setField(generation, at: 16)
        bytes.setField(sequence, at: 24)
        bytes.setField(time.milliseconds, at: 32)
        bytes.setVolumeIdentifier(host, at: 40)
        bytes.setField(UInt32(recoverer?.slot ?? 0), at: 56)
        bytes.setField(recoverer?.generation ?? 0, at: 64)
        bytes.setText(hostName, at: 72, width: 64)
        bytes.seal(checksumAt: 4)
        return bytes
    }

    /// - Parameter bytes: one sector; all zeros is a slot that was never used.
    init(decoding bytes: [UInt8], slot: Int) throws(VolumeError) {
        self.slot = slot
        if bytes.isAllZeros { return }
        guard bytes.field(UInt32.self, at: 0) == Self.magic, bytes.hasValidChecksum(at: 4),
            bytes.field(UInt32.self, at: 12) == UInt32(slot), let state = State(rawValue: bytes[8])
        else { throw .corrupt("heartbeat \(slot)") }
        self.state = state
        generation = bytes.field(at: 16)
        sequence = bytes.field(at: 24)
        time = Timestamp(milliseconds: bytes.field(at: 32))
        host = bytes.volumeIdentifier(at: 40)
        hostName = bytes.text(at: 72, width: 64)
        let byGeneration: UInt64 = bytes.field(at: 64)
        if byGeneration > 0 {
            recoverer = LockOwner(slot: Int(bytes.field(UInt32.self, at: 56)), generation: byGeneration)
        }
    }
}

/// One life of a host on a volume: the mount that holds heartbeat slot `slot` in its `generation`.
struct LockOwner: Hashable, Sendable {
    var slot: Int
    /// 1 and more.
    var generation: UInt64
}
