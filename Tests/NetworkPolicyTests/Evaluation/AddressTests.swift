// Addresses: strict forms, one text for each, and sets compared with sets of single addresses.
import Testing

@testable import NetworkPolicy

struct AddressTests {
    @Test(arguments: [
        ("0.0.0.0", "0.0.0.0"), ("10.20.1.255", "10.20.1.255"), ("::", "::"), ("::1", "::1"), ("1::", "1::"),
        ("2001:DB8::0:1", "2001:db8::1"), ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("::ffff:10.1.2.3", "::ffff:10.1.2.3"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
    ])
    func anAddressHasOneText(written: String, expected: String) throws {
        let address = try #require(IPAddress(written))
        #expect(address.description == expected)
        #expect(IPAddress(expected) == address)
    }

    @Test(arguments: [
        "", "1", "1.2.3", "1.2.3.4.5", "01.2.3.4", "1.2.3.256", "1.2.3.+4", "1.2.3.4 ", ":", ":::", "1::2::3", "1:2:3:4:5:6:7",
        "1:2:3:4:5:6:7:8:9", "::12345", "1:2:3:4:5:6:7:8::", "fe80::1%eth0", "::1.2.3", "1.2.3.4::", ":1:2:3:4:5:6:7", "g::",
        "1:2:3:4:5:6:7:", "::1:", "1.2.3.4/24",
    ])
    func whatIsNotAnAddressIsRefused(text: String) { #expect(IPAddress(text) == nil) }

    @Test func randomAddressesSurviveTheirText() {
        var random = EvaluationRandom(seed: 41)
        for _ in 0..<2000 {
            var bits: UInt128 = 0
            for _ in 0..<8 { bits = bits << 16 | (random.chance(50) ? 0 : UInt128(UInt16.random(in: 0...(.max), using: &random))) }
            let address = random.chance(50) ? IPAddress(v6: bits) : IPAddress(v4: UInt32(truncatingIfNeeded: bits))
            #expect(IPAddress(address.description) == address)
        }
    }

    @Test func prefixesRefuseHostBitsAndInterfacesKeepThem() throws {
        #expect(IPPrefix("10.1.1.1/24") == nil)
        #expect(IPPrefix("10.1.1.0/24")?.last == IPAddress("10.1.1.255"))
        #expect(IPPrefix("::/0")?.contains(try #require(IPAddress("ffff::"))) == true)
        for text in ["10.1.1.0/33", "::/129", "10.1.1.0/", "10.1.1.0/024", "10.1.1.0/-1", "10.1.1.0/24/1"] {
            #expect(IPPrefix(text) == nil)
        }
        let gateway = try #require(InterfaceAddress("10.20.1.1/24"))
        #expect(gateway.prefix.description == "10.20.1.0/24" && gateway.description == "10.20.1.1/24")
        #expect(IPRange("10.0.0.5-10.0.0.4") == nil && IPRange("10.0.0.5-::1") == nil && IPRange("10.0.0.1-") == nil)
        #expect(IPRange("::/0")?.count == .max && IPRange("10.0.0.7/30")?.description == "10.0.0.4-10.0.0.7")
    }

    @Test func aSetIsTheSameAsItsAddresses() {
        var random = EvaluationRandom(seed: 42)
        func ranges(_ random: inout EvaluationRandom) -> [IPRange] {
            (0..<random.below(8)).compactMap { _ in
                let start = UInt32(random.below(60))
                return IPRange(IPAddress(v4: start), IPAddress(v4: start + UInt32(random.below(6))))
            }
        }
        for _ in 0..<500 {
            let (left, right) = (ranges(&random), ranges(&random))
            let (leftSet, rightSet) = (AddressSet(left), AddressSet(right))
            let (both, either) = (leftSet.intersection(rightSet), leftSet.union(rightSet))
            for bits in UInt32(0)..<70 {
                let address = IPAddress(v4: bits)
                let (inLeft, inRight) = (left.contains { $0.contains(address) }, right.contains { $0.contains(address) })
                #expect(leftSet.contains(address) == inLeft)
                #expect(both.contains(address) == (inLeft && inRight) && either.contains(address) == (inLeft || inRight))
            }
            #expect(AddressSet(left.reversed()) == leftSet)
            for (one, two) in zip(leftSet.ranges, leftSet.ranges.dropFirst()) { #expect(one.last.bits + 1 < two.first.bits) }
        }
    }

    @Test func hardwareAddressesAreStrict() {
        #expect(MACAddress("00:50:56:AB:cd:0f")?.description == "00:50:56:ab:cd:0f")
        #expect(MACAddress("00-50-56-ab-cd-0f") == MACAddress("00:50:56:ab:cd:0f"))
        for text in ["", "00:50:56:ab:cd", "00:50-56:ab:cd:0f", "0:50:56:ab:cd:0f1", "00:50:56:ab:cd:0g"] {
            #expect(MACAddress(text) == nil)
        }
    }
}
