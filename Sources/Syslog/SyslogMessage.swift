import Platform

/// One message as RFC 5424 wants it, with one element of structured data.
///
/// ```
/// <109>1 2026-11-24T14:49:01.123Z host viaduct 4711 VM.create [audit@32473 seq="42" user="a@b"] text
/// ```
/// Everything is cut to what the RFC allows, so that a collector never refuses a message for what a client put into it.
public struct SyslogMessage: Sendable, Equatable {
    /// RFC 5424 §6.2.1, table 2.
    public enum Severity: Int, Sendable {
        case error = 3
        case warning, notice, informational
    }

    /// "log audit", RFC 5424 §6.2.1, table 1.
    static let facility = 13

    public var severity: Severity
    /// Milliseconds since 1970.
    public var milliseconds: Int64
    public var host: String
    public var application: String
    public var process: Int32
    /// Kind of the message (MSGID).
    public var kind: String
    /// `name@enterprise`, RFC 5424 §6.3.2.
    public var element: String
    public var parameters: [(name: String, value: String)]
    public var text: String

    public init(
        severity: Severity, milliseconds: Int64, host: String, application: String, process: Int32, kind: String,
        element: String, parameters: [(name: String, value: String)], text: String
    ) {
        self.severity = severity
        self.milliseconds = milliseconds
        self.host = host
        self.application = application
        self.process = process
        self.kind = kind
        self.element = element
        self.parameters = parameters
        self.text = text
    }

    public static func == (one: SyslogMessage, other: SyslogMessage) -> Bool { one.encoded() == other.encoded() }

    /// The message without framing.
    public func encoded() -> [UInt8] {
        var line = "<\(Self.facility * 8 + severity.rawValue)>1 \(CivilTime.text(milliseconds)) "
        line += Self.name(host, limit: 255) + " " + Self.name(application, limit: 48) + " \(process) "
        line += Self.name(kind, limit: 32) + " [" + Self.name(element, limit: 32)
        for (name, value) in parameters where !value.isEmpty {
            line += " " + Self.name(name, limit: 32) + "=\"" + Self.escaped(value) + "\""
        }
        line += "] " + Self.printable(text)
        return Array(line.utf8)
    }

    /// With its length in front: octet counting. Source: RFC 6587 §3.4.1, RFC 5425 §4.3.
    public func framed() -> [UInt8] {
        let bytes = encoded()
        return Array("\(bytes.count) ".utf8) + bytes
    }

    /// Printable ASCII without spaces and what would end a name; `-` for nothing.
    static func name(_ text: String, limit: Int) -> String {
        let kept = text.utf8.filter { $0 > 32 && $0 < 127 && $0 != 61 && $0 != 93 && $0 != 34 }.prefix(limit)
        return kept.isEmpty ? "-" : String(decoding: kept, as: UTF8.self)
    }

    /// Characters of a value that is longer are cut; an attacker must not fill the collector's disk.
    static let valueLimit = 1024

    /// Source: RFC 5424 §6.3.3: quote, backslash and bracket after a backslash.
    static func escaped(_ value: String) -> String {
        var result = ""
        for character in printable(value).unicodeScalars {
            if character == "\"" || character == "\\" || character == "]" { result.append("\\") }
            result.unicodeScalars.append(character)
        }
        return result
    }

    /// Control characters, C1 and line separators included, become U+FFFD: no value can begin a line of its own.
    static func printable(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars.prefix(valueLimit) {
            let isControl = scalar.value < 32 || (127..<160).contains(scalar.value) || [0x2028, 0x2029].contains(scalar.value)
            result.unicodeScalars.append(isControl ? "\u{FFFD}" : scalar)
        }
        return result
    }
}
