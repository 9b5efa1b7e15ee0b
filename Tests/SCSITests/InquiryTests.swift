// Every page that tells what a LUN is, byte by byte.

import StorageArray
import Testing

@testable import SCSI

struct InquiryTests {
    @Test func standardDataSaysASharedThinDiskThatCopies() throws {
        let bench = try Bench()
        let data = bench.send(.inquiry(allocationLength: 512)).dataIn
        #expect(data.count == 96)
        #expect(Array(data[0..<8]) == hex("00 00 06 12 5b 08 10 02"))
        #expect(String(decoding: data[8..<36], as: UTF8.self) == "VIADUCT Virtual Disk    0001")
        #expect(Array(data[58..<66]) == hex("00a0 0960 0460 04c0"))
        #expect(bench.send(.inquiry(allocationLength: 5)).dataIn == hex("00 00 06 12 5b"))
    }

    @Test func everyListedPageAnswersInAscendingOrder() throws {
        let bench = try Bench()
        let list = bench.send(.inquiry(page: 0)).dataIn
        #expect(list == hex("00 00 0008 00 80 83 86 8f b0 b1 b2"))
        for page in list[4...] {
            let data = bench.send(.inquiry(page: page)).dataIn
            #expect(data.count >= 4 && data[1] == page)
            #expect(data.count == 4 + Int(data[2]) << 8 + Int(data[3]))
        }
    }

    @Test(
        arguments: [
            (0x86, "00 86 003c 00 07" + String(repeating: "00", count: 58)),
            (
                0xB0,
                "00 b0 003c 01 ff 0008 00010000 00000800 00000000 ffffffff 00000100 00000008 80000000 0000000000800000"
                    + "00000800 00000008 00000008 00000000 00000000"
            ),
            (0xB1, "00 b1 003c 0001 00 40" + String(repeating: "00", count: 56)),
            (0xB2, "00 b2 0004 15 e4 02 00"),
            (
                0x8F,
                "00 8f 0060 0001 0008 07 83 01 00 84 02 00 03 0004 001c 00000000 0008 0040 00001000"
                    + String(repeating: "00", count: 16)
                    + "0008 0004 03 02 0a e4 000c 0004 0002 ffff 8001 0020 000000ff 000000ff 10000000 09"
                    + String(repeating: "00", count: 19)
            ),
        ] as [(UInt8, String)])
    func aPageHasExactlyTheseBytes(page: UInt8, expected: String) throws {
        #expect(try Bench().send(.inquiry(page: page, allocationLength: 512)).dataIn == hex(expected))
    }

