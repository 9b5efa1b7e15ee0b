// Commands on blocks. Source: SBC-3 and SBC-4 clause 5. The usage bytes follow the operation code.

extension CommandTable {
    static let blockRows: [CommandDescription] = readRows + writeRows + verifyRows

    private static let readRows: [CommandDescription] = [
        CommandDescription(.read6, usage: six, .blocksIn, .reads, .asRead, .byLength) {
            target, command, unit throws(Sense) in try target.read(&command, unit)
        },
        CommandDescription(.read10, usage: ten(0xF8), .blocksIn, .reads, .asRead, .byLength) {
            target, command, unit throws(Sense) in try target.read(&command, unit)
        },
        CommandDescription(.read12, usage: twelve(0xF8), .blocksIn, .reads, .asRead, .byLength) {
            target, command, unit throws(Sense) in try target.read(&command, unit)
        },
        CommandDescription(.read16, usage: sixteen(0xF8), .blocksIn, .reads, .asRead, .byLength) {
            target, command, unit throws(Sense) in try target.read(&command, unit)
        },
        CommandDescription(.preFetch10, usage: ten(0x02), .none, .reads, .asRead, .quick) {
            target, command, unit throws(Sense) in try target.preFetch(&command, unit)
        },
        CommandDescription(.preFetch16, usage: sixteen(0x02), .none, .reads, .asRead, .quick) {
            target, command, unit throws(Sense) in try target.preFetch(&command, unit)
        },
        CommandDescription(.synchronizeCache10, usage: ten(0x02), .none, .reads, .asWrite, .quick) {
            target, command, unit throws(Sense) in try target.synchronizeCache(&command, unit)
        },
        CommandDescription(.synchronizeCache16, usage: sixteen(0x02), .none, .reads, .asWrite, .quick) {
            target, command, unit throws(Sense) in try target.synchronizeCache(&command, unit)
        },
    ]

    private static let writeRows: [CommandDescription] = [
        CommandDescription(.write6, usage: six, .blocksOut, .writes, .asWrite, .byLength) {
            target, command, unit throws(Sense) in try target.write(&command, unit)
        },
        CommandDescription(.write10, usage: ten(0xF8), .blocksOut, .writes, .asWrite, .byLength) {
            target, command, unit throws(Sense) in try target.write(&command, unit)
        },
        CommandDescription(.write12, usage: twelve(0xF8), .blocksOut, .writes, .asWrite, .byLength) {
            target, command, unit throws(Sense) in try target.write(&command, unit)
        },
        CommandDescription(.write16, usage: sixteen(0xF8), .blocksOut, .writes, .asWrite, .byLength) {
            target, command, unit throws(Sense) in try target.write(&command, unit)
        },
        CommandDescription(.writeAtomic16, usage: sixteen(0xF8), .blocksOut, .writes, .asWrite, .byLength) {
            target, command, unit throws(Sense) in try target.writeAtomic(&command, unit)
        },
        CommandDescription(
            .compareAndWrite, usage: [0xF8] + ff(8) + [0, 0, 0, 0xFF, 0x1F, 0x04], .comparedBlocksOut, .writes, .asWrite,
            .byLength
        ) { target, command, unit throws(Sense) in try target.compareAndWrite(&command, unit) },
        CommandDescription(.orWrite16, usage: sixteen(0xF8), .blocksOut, .writes, .asWrite, .byLength) {
            target, command, unit throws(Sense) in try target.orWrite(&command, unit)
        },
    ]

    private static let verifyRows: [CommandDescription] = [
        CommandDescription(.verify10, usage: ten(0xF6), .verification, .reads, .asRead, .slow) {
            target, command, unit throws(Sense) in try target.verify(&command, unit)
        },
        CommandDescription(.verify12, usage: twelve(0xF6), .verification, .reads, .asRead, .slow) {
            target, command, unit throws(Sense) in try target.verify(&command, unit)
        },
        CommandDescription(.verify16, usage: sixteen(0xF6), .verification, .reads, .asRead, .slow) {
            target, command, unit throws(Sense) in try target.verify(&command, unit)
        },
        CommandDescription(.writeAndVerify10, usage: ten(0xF6), .blocksOut, .writes, .asWrite, .slow) {
            target, command, unit throws(Sense) in try target.writeAndVerify(&command, unit)
        },
        CommandDescription(.writeAndVerify12, usage: twelve(0xF6), .blocksOut, .writes, .asWrite, .slow) {
            target, command, unit throws(Sense) in try target.writeAndVerify(&command, unit)
        },
        CommandDescription(.writeAndVerify16, usage: sixteen(0xF6), .blocksOut, .writes, .asWrite, .slow) {
            target, command, unit throws(Sense) in try target.writeAndVerify(&command, unit)
        },
    ]

    // MARK: CDB USAGE DATA of the usual forms

    static func ff(_ count: Int) -> [UInt8] { [UInt8](repeating: 0xFF, count: count) }

    static func none(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }

    /// LBA (21 bits), length (1), control.
    static let six: [UInt8] = [0x1F, 0xFF, 0xFF, 0xFF, 0x04]

    /// Flags, LBA (4), group number, length (2), control.
    static func ten(_ flags: UInt8) -> [UInt8] { [flags] + ff(4) + [0x1F] + ff(2) + [0x04] }

    /// Flags, LBA (4), length (4), group number, control.
    static func twelve(_ flags: UInt8) -> [UInt8] { [flags] + ff(8) + [0x1F, 0x04] }

    /// Flags, LBA (8), length (4), group number, control.
    static func sixteen(_ flags: UInt8) -> [UInt8] { [flags] + ff(12) + [0x1F, 0x04] }
}
