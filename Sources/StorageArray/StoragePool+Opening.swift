import Platform

/// What a new pool is made with.
public struct PoolOptions: Sendable {
    /// What the device may grow to; rounded down to 4096. At most 16 TiB.
    public var maximumBytes: UInt64
    /// Size of the journal, at least 512 KiB. Half of it filled starts a checkpoint.
    public var journalBytes: Int

    public init(maximumBytes: UInt64 = 1 << 40, journalBytes: Int = 64 << 20) {
        self.maximumBytes = maximumBytes
        self.journalBytes = journalBytes
    }
}

extension StoragePool {
    private static let minimumJournalPages = 128
    private static let minimumMemoryPages = 1
    public static let defaultMapMemoryBytes = 512 << 20

    /// Makes an empty pool on a device; whatever it holds is lost. Use `open` afterwards.
    ///
    /// - Throws: `.tooLarge` if the pool does not fit its limits or its device, `.device`.
    public static func format(
        _ device: any BlockDevice, options: PoolOptions = PoolOptions(), randomness: any Randomness
    ) throws(ArrayError) {
        let unit = UInt64(Layout.blockBytes)
        let limit = options.maximumBytes / unit
        let journalPages = max(options.journalBytes / Layout.blockBytes, minimumJournalPages)
        guard limit < UInt64(UInt32.max), UInt64(Layout.superblockPages + journalPages) * 2 <= limit else {
            throw .tooLarge
        }
        let geometry = Geometry(limit: Int(limit), journalPages: journalPages)
        guard geometry.dataStart + 128 <= geometry.limit else { throw .tooLarge }
        var identity: (UInt64, UInt64) = (0, 0)
        withUnsafeMutableBytes(of: &identity) { randomness.fill($0) }
        var superblock = Superblock(
            identity: PoolIdentity(high: identity.0, low: identity.1), generation: 0, epoch: 1, limit: UInt32(limit),
            journalStart: UInt32(Layout.superblockPages), journalPages: UInt32(journalPages), nextLUN: 1,
            catalogue: .unmapped, nextGroup: 1, journalPage: 0,
            countRoots: Checksum.of([UInt8](repeating: 0, count: geometry.rootPages * Layout.blockBytes)))
        do throws(DeviceError) {
            try device.grow(to: UInt64(geometry.dataStart) * unit)
            // Also the roots of the counts, which say that nothing is used.
            try overwriteWithZeros(device, upTo: UInt64(geometry.indexStart) * unit)
            try device.flush()
            try superblock.write(to: device)
            superblock.generation = 1
            try superblock.write(to: device)
            try device.flush()
        } catch {
            throw ArrayError(error)
        }
    }

    /// Real zeros rather than a hole: a flush of a group is faster when its pages have been written before.
    private static func overwriteWithZeros(_ device: any BlockDevice, upTo end: UInt64) throws(DeviceError) {
        let zeros = [UInt8](repeating: 0, count: 1 << 20)
        var offset: UInt64 = 0
        while offset < end {
            let count = Int(min(UInt64(zeros.count), end - offset))
            try device.write(count == zeros.count ? zeros : Array(zeros[..<count]), at: offset)
            offset += UInt64(count)
        }
    }

    /// Opens a pool: loads its last checkpoint, replays the journal, and writes a new checkpoint.
    ///
    /// - Parameter mapMemoryBytes: how much of the maps and reference counts to keep in memory; what was not used lately is
    ///   read again when it is needed. Changes not yet in a checkpoint are kept in any case.
    /// - Throws: `.notAPool`, `.unsupportedVersion`, `.damaged` if anything of what has to be known from the start does not hold together
    ///   (nothing is changed then), `.device`.
    public static func open(
        _ device: any BlockDevice, maintenance: Maintenance = .inline, mapMemoryBytes: Int = defaultMapMemoryBytes,
        clock: any Clock = SystemClock()
    ) throws(ArrayError) -> StoragePool {
        let memoryPages = max(mapMemoryBytes / Layout.blockBytes, minimumMemoryPages)
        let pool = StoragePool(
            device: device, recovered: try Recovery.run(device, memoryPages: memoryPages), maintenance: maintenance,
            memoryPages: memoryPages, clock: clock)
        try pool.checkpoint()
        try pool.startCommitting()
        switch maintenance {
        case .inline: break
        case .background: try pool.startMaintenance()
        }
        return pool
    }
}
