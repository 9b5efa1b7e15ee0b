// The header's fields lie where RFC 7143 §11 draws them, and serial numbers compare as RFC 1982 says.
import Testing

@testable import ISCSI

@Suite struct HeaderTests {
    @Test func fieldsLieWhereTheStandardDrawsThem() {
        var bytes = [UInt8](0..<48)
        bytes[0] = 0x41
        let header = bytes.withUnsafeBytes { PDUHeader($0) }
        #expect(header.opcode == .command)
        #expect(header.isImmediate)
        #expect(header.flags == 1)
        #expect(header.byte2 == 2)
        #expect(header.byte3 == 3)
        #expect(header.additionalBytes == 16)
        #expect(header.dataBytes == 0x050607)
        #expect(header.word1 == 0x08090A0B_0C0D0E0F)
        #expect(header.tag == 0x10111213)
        #expect(header.field20 == 0x14151617)
        #expect(header.field24 == 0x18191A1B)
        #expect(header.field28 == 0x1C1D1E1F)
        #expect(header.field32 == 0x20212223)
        #expect(header.field36 == 0x24252627)
        #expect(header.field40 == 0x28292A2B)
        #expect(header.field44 == 0x2C2D2E2F)
        #expect(header.bytes == bytes)
    }

    @Test func fieldsAreSetWithoutTouchingTheirNeighbours() {
        var header = PDUHeader(.dataIn, flags: 0x81, tag: 7)
        header.dataBytes = 0x10203
        header.field20 = 1
        header.field24 = 2
        header.field28 = 3
        header.field32 = 4
        header.field36 = 5
        header.field40 = 6
        header.field44 = 8
        header.byte3 = 9
        #expect(header.opcode == .dataIn)
        #expect(header.flags == 0x81)
        #expect(header.tag == 7)
        #expect([header.field20, header.field24, header.field28, header.field32] == [1, 2, 3, 4])
        #expect([header.field36, header.field40, header.field44] == [5, 6, 8])
        #expect(header.dataBytes == 0x10203 && header.paddingBytes == 1 && header.byte3 == 9)
    }

    @Test(arguments: [(0, 1, true), (1, 0, false), (0xFFFF_FFFF, 0, true), (0x7FFF_FFFF, 0x8000_0000, true), (5, 5, false)])
    func serialNumbersWrap(_ first: UInt32, _ second: UInt32, _ precedes: Bool) {
        #expect(first.precedes(second) == precedes)
    }

    @Test(arguments: [
        (0x0000_0000_0000_0000, 0), (0x0005_0000_0000_0000, 5), (0x4123_0000_0000_0000, 0x123), (0x7FFF_0000_0000_0000, 0x3FFF),
        (0x0100_0000_0000_0000, 0xFFFF), (0xC101_0000_0000_0000, 0xFFFF), (0x0001_0001_0000_0000, 0xFFFF),
    ] as [(UInt64, UInt16)])
    func lunFieldsHaveTwoForms(_ field: UInt64, _ number: UInt16) {
        #expect(LUNField.number(field) == number)
    }
}
