// Thin provisioning and third-party copy. Source: SBC-3 clause 5, SPC-4 §6.4 and §6.20.

extension CommandTable {
    static let provisioningRows: [CommandDescription] = [
        CommandDescription(.writeSame10, usage: ten(0xF8), .oneBlockOut, .writes, .asWrite, .slow) {
            target, command, unit throws(Sense) in try target.writeSame(&command, unit)
        },
        CommandDescription(.writeSame16, usage: sixteen(0xF9), .oneBlockOut, .writes, .asWrite, .slow) {
            target, command, unit throws(Sense) in try target.writeSame(&command, unit)
        },
        CommandDescription(
            .unmap, usage: [0x01, 0, 0, 0, 0, 0x1F, 0xFF, 0xFF, 0x04], .parameterList(at: 7, width: 2), .writes, .asWrite,
            .slow
        ) { target, command, unit throws(Sense) in try target.unmap(&command, unit) },
        CommandDescription(
            .serviceActionIn16, ServiceActionIn16.getLBAStatus.rawValue, usage: [0x12] + ff(12) + [0, 0x04],
            .allocation(at: 10, width: 4), .reads, .asRead, .slow
        ) { target, command, unit throws(Sense) in try target.getLBAStatus(&command, unit) },
        CommandDescription(
            .extendedCopy, 0x00, usage: [0x00] + none(8) + ff(4) + [0, 0x04],
            .parameterList(at: 10, width: 4), .reads, .asWrite, .slow
        ) { target, command, unit throws(Sense) in try target.extendedCopy(&command, unit) },
        CommandDescription(
            .receiveCopyResults, 0x00, usage: [0x00, 0xFF] + none(7) + ff(4) + [0, 0x04],
            .allocation(at: 10, width: 4), .none, .asWrite, .quick
        ) { target, command, unit throws(Sense) in try target.receiveCopyStatus(&command, unit) },
        CommandDescription(
            .receiveCopyResults, 0x03, usage: [0x03, 0x00] + none(7) + ff(4) + [0, 0x04],
            .allocation(at: 10, width: 4), .none, .asWrite, .quick
        ) { target, command, unit throws(Sense) in try target.receiveOperatingParameters(&command, unit) },
    ]
}
