// EXTENDED COPY: what it copies, what it refuses and with which sense, and what it reports afterwards.

import StorageArray
import Testing

@testable import SCSI

struct ExtendedCopyTests {
    private func list(
        _ bench: Bench, _ segments: [CopySegment], usage: ExtendedCopyList.ListIdentifierUsage = .none,
        identifier: UInt8 = 0
    ) -> ExtendedCopyList {
        ExtendedCopyList(
            listIdentifier: identifier, usage: usage, devices: bench.luns.map { CopyDevice($0.worldWideName) },
            segments: segments)
    }

    private func segment(_ source: Int, _ from: UInt64, _ destination: Int, _ to: UInt64, _ blocks: UInt16) -> CopySegment {
        CopySegment(
            source: source, sourceLBA: from, destination: destination, destinationLBA: to,
            amount: .blocks(blocks, ofDestination: false))
    }

    @Test func bothKindsOfSegmentCopyBetweenLUNsInOrder() throws {
        let bench = try Bench()
        #expect(bench.write(sectors(1, 8) + sectors(2, 8), lba: 8) == .good)
        let segments = [
            segment(0, 8, 1, 64, 16),
            CopySegment(source: 1, sourceLBA: 64, destination: 1, destinationLBA: 101, bytes: 16 * 512),
            // Overlapping, and not alike in a pool block.
            segment(1, 101, 1, 104, 16),
            CopySegment(
                source: 0, sourceLBA: 7, destination: 0, destinationLBA: 200,
                amount: .bytes(1024, sourceOffset: 512, destinationOffset: 512)),
            segment(0, 0, 1, 0, 0),
        ]
        #expect(bench.extendedCopy(list(bench, segments)) == 0)
        #expect(bench.read(lba: 64, blocks: 16, from: Bench.b) == sectors(1, 8) + sectors(2, 8))
        #expect(
            bench.read(lba: 100, blocks: 21, from: Bench.b) == sectors(0) + sectors(1, 3) + sectors(1, 8) + sectors(2, 8)
                + sectors(0))
        #expect(bench.read(lba: 200, blocks: 4) == sectors(0) + sectors(1, 2) + sectors(0))
        #expect(try bench.target.pool.verify() == [])
    }

    @Test func anUnmappedSourceUnmapsTheDestination() throws {
        let bench = try Bench()
        #expect(bench.write(sectors(1, 64), lba: 0, to: Bench.b) == .good)
        #expect(bench.extendedCopy(list(bench, [segment(0, 0, 1, 0, 64)])) == 0)
        #expect(try bench.target.pool.information(bench.luns[1].identifier).allocatedBytes == 0)
    }

    @Test func whatIsWrongWithAListIsSaidExactly() throws {
        let bench = try Bench()
        let good = list(bench, [segment(0, 0, 1, 0, 8)])
        func outcome(_ change: (inout [UInt8]) -> Void) -> Int {
            var bytes = good.encoded
            change(&bytes)
            return bench.sense(.extendedCopy(parameterListLength: UInt32(bytes.count)), dataOut: bytes)
        }
        #expect(outcome { _ in } == 0)
        #expect(outcome { $0 = [] } == 0)
        #expect(outcome { $0.removeLast() } == 0x051A00)
        #expect(outcome { $0 = Array($0.prefix(15)) } == 0x051A00)
        #expect(outcome { $0[3] += 1 } == 0x051A00)
        #expect(outcome { $0[15] = 1 } == 0x05260B)
        #expect(outcome { $0[1] = 0x08 } == 0x052600)
        #expect(outcome { $0[0] = 1 } == 0x052600)
        #expect(outcome { $0[16] = 0xE0 } == 0x052607)
        #expect(outcome { $0[16 + 128] = 0x00 } == 0x052609)
        #expect(outcome { $0[17] |= 0xC0 } == 0)
        #expect(outcome { $0[17] |= 0x20 } == 0x0A0D02)
        #expect(outcome { $0[30] ^= 1 } == 0x0A0D02)
        #expect(outcome { $0[46] = 0x10 } == 0x052600)
        #expect(bench.sense(CDB([0x83, 0x01])) == 0x052400)
        #expect(bench.sense(CDB([0x83, 0x10])) == 0x052400)
    }

    @Test func tooManyOrTooMuchIsRefused() throws {
        let bench = try Bench()
        var many = list(bench, [segment(0, 0, 1, 0, 8)])
        many.devices = [CopyDevice](repeating: many.devices[0], count: 9)
        #expect(bench.extendedCopy(many) == 0x052606)
        #expect(bench.extendedCopy(list(bench, [CopySegment](repeating: segment(0, 0, 1, 0, 8), count: 65))) == 0x052608)
        #expect(bench.extendedCopy(list(bench, [CopySegment](repeating: segment(0, 0, 1, 0, 8), count: 64))) == 0)
        #expect(bench.extendedCopy(list(bench, [CopySegment](repeating: segment(0, 0, 1, 0, 8), count: 160))) == 0x051A00)
        #expect(bench.extendedCopy(list(bench, [segment(4, 0, 1, 0, 8)])) == 0x0A0D02)
        #expect(bench.extendedCopy(list(bench, [segment(0, 2047, 1, 0, 2)])) == 0x0A0D02)
        #expect(bench.extendedCopy(list(bench, [segment(0, 0, 1, 8192, 1)])) == 0x0A0D02)
        #expect(bench.extendedCopy(list(bench, [segment(0, .max, 1, 0, 1)])) == 0x0A0D02)
        let huge = CopySegment(source: 0, sourceLBA: 0, destination: 1, destinationLBA: 0, bytes: (256 << 20) + 512)
        #expect(bench.extendedCopy(list(bench, [huge])) == 0x052600)
        let odd = CopySegment(source: 0, sourceLBA: 0, destination: 1, destinationLBA: 0, bytes: 100)
        #expect(bench.extendedCopy(list(bench, [odd])) == 0x052600)
        #expect(bench.extendedCopy(list(bench, [segment(0, 0, 2, 0, 8)])) == 0x0A2700)
    }

    @Test func aLUNTheInitiatorDoesNotSeeIsNoEndOfACopy() throws {
        let bench = try Bench()
        #expect(bench.extendedCopy(list(bench, [segment(3, 0, 0, 0, 8)])) == 0x0A0D02)
        #expect(bench.extendedCopy(list(bench, [segment(0, 0, 3, 0, 8)])) == 0x0A0D02)
        bench.target.allow("iqn.host", Bench.foreign)
        #expect(bench.sense(.testUnitReady) == 0x063F0E)
        #expect(bench.extendedCopy(list(bench, [segment(3, 0, 0, 0, 8)])) == 0)
    }

    @Test func segmentsBeforeTheOneThatFailsAreDone() throws {
        let bench = try Bench()
        #expect(bench.write(sectors(1, 8), lba: 0) == .good)
        let both = list(bench, [segment(0, 0, 1, 0, 8), segment(3, 0, 1, 8, 8)], usage: .hold, identifier: 5)
        #expect(bench.extendedCopy(both) == 0x0A0D02)
        #expect(bench.read(lba: 0, blocks: 8, from: Bench.b) == sectors(1, 8))
        #expect(bench.send(.receiveCopyStatus(listIdentifier: 5)).dataIn == hex("00000008 02 0001 01 00000004"))
    }

    @Test func resultsAreHeldWhenAskedAndForgottenOtherwise() throws {
        let bench = try Bench()
        let status = CDB.receiveCopyStatus(listIdentifier: 1)
        #expect(bench.sense(status) == 0x052400)
        #expect(bench.extendedCopy(list(bench, [segment(0, 0, 1, 0, 8)], usage: .hold, identifier: 1)) == 0)
        #expect(bench.send(status).dataIn == hex("00000008 01 0001 01 00000004"))
        #expect(bench.send(status, as: "iqn.other").completion.status == .checkCondition)
        #expect(bench.extendedCopy(list(bench, [segment(0, 0, 1, 0, 8)], usage: .discard, identifier: 1)) == 0)
        #expect(bench.sense(status) == 0x052400)
        #expect(bench.sense(CDB([0x84, 0x04])) == 0x052400)
    }

    @Test func operatingParametersTellTheLimits() throws {
        let expected = hex(
            """
            0000002b 01 000000 0008 0040 00001000 10000000 00000000 00000000 00000000 00000000 00ff ff 09 00 00 000000 03
            02 0a e4
            """)
        let answer = try Bench().send(.receiveCopyOperatingParameters()).dataIn
        #expect(answer.count == 47)
        #expect(Array(answer[0..<32]) == Array(expected[0..<32]))
        #expect(Array(answer[34...]) == hex("00ff ff 09 00 00 000000 03 02 0a e4"))
    }
}
