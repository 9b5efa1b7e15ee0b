import Glibc
import Logging

/// One line of the log while it is written.
struct LogLine {
    private(set) var bytes: [UInt8] = []

    init() { bytes.reserveCapacity(256) }

    mutating func writeJSON(
        _ event: LogEvent, at milliseconds: Int64, component: String,
        fields: [(name: String, value: Logger.MetadataValue)]
    ) {
        append("{\"time\":\"")
        append(CivilTime.text(milliseconds))
        append("\",\"level\":\"")
        append(event.level.rawValue)
        append("\",\"component\":")
        quote(component)
        append(",\"message\":")
        quote(event.message.description, limit: LineLogHandler.messageLimit)
        for (name, value) in fields {
            append(",")
            // A field must not pretend to be one of the four above.
            quote(LogLine.reservedNames.contains(name) ? name + "_" : name)
            append(":")
            writeJSON(value, depth: 0)
        }
        append("}\n")
    }

    mutating func writeText(
        _ event: LogEvent, at milliseconds: Int64, component: String,
        fields: [(name: String, value: Logger.MetadataValue)]
    ) {
        append(CivilTime.text(milliseconds))
        append(" ")
        append(event.level.rawValue.uppercased())
        append(" ")
        escape(component, limit: LineLogHandler.valueLimit)
        append(": ")
        escape(event.message.description, limit: LineLogHandler.messageLimit)
        for (name, value) in fields {
            append(" ")
            escape(name, limit: LineLogHandler.valueLimit)
            append("=")
            writeJSON(value, depth: 0)
        }
        append("\n")
    }

    private static let reservedNames = ["time", "level", "component", "message"]
    private static let depthLimit = 4

    private mutating func writeJSON(_ value: Logger.MetadataValue, depth: Int) {
        guard depth < LogLine.depthLimit else { return append("null") }
        switch value {
        case .string(let text): quote(text)
        case .stringConvertible(let value as any BinaryInteger): append(value.description)
        case .stringConvertible(let value): quote(value.description)
        case .array(let values): writeList(values, open: "[", close: "]") { $0.writeJSON($1, depth: depth + 1) }
        case .dictionary(let members):
            writeList(members.sorted { $0.key < $1.key }, open: "{", close: "}") { line, member in
                line.quote(member.key)
                line.append(":")
                line.writeJSON(member.value, depth: depth + 1)
            }
        }
    }

    /// At most 64 elements are kept.
    private mutating func writeList<Element>(
        _ elements: [Element], open: StaticString, close: StaticString, each: (inout LogLine, Element) -> Void
    ) {
        append(open.description)
        for (index, element) in elements.prefix(64).enumerated() {
            if index > 0 { append(",") }
            each(&self, element)
        }
        append(close.description)
    }

    private mutating func quote(_ text: String, limit: Int = LineLogHandler.valueLimit) {
        append("\"")
        escape(text, limit: limit)
        append("\"")
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    /// Appends at most `limit` characters, with everything escaped that could end a string or a line, move a cursor or
    /// change the direction of writing.
    private mutating func escape(_ text: String, limit: Int) {
        var count = 0
        for scalar in text.unicodeScalars {
            if count == limit {
                append("…")
                return
            }
            count += 1
            switch scalar.value {
            case 0x22: append("\\\"")
            case 0x5C: append("\\\\")
            case 0x0A: append("\\n")
            case 0x0D: append("\\r")
            case 0x09: append("\\t")
            case 0..<0x20, 0x7F...0x9F, 0x2028, 0x2029, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069, 0xFEFF:
                appendEscape(scalar.value)
            case 0x20..<0x7F: bytes.append(UInt8(truncatingIfNeeded: scalar.value))
            default: bytes.append(contentsOf: String(scalar).utf8)
            }
        }
    }

    private mutating func appendEscape(_ value: UInt32) {
        append("\\u")
        for shift in [12, 8, 4, 0] as [UInt32] {
            let digit = UInt8(truncatingIfNeeded: (value >> shift) & 15)
            bytes.append(digit < 10 ? 48 + digit : 87 + digit)
        }
    }
}

/// Moments as text.
public enum CivilTime {
    /// `2026-01-02T03:04:05.678Z`.
    ///
    /// - Parameter milliseconds: since 1970-01-01T00:00:00Z.
    public static func text(_ milliseconds: Int64) -> String {
        let (seconds, fraction) = floorDivide(milliseconds, 1000)
        var moment = time_t(seconds)
        var parts = tm()
        gmtime_r(&moment, &parts)
        let date = "\(padded(Int64(parts.tm_year) + 1900, 4))-\(padded(Int64(parts.tm_mon) + 1, 2))-\(padded(Int64(parts.tm_mday), 2))"
        let time = "\(padded(Int64(parts.tm_hour), 2)):\(padded(Int64(parts.tm_min), 2)):\(padded(Int64(parts.tm_sec), 2))"
        return "\(date)T\(time).\(padded(fraction, 3))Z"
    }

    private static func floorDivide(_ value: Int64, _ divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let remainder = value % divisor
        return remainder < 0 ? (value / divisor - 1, remainder + divisor) : (value / divisor, remainder)
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
