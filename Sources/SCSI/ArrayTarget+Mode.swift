import StorageArray

// MODE SENSE and MODE SELECT. Source: SPC-4 §6.11 to §6.14 and §7.5.

extension ArrayTarget {
    private func modePages(_ unit: LogicalUnit) throws(Sense) -> [ModePage] {
        ModePage.all(unit.look { $0.mode }, threshold: try softThreshold(unit))
    }

    /// ```
    /// 6:  0 MODE DATA LENGTH  1 MEDIUM TYPE  2 WP b7, DPOFUA b4  3 BLOCK DESCRIPTOR LENGTH
    /// 10: 0 MODE DATA LENGTH (2)  2 MEDIUM TYPE  3 WP, DPOFUA  4 LONGLBA b0  6 BLOCK DESCRIPTOR LENGTH (2)
    /// ```
    func modeSense(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let cdb = command.cdb
        let isLong = cdb[0] == OperationCode.modeSense10.rawValue
        let (control, code, subpage) = (cdb[2] >> 6, cdb[2] & 0x3F, cdb[3])
        // Saved values are not kept.
        if control == 3 { throw .savingNotSupported }
        let pages = try Self.select(try modePages(unit), code, subpage)
        let defaults = ModePage.all(ModeParameters(), threshold: try softThreshold(unit))
        let body = pages.flatMap { page in
            switch control {
            case 1: return page.changeable
            case 2: return defaults.first { $0.code == page.code && $0.subpage == page.subpage }?.current ?? page.current
            default: return page.current
            }
        }
        let hasLongAddresses = isLong && cdb[1] & 0x10 != 0
        let descriptor = cdb[1] & 0x08 != 0 ? [] : Self.blockDescriptor(unit, isLong: hasLongAddresses)
        let isProtected = !unit.currentFlags.isDisjoint(with: [.writeProtected, .softwareWriteProtected])
        let device: UInt8 = (isProtected ? 0x80 : 0) | 0x10
        guard isLong else {
            let count = descriptor.count + body.count
            let header = [UInt8(clamping: count + 3), 0, device, UInt8(descriptor.count)]
            return command.answer(header + descriptor + body, allocationLength: Int(cdb[4]))
        }
        var header = [UInt8].zeros(8)
        header.put(UInt16(descriptor.count + body.count + 6), at: 0)
        header[3] = device
        header[4] = hasLongAddresses && !descriptor.isEmpty ? 1 : 0
        header.put(UInt16(descriptor.count), at: 6)
        command.answer(header + descriptor + body, allocationLength: Int(cdb.bigEndian16(at: 7)))
    }

    /// Page 3Fh is all pages, subpage FFh all subpages.
    private static func select(_ pages: [ModePage], _ code: UInt8, _ subpage: UInt8) throws(Sense) -> [ModePage] {
        if code == 0x3F, subpage != 0, subpage != 0xFF { throw .invalidField(byte: 3) }
        let chosen = pages.filter { page in
            (code == 0x3F || page.code == code) && (subpage == 0xFF || page.subpage == subpage)
        }
        guard !chosen.isEmpty else {
            throw pages.contains { $0.code == code } ? .invalidField(byte: 3) : .invalidField(byte: 2, bit: 5)
        }
        return chosen
    }

    /// Number of blocks and block length, short (8 bytes) or long (16). Source: SBC-3 §6.4.2.
    private static func blockDescriptor(_ unit: LogicalUnit, isLong: Bool) -> [UInt8] {
        var descriptor = [UInt8].zeros(isLong ? 16 : 8)
        if isLong { descriptor.put(unit.blocks, at: 0) } else {
            descriptor.put(UInt32(exactly: unit.blocks) ?? UInt32.max, at: 0)
        }
        descriptor.put(UInt32(blockBytes), at: isLong ? 12 : 4)
        return descriptor
    }

    // MARK: MODE SELECT

