// What the pool keeps for others about each LUN lies on a LUN of its own that nobody sees: it is as safe as data then,
// and neither a clone nor a snapshot has it.

extension LUNIdentifier {
    /// The hidden LUN with the attributes of all others, 32 KiB for each, by identifier. Made when first needed.
    static let attributes = LUNIdentifier(.max)
    /// So that the attributes of every LUN have their place.
    static let maximum = UInt32.max >> 1
}

extension PoolState {
    /// - Throws: `.noSuchLUN` also for the one with the attributes.
    func visibleLUN(_ identifier: LUNIdentifier) throws(ArrayError) -> LUN {
        guard identifier != .attributes else { throw .noSuchLUN }
        return try lun(identifier)
    }
}

/// ```
/// 0 bytes of reservations u32   4 reservations   padded with zeros to whole blocks; no block at all if there are none
/// ```
private enum AttributeLayout {
    static let slotBytes: UInt64 = 32 << 10
    static let headerBytes = 4

    static func slot(_ identifier: LUNIdentifier) -> UInt64 { UInt64(identifier.rawValue) * slotBytes }
    static func blocks(_ identifier: LUNIdentifier) -> Range<UInt64> {
        Extent.blocks(slot(identifier), slotBytes)
    }
}

extension StoragePool {
    public static let maximumReservationBytes = 16 << 10

    /// Keeps the persistent reservations of a LUN, in whatever form the caller has them. Durable when it returns.
    ///
    /// - Parameter bytes: at most 16 KiB; empty when there are none.
    /// - Throws: `.noSuchLUN`, `.tooLarge`, `.outOfSpace` when not even the space kept for this is left, `.stopped`.
    public func setReservations(_ identifier: LUNIdentifier, _ bytes: [UInt8]) throws(ArrayError) {
        guard bytes.count <= Self.maximumReservationBytes else { throw .tooLarge }
        try finish(try replaceAttributes(identifier, with: bytes))
    }

    /// What `setReservations` was last given; empty for a new LUN, a clone or a snapshot.
    public func reservations(_ identifier: LUNIdentifier) throws(ArrayError) -> [UInt8] {
        let ticket = locks.acquire(
            .init(lun: LUNIdentifier.attributes.rawValue, blocks: AttributeLayout.blocks(identifier), isShared: true))
        let found: (bytes: [UInt8], group: UInt64)
        do {
            defer { locks.release(ticket) }
            found = try readAttributes(identifier)
        }
        try waitUntilDurable(found.group)
        return found.bytes
    }

    private func readAttributes(_ identifier: LUNIdentifier) throws(ArrayError) -> ([UInt8], UInt64) {
        let hasAttributes = try withGate { () throws(ArrayError) in
            _ = try state.visibleLUN(identifier)
            return state.luns[.attributes] != nil
        }
        guard hasAttributes else { return ([], 0) }
        var bytes = [UInt8](repeating: 0, count: Int(AttributeLayout.slotBytes))
        let extent = try Extent(AttributeLayout.slot(identifier), bytes.count)
        let result: Result<UInt64, ArrayError> = bytes.withUnsafeMutableBytes { buffer in
            do throws(ArrayError) {
                return .success(try readHeld(.attributes, extent, into: buffer, for: nil))
            } catch { return .failure(error) }
        }
        let group = try result.get()
        let count = bytes.withUnsafeBytes { $0.baseAddress.map { Int($0.little(UInt32.self, at: 0)) } ?? 0 }
        guard count <= Self.maximumReservationBytes else { throw .damaged("attributes of \(identifier)") }
        return (Array(bytes[AttributeLayout.headerBytes..<AttributeLayout.headerBytes + count]), group)
    }

    private func replaceAttributes(_ identifier: LUNIdentifier, with bytes: [UInt8]) throws(ArrayError) -> UInt64 {
        let blocks = AttributeLayout.blocks(identifier)
        let ticket = locks.acquire(
            .init(lun: LUNIdentifier.attributes.rawValue, blocks: blocks, isShared: false), .existence(identifier))
        defer { locks.release(ticket) }
        try withGate { () throws(ArrayError) in
            _ = try state.visibleLUN(identifier)
            try makeAttributesIfMissing()
        }
        var edges: [EdgeWrite] = []
        if !bytes.isEmpty {
            let used = AttributeLayout.headerBytes + bytes.count
            let padded = (used + Layout.blockBytes - 1) / Layout.blockBytes * Layout.blockBytes
            var content = [UInt8](repeating: 0, count: padded)
            content.withUnsafeMutableBytes { $0.baseAddress?.putLittle(UInt32(bytes.count), at: 0) }
            content.replaceSubrange(AttributeLayout.headerBytes..<used, with: bytes)
            let extent = try Extent(AttributeLayout.slot(identifier), padded)
            let pointers = try stage(.attributes, extent, copying: content, isUrgent: true)
            edges.append(EdgeWrite(block: blocks.lowerBound, pointers: pointers))
        }
        return try commit(
            .unmap(.attributes, block: blocks.lowerBound, count: UInt64(blocks.count)), edges, to: .attributes, blocks,
            Demand(pages: 16, isUrgent: true)
        ) { _ in }
    }

    /// With the gate held; it may have been free meanwhile.
    func makeAttributesIfMissing() throws(ArrayError) {
        guard state.luns[.attributes] == nil else { return }
        try prepare(Demand(pages: 2, recordBytes: 16 + LUNRecord.byteCount, isUrgent: true))
        // The gate was free meanwhile.
        guard state.luns[.attributes] == nil else { return }
        try record(
            .create(
                LUNRecord(
                    identifier: .attributes, name: "", worldWideName: WorldWideName(high: 0, low: 0),
                    sizeBlocks: Layout.maximumLUNBytes / UInt64(Layout.blockBytes), isReadOnly: false,
                    physicalBlockExponent: 0)))
    }

    /// With the gate held, in the group that deletes the LUN: its attributes go, too.
    func recordAttributesDeleted(_ identifier: LUNIdentifier) throws(ArrayError) {
        guard let attributes = state.luns[.attributes] else { return }
        let blocks = AttributeLayout.blocks(identifier)
        try record(.unmap(.attributes, block: blocks.lowerBound, count: UInt64(blocks.count)))
        note(attributes, blocks)
    }

    func withGate<Value>(_ body: () throws(ArrayError) -> Value) throws(ArrayError) -> Value {
        gate.lock()
        defer { gate.unlock() }
        return try body()
    }
}
