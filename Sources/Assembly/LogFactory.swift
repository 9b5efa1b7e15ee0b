import Logging
import Platform

/// Makes the loggers of the program's parts.
public struct LogFactory: Sendable {
    private let form: LineLogHandler.Form
    private let level: Logger.Level
    private let sink: LogSink
    private let clock: any Clock

    /// Logs to standard error.
    public init(_ configuration: Configuration, world: World = .system) {
        form = configuration.logFormat == .json ? .json : .text
        level = Logger.Level(rawValue: configuration.logLevel) ?? .info
        sink = LogSink()
        clock = world.clock
    }

    /// - Parameter component: for example `serving`.
    public func logger(_ component: String) -> Logger {
        let handler = LineLogHandler(component: component, level: level, form: form, sink: sink, clock: clock)
        return Logger(label: component) { _ in handler }
    }
}
