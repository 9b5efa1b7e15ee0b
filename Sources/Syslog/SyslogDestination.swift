import Sockets

/// Where messages go: `tcp://collector:514` or `tls://collector:6514`.
///
/// Source of the default ports: RFC 6587 names none for TCP (514 is what collectors use), RFC 5425 §4.1.
public struct SyslogDestination: Sendable, Equatable, CustomStringConvertible {
    public let host: String
    public let port: UInt16
    public let isSecure: Bool

    /// - Returns: `nil` for anything else.
    public init?(_ text: String) {
        guard let scheme = ["tcp://", "tls://"].first(where: text.hasPrefix) else { return nil }
        isSecure = scheme == "tls://"
        var rest = text.dropFirst(scheme.count)
        var port: UInt16? = isSecure ? 6514 : 514
        if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("]") {
            let digits = rest[rest.index(after: colon)...]
            port = digits.utf8.allSatisfy { (48...57).contains($0) } ? UInt16(digits) : nil
            rest = rest[..<colon]
        }
        if rest.hasPrefix("["), rest.hasSuffix("]") { rest = rest.dropFirst().dropLast() }
        guard let port, port > 0, !rest.isEmpty, rest.utf8.allSatisfy(Self.belongsToHost) else { return nil }
        host = String(rest)
        self.port = port
    }

    private static func belongsToHost(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122, 45, 46, 58, 95: true
        default: false
        }
    }

    public var description: String {
        "\(isSecure ? "tls" : "tcp")://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }
}
