// START STOP UNIT, PREVENT ALLOW MEDIUM REMOVAL, READ DEFECT DATA. Source: SBC-3 §5.14, §5.21 and §5.26; SPC-4 §6.34.

extension ArrayTarget {
    /// ```
    /// 4 POWER CONDITION b7-4   NO_FLUSH b2   LOEJ b1   START b0
    /// ```
    /// Power conditions and stopping change nothing here: there is nothing that spins. LOEJ ejects and loads.
    func startStop(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let flags = command.cdb[4]
        guard flags & 0xF0 == 0, flags & 0x02 != 0 else { return }
        let loads = flags & 0x01 != 0
        let wasEjected = try unit.change { state throws(Sense) in
            guard state.options.isRemovable else { throw .invalidField(byte: 4, bit: 1) }
            // Prevention keeps the medium where it is, inside or outside, as the conformance suite has it.
            let staysIn = loads && !state.isEjected
            guard staysIn || state.preventers.isEmpty else { throw .mediumRemovalPrevented }
            defer { state.isEjected = !loads }
            return state.isEjected
        }
        if loads, wasEjected { tell(unit, .mediumMayHaveChanged, except: command.nexus) }
    }

    /// Every initiator prevents for itself; the medium may go when nobody does.
    func preventAllow(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let nexus = command.nexus
        let prevents = command.cdb[4] & 0x01 != 0
        guard command.cdb[4] & 0x02 == 0 else { throw .invalidField(byte: 4, bit: 1) }
        unit.change { state in
            if prevents { state.preventers.insert(nexus) } else { state.preventers.remove(nexus) }
        }
    }

    /// The lists are empty, in whatever format: a block that fails is found by its checksum and not replaced by another.
    ///
    /// ```
    /// 1 PLISTV b4, GLISTV b3, DEFECT LIST FORMAT b2-0   2 DEFECT LIST LENGTH (2)
    /// ```
    func readDefectData10(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        command.answer(
            [0x00, command.cdb[2] & 0x1F, 0x00, 0x00], allocationLength: Int(command.cdb.bigEndian16(at: 7)))
    }

    /// ```
    /// 1 PLISTV b4, GLISTV b3, DEFECT LIST FORMAT b2-0   2 GENERATION CODE (2)   4 DEFECT LIST LENGTH (4)
    /// ```
    func readDefectData12(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        command.answer(
            [0x00, command.cdb[1] & 0x1F, 0, 0, 0, 0, 0, 0], allocationLength: Int(command.cdb.bigEndian32(at: 6)))
    }
}
