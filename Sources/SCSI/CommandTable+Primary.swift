// Commands every device has. Source: SPC-4 clause 6, SBC-3 §5.18 and §5.19.

extension CommandTable {
    static let primaryRows: [CommandDescription] = [
        CommandDescription(.testUnitReady, usage: [0, 0, 0, 0, 0x04], .none, .reads, .allowedPersistent, .quick) {
            _, _, _ in
        },
        CommandDescription(
            .requestSense, usage: [0x01, 0, 0, 0xFF, 0x04], .allocation(at: 4, width: 1), .none, .allowed, .quick
        ) { target, command, unit throws(Sense) in try target.requestSense(&command, unit) },
        CommandDescription(
            .inquiry, usage: [0x01, 0xFF, 0xFF, 0xFF, 0x04], .allocation(at: 3, width: 2), .none, .allowed, .quick
        ) { target, command, unit throws(Sense) in try target.inquire(&command, unit) },
        CommandDescription(
            .reportLUNs, usage: [0, 0xFF, 0, 0, 0] + ff(4) + [0, 0x04], .allocation(at: 6, width: 4), .none, .allowed, .quick
        ) { target, command, _ throws(Sense) in try target.reportLUNs(&command) },
        CommandDescription(
            .modeSense6, usage: [0x08, 0xFF, 0xFF, 0xFF, 0x04], .allocation(at: 4, width: 1), .none, .asRead, .quick
        ) { target, command, unit throws(Sense) in try target.modeSense(&command, unit) },
        CommandDescription(
            .modeSense10, usage: [0x08, 0xFF, 0xFF, 0, 0, 0, 0xFF, 0xFF, 0x04], .allocation(at: 7, width: 2), .none, .asRead,
            .quick
        ) { target, command, unit throws(Sense) in try target.modeSense(&command, unit) },
        CommandDescription(
            .readCapacity10, usage: [0] + ff(4) + [0, 0, 0x01, 0x04], .eightBytesIn, .reads, .allowedPersistent, .quick
        ) { target, command, unit throws(Sense) in try target.readCapacity10(&command, unit) },
        CommandDescription(
            .serviceActionIn16, ServiceActionIn16.readCapacity16.rawValue, usage: [0x10] + ff(12) + [0x01, 0x04],
            .allocation(at: 10, width: 4), .reads, .allowedPersistent, .quick
        ) { target, command, unit throws(Sense) in try target.readCapacity16(&command, unit) },
    ]
}