    func modeSelect(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let cdb = command.cdb
        guard cdb[1] & 0x10 != 0 else { throw .invalidField(byte: 1, bit: 4) }
        guard cdb[1] & 0x01 == 0 else { throw .invalidField(byte: 1, bit: 0) }
        let isLong = cdb[0] == OperationCode.modeSelect10.rawValue
        let list = command.dataOut.slice(0, isLong ? Int(cdb.bigEndian16(at: 7)) : Int(cdb[4]))
        if list.isEmpty { return }
        let headerBytes = isLong ? 8 : 4
        guard list.count >= headerBytes else { throw .parameterListLength }
        let descriptorBytes = isLong ? Int(list.bigEndian16(at: 6)) : Int(list[3])
        let hasLongAddresses = isLong && list[4] & 0x01 != 0
        guard list.count >= headerBytes + descriptorBytes else { throw .parameterListLength }
        try Self.checkDescriptor(list.slice(headerBytes, descriptorBytes), at: headerBytes, isLong: hasLongAddresses, unit)
        let start = headerBytes + descriptorBytes
        let threshold = try softThreshold(unit)
        let isChanged = try unit.change { state throws(Sense) in
            let old = state.mode
            try Self.selectPages(list, from: start, &state.mode, threshold: threshold)
            return state.mode != old
        }
        if isChanged { tell(unit, .modeParametersChanged, except: command.nexus) }
    }

    /// A block descriptor may only say what is so; 0 and the largest number of blocks say nothing.
    private static func checkDescriptor(
        _ descriptor: UnsafeRawBufferPointer, at offset: Int, isLong: Bool, _ unit: LogicalUnit
    ) throws(Sense) {
        if descriptor.isEmpty { return }
        guard descriptor.count == (isLong ? 16 : 8) else {
            throw .invalidParameter(byte: UInt16(clamping: offset == 8 ? 6 : 3))
        }
        let blocks = isLong ? descriptor.bigEndian64(at: 0) : UInt64(descriptor.bigEndian32(at: 0))
        let most = isLong ? UInt64.max : UInt64(UInt32.max)
        guard blocks == 0 || blocks == most || blocks == unit.blocks else {
            throw .invalidParameter(byte: UInt16(clamping: offset))
        }
        let length = isLong ? descriptor.bigEndian32(at: 12) : descriptor.bigEndian32(at: 4) & 0xFF_FFFF
        guard length == UInt32(blockBytes) else { throw .invalidParameter(byte: UInt16(clamping: offset + (isLong ? 12 : 5))) }
    }

    /// Applies the pages of a list in order; the first that is wrong leaves everything as it was.
    private static func selectPages(
        _ list: UnsafeRawBufferPointer, from start: Int, _ mode: inout ModeParameters, threshold: UInt32?
    ) throws(Sense) {
        var offset = start
        while offset < list.count {
            guard offset + 2 <= list.count else { throw .parameterListLength }
            let code = list[offset] & 0x3F
            let subpage = list[offset] & 0x40 != 0 ? list[offset + 1] : 0
            let pages = ModePage.all(mode, threshold: threshold)
            guard let page = pages.first(where: { $0.code == code && $0.subpage == subpage }) else {
                throw .invalidParameter(byte: UInt16(clamping: offset), bit: 5)
            }
            guard offset + page.headerBytes <= list.count else { throw .parameterListLength }
            let length = page.headerBytes == 2 ? Int(list[offset + 1]) : Int(list.bigEndian16(at: offset + 2))
            guard page.headerBytes + length == page.current.count else {
                throw .invalidParameter(byte: UInt16(clamping: offset + page.headerBytes / 2))
            }
            guard offset + page.current.count <= list.count else { throw .parameterListLength }
            try mode.select(page, list.slice(offset, page.current.count), at: offset)
            offset += page.current.count
        }
    }

    /// The LUN's own soft threshold, else the pool's, in units of the threshold exponent.
    private func softThreshold(_ unit: LogicalUnit) throws(Sense) -> UInt32? {
        let usedBytes = try sensing { () throws(ArrayError) in
            if let own = try pool.softThreshold(unit.identifier) { return UInt64?.some(own) }
            return try pool.softThreshold(nil)
        }
        let unitBytes = UInt64(Self.blockBytes) << UInt64(Self.thresholdExponent)
        return usedBytes.map { UInt32(clamping: $0 / unitBytes) }
    }
}
