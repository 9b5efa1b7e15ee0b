/// The commands of the array's LUNs, one row each: dispatch, REPORT SUPPORTED OPERATION CODES, reservation conflicts,
/// write protection and data lengths all read it here.
enum CommandTable {
    static let rows: [CommandDescription] = primaryRows + reservationRows + blockRows + provisioningRows

    /// Rows by operation code; of codes with service actions, all their rows.
    private static let byCode: [[CommandDescription]] = {
        var table = [[CommandDescription]](repeating: [], count: 256)
        for row in rows { table[Int(row.code.rawValue)].append(row) }
        return table
    }()

    static func isKnown(_ code: UInt8) -> Bool { !byCode[Int(code)].isEmpty }

    static func rows(of code: UInt8) -> [CommandDescription] { byCode[Int(code)] }

    /// `nil` when the operation code, or the service action of a known one, is not supported.
    static func description(of cdb: CDB) -> CommandDescription? {
        let candidates = byCode[Int(cdb[0])]
        guard candidates.count > 1 || candidates.first?.serviceAction != nil else { return candidates.first }
        return candidates.first { $0.serviceAction == cdb[1] & 0x1F }
    }
}