    @Test func identificationNamesTheLUNFirstAndStaysTheSame() throws {
        let bench = try Bench()
        let data = bench.send(.inquiry(page: 0x83, allocationLength: 512)).dataIn
        let name = bench.luns[0].worldWideName
        #expect(Array(data[4..<8]) == hex("01 03 00 10"))
        #expect(data[8] >> 4 == 6)
        #expect(DeviceIdentification(data)?.name == name)
        #expect(Array(data.suffix(8)) == hex("51 94 00 04 0000 0001"))
        for count in 0..<28 { #expect(DeviceIdentification(Array(data.prefix(count))) == nil) }
        let serial = bench.send(.inquiry(page: 0x80)).dataIn
        #expect("\(name)".hasSuffix(String(decoding: serial[4...], as: UTF8.self)))
        let other = bench.send(.inquiry(page: 0x83, allocationLength: 512), to: Bench.b).dataIn
        #expect(DeviceIdentification(other)?.name == bench.luns[1].worldWideName)
    }

    @Test func anInitiatorReadsTheLimitsBack() throws {
        let bench = try Bench()
        let limits = BlockLimits(bench.send(.inquiry(page: 0xB0)).dataIn)
        #expect(limits?.maximumCompareAndWriteBlocks == 255)
        #expect(limits?.maximumWriteSameBlocks == 0x80_0000)
        #expect(limits?.optimalUnmapGranularityBlocks == 8)
        let provisioning = LogicalBlockProvisioning(bench.send(.inquiry(page: 0xB2)).dataIn)
        #expect(provisioning?.isThin == true && provisioning?.supportsUnmap == true)
        let capacity = Capacity(bench.send(.readCapacity16).dataIn)
        #expect(capacity?.blocks == 2048 && capacity?.sizeBytes == 1 << 20 && capacity?.physicalBlockExponent == 3)
        #expect(Capacity(bench.send(.readCapacity16, to: Bench.b).dataIn)?.physicalBlockExponent == 0)
    }

    @Test func capacityIsTheLastBlock() throws {
        let bench = try Bench()
        #expect(bench.send(.readCapacity10).dataIn == hex("000007ff 00000200"))
        let expected = hex("00000000000007ff 00000200 00 03 c000") + [UInt8](repeating: 0, count: 16)
        #expect(bench.send(.readCapacity16).dataIn == expected)
        #expect(bench.send(CDB.readCapacity16(allocationLength: 12)).dataIn == Array(expected.prefix(12)))
        let big = try bench.target.pool.createLUN(name: "big", sizeBytes: 64 << 40).identifier
        bench.target.expose(big, as: 9)
        bench.target.allow("iqn.host", 9)
        #expect(bench.send(.readCapacity10, to: 9).dataIn == hex("ffffffff 00000200"))
        #expect(Capacity(bench.send(.readCapacity16, to: 9).dataIn)?.sizeBytes == 64 << 40)
    }

    @Test func modePagesSayWriteThroughAndReadOnly() throws {
        let bench = try Bench()
        let caching = hex("0812") + [UInt8](repeating: 0, count: 18)
        #expect(bench.send(.modeSense6(page: 8)).dataIn == hex("1f 00 10 08 00000800 00000200") + caching)
        #expect(bench.send(.modeSense10(page: 8)).dataIn == hex("0022 00 10 0000 0008 00000800 00000200") + caching)
        #expect(bench.send(.modeSense6(page: 0x0A), to: Bench.snapshot).dataIn[2] == 0x90)
        #expect(bench.send(.modeSense6(page: 0x3F)).dataIn.count == 4 + 8 + 12 + 20 + 12 + 12)
        #expect(bench.sense(.modeSense6(page: 0x02)) == 0x052400)
        #expect(bench.sense(.modeSense6(page: 0xC8)) == 0x053900)
    }

    @Test func lunsAreListedAsTheInitiatorSeesThem() throws {
        let bench = try Bench()
        #expect(
            bench.send(.reportLUNs(allocationLength: 256)).dataIn
                == hex("00000018 00000000 0000000000000000 0001000000000000 0002000000000000"))
        bench.target.expose(bench.luns[1].identifier, as: 300)
        bench.target.allow("iqn.other", 300)
        #expect(
            bench.send(.reportLUNs(allocationLength: 256), to: 77, as: "iqn.other").dataIn
                == hex("00000010 00000000 0003000000000000 412c000000000000"))
        #expect(bench.send(.reportLUNs(allocationLength: 16), as: "iqn.nobody").dataIn == hex("0000000000000000"))
        #expect(bench.sense(.reportLUNs(allocationLength: 15)) == 0x052400)
    }

    @Test func aLUNOfOthersIsNotThere() throws {
        let bench = try Bench()
        #expect(bench.sense(.testUnitReady, to: Bench.foreign) == 0x052500)
        #expect(bench.sense(.read16(lba: 0, blocks: 1), to: Bench.foreign) == 0x052500)
        #expect(bench.sense(.testUnitReady, to: 99) == 0x052500)
        #expect(bench.send(.inquiry(), to: Bench.foreign).dataIn[0] == 0x7F)
        #expect(bench.send(.requestSense(), to: 99).dataIn == hex("70 00 05 00000000 0a 00000000 2500 00000000"))
        #expect(bench.send(.requestSense()).dataIn == hex("70 00 00 00000000 0a 00000000 0000 00000000"))
        bench.target.deny("iqn.host", Bench.a)
        #expect(bench.sense(.testUnitReady) == 0x052500)
        #expect(bench.sense(.testUnitReady, to: Bench.b) == 0)
        bench.target.conceal(Bench.b)
        #expect(bench.sense(.testUnitReady, to: Bench.b) == 0x052500)
    }

    @Test func unknownCommandsAndPagesAreRefused() throws {
        let bench = try Bench()
        for code in [0x04, 0x3B, 0x7F, 0xA4, 0xFF] as [UInt8] { #expect(bench.sense(CDB([code])) == 0x052000) }
        #expect(bench.sense(.inquiry(page: 0xC0)) == 0x052400)
        #expect(bench.sense(CDB([0x12, 0x00, 0x83, 0, 255])) == 0x052400)
        for cdb in [CDB([0x9E, 0x11]), CDB([0xA3, 0x0A]), CDB([0x5E, 0x04]), CDB([0x5F, 0x08]), CDB([0x48, 0x03])] {
            #expect(bench.send(cdb).completion.sense == .invalidField(byte: 1, bit: 4))
        }
        #expect(bench.send(CDB([0x00, 0, 0, 0, 0, 0x04])).completion.sense == .invalidField(byte: 5, bit: 2))
    }
}
