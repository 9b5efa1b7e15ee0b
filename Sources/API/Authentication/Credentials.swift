import HTTP

/// A user name and a password from a request.
struct Credentials: Sendable, Equatable {
    let user: String
    let password: String
}

/// What one scheme finds in a request.
enum Presented: Sendable {
    /// The request says nothing in this scheme's words.
    case nothing
    case token(ArraySlice<UInt8>)
    case credentials(Credentials)
    /// It does, but not well formed, or in words that this server does not accept.
    case unusable
}

/// The scheme of `Authorization: Basic`. Source: RFC 7617.
enum BasicScheme {
    static func read(_ head: RequestHead) -> Presented {
        guard let value = head.value("authorization") else { return .nothing }
        let space = value.firstIndex(of: UInt8(ascii: " ")) ?? value.endIndex
        let scheme = value[value.startIndex..<space]
        // Another scheme is not ours to judge, but it is no proof either.
        guard scheme.elementsEqual("basic".utf8, by: { $0 | 0x20 == $1 }) else { return .unusable }
        let coded = value[space...].drop { $0 == UInt8(ascii: " ") }
        guard let plain = Base64.decoded(coded), let text = String(validating: plain, as: UTF8.self) else { return .unusable }
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else { return .unusable }
        let user = String(text[..<colon])
        let password = String(text[text.utf8.index(after: colon)...])
        // RFC 7617 §2 forbids control characters in both.
        let isClean = text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
        return isClean && !user.isEmpty ? .credentials(Credentials(user: user, password: password)) : .unusable
    }
}

/// The session token in a header or, failing that, in a cookie of the same name.
///
/// The cookie exists for `/rest`, whose login sets it. It is sent by a browser on its own, so it counts only where the
/// browser says that the page which caused the request is ours or that the user did; other clients send neither field.
/// Source: Fetch Metadata (W3C), `Sec-Fetch-Site`.
enum SessionTokenScheme {
    static func read(_ head: RequestHead) -> Presented {
        if let token = head.value("vmware-api-session-id") {
            return token.isEmpty ? .unusable : .token(token)
        }
        guard let cookies = head.value("cookie"), let token = cookie(in: cookies) else { return .nothing }
        if let site = head.value("sec-fetch-site"), !site.elementsEqual("same-origin".utf8), !site.elementsEqual("none".utf8) {
            return .unusable
        }
        return token.isEmpty ? .unusable : .token(token)
    }

    /// Source: RFC 6265 §4.2.1.
    static func cookie(in header: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let name = "vmware-api-session-id="
        for part in header.split(separator: UInt8(ascii: ";")) {
            let trimmed = part.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            if trimmed.starts(with: name.utf8) {
                return trimmed.dropFirst(name.utf8.count)
            }
        }
        return nil
    }
}

/// Source: RFC 4648 §4; padding is demanded, other characters are refused.
enum Base64 {
    static func decoded(_ bytes: ArraySlice<UInt8>) -> [UInt8]? {
        guard bytes.count % 4 == 0 else { return nil }
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count / 4 * 3)
        var group: UInt32 = 0
        var filled = 0
        var padding = 0
        for byte in bytes {
            if byte == UInt8(ascii: "=") {
                padding += 1
                group <<= 6
            } else {
                guard padding == 0, let value = value(of: byte) else { return nil }
                group = group << 6 | UInt32(value)
            }
            filled += 1
            if filled == 4 {
                guard padding <= 2 else { return nil }
                result.append(UInt8(truncatingIfNeeded: group >> 16))
                if padding < 2 { result.append(UInt8(truncatingIfNeeded: group >> 8)) }
                if padding < 1 { result.append(UInt8(truncatingIfNeeded: group)) }
                (group, filled) = (0, 0)
            }
        }
        return result
    }

    private static func value(of byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
