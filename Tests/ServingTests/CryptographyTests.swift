// Digests, codings, certificates, ticket keys: known answers and hostile input.
import Cryptography
import Glibc
import Platform
import Testing

@Suite struct CryptographyTests {
    // FIPS 180-4 examples, and RFC 4231-style boundaries around one block.
    @Test func digestsKnownAnswers() {
        #expect(Digest(of: "abc").hexadecimal == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(Digest(of: "").hexadecimal == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(Digest(of: "abc") == Digest(of: Array("abc".utf8)[...]))
        #expect(Digest(of: "abc") != Digest(of: "abd"))
        #expect(Digest(of: "abc").bytes.count == 32)
    }

    @Test func digestsInPartsAsInOne() {
        let bytes = Pattern.bytes(0..<100_000)
        for cut in [0, 1, 63, 64, 65, 99_999] {
            var builder = DigestBuilder()
            bytes.withUnsafeBytes { all in
                builder.update(UnsafeRawBufferPointer(rebasing: all[..<cut]))
                builder.update(UnsafeRawBufferPointer(rebasing: all[cut...]))
            }
            let digest = builder.finish()
            #expect(digest == Digest(of: bytes))
        }
    }

    // RFC 4648 §10.
    @Test(arguments: [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy")])
    func codesBase64(plain: String, coded: String) {
        #expect(Base64.standard.encode(Array(plain.utf8)) == coded)
        #expect(Base64.standard.decode(Array(coded.utf8)) == Array(plain.utf8))
        let bare = coded.filter { $0 != "=" }
        #expect(Base64.url.encode(Array(plain.utf8)) == bare)
        #expect(Base64.url.decode(Array(bare.utf8)) == Array(plain.utf8))
    }

    @Test(arguments: ["Zg", "Zg=", "Zh==", "Z===", "Zm9v=", "Zm 9v", "Zm9v\n", "=", "Zg==Zg=="])
    func refusesWrongBase64(text: String) {
        #expect(Base64.standard.decode(Array(text.utf8)) == nil)
    }

    @Test func codesHexadecimal() {
        #expect(Hexadecimal.encode([0, 1, 0xAB, 0xFF]) == "0001abff")
        #expect(Hexadecimal.decode(Array("0001ABff".utf8)) == [0, 1, 0xAB, 0xFF])
        #expect(Hexadecimal.decode(Array("001".utf8)) == nil)
        #expect(Hexadecimal.decode(Array("0g".utf8)) == nil)
    }

    @Test func comparesSecrets() {
        #expect(constantTimeEquals([1, 2, 3], [1, 2, 3]))
        #expect(!constantTimeEquals([1, 2, 3], [1, 2, 4]))
        #expect(!constantTimeEquals([1, 2, 3], [1, 2]))
        #expect(constantTimeEquals([], []))
    }

    @Test func tokensAreLongAndDiffer() {
        let tokens = (0..<50).map { _ in World.system.randomness.token() }
        #expect(Set(tokens).count == 50)
        #expect(tokens.allSatisfy { $0.utf8.count == 43 })
    }

    @Test func savesAndLoadsAnIdentity() throws {
        var template = Array("/tmp/viaduct-identity-XXXXXX".utf8CString)
        let directory = try #require(mkdtemp(&template).map { String(cString: $0) })
        let (certificate, key) = (directory + "/cert.pem", directory + "/key.pem")
        defer {
            unlink(certificate)
            unlink(key)
            rmdir(directory)
        }
        let world = World.system
        let made = try Identity.selfSigned(hosts: ["node-1.example", "192.0.2.7"], world: world)
        try made.save(certificatePath: certificate, keyPath: key)
        var status = stat()
        #expect(stat(key, &status) == 0 && status.st_mode & 0o777 == 0o600)
        let loaded = try Identity.load(certificatePath: certificate, keyPath: key)
        #expect(loaded.fingerprint == made.fingerprint)
        #expect(loaded.keyPEM == made.keyPEM)
        #expect(loaded.matches("localhost") && loaded.matches("node-1.example") && !loaded.matches("other.example"))
        let days = (loaded.expiresAtSeconds - world.clock.wallMilliseconds / 1000) / 86400
        #expect((363...365).contains(days))
        #expect(throws: CryptographyError.file(directory + "/none", ENOENT)) {
            try Identity.load(certificatePath: directory + "/none", keyPath: key)
        }
    }

    @Test func refusesBrokenPEM() throws {
        let first = try Identity.selfSigned(hosts: ["a.example"], world: .system)
        let second = try Identity.selfSigned(hosts: ["b.example"], world: .system)
        #expect(throws: CryptographyError.noCertificate) { try Identity(certificatePEM: [], keyPEM: first.keyPEM) }
        #expect(throws: CryptographyError.noKey) { try Identity(certificatePEM: first.certificatePEM, keyPEM: []) }
        #expect(throws: CryptographyError.keyDoesNotMatch) {
            try Identity(certificatePEM: first.certificatePEM, keyPEM: second.keyPEM)
        }
        let chain = try Identity(certificatePEM: first.certificatePEM + second.certificatePEM, keyPEM: first.keyPEM)
        #expect(chain.certificatePEM == first.certificatePEM + second.certificatePEM)
        // No prefix is taken for the whole, and none crashes.
        for count in stride(from: 0, to: first.certificatePEM.count - 1, by: 7) {
            #expect(throws: CryptographyError.self) {
                try Identity(certificatePEM: Array(first.certificatePEM.prefix(count)), keyPEM: first.keyPEM)
            }
        }
    }

    @Test(arguments: ["", "a b", "x,DNS:evil.example", "-a.example", "a..example", "exa\u{0}mple", "*.example"])
    func refusesHostsThatAreNone(host: String) {
        #expect(throws: CryptographyError.invalidHostName(host)) {
            try Identity.selfSigned(hosts: [host], world: .system)
        }
    }
}
