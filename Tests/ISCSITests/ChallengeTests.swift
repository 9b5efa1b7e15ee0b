// CHAP one way and both ways. The expected digests were made with another implementation (Python's hashlib).
import Cryptography
import Testing

@testable import ISCSI

@Suite struct ChallengeTests {
    private static let secret = Array("secret-of-12".utf8)
    private static let targetSecret = Array("another-secret".utf8)
    private let names = [("InitiatorName", PDU.initiator), ("TargetName", PDU.targetName)]

    private func bench(own: Bool = true, requires: Bool = false) -> MachineBench {
        MachineBench { policy in
            policy.credentials[PDU.initiator] = ISCSICredentials(name: "user", secret: Self.secret)
            if own { policy.ownCredentials = ISCSICredentials(name: "array", secret: Self.targetSecret) }
            policy.requiresAuthentication = requires
        }
    }

    /// Goes on to the challenge; returns it.
    private func challenge(_ bench: MachineBench, _ algorithms: String = "5") throws -> (UInt8, [UInt8], ChallengeDigest) {
        let chosen = bench.send(.login(names + [("AuthMethod", "None,CHAP")]))[0]
        #expect(chosen.keys["AuthMethod"] == "CHAP")
        let keys = bench.send(.login([("CHAP_A", algorithms)], to: .operational))[0].keys
        let identifier = try #require(keys["CHAP_I"].flatMap(TextValue.number).flatMap { UInt8(exactly: $0) })
        let bytes = try #require(keys["CHAP_C"].flatMap(ChallengeHandshake.binary))
        let algorithm = try #require(keys["CHAP_A"].flatMap { UInt8($0) }.flatMap { ChallengeDigest(rawValue: $0) })
        return (identifier, bytes, algorithm)
    }

    private func hexadecimal(_ bytes: [UInt8]?) -> String { "0x" + Hexadecimal.encode(bytes ?? []) }

    @Test(arguments: [
        (ChallengeDigest.md5, "479ff0281a36a84b4c91706547cb2667"), (.sha1, "14208ee4fcd5bdb43278a34e174347be6a624ad6"), (.sha256, "2fd87d5eacba631a1c1c10f0dcefb8024713e336f8aabb55baa9491dff56cc79"), (.sha3, "9cae23007a7de74f5c23dff260d2729a93334ca96133cda51f00036fe5d0fa83"),
    ])
    func digestsMatchVectors(_ algorithm: ChallengeDigest, _ expected: String) {
        let challenge = [UInt8](0..<16)
        #expect(hexadecimal(algorithm.digest([[0x2A], Self.secret, challenge])) == "0x" + expected)
    }

    @Test(arguments: [("5", 5), ("7", 7), ("8", 8), ("6,5", 6), ("99,7,5", 7), ("0x5", 5)] as [(String, UInt8)])
    func theFirstKnownAlgorithmIsTaken(_ offer: String, _ number: UInt8) throws {
        #expect(try challenge(bench(), offer).2.rawValue == number)
    }

    @Test(arguments: ["5", "7", "8"], [false, true])
    func whoKnowsTheSecretIsLetIn(_ algorithms: String, _ isBase64: Bool) throws {
        let bench = bench()
        let (identifier, bytes, algorithm) = try challenge(bench, algorithms)
        let response = algorithm.digest([[identifier], Self.secret, bytes]) ?? []
        let text = isBase64 ? "0b" + Base64.standard.encode(response) : hexadecimal(response)
        let answer = bench.send(.login([("CHAP_N", "user"), ("CHAP_R", text)], to: .operational))[0]
        #expect(answer.loginStatus == 0)
        #expect(answer.header.flags == 0x81)
        #expect(bench.send(.login([], from: .operational, to: .fullFeature))[0].header.flags == 0x87)
        #expect(bench.machine.phase == .fullFeature)
    }

    @Test func theTargetProvesItselfToo() throws {
        let bench = bench()
        let (identifier, bytes, algorithm) = try challenge(bench)
        let response = hexadecimal(algorithm.digest([[identifier], Self.secret, bytes]))
        let theirs = [UInt8](100..<120)
        let keys = [("CHAP_N", "user"), ("CHAP_R", response), ("CHAP_I", "0x2A"), ("CHAP_C", hexadecimal(theirs))]
        let answer = bench.send(.login(keys, to: .fullFeature))[0]
        #expect(answer.keys["CHAP_N"] == "array")
        #expect(answer.keys["CHAP_R"] == hexadecimal(algorithm.digest([[0x2A], Self.targetSecret, theirs])))
        #expect(answer.header.flags == 0x83)
    }

