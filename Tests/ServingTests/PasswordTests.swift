// Password hashes: the vectors of the standards, the text form, and texts that are none.
import Cryptography
import Platform
import Testing

@Suite struct PasswordTests {
    private static let cheap: [PasswordHash.Method] = [
        .argon2id(memoryKiB: 8, passes: 1, lanes: 1), .scrypt(logarithmOfN: 4, r: 8, p: 1),
    ]

    @Test(arguments: cheap)
    func passwordsMatchTheirHashOnly(method: PasswordHash.Method) throws {
        let hash = try PasswordHash(of: "Sëcret!", by: method, randomness: SystemRandomness())
        #expect(try hash.matches("Sëcret!"))
        for wrong in ["Sëcret", "Sëcret!!", "sëcret!", ""] { #expect(try !hash.matches(wrong)) }
        let read = try #require(PasswordHash(text: hash.text))
        #expect(read == hash && read.method == method)
        #expect(read.needsRehash() && !read.needsRehash(to: method))
        let other = try PasswordHash(of: "Sëcret!", by: method, randomness: SystemRandomness())
        #expect(other != hash && !hash.text.contains("cret"))
    }

    @Test func newHashesAreArgon2WithThePriceInTheText() throws {
        let hash = try PasswordHash(of: "x", randomness: SystemRandomness())
        #expect(hash.text.hasPrefix("$argon2id$v=19$m=19456,t=2,p=1$") && !hash.needsRehash())
    }

    // The first two are of the test program of the reference implementation (version 19); the third is the third vector of
    // RFC 7914 §12.
    @Test(arguments: [
        ("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password"),
        ("$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password"),
        (
            "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qbVD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw",
            "pleaseletmein"
        ),
    ])
    func hashesAsTheStandardsSay(text: String, password: String) throws {
        let hash = try #require(PasswordHash(text: text))
        #expect(try hash.matches(password))
        #expect(try !hash.matches(password + " "))
        #expect(hash.text == text)
    }

    private static let tail = "$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA"

    @Test(arguments: [
        "", "$", "$$$$", "$scrypt$", "$scrypt$ln=15,r=8,p=3$$", "$scrypt$ln=40,r=8,p=3" + tail, "$scrypt$ln=15,r=8" + tail,
        "$bcrypt$ln=4,r=8,p=1" + tail, "$scrypt$ln=4,r=8,p=1,x=2" + tail, "$scrypt$ln=-4,r=8,p=1" + tail,
        "$scrypt$r=8,ln=4,p=1" + tail, "$scrypt$ln=4,r=8,p=1$AAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=4,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA", "x$scrypt$ln=4,r=8,p=1" + tail, "$scrypt$v=19$ln=4,r=8,p=1" + tail,
        "$argon2id$m=8,t=1,p=1" + tail, "$argon2id$v=16$m=8,t=1,p=1" + tail, "$argon2i$v=19$m=8,t=1,p=1" + tail,
        "$argon2id$v=19$m=7,t=1,p=1" + tail, "$argon2id$v=19$m=8,t=0,p=1" + tail, "$argon2id$v=19$m=8,t=1,p=2" + tail,
        "$argon2id$v=19$m=8000000,t=1,p=1" + tail, "$argon2id$v=19$m=8,t=1000,p=1" + tail, "$argon2id$v=19$m=8,t=1,p=1" + tail + "$",
        "$argon2id$v=19$m=+8,t=1,p=1" + tail, "$argon2id$v=19$m=8,t=1,p=99999999999999999999" + tail,
    ])
    func refusesTextThatIsNoHash(text: String) {
        #expect(PasswordHash(text: text) == nil)
    }

    @Test func noPrefixOfAHashIsOne() throws {
        for method in Self.cheap {
            let text = try PasswordHash(of: "x", by: method, randomness: SystemRandomness()).text
            // The end of the hash itself may be cut: what is left is a shorter hash, of another password.
            let head = text.prefix(text.utf8.count - 32)
            for count in 0..<head.utf8.count { #expect(PasswordHash(text: String(text.prefix(count))) == nil) }
        }
    }
}
