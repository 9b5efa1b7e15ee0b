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
    /// A token from a cookie, with what came in `X-XSRF-TOKEN`; empty if nothing did.
    case formToken(ArraySlice<UInt8>, antiForgery: ArraySlice<UInt8>)
    /// A signed token (JWT), not yet looked at.
    case bearer(ArraySlice<UInt8>)
    case credentials(Credentials)
    /// It does, but not well formed, or in words that this server does not accept.
    case unusable(AuthenticationRefusal)
}

/// What `Authorization` says: `Basic` (RFC 7617) or `Bearer` (RFC 6750). vCenter's `SIGN` carries SAML, which is not
/// spoken here.
enum AuthorizationScheme {
    static func read(_ head: RequestHead) -> Presented {
        guard let value = head.value("authorization") else { return .nothing }
        let space = value.firstIndex(of: UInt8(ascii: " ")) ?? value.endIndex
        let scheme = value[value.startIndex..<space]
        let rest = value[space...].drop { $0 == UInt8(ascii: " ") }
        if scheme.elementsEqual("basic".utf8, by: { $0 | 0x20 == $1 }) { return basic(rest) }
        if scheme.elementsEqual("bearer".utf8, by: { $0 | 0x20 == $1 }) { return rest.isEmpty ? .unusable(.malformed) : .bearer(rest) }
        return .unusable(.unsupportedScheme)
    }

    private static func basic(_ coded: ArraySlice<UInt8>) -> Presented {
        guard let plain = Base64.decoded(coded), let text = String(validating: plain, as: UTF8.self),
            let colon = text.utf8.firstIndex(of: UInt8(ascii: ":"))
        else { return .unusable(.malformed) }
        let user = String(text[..<colon])
        let password = String(text[text.utf8.index(after: colon)...])
        // RFC 7617 §2 forbids control characters in both.
        let isClean = text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }
        return isClean && !user.isEmpty ? .credentials(Credentials(user: user, password: password)) : .unusable(.malformed)
    }
}

/// The session token in a header or, failing that, in a cookie.
///
/// The cookie `vmware-api-session-id` exists for `/rest`, whose login sets it. It is sent by a browser on its own, so it
/// counts only where the browser says that the page which caused the request is ours or that the user did; other clients
/// send neither field. Source: Fetch Metadata (W3C), `Sec-Fetch-Site`. The cookie `JSESSIONID` is that of NSX's form login
/// and counts with its anti-forgery token alone.
enum SessionTokenScheme {
    static func read(_ head: RequestHead) -> Presented {
        if let token = head.value("vmware-api-session-id") {
            return token.isEmpty ? .unusable(.malformed) : .token(token)
        }
        guard let cookies = head.value("cookie") else { return .nothing }
        if let token = cookie("vmware-api-session-id=", in: cookies) {
            if let site = head.value("sec-fetch-site"), !site.elementsEqual("same-origin".utf8), !site.elementsEqual("none".utf8) {
                return .unusable(.foreignPage)
            }
            return token.isEmpty ? .unusable(.malformed) : .token(token)
        }
        return form(head, cookies)
    }

    /// NSX's form session alone.
    static func readForm(_ head: RequestHead) -> Presented {
        head.value("cookie").map { form(head, $0) } ?? .nothing
    }

    private static func form(_ head: RequestHead, _ cookies: ArraySlice<UInt8>) -> Presented {
        guard let token = cookie("JSESSIONID=", in: cookies) else { return .nothing }
        return token.isEmpty ? .unusable(.malformed) : .formToken(token, antiForgery: head.value("x-xsrf-token") ?? [])
    }

    /// Source: RFC 6265 §4.2.1.
    ///
    /// - Parameter name: with the equals sign.
    static func cookie(_ name: StaticString, in header: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        let name = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        for part in header.split(separator: UInt8(ascii: ";")) {
            let trimmed = part.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
            if trimmed.starts(with: name) {
                return trimmed.dropFirst(name.count)
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