    @Test func refusals() throws {
        typealias Change = (inout [(String, String)], [UInt8]) -> Void
        let changes: [(String, Bool, UInt16, Change)] = [
            ("wrong secret", true, 0x0201, { keys, _ in keys[1].1 = "0x00112233445566778899aabbccddeeff" }),
            ("short response", true, 0x0201, { keys, _ in keys[1].1 = "0x00" }),
            ("wrong name", true, 0x0201, { keys, _ in keys[0].1 = "User" }),
            ("no name", true, 0x0200, { keys, _ in keys.remove(at: 0) }),
            ("no number", true, 0x0200, { keys, _ in keys[1].1 = "12" }),
            ("own challenge sent back", true, 0x0201, { keys, bytes in
                keys += [("CHAP_I", "1"), ("CHAP_C", "0x" + Hexadecimal.encode(bytes))]
            }),
            ("identifier of two bytes", true, 0x0200, { keys, _ in keys += [("CHAP_I", "256"), ("CHAP_C", "0x0102")] }),
            ("identifier alone", true, 0x0200, { keys, _ in keys += [("CHAP_I", "1")] }),
            ("endless challenge", true, 0x0200, { keys, _ in
                keys += [("CHAP_I", "1"), ("CHAP_C", "0x" + String(repeating: "00", count: 1025))]
            }),
            ("no secret of our own", false, 0x0201, { keys, _ in keys += [("CHAP_I", "1"), ("CHAP_C", "0x0102")] }),
        ]
        for (name, own, status, change) in changes {
            let bench = bench(own: own)
            let (identifier, bytes, algorithm) = try challenge(bench)
            var keys = [("CHAP_N", "user"), ("CHAP_R", hexadecimal(algorithm.digest([[identifier], Self.secret, bytes])))]
            change(&keys, bytes)
            let answer = bench.send(.login(keys, to: .fullFeature))
            #expect(answer.last?.loginStatus == status, "\(name)")
            #expect(bench.isClosed && bench.openings.isEmpty, "\(name)")
        }
    }

    @Test func nobodyGetsAroundTheProof() {
        for keys in [[("AuthMethod", "None")], [], [("CHAP_A", "5")]] {
            let bench = bench()
            #expect(bench.send(.login(names + keys, to: .fullFeature)).last?.loginStatus == 0x0201)
        }
        let bench = bench()
        #expect(bench.logIn().last?.loginStatus == 0x0201, "straight to the operational stage")
        let another = self.bench()
        another.send(.login(names + [("AuthMethod", "CHAP")]))
        #expect(another.send(.login([], to: .fullFeature))[0].header.flags == 0, "transit is not granted")
        #expect(another.send(.login([("CHAP_A", "99")])).last?.loginStatus == 0x0201)
    }

    @Test func strangersMayBeTurnedAway() {
        let bench = MachineBench { $0.requiresAuthentication = true }
        #expect(bench.logIn().last?.loginStatus == 0x0202)
    }

    @Test func secretsAreLongEnough() {
        #expect(ISCSICredentials(name: "a", secret: [UInt8](repeating: 1, count: 11)) == nil)
        #expect(ISCSICredentials(name: "", secret: [UInt8](repeating: 1, count: 12)) == nil)
        #expect(ISCSICredentials(name: "a", secret: [UInt8](repeating: 1, count: 256)) == nil)
        #expect(ISCSICredentials(name: "a", secret: [UInt8](repeating: 1, count: 12)) != nil)
    }

    @Test func sameSecretBothWaysIsRefused() throws {
        let bench = MachineBench { policy in
            policy.credentials[PDU.initiator] = ISCSICredentials(name: "user", secret: Self.secret)
            policy.ownCredentials = ISCSICredentials(name: "array", secret: Self.secret)
        }
        let (identifier, bytes, algorithm) = try challenge(bench)
        let response = hexadecimal(algorithm.digest([[identifier], Self.secret, bytes]))
        let keys = [("CHAP_N", "user"), ("CHAP_R", response), ("CHAP_I", "1"), ("CHAP_C", "0x0102030405")]
        #expect(bench.send(.login(keys, to: .fullFeature)).last?.loginStatus == 0x0201)
    }
}
