import StorageArray

// READ CAPACITY, REPORT LUNS, REQUEST SENSE. Source: SBC-3 §5.18 and §5.19, SPC-4 §6.33 and §6.41.

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
        guard allocation >= 16 else { throw .invalidField(byte: 6) }
        guard command.cdb[2] <= 2 else { throw .invalidField(byte: 2) }
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
        answerSense(&command, command.path.takeAttention()?.sense ?? unit.condition)
    }

    func answerSense(_ command: inout Command, _ sense: Sense) {
        let wantsDescriptors = command.cdb[1] & 0x01 != 0
        command.answer(sense.encoded(descriptorFormat: wantsDescriptors), allocationLength: Int(command.cdb[4]))
    }
}
