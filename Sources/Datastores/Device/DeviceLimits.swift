import SCSI

/// What a LUN is and how much one command may ask of it, learned when it is first used.
struct DeviceLimits: Sendable {
    static let sectorBytes = 512

    var capacityBytes: UInt64 = 0
    /// Largest READ or WRITE, in sectors.
    var transferSectors = 16384
    /// 0: no COMPARE AND WRITE.
    var compareAndWriteSectors = 0
    /// Largest WRITE SAME, in sectors.
    var writeSameSectors: UInt64 = 0x80_0000
    var supportsUnmap = false
    var unmapSectors: UInt64 = 0
    var unmapDescriptors = 0
    var copy: CopyLimits?
}

/// What EXTENDED COPY can do on a LUN. Source: SPC-4 §6.20.4 (RECEIVE COPY RESULTS, operating parameters).
struct CopyLimits: Sendable {
    var device: CopyDevice
    var segments: Int
    var segmentBytes: UInt64
    var listBytes: Int
    /// Whether segment descriptors of type 0Ah (lengths in bytes) are known.
    var takesByteLengths: Bool

    /// - Parameter reply: of RECEIVE COPY RESULTS; `nil` when it is cut off or offers nothing usable.
    init?(device: CopyDevice, reply: [UInt8]) {
        guard reply.count >= 44 else { return nil }
        let codes = reply.dropFirst(44).prefix(Int(reply[43]))
        takesByteLengths = codes.contains(0x0A)
        guard codes.contains(0xE4), takesByteLengths || codes.contains(0x02) else { return nil }
        self.device = device
        let number = { (at: Int, width: Int) in reply[at..<at + width].reduce(0) { $0 << 8 | UInt64($1) } }
        segments = Int(number(10, 2))
        listBytes = Int(number(12, 4))
        let limit = takesByteLengths ? UInt64(UInt32.max) : 65535 * 512
        let announced = number(16, 4)
        segmentBytes = min(announced == 0 ? limit : announced, limit)
        guard number(8, 2) >= 2, segments > 0, listBytes >= 16 + 64 + 32, segmentBytes >= 1 << 20 else { return nil }
        // Whole 2 MiB units, so that every segment but the last keeps the alignment of the first.
        if segmentBytes > 2 << 20 { segmentBytes &= ~((2 << 20) - 1) }
        segments = min(segments, (listBytes - 16 - 64) / 32)
    }
}

extension DeviceLimits {
    /// Asks the LUN. Pages it does not have leave the careful defaults.
    static func discover(_ port: Port) throws(VolumeError) -> DeviceLimits {
        var limits = DeviceLimits()
        guard let capacity = Capacity(try port.fetch(.readCapacity16, count: 32)) else {
            throw .unsuitableDevice("READ CAPACITY(16) gave no capacity")
        }
        guard capacity.blockBytes == UInt32(sectorBytes) else {
            throw .unsuitableDevice("its logical blocks have \(capacity.blockBytes) bytes, not \(sectorBytes)")
        }
        limits.capacityBytes = capacity.sizeBytes
        if let page = BlockLimits(port.page(VitalProductData.blockLimits)) { limits.apply(page) }
        let provisioning = LogicalBlockProvisioning(port.page(VitalProductData.logicalBlockProvisioning))
        limits.supportsUnmap =
            provisioning?.supportsUnmap == true && limits.unmapDescriptors > 0 && limits.unmapSectors > 0
        let standard = try port.fetch(.inquiry(), count: 255)
        let offersCopy = standard.count > 5 && standard[5] & 0x08 != 0
        if offersCopy, let name = DeviceIdentification(port.page(VitalProductData.deviceIdentification))?.name {
            let reply = port.fetchIfOffered(.receiveCopyOperatingParameters(allocationLength: 255), count: 255)
            limits.copy = CopyLimits(device: CopyDevice(name), reply: reply)
        }
        return limits
    }

    private mutating func apply(_ page: BlockLimits) {
        if page.maximumTransferBlocks > 0 { transferSectors = min(transferSectors, Int(page.maximumTransferBlocks)) }
        compareAndWriteSectors = Int(page.maximumCompareAndWriteBlocks)
        if page.maximumWriteSameBlocks > 0 { writeSameSectors = min(writeSameSectors, page.maximumWriteSameBlocks) }
        unmapSectors = UInt64(page.maximumUnmapBlocks)
        unmapDescriptors = min(Int(page.maximumUnmapDescriptors), 256)
    }
}
