import Platform

/// Where a pool's latest checkpoint is, and what the pool is.
///
/// The first four pages of the device hold two superblocks, each twice: A B A B. Generation g goes to both copies of
/// A (even) or B (odd), so that the generation before it stays as it was. A superblock fits one sector, which a loss of
/// power leaves old or new: a pair without a valid copy is therefore damage and never the trace of a crash.
/// ```
///   0 magic u64    8 version u32   12 incompatible features u32   16 identity, two u64   32 generation u64
///  40 epoch u64   48 limit u32 (blocks)   52 journal start u32   56 journal pages u32   60 next LUN u32
///  64 catalogue root pointer u64   72 next group u64   80 journal page u32   84 CRC32C of the counts' roots u32
/// 508 CRC32C of bytes 0 to 507
/// ```
struct Superblock: Equatable {
    static let magic: UInt64 = 0x6C6F_6F70_4456_0A1A
    static let version: UInt32 = 2

    var identity: PoolIdentity
    var generation: UInt64
    /// Counted up at every opening; a journal group of another epoch is a leftover.
    var epoch: UInt64
    /// Blocks that the pool may grow to.
    var limit: UInt32
    var journalStart: UInt32
    var journalPages: UInt32
    var nextLUN: UInt32
    /// Names the catalogue's first list page; unmapped in a pool just formatted.
    var catalogue: BlockPointer
    /// First group that the checkpoint does not contain, and the journal page where it would be.
    var nextGroup: UInt64
    var journalPage: UInt32
    /// Proves the roots of the reference counts, which lie at a place that the generation tells.
    var countRoots: UInt32

    var geometry: Geometry { Geometry(limit: Int(limit), journalPages: Int(journalPages)) }

    func encoded() -> [UInt8] {
        var sector = [UInt8](repeating: 0, count: Layout.sectorBytes)
        sector.withUnsafeMutableBytes { buffer in
            guard let bytes = buffer.baseAddress else { return }
            bytes.putLittle(Self.magic, at: 0)
            bytes.putLittle(Self.version, at: 8)
            bytes.putLittle(identity.high, at: 16)
            bytes.putLittle(identity.low, at: 24)
            bytes.putLittle(generation, at: 32)
            bytes.putLittle(epoch, at: 40)
            bytes.putLittle(limit, at: 48)
            bytes.putLittle(journalStart, at: 52)
            bytes.putLittle(journalPages, at: 56)
            bytes.putLittle(nextLUN, at: 60)
            bytes.putLittle(catalogue.rawValue, at: 64)
            bytes.putLittle(nextGroup, at: 72)
            bytes.putLittle(journalPage, at: 80)
            bytes.putLittle(countRoots, at: 84)
            bytes.putLittle(Checksum.of(bytes, count: 508), at: 508)
        }
        return sector
    }

    /// - Returns: `nil` if the sector is no superblock.
    /// - Throws: `.unsupportedVersion` if it is one of another format.
    static func decode(_ bytes: UnsafeRawPointer) throws(ArrayError) -> Superblock? {
        guard bytes.little(UInt64.self, at: 0) == magic,
            bytes.little(UInt32.self, at: 508) == Checksum.of(bytes, count: 508)
        else { return nil }
        guard bytes.little(UInt32.self, at: 8) == version, bytes.little(UInt32.self, at: 12) == 0 else {
            throw .unsupportedVersion
        }
        return Superblock(
            identity: PoolIdentity(high: bytes.little(UInt64.self, at: 16), low: bytes.little(UInt64.self, at: 24)),
            generation: bytes.little(UInt64.self, at: 32), epoch: bytes.little(UInt64.self, at: 40),
            limit: bytes.little(UInt32.self, at: 48), journalStart: bytes.little(UInt32.self, at: 52),
            journalPages: bytes.little(UInt32.self, at: 56), nextLUN: bytes.little(UInt32.self, at: 60),
            catalogue: BlockPointer(rawValue: bytes.little(UInt64.self, at: 64)),
            nextGroup: bytes.little(UInt64.self, at: 72), journalPage: bytes.little(UInt32.self, at: 80),
            countRoots: bytes.little(UInt32.self, at: 84))
    }

    /// Writes both copies; not durable before the next flush.
    func write(to device: any BlockDevice) throws(DeviceError) {
        for copy in [generation & 1, generation & 1 + 2] {
            try device.write(encoded(), at: copy * UInt64(Layout.blockBytes))
        }
    }

    /// The latest superblock of a device.
    ///
    /// - Throws: `.notAPool` if no copy is valid, `.damaged` if one of the two is lost in both its copies.
    static func read(from device: any BlockDevice) throws(ArrayError) -> Superblock {
        guard device.sizeBytes >= UInt64(Layout.superblockPages * Layout.blockBytes) else { throw .notAPool }
        var pairs: [Superblock?] = [nil, nil]
        for copy in 0..<Layout.superblockPages {
            let sector = try device.bytes(at: UInt64(copy * Layout.blockBytes), count: Layout.sectorBytes)
            guard let found = try sector.decodeSuperblock() else { continue }
            if pairs[copy % 2].map({ $0.generation < found.generation }) ?? true { pairs[copy % 2] = found }
        }
        switch (pairs[0], pairs[1]) {
        case (nil, nil): throw .notAPool
        case (let even?, let odd?): return even.generation > odd.generation ? even : odd
        case (nil, _), (_, nil): throw .damaged("superblock")
        }
    }
}

extension [UInt8] {
    fileprivate func decodeSuperblock() throws(ArrayError) -> Superblock? {
        let result: Result<Superblock?, ArrayError> = withUnsafeBytes { buffer in
            guard let start = buffer.baseAddress else { return .success(nil) }
            do throws(ArrayError) { return .success(try Superblock.decode(start)) } catch { return .failure(error) }
        }
        return try result.get()
    }
}

extension BlockDevice {
    func bytes(at offset: UInt64, count: Int) throws(ArrayError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let failure: DeviceError? = bytes.withUnsafeMutableBytes { buffer in
            do throws(DeviceError) { try read(into: buffer, at: offset) } catch { return error }
            return nil
        }
        if let failure { throw ArrayError(failure) }
        return bytes
    }

    func write(_ bytes: [UInt8], at offset: UInt64) throws(DeviceError) {
        let failure: DeviceError? = bytes.withUnsafeBytes { buffer in
            do throws(DeviceError) { try write(buffer, at: offset) } catch { return error }
            return nil
        }
        if let failure { throw failure }
    }
}
