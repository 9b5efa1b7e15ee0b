// MODE SENSE, MODE SELECT, LOG SENSE, and what REPORT SUPPORTED OPERATION CODES says of the table.

import Testing

@testable import SCSI

struct ModeTests {
    private func select6(_ list: [UInt8], flags: UInt8 = 0x10) -> CDB { CDB([0x15, flags, 0, 0, UInt8(list.count)]) }

    /// The control page with D_SENSE and SWP as wanted, after a header without block descriptor.
    private func control(_ sense: UInt8, _ swp: UInt8) -> [UInt8] { [0, 0, 0, 0, 0x0A, 0x0A, sense, 0x10, swp, 0, 0, 0, 0, 0, 0, 0] }

    @Test func everyPageTellsItsValuesAndWhatCanBeChanged() throws {
        let bench = try Bench()
        let all = bench.send(CDB([0x5A, 0x08, 0x3F, 0xFF, 0, 0, 0, 0x10, 0])).dataIn
        let pages = hex(
            """
            01 0a 00000000000000000000
            08 12 000000000000000000000000000000000000
            0a 0a 00 10 00 00 00 00 00 00 00 00
            1c 0a 00000000000000000000
            5c 02 0014 00000000000000000000 0000 01 02 0000 00000000
            """)
        #expect(Array(all.dropFirst(8)) == pages)
        #expect(Array(all.prefix(8)) == [0, UInt8(pages.count + 6), 0, 0x10, 0, 0, 0, 0])
        let changeable = bench.send(CDB([0x1A, 0x08, 0x4A, 0, 255])).dataIn
        #expect(Array(changeable.dropFirst(4)) == hex("0a 0a 04 00 08 00 00 00 00 00 00 00"))
        let subpages = bench.send(CDB([0x1A, 0x08, 0x1C, 0xFF, 255])).dataIn
        #expect(subpages.count == 4 + 12 + 24)
        #expect(bench.send(CDB([0x1A, 0x08, 0x1C, 0x02, 255])).dataIn.count == 4 + 24)
        #expect(bench.sense(CDB([0x1A, 0x08, 0x1C, 0x03, 255])) == 0x052400)
        #expect(bench.sense(CDB([0x1A, 0x08, 0x3F, 0x02, 255])) == 0x052400)
        #expect(bench.sense(CDB([0x1A, 0x08, 0xCA, 0, 255])) == 0x053900)
        let long = bench.send(CDB([0x5A, 0x10, 0x0A, 0, 0, 0, 0, 0, 255])).dataIn
        #expect(Array(long.prefix(24)) == hex("0022 00 10 01 00 0010 0000000000000800 00000000 00000200"))
    }

    @Test func softwareWriteProtectIsToldToOthersAndKeepsWritesOut() throws {
        let bench = try Bench()
        let hosts = bench.initiators(2)
        let list = control(0, 8)
        #expect(bench.sense(select6(list), dataOut: list, from: hosts[0]) == 0)
        #expect(bench.sense(.testUnitReady, from: hosts[0]) == 0)
        #expect(bench.sense(.testUnitReady, from: hosts[1]) == 0x062A01)
        #expect(bench.sense(.write16(lba: 0, blocks: 1), dataOut: sectors(1), from: hosts[1]) == 0x072702)
        #expect(bench.sense(.read16(lba: 0, blocks: 1), from: hosts[1]) == 0)
        #expect(bench.send(.modeSense6(page: 0x0A), from: hosts[1]).dataIn[2] == 0x90)
        #expect(bench.send(CDB([0x1A, 0x08, 0x8A, 0, 255])).dataIn.dropFirst(4).contains(0x08) == false)
        let open = control(0, 0)
        #expect(bench.sense(select6(open), dataOut: open, from: hosts[1]) == 0)
        bench.hush(hosts[0])
        // What changes nothing is told to nobody.
        #expect(bench.sense(select6(open), dataOut: open, from: hosts[1]) == 0)
        #expect(bench.sense(.write16(lba: 0, blocks: 1), dataOut: sectors(1), from: hosts[0]) == 0)
    }

    @Test func senseDataHasTheFormatThatWasChosen() throws {
        let bench = try Bench()
        #expect(bench.send(.read16(lba: 9999, blocks: 1)).completion.encodedSense[0] == 0x70)
        let list = [0, 0, 0, 0, 0, 0, 0, 0] + control(4, 0).dropFirst(4)
        #expect(bench.sense(CDB([0x55, 0x10, 0, 0, 0, 0, 0, 0, UInt8(list.count)]), dataOut: list) == 0)
        #expect(bench.send(.read16(lba: 9999, blocks: 1)).completion.encodedSense == hex("72 05 2100 000000 00"))
        let pointed = bench.send(CDB([0x88, 0x20])).completion.encodedSense
        #expect(pointed == hex("72 05 2400 000000 08 02060000 cf 0001 00"))
        bench.target.reset(lun: Bench.a, by: nil)
        bench.hush(bench.nexus)
        #expect(bench.send(.read16(lba: 9999, blocks: 1)).completion.encodedSense[0] == 0x70)
    }

