// Bytes of CDBs, sense data and parameter lists against those written out by hand.

import StorageArray
import Testing

@testable import SCSI

struct EncodingTests {
    private func bytes(_ cdb: CDB) -> [UInt8] { (0..<16).map { cdb[$0] } }

    @Test(
        arguments: [
            (CDB.testUnitReady, "00"), (.inquiry(), "12 00 00 00 ff"),
            (.inquiry(page: 0x83, allocationLength: 0x1234), "12 01 83 12 34"),
            (.read16(lba: 0x0102_0304_0506_0708, blocks: 0x0A0B_0C0D), "88 00 0102030405060708 0a0b0c0d"),
            (.write16(lba: 1, blocks: 2), "8a 00 0000000000000001 00000002"),
            (.read10(lba: 0x0102_0304, blocks: 0x0506), "28 00 01020304 00 0506"),
            (.write10(lba: 0x0102_0304, blocks: 0x0506), "2a 00 01020304 00 0506"),
            (.compareAndWrite(lba: 0x0102_0304_0506_0708, blocks: 9), "89 00 0102030405060708 000000 09"),
            (.writeSame16(lba: 3, blocks: 4, unmap: true, noDataOut: true), "93 09 0000000000000003 00000004"),
            (.writeSame10(lba: 3, blocks: 4, unmap: true), "41 08 00000003 00 0004"),
            (.unmap(parameterListLength: 0x0118), "42 00 00000000 00 0118"),
            (.extendedCopy(parameterListLength: 0x01020304), "83 00 0000000000000000 01020304"),
            (.receiveCopyOperatingParameters(allocationLength: 64), "84 03 0000000000000000 00000040"),
            (.receiveCopyStatus(listIdentifier: 7), "84 00 07 00000000000000 0000000c"),
            (.readCapacity16, "9e 10 0000000000000000 00000020"),
            (.getLBAStatus(lba: 5, allocationLength: 24), "9e 12 0000000000000005 00000018"),
            (.reportLUNs(allocationLength: 256), "a0 00 00 000000 00000100"),
            (.modeSense6(page: 0x3F), "1a 00 3f 00 ff"),
            (.modeSense10(page: 8, allocationLength: 512), "5a 00 08 00 000000 0200"),
            (.requestSense(descriptorFormat: true), "03 01 00 00 fc"),
            (.synchronizeCache16, "91"), (.synchronizeCache10, "35"), (.readCapacity10, "25"),
        ] as [(CDB, String)])
    func aCommandHasTheBytesOfTheStandard(cdb: CDB, expected: String) {
        let wanted = hex(expected)
        #expect(bytes(cdb) == wanted + [UInt8](repeating: 0, count: 16 - wanted.count))
        #expect(CDB(bytes(cdb)) == cdb)
    }

    @Test func senseDataComesInBothFormats() {
        let miscompare = Sense.miscompare(at: 0x0102)
        #expect(miscompare.encoded() == hex("f0 00 0e 00000102 0a 00000000 1d00 00000000"))
        #expect(miscompare.encoded(descriptorFormat: true) == hex("72 0e 1d00 000000 0c 000a8000 0000000000000102"))
        #expect(Sense.invalidFieldInCDB.encoded() == hex("70 00 05 00000000 0a 00000000 2400 00000000"))
        #expect(Sense.spaceAllocationFailed.encoded(descriptorFormat: true) == hex("72 07 2707 000000 00"))
        for sense in [miscompare, .invalidFieldInCDB, Sense(.mediumError, 0x1100, information: 1 << 40)] {
            #expect(Sense(encoded: sense.encoded(descriptorFormat: true)) == sense)
        }
        #expect(Sense(encoded: miscompare.encoded()) == miscompare)
        #expect(Sense(encoded: Sense(.mediumError, 0x1100, information: 1 << 40).encoded())?.information == nil)
        for count in 0..<8 { #expect(Sense(encoded: Array(miscompare.encoded(descriptorFormat: true).prefix(count))) == nil) }
    }

    @Test func anUnmapListHasItsLengthsAndDescriptors() throws {
        let ranges = [BlockRange(lba: 0x0102_0304_0506_0708, blocks: 9), BlockRange(lba: 1, blocks: 2)]
        let list = UnmapList.encode(ranges)
        #expect(
            list == hex("0026 0020 00000000 0102030405060708 00000009 00000000 0000000000000001 00000002 00000000"))
        #expect(try list.withUnsafeBytes { try UnmapList.decode($0) } == ranges)
        for count in 0..<list.count {
            let cut = Array(list.prefix(count))
            let decoded = cut.withUnsafeBytes { try? UnmapList.decode($0) }
            #expect(decoded == (count == 0 ? [] : nil))
        }
    }

    @Test func anExtendedCopyListHasItsHeaderDevicesAndSegments() throws {
        let name = WorldWideName(high: 0x6001_4051_0203_0405, low: 0x0607_0809_0A0B_0C0D)
        let list = ExtendedCopyList(
            listIdentifier: 1, usage: .hold, devices: [CopyDevice(name)],
            segments: [
                CopySegment(
                    source: 0, sourceLBA: 2, destination: 0, destinationLBA: 3, amount: .blocks(4, ofDestination: true)),
                CopySegment(source: 0, sourceLBA: 5, destination: 0, destinationLBA: 6, bytes: 0x10000),
            ])
        let expected = hex(
            """
            01 00 0020 00000000 0000003c 00000000
            e4 00 0000 01 03 00 10 6001405102030405 060708090a0b0c0d 00000000 00 000200
            02 02 0018 0000 0000 0000 0004 0000000000000002 0000000000000003
            0a 00 001c 0000 0000 00010000 0000000000000005 0000000000000006 0000 0000
            """)
        #expect(list.encoded == expected)
        #expect(try expected.withUnsafeBytes { try ExtendedCopyList.decode($0) } == list)
        for count in 0..<expected.count {
            let sense = Array(expected.prefix(count)).withUnsafeBytes { bytes -> Sense? in
                do throws(Sense) { _ = try ExtendedCopyList.decode(bytes) } catch { return error }
                return nil
            }
            #expect(sense == .parameterListLength, "cut after \(count)")
        }
    }

    @Test func noMutationOfAListTrapsTheDecoder() {
        let devices = [CopyDevice(WorldWideName(high: 6 << 60, low: 1))]
        let segment = CopySegment(source: 0, sourceLBA: 2, destination: 0, destinationLBA: 3, bytes: 512)
        let copy = ExtendedCopyList(devices: devices, segments: [segment, segment]).encoded
        let unmap = UnmapList.encode([BlockRange(lba: 1, blocks: 2)])
        var seed: UInt64 = 1
        for _ in 0..<20_000 {
            var (first, second) = (copy, unmap)
            for _ in 0..<3 {
                seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                let (place, value) = (Int(seed >> 33), UInt8(truncatingIfNeeded: seed >> 25))
                first[place % first.count] = value
                second[place % second.count] = value
            }
            _ = first.withUnsafeBytes { try? ExtendedCopyList.decode($0) }
            _ = second.withUnsafeBytes { try? UnmapList.decode($0) }
        }
    }
}
