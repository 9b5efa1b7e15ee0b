import Platform
import StorageArray

@testable import SCSI

struct FixedRandomness: Randomness {
    func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index * 37 + 11) }
    }
}

/// SplitMix64: the same numbers for the same seed everywhere.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

/// A pool in memory with LUNs 0 (1 MiB, `a`), 1 (4 MiB, `b`), 2 (a read-only snapshot of 0) and 3 (1 MiB, for others),
/// as initiator `iqn.host` sees them.
struct Bench {
    let device: SimulatedBlockDevice
    let target: ArrayTarget
    let luns: [LUNInformation]
    var nexus = Nexus(initiator: "iqn.host")

    static let a: UInt16 = 0
    static let b: UInt16 = 1
    static let snapshot: UInt16 = 2
    static let foreign: UInt16 = 3

    init(maximumBytes: UInt64 = 64 << 20, canLosePower: Bool = false, overwriteBytesPerSecond: Int = 1 << 30) throws {
        device = SimulatedBlockDevice(canLosePower: canLosePower)
        try StoragePool.format(
            device, options: PoolOptions(maximumBytes: maximumBytes, journalBytes: 512 << 10),
            randomness: FixedRandomness())
        let pool = try StoragePool.open(device)
        let first = try pool.createLUN(name: "a", sizeBytes: 1 << 20)
        luns = [
            first, try pool.createLUN(name: "b", sizeBytes: 4 << 20, physicalBlockExponent: 0),
            try pool.cloneLUN(first.identifier, name: "s", isReadOnly: true),
            try pool.createLUN(name: "other", sizeBytes: 1 << 20),
        ]
        target = ArrayTarget(pool: pool, overwriteBytesPerSecond: overwriteBytesPerSecond)
        exposeAll()
    }

    /// The same pool after a loss of power: what was not durable is gone, and nobody is logged in.
    init(afterPowerLossOf bench: Bench, seed: UInt64) throws {
        device = bench.device
        device.crash(keeping: SimulatedBlockDevice.Survivors.allCases[Int(seed % 4)], seed: seed)
        luns = bench.luns
        target = ArrayTarget(pool: try StoragePool.open(device), overwriteBytesPerSecond: 1 << 30)
        exposeAll()
    }

    private func exposeAll() {
        for (number, lun) in luns.enumerated() {
            target.expose(lun.identifier, as: UInt16(number))
            target.allow(number == Int(Self.foreign) ? "iqn.other" : "iqn.host", UInt16(number))
        }
    }

    /// More initiators that see LUNs a and b; what they would hear of that is taken away.
    func initiators(_ count: Int) -> [Nexus] {
        (0..<count).map { number in
            let nexus = Nexus(initiator: "iqn.host-\(number)", initiatorSession: UInt64(number) << 8 | 0x4000_0137_0000)
            for lun in [Self.a, Self.b] { target.allow(nexus.initiator, lun) }
            for lun in [Self.a, Self.b] { hush(nexus, lun) }
            return nexus
        }
    }

    /// Takes all unit attentions of an initiator away.
    func hush(_ nexus: Nexus, _ lun: UInt16 = Bench.a) {
        while attention(nexus, lun) != nil {}
    }

    /// The unit attention that waits for an initiator, which is told by this.
    func attention(_ nexus: Nexus, _ lun: UInt16 = Bench.a) -> Int? {
        let answer = send(.requestSense(), to: lun, from: nexus).dataIn
        return answer[2] == 0x06 ? Int(answer[12]) << 8 | Int(answer[13]) : nil
    }

    /// Sends a command; returns how it ended and what it answered.
    func send(
        _ cdb: CDB, to lun: UInt16 = Bench.a, dataOut: [UInt8] = [], room: Int = 4096, as initiator: String? = nil,
        from sender: Nexus? = nil
    ) -> (completion: Completion, dataIn: [UInt8]) {
        var dataIn = [UInt8](repeating: 0xEE, count: room)
        let nexus = sender ?? initiator.map { Nexus(initiator: $0) } ?? nexus
        let completion = dataOut.withUnsafeBytes { out in
            dataIn.withUnsafeMutableBytes { target.execute(cdb, lun: lun, from: nexus, dataOut: out, dataIn: $0) }
        }
        return (completion, Array(dataIn.prefix(completion.dataInCount)))
    }

    /// The sense key, code and qualifier as one number, for example 0x052400; 0 for GOOD, less than 0 for another status.
    func sense(
        _ cdb: CDB, to lun: UInt16 = Bench.a, dataOut: [UInt8] = [], room: Int = 4096, from sender: Nexus? = nil
    ) -> Int {
        outcome(send(cdb, to: lun, dataOut: dataOut, room: room, from: sender).completion)
    }

    func write(_ bytes: [UInt8], lba: UInt64, to lun: UInt16 = Bench.a) -> Status {
        send(.write16(lba: lba, blocks: UInt32(bytes.count / 512)), to: lun, dataOut: bytes).completion.status
    }

    func read(lba: UInt64, blocks: UInt32, from lun: UInt16 = Bench.a) -> [UInt8] {
        send(.read16(lba: lba, blocks: blocks), to: lun, room: Int(blocks) * 512).dataIn
    }

    func extendedCopy(_ list: ExtendedCopyList, to lun: UInt16 = Bench.a) -> Int {
        let bytes = list.encoded
        return sense(.extendedCopy(parameterListLength: UInt32(bytes.count)), to: lun, dataOut: bytes)
    }
}

/// RESERVATION CONFLICT as `Bench.sense` gives it.
let conflict = -0x18

/// How a command ended in one number: see `Bench.sense`.
func outcome(_ completion: Completion) -> Int {
    guard let sense = completion.sense else { return -Int(completion.status.rawValue) }
    return Int(sense.key.rawValue) << 16 | Int(sense.code)
}

/// `count` sectors, each filled with `byte`.
func sectors(_ byte: UInt8, _ count: Int = 1) -> [UInt8] { [UInt8](repeating: byte, count: 512 * count) }

/// Bytes from hexadecimal digits; spaces are for the eye.
func hex(_ text: String) -> [UInt8] {
    let digits = text.filter { !$0.isWhitespace }
    return stride(from: 0, to: digits.count, by: 2).compactMap { offset in
        UInt8(digits.dropFirst(offset).prefix(2), radix: 16)
    }
}

/// Runs a body on a thread of its own.
func started(_ body: @escaping @Sendable () -> Void) throws -> SystemThread {
    try SystemThread(name: "test", body)
}
