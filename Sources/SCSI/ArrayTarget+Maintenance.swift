// REPORT SUPPORTED OPERATION CODES and REPORT SUPPORTED TASK MANAGEMENT FUNCTIONS. Source: SPC-4 §6.35 and §6.36.

extension ArrayTarget {
    /// ```
    /// CDB: 2 RCTD b7, REPORTING OPTIONS b2-0   3 OPERATION CODE   4 SERVICE ACTION (2)   6 ALLOCATION LENGTH (4)
    /// ```
    func reportOperationCodes(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let cdb = command.cdb
        let wantsTimeouts = cdb[2] & 0x80 != 0
        let answer: [UInt8]
        switch cdb[2] & 0x07 {
        case 0: answer = Self.allCommands(withTimeouts: wantsTimeouts)
        case 1, 2, 3: answer = try Self.oneCommand(cdb, withTimeouts: wantsTimeouts)
        default: throw .invalidField(byte: 2, bit: 2)
        }
        command.answer(answer, allocationLength: Int(cdb.bigEndian32(at: 6)))
    }

    /// ```
    /// 0 COMMAND DATA LENGTH (4), then each: 0 OPERATION CODE  2 SERVICE ACTION (2)  5 CTDP b1, SERVACTV b0
    ///                                       6 CDB LENGTH (2)  8 timeouts descriptor if asked (12)
    /// ```
    private static func allCommands(withTimeouts: Bool) -> [UInt8] {
        var list: [UInt8] = []
        for row in CommandTable.rows {
            var descriptor = [UInt8].zeros(8)
            descriptor[0] = row.code.rawValue
            descriptor.put(UInt16(row.serviceAction ?? 0), at: 2)
            descriptor[5] = (withTimeouts ? 0x02 : 0) | (row.serviceAction != nil ? 0x01 : 0)
            descriptor.put(UInt16(row.usage.count), at: 6)
            list += descriptor + (withTimeouts ? noTimeouts : [])
        }
        var length: [UInt8] = []
        length.append(bigEndian: UInt32(list.count))
        return length + list
    }

    /// ```
    /// 1 CTDP b7, SUPPORT b2-0 (1: not supported, 3: as a standard says)   2 CDB SIZE (2)   4 CDB USAGE DATA
    /// ```
    private static func oneCommand(_ cdb: CDB, withTimeouts: Bool) throws(Sense) -> [UInt8] {
        let rows = CommandTable.rows(of: cdb[3])
        let hasActions = rows.contains { $0.serviceAction != nil }
        switch cdb[2] & 0x07 {
        case 1 where hasActions: throw .invalidField(byte: 2, bit: 2)
        case 2 where !rows.isEmpty && !hasActions: throw .invalidField(byte: 2, bit: 2)
        default: break
        }
        let action = cdb.bigEndian16(at: 4)
        let row = rows.first { hasActions ? $0.serviceAction.map(UInt16.init) == action : true }
        guard let row else { return [0x00, 0x01, 0x00, 0x00] }
        var answer: [UInt8] = [0x00, 0x03 | (withTimeouts ? 0x80 : 0)]
        answer.append(bigEndian: UInt16(row.usage.count))
        return answer + row.usage + (withTimeouts ? noTimeouts : [])
    }

    /// A command timeouts descriptor that names no time.
    private static let noTimeouts: [UInt8] = [0x00, 0x0A] + [UInt8].zeros(10)

    /// ```
    /// 0 ATS b7, ATSS b6, CTSS b4, LURS b3, TRS b1   1 ITNRS b0   3 REPORT LENGTH (with REPD)
    /// ```
    /// ABORT TASK, ABORT TASK SET, CLEAR TASK SET, LOGICAL UNIT RESET, TARGET RESET.
    func reportTaskManagement(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let isExtended = command.cdb[2] & 0x80 != 0
        let answer: [UInt8] = isExtended ? [0xDA, 0, 0, 0x0C] + [UInt8].zeros(12) : [0xDA, 0, 0, 0]
        command.answer(answer, allocationLength: Int(command.cdb.bigEndian32(at: 6)))
    }
}
