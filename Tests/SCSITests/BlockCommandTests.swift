// READ, WRITE, COMPARE AND WRITE, WRITE SAME, UNMAP, GET LBA STATUS: what they do and every error they give.

import Testing

@testable import SCSI

struct BlockCommandTests {
    @Test func everyLengthOfReadAndWriteReachesTheSameBlocks() throws {
        let bench = try Bench()
        let writes: [(CDB, UInt64)] = [
            (CDB([0x0A, 0, 0, 1, 1, 0]), 1), (.write10(lba: 2, blocks: 1), 2),
            (CDB([0xAA, 0, 0, 0, 0, 3, 0, 0, 0, 1]), 3), (.write16(lba: 4, blocks: 1), 4),
        ]
        for (cdb, lba) in writes {
            #expect(bench.send(cdb, dataOut: sectors(UInt8(lba))).completion == .good)
            #expect(bench.read(lba: lba, blocks: 1) == sectors(UInt8(lba)))
        }
        let expected = sectors(0) + sectors(1) + sectors(2) + sectors(3)
        #expect(bench.send(CDB([0x08, 0, 0, 0, 4, 0])).dataIn == expected)
        #expect(bench.send(CDB([0x08, 0, 0, 0, 0, 0]), room: 256 * 512).dataIn.count == 256 * 512)
        #expect(bench.send(.read10(lba: 0, blocks: 4)).dataIn == expected)
        #expect(bench.send(CDB([0xA8, 0, 0, 0, 0, 0, 0, 0, 0, 4])).dataIn == expected)
        #expect(bench.send(.read16(lba: 0, blocks: 4), room: 700).dataIn == Array(expected.prefix(700)))
        #expect(bench.sense(.synchronizeCache16) == 0)
        #expect(bench.sense(.synchronizeCache10) == 0)
    }

    @Test(
        arguments: [
            (CDB.read16(lba: 2048, blocks: 1), 0x052100), (.read16(lba: 2047, blocks: 2), 0x052100),
            (.read16(lba: .max, blocks: 1), 0x052100), (.read16(lba: 2048, blocks: 0), 0),
            (.read16(lba: 2049, blocks: 0), 0x052100),
            (.read16(lba: 0, blocks: 0x10001), 0x052400), (CDB([0x88, 0x20]), 0x052400), (CDB([0x28, 0x20]), 0x052400),
            (.write16(lba: 2048, blocks: 1), 0x052100), (CDB([0x8A, 0x20]), 0x052400),
            (.write10(lba: 2047, blocks: 2), 0x052100),
            (CDB([0x91, 0, 0, 0, 0, 0, 0, 0, 8, 1]), 0x052100),
        ] as [(CDB, Int)])
    func aTransferThatDoesNotFitIsRefused(cdb: CDB, expected: Int) throws {
        #expect(try Bench().sense(cdb, dataOut: sectors(1, 2)) == expected)
    }

