import CLinux
import Glibc

/// An IPv4 or IPv6 address with a port.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
    /// The address as one number, network order; IPv4 takes the upper half of `high`.
    let high: UInt64
    let low: UInt64
    public let isIPv6: Bool
    public let port: UInt16
    /// Interface of a link-local IPv6 address; 0 otherwise.
    let scope: UInt32

    /// Reads `127.0.0.1:8443` or `[::1]:8443`. Names are not looked up.
    public init?(_ text: String) {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return nil }
        var host = text[..<colon]
        let digits = text[text.index(after: colon)...]
        guard digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = UInt16(digits) else { return nil }
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        if isBracketed { host = host.dropFirst().dropLast() }
        self.init(host: String(host), port: port)
        guard isIPv6 == isBracketed else { return nil }
    }

    /// - Parameter host: a numeric address.
    public init?(host: String, port: UInt16) {
        var raw = clinux_address()
        guard clinux_address_parse(host, &raw) == 1 else { return nil }
        raw.port = port
        self.init(raw)
    }

    /// The addresses of a host name, or the one that it already is. Asks the system's resolver, which may block for
    /// seconds.
    public static func resolve(host: String, port: UInt16) -> [SocketAddress] {
        if let numeric = SocketAddress(host: host, port: port) { return [numeric] }
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var found: [SocketAddress] = []
        var entry = list
        while let current = entry?.pointee {
            var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
            let flags = Int32(NI_NUMERICHOST)
            if getnameinfo(current.ai_addr, current.ai_addrlen, &text, socklen_t(text.count), nil, 0, flags) == 0,
                let length = text.firstIndex(of: 0),
                let address = SocketAddress(
                    host: String(decoding: text[..<length].lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self), port: port)
            {
                found.append(address)
            }
            entry = current.ai_next
        }
        return found
    }

    init(_ raw: clinux_address) {
        (high, low) = withUnsafeBytes(of: raw.bytes) { bytes in
            (
                UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        isIPv6 = raw.is_ipv6 != 0
        port = raw.port
        scope = raw.scope
    }

    var raw: clinux_address {
        var raw = clinux_address()
        withUnsafeMutableBytes(of: &raw.bytes) { bytes in
            bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
            bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        raw.port = port
        raw.is_ipv6 = isIPv6 ? 1 : 0
        raw.scope = scope
        return raw
    }

    public func with(port: UInt16) -> SocketAddress {
        var raw = raw
        raw.port = port
        return SocketAddress(raw)
    }

    /// The address without port, for example `127.0.0.1` or `::1`.
    public var host: String {
        var raw = raw
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { text in
            let count = clinux_address_text(&raw, text.baseAddress, text.count)
            return String(decoding: text.prefix(count).lazy.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
    }

    public var description: String { isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// What limits count: an IPv4 address, or the /64 that one IPv6 client usually has all of.
    var quotaKey: QuotaKey { QuotaKey(number: high, isIPv6: isIPv6) }
}

struct QuotaKey: Hashable, Sendable {
    let number: UInt64
    let isIPv6: Bool
}

public enum SocketError: Error, Sendable, Equatable {
    /// A call failed: what was tried, and the error number.
    case system(StaticText, Int32)
    /// Somebody else listens there.
    case addressInUse(SocketAddress)
    /// No such address on this machine, or no permission for the port; with the error number.
    case cannotListen(SocketAddress, Int32)

    /// A literal that can be compared.
    public struct StaticText: Sendable, Equatable, ExpressibleByStringLiteral, CustomStringConvertible {
        public let description: String
        public init(stringLiteral value: StaticString) { description = value.description }
    }
}
