import StorageArray

// READ CAPACITY, REPORT LUNS, MODE SENSE, REQUEST SENSE. Source: SBC-3 §5.18 and §5.19, SPC-4 §6.35, §6.13, §6.41.

extension ArrayTarget {
    func readCapacity10(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        var answer = [UInt8].zeros(8)
        answer.put(UInt32(exactly: unit.blocks - 1) ?? UInt32.max, at: 0)
        answer.put(UInt32(Self.blockBytes), at: 4)
        command.answer(answer, allocationLength: 8)
    }

    /// ```
    /// 0 last LBA (8)   8 block length (4)   13 LBPPBE b3-0   14 LBPME b7, LBPRZ b6
    /// ```
    func readCapacity16(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        var answer = [UInt8].zeros(32)
        answer.put(unit.blocks - 1, at: 0)
        answer.put(UInt32(Self.blockBytes), at: 8)
        answer[13] = unit.information?.physicalBlockExponent ?? 0
        answer[14] = 0xC0
        command.answer(answer, allocationLength: Int(clamping: command.cdb.bigEndian32(at: 10)))
    }

    /// Lists what the initiator may see; LUN numbers below 256 in peripheral, others in flat addressing (SAM-5 §4.7).
    func reportLUNs(_ command: inout Command) throws(Sense) {
        let allocation = Int(clamping: command.cdb.bigEndian32(at: 6))
        guard allocation >= 16, command.cdb[2] <= 2 else { throw .invalidFieldInCDB }
        // 01h asks for well known logical units, of which there is none.
        let luns = command.cdb[2] == 1 ? [] : visibleLUNs(to: command.nexus.initiator)
        var answer = [UInt8].zeros(8 + 8 * luns.count)
        answer.put(UInt32(8 * luns.count), at: 0)
        for (index, lun) in luns.enumerated() { answer.put(lun < 256 ? lun : 0x4000 | lun, at: 8 + 8 * index) }
        command.path.clear(.reportedLUNsChanged)
        command.answer(answer, allocationLength: allocation)
    }

    /// Gives the unit attention that waits, if one does, and takes it as told. Source: SPC-4 §6.41.
    func requestSense(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        answerSense(&command, command.path.takeAttention()?.sense ?? Sense(.noSense, 0))
    }

    func answerSense(_ command: inout Command, _ sense: Sense) {
        let wantsDescriptors = command.cdb[1] & 0x01 != 0
        command.answer(sense.encoded(descriptorFormat: wantsDescriptors), allocationLength: Int(command.cdb[4]))
    }

    // MARK: Mode pages

    func modeSense(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let isLong = command.cdb[0] == OperationCode.modeSense10.rawValue
        let (control, page, subpage) = (command.cdb[2] >> 6, command.cdb[2] & 0x3F, command.cdb[3])
        // Saved values are not kept: SAVING PARAMETERS NOT SUPPORTED.
        if control == 3 { throw Sense(.illegalRequest, 0x3900) }
        guard subpage == 0 || subpage == 0xFF else { throw .invalidFieldInCDB }
        let pages = Self.modePages.filter { page == 0x3F || $0[0] == page }
        guard !pages.isEmpty else { throw .invalidFieldInCDB }
        let descriptor = command.cdb[1] & 0x08 != 0 ? [] : blockDescriptor(unit)
        let body = descriptor + pages.flatMap { control == 1 ? Self.changeable($0) : $0 }
        // WP, and DPO and FUA are accepted.
        let deviceSpecific: UInt8 = (unit.currentFlags.contains(.writeProtected) ? 0x80 : 0) | 0x10
        guard isLong else {
            let header = [UInt8(clamping: body.count + 3), 0, deviceSpecific, UInt8(descriptor.count)]
            return command.answer(header + body, allocationLength: Int(command.cdb[4]))
        }
        var header = [UInt8].zeros(8)
        header.put(UInt16(body.count + 6), at: 0)
        header[3] = deviceSpecific
        header.put(UInt16(descriptor.count), at: 6)
        command.answer(header + body, allocationLength: Int(command.cdb.bigEndian16(at: 7)))
    }

    /// Caching (write cache off), control (commands may be reordered), informational exceptions.
    private static let modePages: [[UInt8]] = [
        [0x08, 0x12] + [UInt8].zeros(18),
        [0x0A, 0x0A, 0x00, 0x10] + [UInt8].zeros(8),
        [0x1C, 0x0A] + [UInt8].zeros(10),
    ]

    /// The page's mask of changeable bits: none.
    private static func changeable(_ page: [UInt8]) -> [UInt8] { page.prefix(2) + [UInt8].zeros(page.count - 2) }

    private func blockDescriptor(_ unit: LogicalUnit) -> [UInt8] {
        var descriptor = [UInt8].zeros(8)
        descriptor.put(UInt32(exactly: unit.blocks) ?? UInt32.max, at: 0)
        descriptor.put(UInt32(Self.blockBytes), at: 4)
        return descriptor
    }
}
