// VERIFY, WRITE AND VERIFY, ORWRITE, WRITE ATOMIC, PRE-FETCH, READ DEFECT DATA: what they do and every error they give.

import Testing

@testable import SCSI

struct VerifyTests {
    /// The three lengths of a command that has flags in byte 1, an LBA and a number of blocks.
    private static func lengths(_ ten: UInt8, _ twelve: UInt8?, _ sixteen: UInt8, flags: UInt8, lba: UInt8, blocks: UInt8)
        -> [CDB]
    {
        var list = [
            CDB([ten, flags, 0, 0, 0, lba, 0, 0, blocks]),
            CDB([sixteen, flags, 0, 0, 0, 0, 0, 0, 0, lba, 0, 0, 0, blocks]),
        ]
        if let twelve { list.append(CDB([twelve, flags, 0, 0, 0, lba, 0, 0, 0, blocks])) }
        return list
    }

    private static func verify(_ byteCheck: UInt8, lba: UInt8, blocks: UInt8) -> [CDB] {
        lengths(0x2F, 0xAF, 0x8F, flags: byteCheck << 1, lba: lba, blocks: blocks)
    }

    @Test func verifyComparesWhatItIsAskedTo() throws {
        let bench = try Bench()
        #expect(bench.write(sectors(5, 16), lba: 4) == .good)
        for cdb in Self.verify(0, lba: 4, blocks: 16) { #expect(bench.sense(cdb) == 0) }
        for cdb in Self.verify(1, lba: 4, blocks: 2) { #expect(bench.sense(cdb, dataOut: sectors(5, 2)) == 0) }
        for cdb in Self.verify(3, lba: 4, blocks: 16) { #expect(bench.sense(cdb, dataOut: sectors(5)) == 0) }
        for cdb in Self.verify(3, lba: 4, blocks: 0) { #expect(bench.sense(cdb) == 0) }
        for cdb in Self.verify(0, lba: 4, blocks: 2) { #expect(bench.sense(cdb, dataOut: sectors(6, 2)) == 0) }
    }

    @Test func verifyNamesTheFirstByteThatDiffers() throws {
        let bench = try Bench()
        #expect(bench.write(sectors(5, 8), lba: 0) == .good)
        for offset in [0, 511, 512, 1023] {
            var expected = sectors(5, 2)
            expected[offset] ^= 1
            for cdb in Self.verify(1, lba: 0, blocks: 2) {
                let completion = bench.send(cdb, dataOut: expected).completion
                #expect(completion.sense == .miscompare(at: UInt64(offset)))
            }
        }
        #expect(bench.write(sectors(6), lba: 3) == .good)
        for cdb in Self.verify(3, lba: 0, blocks: 8) {
            #expect(bench.send(cdb, dataOut: sectors(5)).completion.sense == .miscompare(at: 3 * 512))
        }
    }

    @Test(
        arguments: [
            (CDB([0x2F, 0x20]), 0, 0x052400), (CDB([0x2F, 0x04]), 0, 0x052400), (CDB([0x8F, 0x04]), 0, 0x052400),
            (CDB([0x2F, 0, 0, 0, 8, 0, 0, 0, 1]), 0, 0x052100), (CDB([0x2F, 2, 0, 0, 0, 0, 0, 0, 2]), 1, 0x050E03),
            (CDB([0x2F, 6, 0, 0, 0, 0, 0, 0, 2]), 0, 0x050E03),
            (CDB([0x8F, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1]), 1, 0x052400),
            (CDB([0x8F, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0]), 0, 0), (CDB([0x8F, 0, 0xFF]), 0, 0x052100),
            (CDB([0x2E, 0x20]), 0, 0x052400), (CDB([0x2E, 0x04]), 0, 0x052400), (CDB([0x2E, 0x06]), 0, 0x052400),
            (CDB([0x2E, 0, 0, 0, 8, 0, 0, 0, 1]), 1, 0x052100),
            (CDB([0x8E, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1]), 1, 0x052400),
            (CDB([0x8B, 0x20]), 0, 0x052400), (CDB([0x8B, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 1]), 1, 0x052100),
            (CDB([0x34, 0, 0, 0, 8, 1]), 0, 0x052100), (CDB([0x34, 2, 0, 0, 0, 1, 0, 0, 1]), 0, 0),
            (CDB([0x90, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 1]), 0, 0x052100), (CDB([0x90]), 0, 0),
        ] as [(CDB, Int, Int)])
    func whatDoesNotFitIsRefused(cdb: CDB, blocks: Int, expected: Int) throws {
        #expect(try Bench().sense(cdb, dataOut: sectors(0, blocks)) == expected)
    }

    @Test func writeAndVerifyWritesAndCompares() throws {
        let bench = try Bench()
        for byteCheck: UInt8 in [0, 1] {
            let commands = Self.lengths(0x2E, 0xAE, 0x8E, flags: byteCheck << 1, lba: 9, blocks: 3)
            for (index, cdb) in commands.enumerated() {
                let data = sectors(byteCheck << 4 | UInt8(index + 1), 3)
                #expect(bench.sense(cdb, dataOut: data) == 0)
                #expect(bench.read(lba: 9, blocks: 3) == data)
            }
        }
    }

    @Test func orWriteSetsBits() throws {
        let bench = try Bench()
        #expect(bench.write(sectors(0x0F, 10), lba: 3) == .good)
        let cdb = CDB([0x8B, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 9])
        #expect(bench.sense(cdb, dataOut: sectors(0xA1, 9)) == 0)
        #expect(bench.read(lba: 3, blocks: 11) == sectors(0x0F) + sectors(0xAF, 9) + sectors(0))
    }

    @Test func aTransferLongerThanThePoolTakesGoesInParts() throws {
        let bench = try Bench()
        let big = try bench.target.pool.createLUN(name: "big", sizeBytes: 48 << 20).identifier
        bench.target.expose(big, as: 9)
        bench.target.allow("iqn.host", 9)
        bench.hush(bench.nexus)
        let blocks = 0x10000
        var data = [UInt8](repeating: 0, count: blocks * 512)
        for start in stride(from: 0, to: data.count, by: 512) { data[start] = UInt8(truncatingIfNeeded: start >> 9 | 1) }
        #expect(bench.write(data, lba: 3, to: 9) == .good)
        #expect(bench.read(lba: 3, blocks: UInt32(blocks), from: 9) == data)
        let cdb = CDB([0x8B, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 0])
        #expect(bench.sense(cdb, to: 9, dataOut: [UInt8](repeating: 0x80, count: data.count)) == 0)
        #expect(bench.read(lba: 3, blocks: UInt32(blocks), from: 9) == data.map { $0 | 0x80 })
    }

    @Test func orWritesOfManyThreadsAllArrive() throws {
        let bench = try Bench()
        let bits = (0..<8).map { UInt8(1) << UInt8($0) }
        let threads = try bits.map { bit in
            try started {
                for lba in 0..<16 {
                    let cdb = CDB([0x8B, 0, 0, 0, 0, 0, 0, 0, 0, UInt8(lba), 0, 0, 0, 1])
                    #expect(bench.sense(cdb, dataOut: sectors(bit)) == 0)
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(bench.read(lba: 0, blocks: 17) == sectors(0xFF, 16) + sectors(0))
    }

    @Test(
        arguments: [
            (CDB([0x9C, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 16]), 16, 0), (CDB([0x9C]), 0, 0),
            (CDB([0x9C, 0x20]), 0, 0x052400), (CDB([0x9C, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 8]), 8, 0x052400),
            (CDB([0x9C, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 8]), 8, 0x052400),
            (CDB([0x9C, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 8]), 8, 0x052400),
            (CDB([0x9C, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]), 7, 0x052400),
            (CDB([0x9C, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 8]), 8, 0x052100),
            (CDB([0x9C, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8]), 7, 0x050E03),
        ] as [(CDB, Int, Int)])
    func writeAtomicIsHeldToItsGranularity(cdb: CDB, blocks: Int, expected: Int) throws {
        let bench = try Bench()
        #expect(bench.sense(cdb, dataOut: sectors(7, blocks)) == expected)
        if expected == 0, blocks > 0 { #expect(bench.read(lba: 8, blocks: 16) == sectors(7, 16)) }
    }

    @Test func defectListsAreEmpty() throws {
        let bench = try Bench()
        #expect(bench.send(CDB([0x37, 0, 0x1D, 0, 0, 0, 0, 0, 32])).dataIn == hex("00 1d 0000"))
        #expect(bench.send(CDB([0xB7, 0x0D, 0, 0, 0, 0, 0, 0, 0, 32])).dataIn == hex("00 0d 0000 00000000"))
    }
}
