import Glibc
import Platform
import StorageArray

let kibibyte: UInt64 = 1 << 10
let mebibyte: UInt64 = 1 << 20
let gibibyte: UInt64 = 1 << 30

/// A pool with LUNs to measure on, in a directory of its own.
final class Laboratory {
    let path: String
    let pool: StoragePool
    private var nameCount = 0

    /// - Parameter isSparse: zeros are left out of the file, for LUNs that are larger than the disk.
    init(directory: String, capacity: UInt64, isSparse: Bool, journalBytes: Int = 64 << 20) throws {
        path = directory + "/pool"
        let options = PoolOptions(maximumBytes: capacity, journalBytes: journalBytes)
        let device: any BlockDevice =
            isSparse ? try SparseFile(path: path, create: true) : try FileBlockDevice(path: path, create: true)
        try StoragePool.format(device, options: options, randomness: SystemRandomness())
        pool = try StoragePool.open(device, maintenance: .background)
    }

    func makeLUN(_ sizeBytes: UInt64) throws -> LUNIdentifier {
        try pool.createLUN(name: nextName(), sizeBytes: sizeBytes).identifier
    }

    func clone(_ lun: LUNIdentifier) throws -> LUNIdentifier {
        try pool.cloneLUN(lun, name: nextName()).identifier
    }

    private func nextName() -> String {
        nameCount += 1
        return "lun-\(nameCount)"
    }

    /// A LUN whose every block is mapped to one of its own. The blocks hold zeros: for the map that makes no difference.
    func makeMappedLUN(_ sizeBytes: UInt64, random: Bool = false) throws -> LUNIdentifier {
        let lun = try makeLUN(sizeBytes)
        let piece = Memory(Int(min(sizeBytes, 8 * mebibyte)))
        var generator = Generator(seed: 1)
        if random { piece.fill(&generator) }
        var ticket = CommitTicket.now
        for offset in stride(from: 0, to: sizeBytes, by: piece.bytes.count) {
            ticket = try pool.deferredWrite(lun, at: offset, piece.readable)
        }
        try pool.wait(for: ticket)
        return lun
    }

    func delete(_ luns: [LUNIdentifier]) throws {
        for lun in luns { try pool.deleteLUN(lun) }
        settle()
    }

    /// Nothing is due any more: what comes is measured, not what was.
    func settle() { pool.performMaintenance() }
}
