import StorageArray

// LOG SENSE: the list of pages, and what a thin LUN and its pool have used. Source: SPC-4 §6.9 and §7.3, SBC-3 §6.3.

extension ArrayTarget {
    /// ```
    /// CDB: 1 PPC b1, SP b0   2 PC b7-6, PAGE CODE b5-0   3 SUBPAGE   5 PARAMETER POINTER (2)   7 ALLOCATION LENGTH (2)
    /// ```
    func logSense(_ command: inout Command, _ unit: LogicalUnit) throws(Sense) {
        let cdb = command.cdb
        guard cdb[1] & 0x02 == 0 else { throw .invalidField(byte: 1, bit: 1) }
        guard cdb[1] & 0x01 == 0 else { throw .invalidField(byte: 1, bit: 0) }
        guard cdb[3] == 0 else { throw .invalidField(byte: 3) }
        let code = cdb[2] & 0x3F
        let body: [UInt8]
        switch code {
        case 0x00: body = [0x00, 0x0C]
        case 0x0C: body = try provisioningParameters(unit, from: cdb.bigEndian16(at: 5))
        default: throw .invalidField(byte: 2, bit: 5)
        }
        var answer: [UInt8] = [code, 0]
        answer.append(bigEndian: UInt16(body.count))
        command.answer(answer + body, allocationLength: Int(cdb.bigEndian16(at: 7)))
    }

    /// Resources in units of 2 to the threshold exponent blocks: 0001h available to the LUN, 0002h used by it.
    ///
    /// ```
    /// each: 0 PARAMETER CODE (2)  2 FORMAT AND LINKING b1-0 (03h)  3 PARAMETER LENGTH (8)  4 RESOURCE COUNT (4)  8 SCOPE
    /// ```
    /// Source: SBC-3 §6.3.4.
    private func provisioningParameters(_ unit: LogicalUnit, from first: UInt16) throws(Sense) -> [UInt8] {
        let information = try sensing { () throws(ArrayError) in try pool.information(unit.identifier) }
        let unitBytes = UInt64(Self.blockBytes) << UInt64(Self.thresholdExponent)
        let counts: [(code: UInt16, count: UInt64, scope: UInt8)] = [
            (1, pool.usage.availableBytes / unitBytes, 2),
            (2, (information.allocatedBytes + unitBytes - 1) / unitBytes, 1),
        ]
        var list: [UInt8] = []
        for entry in counts where entry.code >= first {
            list.append(bigEndian: entry.code)
            list += [0x03, 0x08]
            list.append(bigEndian: UInt32(clamping: entry.count))
            list += [entry.scope, 0, 0, 0]
        }
        return list
    }

    /// Page B2h: thresholds count in units of 2 to this many blocks (1 GiB).
    static let thresholdExponent = 21
}
