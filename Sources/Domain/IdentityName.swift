/// The full name of a user or a group: a name in a domain. Both are compared without regard to case and kept in lower case.
public struct PrincipalName: Hashable, Sendable, CustomStringConvertible {
    public let name: String
    public let domain: String

    /// Longest text that is looked at, in bytes.
    static let limitBytes = 320

    public init(name: String, domain: String) {
        self.name = name.lowercased()
        self.domain = domain.lowercased()
    }

    /// Reads `user@domain` or `DOMAIN\user`, the two spellings that vCenter accepts and shows.
    ///
    /// - Parameter defaultDomain: of a name without domain; `nil` refuses such a name.
    public init?(_ text: String, defaultDomain: String? = nil) {
        guard text.utf8.count <= Self.limitBytes, text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) else {
            return nil
        }
        let parts: (name: Substring, domain: Substring)
        if let mark = text.firstIndex(of: "\\") {
            parts = (text[text.index(after: mark)...], text[..<mark])
        } else if let mark = text.lastIndex(of: "@") {
            parts = (text[..<mark], text[text.index(after: mark)...])
        } else if let defaultDomain {
            parts = (text[...], defaultDomain[...])
        } else {
            return nil
        }
        guard !parts.name.isEmpty, !parts.domain.isEmpty, !parts.name.contains("\\"), !parts.domain.contains("\\") else {
            return nil
        }
        self.init(name: String(parts.name), domain: String(parts.domain))
    }

    /// `user@domain`, the form of identifiers.
    public var description: String { name + "@" + domain }

    /// `DOMAIN\name`, as vCenter writes principals of permissions.
    public var qualified: String { domain.uppercased() + "\\" + name }

    public var user: Identifier<User> { Identifier(description) }
    public var group: Identifier<Group> { Identifier(description) }

    /// Whether a new user or group may have the name: 1 to 64 letters, digits, dots, hyphens and underscores, no dot at
    /// either end. What else directories allow needs care in paths, logs and commands.
    public static func isAcceptable(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count) && !name.hasPrefix(".") && !name.hasSuffix(".")
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }
}

/// The domains of the embedded directory.
public enum EmbeddedDomain {
    /// Where users of the product live.
    public static let standard = "vsphere.local"
    /// Where the accounts of `com.vmware.appliance.local_accounts` live, with vCenter's name for it.
    public static let local = "localos"
}
