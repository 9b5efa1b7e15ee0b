// The text form: `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<hash>` or `$scrypt$ln=15,r=8,p=3$<salt>$<hash>`, with Base64
// without padding. Source: PHC string format.
extension PasswordHash {
    public var text: String {
        let parameters =
            switch method {
            case .argon2id(let memoryKiB, let passes, let lanes): "argon2id$v=19$m=\(memoryKiB),t=\(passes),p=\(lanes)"
            case .scrypt(let logarithmOfN, let r, let p): "scrypt$ln=\(logarithmOfN),r=\(r),p=\(p)"
            }
        return "$\(parameters)$\(Base64.unpadded.encode(salt))$\(Base64.unpadded.encode(hash))"
    }

    /// Reads the text form; `nil` if it is none or its price is out of bounds.
    public init?(text: String) {
        var parts = text.split(separator: "$", omittingEmptySubsequences: false)[...]
        guard parts.count <= 6, parts.popFirst()?.isEmpty == true, let name = parts.popFirst() else { return nil }
        let method: Method
        switch name {
        case "argon2id":
            guard parts.popFirst() == "v=19", let values = Self.values(parts.popFirst(), ["m=", "t=", "p="]) else { return nil }
            method = .argon2id(memoryKiB: values[0], passes: values[1], lanes: values[2])
        case "scrypt":
            guard let values = Self.values(parts.popFirst(), ["ln=", "r=", "p="]) else { return nil }
            method = .scrypt(logarithmOfN: values[0], r: values[1], p: values[2])
        default: return nil
        }
        guard method.isAcceptable, parts.count == 2,
            let salt = parts.popFirst().flatMap({ Base64.unpadded.decode(Array($0.utf8)) }),
            let hash = parts.popFirst().flatMap({ Base64.unpadded.decode(Array($0.utf8)) }),
            (8...64).contains(salt.count), (16...64).contains(hash.count)
        else { return nil }
        self.init(method: method, salt: salt, hash: hash)
    }

    /// The numbers of a parameter list that has exactly these names in this order.
    private static func values(_ text: Substring?, _ names: [String]) -> [Int]? {
        guard let parts = text?.split(separator: ",", omittingEmptySubsequences: false), parts.count == names.count else {
            return nil
        }
        var values: [Int] = []
        for (part, name) in zip(parts, names) {
            let digits = part.dropFirst(name.count)
            guard part.hasPrefix(name), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let value = Int(digits) else {
                return nil
            }
            values.append(value)
        }
        return values
    }
}
