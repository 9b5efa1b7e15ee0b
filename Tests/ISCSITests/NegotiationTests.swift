// Keys: what is offered, what is answered, what is then in force. Source: RFC 7143 §6.2 and §13.
import Testing

@testable import ISCSI

@Suite struct NegotiationTests {
    private func answer(_ key: String, _ value: String, isDiscovery: Bool = false) -> (String?, SessionParameters) {
        var parameters = SessionParameters()
        let negotiation = Negotiation(wishes: Negotiation.Wishes(), isDiscovery: isDiscovery)
        let text = negotiation.answer(TextKeys.Pair(key: key, value: value), &parameters)
        return (text, parameters)
    }

    @Test(arguments: [
        ("HeaderDigest", "None", "None"), ("HeaderDigest", "CRC32C", "CRC32C"), ("HeaderDigest", "CRC32C,None", "CRC32C"),
        ("HeaderDigest", "None,CRC32C", "None"), ("HeaderDigest", "X-other,CRC32C", "CRC32C"), ("DataDigest", "SHA", "Reject"),
        ("DataDigest", "CRC32C,None", "CRC32C"), ("DataDigest", "crc32c", "Reject"),
        ("MaxConnections", "1", "1"), ("MaxConnections", "8", "1"), ("MaxConnections", "0", "Reject"),
        ("MaxConnections", "65536", "Reject"), ("MaxConnections", "x", "Reject"),
        ("InitialR2T", "Yes", "Yes"), ("InitialR2T", "No", "No"), ("InitialR2T", "yes", "Reject"),
        ("ImmediateData", "Yes", "Yes"), ("ImmediateData", "No", "No"), ("ImmediateData", "", "Reject"),
        ("MaxBurstLength", "512", "512"), ("MaxBurstLength", "16777215", "1048576"), ("MaxBurstLength", "511", "Reject"),
        ("MaxBurstLength", "16777216", "Reject"), ("MaxBurstLength", "0x10000", "65536"),
        ("FirstBurstLength", "1048576", "262144"), ("FirstBurstLength", "4096", "4096"),
        ("FirstBurstLength", "18446744073709551616", "Reject"),
        ("DefaultTime2Wait", "0", "2"), ("DefaultTime2Wait", "3600", "3600"), ("DefaultTime2Wait", "3601", "Reject"),
        ("DefaultTime2Retain", "20", "0"), ("MaxOutstandingR2T", "16", "1"), ("MaxOutstandingR2T", "0", "Reject"),
        ("DataPDUInOrder", "No", "Yes"), ("DataSequenceInOrder", "Yes", "Yes"), ("DataSequenceInOrder", "1", "Reject"),
        ("ErrorRecoveryLevel", "2", "0"), ("ErrorRecoveryLevel", "3", "Reject"),
        ("IFMarker", "Yes", "No"), ("OFMarker", "No", "No"), ("IFMarkInt", "2048~8192", "Reject"),
        ("OFMarkInt", "1", "Reject"), ("TaskReporting", "ResponseFence,RFC3720", "RFC3720"),
        ("TaskReporting", "FastAbort", "Reject"), ("X-com.example.colour", "red", "NotUnderstood"),
        ("iSCSIProtocolLevel", "1", "NotUnderstood"), ("maxburstlength", "512", "NotUnderstood"),
    ])
    func offersAreAnsweredByRule(_ key: String, _ offer: String, _ expected: String) {
        #expect(answer(key, offer).0 == expected)
    }

    @Test(arguments: ["MaxRecvDataSegmentLength", "InitiatorAlias"])
    func declarationsHaveNoAnswer(_ key: String) { #expect(answer(key, "65536").0 == nil) }

    @Test(arguments: ["0", "511", "16777216", "lots"])
    func impossibleDeclarationsAreRejected(_ value: String) {
        let (text, parameters) = answer("MaxRecvDataSegmentLength", value)
        #expect(text == "Reject")
        #expect(parameters == SessionParameters())
    }

    @Test func resultsAreInForce() {
        #expect(answer("MaxRecvDataSegmentLength", "65536").1.initiatorSegmentBytes == 65_536)
        #expect(answer("HeaderDigest", "CRC32C").1.hasHeaderDigest)
        #expect(!answer("HeaderDigest", "None,CRC32C").1.hasHeaderDigest)
        #expect(answer("DataDigest", "CRC32C").1.hasDataDigest)
        #expect(!answer("InitialR2T", "No").1.isReadyToTransferFirst)
        #expect(!answer("ImmediateData", "No").1.takesImmediateData)
        #expect(answer("MaxBurstLength", "4096").1.maximumBurstBytes == 4096)
        #expect(answer("FirstBurstLength", "4096").1.firstBurstBytes == 4096)
        #expect(answer("MaxBurstLength", "4096").1.unsolicitedBytes == 4096, "the first burst is part of a burst")
    }

    @Test(arguments: ["MaxConnections", "InitialR2T", "ImmediateData", "MaxBurstLength", "MaxOutstandingR2T"])
    func keysOfCommandsMeanNothingInDiscovery(_ key: String) {
        #expect(answer(key, "1", isDiscovery: true).0 == "Irrelevant")
        #expect(answer("HeaderDigest", "CRC32C", isDiscovery: true).0 == "CRC32C")
    }

    // MARK: Text

    @Test func textIsPairsEndedByNulls() throws {
        let keys = try TextKeys(Array("A=1\0Bc=x=y\0D=\0".utf8))
        #expect(keys.pairs.map(\.key) == ["A", "Bc", "D"])
        #expect(keys.pairs.map(\.value) == ["1", "x=y", ""])
        #expect(keys.encoded == Array("A=1\0Bc=x=y\0D=\0".utf8))
    }

    @Test(arguments: ["A=1", "A\0", "=1\0", "A B=1\0", "A=1\0A=2\0", "A=\u{80}\0".dropLast(1) + "x"])
    func malformedTextIsRefused(_ text: String) {
        #expect(throws: TextKeys.Failure.self) { try TextKeys(Array(text.utf8)) }
    }

    @Test func textHasLimits() {
        #expect(throws: TextKeys.Failure.tooLarge) { try TextKeys(Array((String(repeating: "k", count: 64) + "=\0").utf8)) }
        #expect(throws: TextKeys.Failure.tooLarge) {
            try TextKeys(Array(("k=" + String(repeating: "v", count: 8193) + "\0").utf8))
        }
        #expect(throws: TextKeys.Failure.tooLarge) { try TextKeys((0..<200).flatMap { Array("k\($0)=\0".utf8) }) }
        #expect(throws: TextKeys.Failure.malformed) { try TextKeys([0x41, 0x3D, 0xFF, 0]) }
    }

    @Test(arguments: [("12", 12), ("0x1F", 31), ("0X1f", 31), ("0", 0)] as [(String, UInt64)])
    func numbersAreDecimalOrHexadecimal(_ text: String, _ number: UInt64) { #expect(TextValue.number(text) == number) }

    @Test(arguments: ["", "0x", "-1", "+1", "1 ", "0xG", "0x-1", "99999999999999999999999"])
    func otherNumbersAreNone(_ text: String) { #expect(TextValue.number(text) == nil) }
}
