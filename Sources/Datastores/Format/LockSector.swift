/// The lock of a record: a sector that is taken and given up by COMPARE AND WRITE and names its owners' heartbeats.
///
/// ```
///  0  magic "LOCK" (4)    4  CRC-32C of the sector, itself zero (4)    8  token (8)    16  mode (1)    18  owners (2)
/// 24  owners: 0 slot (4), 8 generation (8); 30 at most
/// ```
/// Invariant: the token grows with every change, so that a sector that compares equal means that nothing happened to
/// the record in between: what was read of the body together with the lock is still true once the lock is taken.
struct LockSector: Equatable, Sendable {
    enum Mode: UInt8, Sendable {
        case free = 0
        /// One owner, who may change the record.
        case exclusive = 1
        /// Readers; nobody changes the record.
        case shared = 2
    }

    static let magic: UInt32 = 0x4B43_4F4C
    static let maximumOwners = 30

    var mode = Mode.free
    var owners: [LockOwner] = []
    var token: UInt64 = 0

    init() {}

    var encoded: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Device.sectorBytes)
        if token == 0 { return bytes }
        bytes.setField(Self.magic, at: 0)
        bytes.setField(token, at: 8)
        bytes[16] = mode.rawValue
        bytes.setField(UInt16(owners.count), at: 18)
        for (index, owner) in owners.enumerated() {
            bytes.setField(UInt32(owner.slot), at: 24 + 16 * index)
            bytes.setField(owner.generation, at: 32 + 16 * index)
        }
        bytes.seal(checksumAt: 4)
        return bytes
    }

    /// - Parameter bytes: starts with the lock sector; all zeros was never locked.
    init(decoding bytes: [UInt8], sector: UInt64) throws(VolumeError) {
        let own = Array(bytes[..<Device.sectorBytes])
        if own.isAllZeros { return }
        let count = Int(own.field(UInt16.self, at: 18))
        guard own.field(UInt32.self, at: 0) == Self.magic, own.hasValidChecksum(at: 4),
            let mode = Mode(rawValue: own[16]), count <= Self.maximumOwners
        else { throw .corrupt("lock at sector \(sector)") }
        self.mode = mode
        token = own.field(at: 8)
        owners = (0..<count).map { index in
            LockOwner(slot: Int(own.field(UInt32.self, at: 24 + 16 * index)), generation: own.field(at: 32 + 16 * index))
        }
    }

    /// The sector after this one.
    func changed(to mode: Mode, owners: [LockOwner] = []) -> LockSector {
        var next = self
        next.mode = owners.isEmpty ? .free : mode
        next.owners = owners
        next.token += 1
        return next
    }
}
