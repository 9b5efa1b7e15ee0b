import CLinux
import Glibc
import Logging

/// Writes each log entry as one line, as JSON for machines or as text for a person at a terminal.
///
/// Everything that came from outside is escaped and cut, so that no client can forge a line, hide one, or send control
/// sequences to a terminal. Source: RFC 8259 §7 (escapes); ISO/IEC 6429 (C0 and C1 control characters).
public struct LineLogHandler: LogHandler {
    public enum Form: String, Sendable {
        case json
        case text
    }

    /// Characters kept of a metadata value.
    public static let valueLimit = 256
    /// Characters kept of a message.
    public static let messageLimit = 2048

    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?

    private let component: String
    private let form: Form
    private let sink: LogSink
    private let clock: any Clock

    /// - Parameter component: names the part of the program; the label of the logger.
    public init(component: String, level: Logger.Level = .info, form: Form = .json, sink: LogSink, clock: any Clock) {
        self.component = component
        self.logLevel = level
        self.form = form
        self.sink = sink
        self.clock = clock
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var line = LogLine()
        switch form {
        case .json: line.writeJSON(event, at: clock.wallMilliseconds, component: component, fields: fields(of: event))
        case .text: line.writeText(event, at: clock.wallMilliseconds, component: component, fields: fields(of: event))
        }
        sink.write(line.bytes)
    }

    /// What the handler, its provider and the event say, the event last; sorted by name.
    private func fields(of event: LogEvent) -> [(name: String, value: Logger.MetadataValue)] {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { _, new in new } }
        if let own = event.metadata { all.merge(own) { _, new in new } }
        if let error = event.error { all["error"] = .string(String(describing: error)) }
        return all.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
    }
}

/// Where log lines go. Each line is one `write`, so that lines of several threads do not mix.
public final class LogSink: Sendable {
    private let descriptor: Int32
    private let isOwned: Bool

    /// Standard error.
    public init() {
        descriptor = STDERR_FILENO
        isOwned = false
    }

    /// Appends to a file, made readable for its owner and group only.
    ///
    /// - Returns: `nil` if it cannot be opened; `errno` says why.
    public init?(path: String) {
        descriptor = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o640)
        isOwned = true
        if descriptor < 0 { return nil }
    }

    deinit {
        if isOwned { close(descriptor) }
    }

    /// Writes a whole line. A full disk or a closed pipe loses it: a log must not stop the program.
    public func write(_ line: [UInt8]) {
        line.withUnsafeBytes { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while rest.count > 0 {
                let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
                if written < 0 {
                    if errno == EINTR { continue }
                    return
                }
                rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            }
        }
    }
}
