/// Everything a user can set. Defaults are those of `config/viaduct.yaml`, which documents each key.
public struct Configuration: Sendable, Equatable {
    public var listen = "127.0.0.1:8443"
    public var dataDirectory = "./data"
    public var certificateFile = ""
    public var privateKeyFile = ""
    /// 0: one per processor.
    public var eventLoops = 0
    /// 0: four per processor.
    public var workerThreads = 0
    public var drainSeconds = 30
    public var connectionsPerAddress = 2000
    /// 0: what the file descriptor limit allows.
    public var connections = 0
    public var idleSeconds = 75
    public var headerSeconds = 10
    /// 0: no limit.
    public var requestsPerSecondPerAddress = 0
    public var requestsPerSecondPerUser = 0
    public var waitingRequests = 4096
    public var overdueMilliseconds = 50
    /// `tcp://host:port` or `tls://host:port`; empty: no export.
    public var auditSyslog = ""
    /// Certificates to trust by TLS; empty: those of the system.
    public var auditSyslogTrust = ""
    /// 0: no limit; so for days.
    public var auditRetentionEntries = 1_000_000
    public var auditRetentionDays = 365
    public var sessionIdleMinutes = 30
    public var sessionAbsoluteHours = 48
    public var sessionsPerUser = 550
    public var passwordHash = "argon2id"
    public var acceptsCredentialsOnEveryCall = false
    /// Empty: signed tokens are not accepted.
    public var tokenKeysFile = ""
    public var tokenIssuer = ""
    public var tokenAudience = ""
    public var tokenUserClaim = "sub"
    public var tokenClockSkewSeconds = 60
    public var poolGiB = 4096
    /// Empty: the iSCSI target is off.
    public var iscsiListen = ""
    /// Empty: one that follows from the pool's identity.
    public var iscsiTargetName = ""
    /// Empty: initiators need no secrets.
    public var iscsiChallengeFile = ""
    /// 0: one per processor.
    public var iscsiEventLoops = 0
    public var iscsiSessions = 256
    public var iscsiSessionsPerInitiator = 16
    public var iscsiConnections = 512
    /// Empty: the built-in demo.
    public var seedFile = ""
    public var logFormat = LogFormat.json
    public var logLevel = "info"
    public var logsAccess = true

    public enum LogFormat: String, Sendable, CaseIterable {
        case json, text
    }

    public init() {}
}

/// What is wrong with the configuration; `description` is for the person who wrote it.
public struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

/// One key: where it stands in the file, and how its text becomes a value.
struct ConfigurationKey: Sendable {
    /// Dotted path, for example `sessions.idle_minutes`.
    let path: String
    let apply: @Sendable (inout Configuration, String) -> Bool
    /// What a good value looks like, for the error.
    let expectation: String

    /// For example `VIADUCT_SESSIONS_IDLE_MINUTES`.
    var environmentName: String {
        "VIADUCT_" + path.uppercased().map { $0 == "." ? "_" : String($0) }.joined()
    }

    static func text(_ path: String, _ property: any WritableKeyPath<Configuration, String> & Sendable) -> ConfigurationKey {
        ConfigurationKey(path: path, apply: { $0[keyPath: property] = $1; return true }, expectation: "text")
    }

    static func number(
        _ path: String, _ property: any WritableKeyPath<Configuration, Int> & Sendable, _ range: ClosedRange<Int>
    ) -> ConfigurationKey {
        ConfigurationKey(
            path: path,
            apply: { configuration, text in
                guard let value = Int(text), range.contains(value) else { return false }
                configuration[keyPath: property] = value
                return true
            },
            expectation: "a whole number from \(range.lowerBound) to \(range.upperBound)")
    }

    static func flag(_ path: String, _ property: any WritableKeyPath<Configuration, Bool> & Sendable) -> ConfigurationKey {
        ConfigurationKey(
            path: path,
            apply: { configuration, text in
                guard let value = ["true": true, "false": false][text] else { return false }
                configuration[keyPath: property] = value
                return true
            },
            expectation: "true or false")
    }

    static func choice(
        _ path: String, _ property: any WritableKeyPath<Configuration, String> & Sendable, _ choices: [String]
    ) -> ConfigurationKey {
        ConfigurationKey(
            path: path,
            apply: { configuration, text in
                guard choices.contains(text) else { return false }
                configuration[keyPath: property] = text
                return true
            },
            expectation: "one of " + choices.joined(separator: ", "))
    }

    static let all: [ConfigurationKey] = [
        .text("listen", \.listen),
        .text("data_directory", \.dataDirectory),
        .text("tls.certificate", \.certificateFile),
        .text("tls.private_key", \.privateKeyFile),
        .number("server.event_loops", \.eventLoops, 0...256),
        .number("server.worker_threads", \.workerThreads, 0...1024),
        .number("server.drain_seconds", \.drainSeconds, 0...3600),
        .number("server.connections_per_address", \.connectionsPerAddress, 1...1_000_000),
        .number("server.connections", \.connections, 0...10_000_000),
        .number("server.idle_seconds", \.idleSeconds, 1...86_400),
        .number("server.header_seconds", \.headerSeconds, 1...3600),
        .number("limits.requests_per_second_per_address", \.requestsPerSecondPerAddress, 0...1_000_000),
        .number("limits.requests_per_second_per_user", \.requestsPerSecondPerUser, 0...1_000_000),
        .number("limits.waiting_requests", \.waitingRequests, 1...1_000_000),
        .number("limits.overdue_milliseconds", \.overdueMilliseconds, 1...60_000),
        .number("sessions.idle_minutes", \.sessionIdleMinutes, 1...10_080),
        .number("sessions.absolute_hours", \.sessionAbsoluteHours, 1...8760),
        .number("sessions.per_user", \.sessionsPerUser, 1...1_000_000),
        .choice("identity.password_hash", \.passwordHash, ["argon2id", "scrypt"]),
        .flag("identity.basic_on_every_call", \.acceptsCredentialsOnEveryCall),
        .text("identity.token_keys", \.tokenKeysFile),
        .text("identity.token_issuer", \.tokenIssuer),
        .text("identity.token_audience", \.tokenAudience),
        .text("identity.token_user_claim", \.tokenUserClaim),
        .number("identity.token_clock_skew_seconds", \.tokenClockSkewSeconds, 0...600),
        .number("array.pool_gib", \.poolGiB, 1...16_384),
        .text("audit.syslog", \.auditSyslog),
        .text("audit.syslog_trust", \.auditSyslogTrust),
        .number("audit.retention_entries", \.auditRetentionEntries, 0...1_000_000_000),
        .number("audit.retention_days", \.auditRetentionDays, 0...36_500),
        .text("iscsi.listen", \.iscsiListen),
        .text("iscsi.target_name", \.iscsiTargetName),
        .text("iscsi.chap_file", \.iscsiChallengeFile),
        .number("iscsi.event_loops", \.iscsiEventLoops, 0...256),
        .number("iscsi.sessions", \.iscsiSessions, 1...65_535),
        .number("iscsi.sessions_per_initiator", \.iscsiSessionsPerInitiator, 1...65_535),
        .number("iscsi.connections", \.iscsiConnections, 1...1_000_000),
        .text("inventory.seed", \.seedFile),
        ConfigurationKey(
            path: "log.format",
            apply: { configuration, text in
                guard let format = Configuration.LogFormat(rawValue: text) else { return false }
                configuration.logFormat = format
                return true
            },
            expectation: "json or text"),
        .choice("log.level", \.logLevel, ["trace", "debug", "info", "notice", "warning", "error", "critical"]),
        .flag("log.access", \.logsAccess),
    ]
}