    @Test func whatIsWrongWithAListIsSaidExactly() throws {
        let bench = try Bench()
        func outcome(_ list: [UInt8], flags: UInt8 = 0x10) -> Sense? {
            bench.send(select6(list, flags: flags), dataOut: list).completion.sense
        }
        let good = control(0, 0)
        #expect(outcome(good) == nil)
        #expect(outcome([]) == nil)
        #expect(outcome(Array(good.prefix(4))) == nil)
        for count in [1, 2, 3, 5, 7, 15] { #expect(outcome(Array(good.prefix(count))) == .parameterListLength) }
        #expect(outcome(good, flags: 0x00) == .invalidField(byte: 1, bit: 4))
        #expect(outcome(good, flags: 0x11) == .invalidField(byte: 1, bit: 0))
        for (index, bit) in [(6, 5), (6, 0), (7, 7), (8, 7), (9, 6), (15, 0)] as [(Int, UInt8)] {
            var wrong = good
            wrong[index] ^= 1 << bit
            #expect(outcome(wrong) == .invalidParameter(byte: UInt16(index), bit: bit))
        }
        var unknown = good
        unknown[4] = 0x0B
        #expect(outcome(unknown) == .invalidParameter(byte: 4, bit: 5))
        var longer = good
        longer[5] = 0x0B
        #expect(outcome(longer) == .invalidParameter(byte: 5))
        func described(_ descriptor: [UInt8]) -> [UInt8] { [0, 0, 0, 8] + descriptor + good.dropFirst(4) }
        #expect(outcome(described(hex("00000800 00000200"))) == nil)
        #expect(outcome(described(hex("00000000 00000200"))) == nil)
        #expect(outcome(described(hex("00000801 00000200"))) == .invalidParameter(byte: 4))
        #expect(outcome(described(hex("00000800 00001000"))) == .invalidParameter(byte: 9))
        #expect(outcome([0, 0, 0, 7] + good) == .invalidParameter(byte: 3))
        // A list of which the second page is wrong changes nothing.
        let half = control(4, 8) + [0x08, 0x12, 0x04] + [UInt8](repeating: 0, count: 17)
        #expect(outcome(half) == .invalidParameter(byte: 18, bit: 2))
        #expect(bench.sense(.write16(lba: 0, blocks: 1), dataOut: sectors(1)) == 0)
    }

    @Test func theLogTellsWhatAThinLUNUses() throws {
        let bench = try Bench()
        #expect(bench.send(CDB([0x4D, 0, 0x40, 0, 0, 0, 0, 1, 0])).dataIn == hex("00 00 0002 00 0c"))
        #expect(bench.write(sectors(1, 8), lba: 0) == .good)
        let page = bench.send(CDB([0x4D, 0, 0x4C, 0, 0, 0, 0, 1, 0])).dataIn
        #expect(Array(page.prefix(8)) == hex("0c 00 0018 0001 03 08"))
        #expect(Array(page.suffix(12)) == hex("0002 03 08 00000001 01 000000"))
        #expect(bench.send(CDB([0x4D, 0, 0x4C, 0, 0, 0, 2, 1, 0])).dataIn.count == 16)
        for cdb in [CDB([0x4D, 2]), CDB([0x4D, 1]), CDB([0x4D, 0, 0x02]), CDB([0x4D, 0, 0, 1])] {
            #expect(bench.sense(cdb) == 0x052400)
        }
    }
}

struct OperationCodeTests {
    private func one(_ bench: Bench, _ option: UInt8, _ code: UInt8, _ action: UInt8 = 0) -> (sense: Int, data: [UInt8]) {
        let cdb = CDB([0xA3, 0x0C, option, code, 0, action, 0, 0, 4, 0])
        let (completion, data) = bench.send(cdb)
        return (outcome(completion), data)
    }

    @Test func everyRowIsReportedAndAnswersForItself() throws {
        let bench = try Bench()
        let all = bench.send(CDB([0xA3, 0x0C, 0, 0, 0, 0, 0, 0, 0x10, 0])).dataIn
        #expect(all.count == 4 + 8 * CommandTable.rows.count)
        for (index, row) in CommandTable.rows.enumerated() {
            let descriptor = Array(all[(4 + 8 * index)..<(12 + 8 * index)])
            let action = row.serviceAction
            let length = UInt8(row.usage.count)
            #expect(descriptor == [row.code.rawValue, 0, 0, action ?? 0, 0, action == nil ? 0 : 1, 0, length])
            #expect(one(bench, 1, row.code.rawValue).sense == (action == nil ? 0 : 0x052400))
            #expect(one(bench, 2, row.code.rawValue, action ?? 0).sense == (action == nil ? 0x052400 : 0))
            let answer = one(bench, 3, row.code.rawValue, action ?? 0).data
            #expect(answer == [0, 3, 0, length] + row.usage)
            // The length is the one that the operation code's group demands (SPC-4 §4.2.5.1).
            let lengths = [0: 6, 1: 10, 2: 10, 4: 16, 5: 12]
            #expect(row.usage.count == lengths[Int(row.code.rawValue >> 5)])
            #expect(row.usage.last == 0x04)
        }
    }