    @Test func aReadOnlyLUNRefusesEverythingThatWrites() throws {
        let bench = try Bench()
        let unmap = UnmapList.encode([BlockRange(lba: 0, blocks: 8)])
        let commands: [(CDB, [UInt8])] = [
            (.write16(lba: 0, blocks: 1), sectors(1)), (.writeSame16(lba: 0, blocks: 1), sectors(0)),
            (.writeSame16(lba: 0, blocks: 1), sectors(1)), (.compareAndWrite(lba: 0, blocks: 1), sectors(0, 2)),
            (.unmap(parameterListLength: UInt16(unmap.count)), unmap),
        ]
        for (cdb, data) in commands { #expect(bench.sense(cdb, to: Bench.snapshot, dataOut: data) == 0x072700) }
        #expect(bench.sense(.read16(lba: 0, blocks: 1), to: Bench.snapshot) == 0)
    }

    @Test func compareAndWriteNamesTheFirstByteThatDiffers() throws {
        let bench = try Bench()
        #expect(bench.sense(.compareAndWrite(lba: 3, blocks: 1), dataOut: sectors(0) + sectors(7)) == 0)
        #expect(bench.read(lba: 3, blocks: 1) == sectors(7))
        for offset in [0, 1, 255, 511, 512, 1023] {
            var expected = sectors(7) + sectors(0)
            expected[offset] ^= 0x80
            let cdb = CDB.compareAndWrite(lba: 3, blocks: 2)
            let completion = bench.send(cdb, dataOut: expected + sectors(9, 2)).completion
            #expect(completion == Completion(.checkCondition, sense: .miscompare(at: UInt64(offset))))
        }
        #expect(bench.read(lba: 3, blocks: 2) == sectors(7) + sectors(0))
        let statistics = try bench.target.pool.statistics(bench.luns[0].identifier)
        #expect(statistics[.compareAndWrite].commands == 7 && statistics[.compareAndWrite].failures == 6)
    }

    @Test(
        arguments: [
            (CDB([0x89, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]), 2, 0x052400),
            (.compareAndWrite(lba: 0, blocks: 1), 1, 0x052400), (.compareAndWrite(lba: 0, blocks: 1), 4, 0x052400),
            (.compareAndWrite(lba: 2048, blocks: 1), 2, 0x052100), (.compareAndWrite(lba: 2047, blocks: 2), 4, 0x052100),
            (.compareAndWrite(lba: 2048, blocks: 1), 1, 0x052400), (.compareAndWrite(lba: 0, blocks: 0), 2, 0x052400), (.compareAndWrite(lba: 0, blocks: 0), 0, 0),
            (.compareAndWrite(lba: 0, blocks: 255), 510, 0),
        ] as [(CDB, Int, Int)])
    func compareAndWriteChecksInOrder(cdb: CDB, blocks: Int, expected: Int) throws {
        #expect(try Bench().sense(cdb, dataOut: sectors(0, blocks)) == expected)
    }

    @Test func writeSameZeroesAndRepeats() throws {
        let bench = try Bench()
        #expect(bench.write(sectors(5, 64), lba: 0) == .good)
        #expect(bench.sense(.writeSame16(lba: 3, blocks: 20, unmap: true), dataOut: sectors(0)) == 0)
        #expect(bench.read(lba: 0, blocks: 24) == sectors(5, 3) + sectors(0, 20) + sectors(5))
        #expect(bench.sense(.writeSame16(lba: 30, blocks: 2, noDataOut: true)) == 0)
        #expect(bench.sense(.writeSame16(lba: 40, blocks: 3, unmap: true)) == 0)
        #expect(bench.read(lba: 29, blocks: 4) == sectors(5) + sectors(0, 2) + sectors(5))
        #expect(bench.read(lba: 39, blocks: 5) == sectors(5) + sectors(0, 3) + sectors(5))
        #expect(bench.sense(.writeSame10(lba: 50, blocks: 9), dataOut: sectors(6)) == 0)
        #expect(bench.read(lba: 49, blocks: 11) == sectors(5) + sectors(6, 9) + sectors(5))
    }

    @Test(
        arguments: [
            (CDB.writeSame16(lba: 2048, blocks: 0), 1, 0x052100), (.writeSame16(lba: 0, blocks: 0), 1, 0x052400),
            (.writeSame10(lba: 0, blocks: 0, unmap: true), 1, 0x052400), (.writeSame16(lba: 2047, blocks: 2), 1, 0x052100),
            (.writeSame16(lba: 0, blocks: 0x80_0001), 1, 0x052400), (.writeSame16(lba: 0, blocks: 1), 2, 0x051A00),
            (.writeSame16(lba: 0, blocks: 1), 0, 0x051A00), (CDB([0x93, 0x20]), 1, 0x052400), (CDB([0x93, 0x10]), 1, 0x052400),
            (CDB([0x93, 0x06]), 1, 0x052400), (CDB([0x41, 0x01]), 1, 0x052400), (CDB([0x41, 0x20]), 1, 0x052400),
        ] as [(CDB, Int, Int)])
    func writeSameRefusesWhatItCannot(cdb: CDB, blocks: Int, expected: Int) throws {
        #expect(try Bench().sense(cdb, dataOut: sectors(0, blocks)) == expected)
    }

    @Test func unmapFreesAndReadsAsZeros() throws {
        let bench = try Bench()
        #expect(bench.write(sectors(5, 64), lba: 0) == .good)
        let list = UnmapList.encode([
            BlockRange(lba: 1, blocks: 22), BlockRange(lba: 40, blocks: 8), BlockRange(lba: 44, blocks: 8),
            BlockRange(lba: 2048, blocks: 0),
        ])
        #expect(bench.sense(.unmap(parameterListLength: UInt16(list.count)), dataOut: list) == 0)
        #expect(bench.read(lba: 0, blocks: 24) == sectors(5) + sectors(0, 22) + sectors(5))
        #expect(bench.read(lba: 39, blocks: 14) == sectors(5) + sectors(0, 12) + sectors(5))
        #expect(try bench.target.pool.information(bench.luns[0].identifier).allocatedBytes == (64 - 8 - 8) * 512)
        #expect(try bench.target.pool.statistics(bench.luns[0].identifier)[.unmap].commands == 3)
    }

    @Test func unmapChecksItsListBeforeItFreesAnything() throws {
        let bench = try Bench()
        #expect(bench.write(sectors(5, 64), lba: 0) == .good)
        func outcome(_ ranges: [BlockRange], length: Int? = nil) -> Int {
            let list = UnmapList.encode(ranges)
            return bench.sense(.unmap(parameterListLength: UInt16(length ?? list.count)), dataOut: list)
        }
        #expect(outcome([]) == 0)
        #expect(outcome([BlockRange(lba: 0, blocks: 8)], length: 0) == 0)
        for length in 1..<8 { #expect(outcome([BlockRange(lba: 0, blocks: 8)], length: length) == 0x051A00) }
        #expect(outcome([BlockRange(lba: 0, blocks: 8)], length: 23) == 0x051A00)
        #expect(outcome([BlockRange(lba: 0, blocks: 8), BlockRange(lba: 2047, blocks: 2)]) == 0x052100)
        #expect(outcome([BlockRange](repeating: BlockRange(lba: 0, blocks: 1), count: 257)) == 0x052600)
        #expect(bench.sense(CDB([0x42, 0x01])) == 0x052400)
        #expect(bench.read(lba: 0, blocks: 64) == sectors(5, 64))
    }

    @Test func lbaStatusBeginsWhereItWasAsked() throws {
        let bench = try Bench()
        #expect(bench.write(sectors(5, 16), lba: 16) == .good)
        let answer = bench.send(.getLBAStatus(lba: 3, allocationLength: 512)).dataIn
        let expected = hex(
            """
            00000034 00000000 0000000000000003 0000000d 01000000 0000000000000010 00000010 00000000
            0000000000000020 000007e0 01000000
            """)
        #expect(answer == expected)
        let one = bench.send(.getLBAStatus(lba: 17, allocationLength: 24)).dataIn
        #expect(one == hex("00000014 00000000 0000000000000011 0000000f 00000000"))
        #expect(bench.sense(.getLBAStatus(lba: 2048, allocationLength: 24)) == 0x052100)
    }

    @Test func whenThePoolIsFullWritesAreRefusedAndOverwritesAreNot() throws {
        let bench = try Bench(maximumBytes: 4 << 20)
        var lba: UInt64 = 0
        while bench.write(sectors(1, 128), lba: lba, to: Bench.b) == .good { lba += 128 }
        #expect(bench.sense(.write16(lba: lba, blocks: 128), to: Bench.b, dataOut: sectors(1, 128)) == 0x072707)
        #expect(bench.write(sectors(2, 128), lba: 0, to: Bench.b) == .good)
        let list = UnmapList.encode([BlockRange(lba: 0, blocks: 512)])
        #expect(bench.sense(.unmap(parameterListLength: UInt16(list.count)), to: Bench.b, dataOut: list) == 0)
        #expect(bench.write(sectors(1, 128), lba: lba, to: Bench.b) == .good)
        #expect(try bench.target.pool.verify() == [])
    }
}
