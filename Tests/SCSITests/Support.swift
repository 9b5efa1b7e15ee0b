import Platform
import StorageArray

@testable import SCSI

struct FixedRandomness: Randomness {
    func fill(_ bytes: UnsafeMutableRawBufferPointer) {
        for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index * 37 + 11) }
    }
}

/// A pool in memory with LUNs 0 (1 MiB, `a`), 1 (4 MiB, `b`), 2 (a read-only snapshot of 0) and 3 (1 MiB, for others),
/// as initiator `iqn.host` sees them.
struct Bench {
    let target: ArrayTarget
    let luns: [LUNInformation]
    var nexus = Nexus(initiator: "iqn.host")

    static let a: UInt16 = 0
    static let b: UInt16 = 1
    static let snapshot: UInt16 = 2
    static let foreign: UInt16 = 3

    init(maximumBytes: UInt64 = 64 << 20) throws {
        let device = SimulatedBlockDevice(canLosePower: false)
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
        target = ArrayTarget(pool: pool)
        for (number, lun) in luns.enumerated() {
            target.expose(lun.identifier, as: UInt16(number))
            target.allow(number == Int(Self.foreign) ? "iqn.other" : "iqn.host", UInt16(number))
        }
    }

    /// Sends a command; returns how it ended and what it answered.
    func send(
        _ cdb: CDB, to lun: UInt16 = Bench.a, dataOut: [UInt8] = [], room: Int = 4096, as initiator: String? = nil
    ) -> (completion: Completion, dataIn: [UInt8]) {
        var dataIn = [UInt8](repeating: 0xEE, count: room)
        let nexus = initiator.map { Nexus(initiator: $0) } ?? nexus
        let completion = dataOut.withUnsafeBytes { out in
            dataIn.withUnsafeMutableBytes { target.execute(cdb, lun: lun, from: nexus, dataOut: out, dataIn: $0) }
        }
        return (completion, Array(dataIn.prefix(completion.dataInCount)))
    }

    /// The sense key, code and qualifier as one number, for example 0x052400; 0 for GOOD.
    func sense(_ cdb: CDB, to lun: UInt16 = Bench.a, dataOut: [UInt8] = [], room: Int = 4096) -> Int {
        let completion = send(cdb, to: lun, dataOut: dataOut, room: room).completion
        guard let sense = completion.sense else { return completion.status == .good ? 0 : -1 }
        return Int(sense.key.rawValue) << 16 | Int(sense.code)
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

/// `count` sectors, each filled with `byte`.
func sectors(_ byte: UInt8, _ count: Int = 1) -> [UInt8] { [UInt8](repeating: byte, count: 512 * count) }

/// Bytes from hexadecimal digits; spaces are for the eye.
func hex(_ text: String) -> [UInt8] {
    let digits = text.filter { !$0.isWhitespace }
    return stride(from: 0, to: digits.count, by: 2).compactMap { offset in
        UInt8(digits.dropFirst(offset).prefix(2), radix: 16)
    }
}