    @Test func whatIsNotSupportedIsSaidToBeSo() throws {
        let bench = try Bench()
        for option: UInt8 in 1...3 {
            #expect(one(bench, option, 0x04).data == hex("00 01 0000"))
        }
        #expect(one(bench, 2, 0x9E, 0x11).data == hex("00 01 0000"))
        #expect(one(bench, 4, 0x00).sense == 0x052400)
        let timed = bench.send(CDB([0xA3, 0x0C, 0x81, 0x00, 0, 0, 0, 0, 1, 0])).dataIn
        #expect(timed == hex("00 83 0006 00 00 00 00 00 04 000a 00000000000000000000"))
        let all = bench.send(CDB([0xA3, 0x0C, 0x80, 0, 0, 0, 0, 0, 0x10, 0])).dataIn
        #expect(all.count == 4 + 20 * CommandTable.rows.count)
        #expect(bench.send(CDB([0xA3, 0x0D, 0, 0, 0, 0, 0, 0, 0, 4])).dataIn == hex("da 00 00 00"))
        #expect(bench.send(CDB([0xA3, 0x0D, 0x80, 0, 0, 0, 0, 0, 0, 64])).dataIn == hex("da 00 00 0c") + [UInt8](repeating: 0, count: 12))
    }

    @Test func aRowThatWritesIsRefusedByAWriteProtectedLUN() throws {
        let bench = try Bench()
        bench.target.expose(bench.luns[1].identifier, as: Bench.b, options: UnitOptions(isReadOnly: true))
        for row in CommandTable.rows where row.access == .writes || row.access == .sanitizes {
            if row.serviceAction == SanitizeAction.exitFailureMode.rawValue { continue }
            var bytes = [UInt8](repeating: 0, count: row.usage.count)
            bytes[0] = row.code.rawValue
            if let action = row.serviceAction { bytes[1] = action }
            var data = sectors(0, 16)
            switch row.code {
            case .compareAndWrite: bytes[13] = 8
            case .write6: bytes[4] = 16
            case .unmap:
                data = UnmapList.encode([BlockRange(lba: 0, blocks: 8)])
                bytes[8] = UInt8(data.count)
            case .sanitize where row.serviceAction == 1:
                data = [1, 0, 0, 1, 0xAA]
                bytes[8] = 5
            case .sanitize: break
            case .writeSame10, .writeSame16:
                data = sectors(0)
                bytes[Int(CDB(bytes).lengthField) + (row.code == .writeSame10 ? 1 : 3)] = 16
            default: bytes[Int(CDB(bytes).lengthField) + (row.usage.count == 10 || row.code == .writeAtomic16 ? 1 : 3)] = 16
            }
            #expect(bench.sense(CDB(bytes), to: Bench.b, dataOut: data) == 0x072700, "\(row.code)")
        }
    }

    @Test func theCDBSaysHowMuchDataMoves() {
        let cases: [(CDB, DataTransfer)] = [
            (.testUnitReady, .none), (.inquiry(allocationLength: 300), .toInitiator(300)),
            (CDB([0x08, 0, 0, 0, 0]), .toInitiator(256 * 512)), (.read10(lba: 1, blocks: 3), .toInitiator(1536)),
            (.write16(lba: 1, blocks: 3), .fromInitiator(1536)), (.compareAndWrite(lba: 0, blocks: 2), .fromInitiator(2048)),
            (.writeSame16(lba: 0, blocks: 9), .fromInitiator(512)),
            (.writeSame16(lba: 0, blocks: 9, noDataOut: true), .none),
            (CDB([0x9C, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 9, 0, 8]), .fromInitiator(4096)),
            (CDB([0x2F, 0, 0, 0, 0, 0, 0, 0, 4]), .none), (CDB([0x2F, 2, 0, 0, 0, 0, 0, 0, 4]), .fromInitiator(2048)),
            (CDB([0x2F, 6, 0, 0, 0, 0, 0, 0, 4]), .fromInitiator(512)), (.readCapacity10, .toInitiator(8)),
            (.unmap(parameterListLength: 24), .fromInitiator(24)), (Reserve.out(0), .fromInitiator(24)),
            (.extendedCopy(parameterListLength: 70000), .fromInitiator(65536)),
            (.write16(lba: 0, blocks: .max), .none), (.read16(lba: 0, blocks: 0x10000), .toInitiator(32 << 20)),
            (.getLBAStatus(lba: 0, allocationLength: .max), .toInitiator(1 << 20)), (CDB([0xFF]), .none),
        ]
        for (cdb, expected) in cases { #expect(ArrayTarget.transfer(of: cdb) == expected) }
        #expect(ArrayTarget.isQuick(.read16(lba: 0, blocks: 8)) && !ArrayTarget.isQuick(.read16(lba: 0, blocks: 257)))
        #expect(ArrayTarget.isQuick(.testUnitReady) && !ArrayTarget.isQuick(.extendedCopy(parameterListLength: 1)))
    }
}
