import Foundation
import Testing

@testable import Assembly

// Every key from every source, and errors that name what is wrong.

@Suite struct ConfigurationTests {
    /// Another value than the default for each key, and what it becomes.
    private static let values: [(key: String, value: String, read: @Sendable (Configuration) -> String)] = [
        ("listen", "[::1]:1", { $0.listen }), ("data_directory", "/tmp/x", { $0.dataDirectory }),
        ("server.event_loops", "3", { "\($0.eventLoops)" }), ("server.worker_threads", "5", { "\($0.workerThreads)" }),
        ("server.drain_seconds", "0", { "\($0.drainSeconds)" }),
        ("server.connections_per_address", "1", { "\($0.connectionsPerAddress)" }),
        ("server.connections", "9", { "\($0.connections)" }), ("server.idle_seconds", "11", { "\($0.idleSeconds)" }),
        ("server.header_seconds", "12", { "\($0.headerSeconds)" }),
        ("limits.requests_per_second_per_address", "17", { "\($0.requestsPerSecondPerAddress)" }),
        ("limits.requests_per_second_per_user", "18", { "\($0.requestsPerSecondPerUser)" }),
        ("limits.waiting_requests", "19", { "\($0.waitingRequests)" }),
        ("limits.overdue_milliseconds", "20", { "\($0.overdueMilliseconds)" }),
        ("sessions.idle_minutes", "13", { "\($0.sessionIdleMinutes)" }),
        ("sessions.absolute_hours", "14", { "\($0.sessionAbsoluteHours)" }),
        ("sessions.per_user", "15", { "\($0.sessionsPerUser)" }), ("array.pool_gib", "16", { "\($0.poolGiB)" }),
        ("iscsi.listen", "127.0.0.1:3260", { $0.iscsiListen }),
        ("iscsi.target_name", "iqn.2001-04.com.example:array", { $0.iscsiTargetName }),
        ("iscsi.chap_file", "secrets", { $0.iscsiChallengeFile }), ("iscsi.event_loops", "21", { "\($0.iscsiEventLoops)" }),
        ("iscsi.sessions", "22", { "\($0.iscsiSessions)" }),
        ("iscsi.sessions_per_initiator", "23", { "\($0.iscsiSessionsPerInitiator)" }),
        ("iscsi.connections", "24", { "\($0.iscsiConnections)" }),
        ("audit.syslog", "tcp://collector", { $0.auditSyslog }), ("audit.syslog_trust", "ca.pem", { $0.auditSyslogTrust }),
        ("audit.retention_entries", "25", { "\($0.auditRetentionEntries)" }),
        ("audit.retention_days", "26", { "\($0.auditRetentionDays)" }),
        ("inventory.seed", "seed.yaml", { $0.seedFile }), ("log.format", "text", { $0.logFormat.rawValue }),
        ("log.level", "debug", { $0.logLevel }), ("log.access", "false", { "\($0.logsAccess)" }),
        ("identity.password_hash", "scrypt", { $0.passwordHash }),
        ("identity.basic_on_every_call", "true", { "\($0.acceptsCredentialsOnEveryCall)" }),
        ("identity.token_issuer", "i", { $0.tokenIssuer }), ("identity.token_audience", "a", { $0.tokenAudience }),
        ("identity.token_user_claim", "upn", { $0.tokenUserClaim }),
        ("identity.token_clock_skew_seconds", "21", { "\($0.tokenClockSkewSeconds)" }),
    ]

    private static func yaml(_ key: String, _ value: String) -> String {
        let parts = key.split(separator: ".")
        return parts.count == 1 ? "\(key): \"\(value)\"" : "\(parts[0]):\n  \(parts[1]): \"\(value)\""
    }

    @Test func everyKeyComesFromEverySourceAndTheLaterOneWins() throws {
        let known = Set(Self.values.map(\.key) + ["tls.certificate", "tls.private_key", "identity.token_keys"])
        #expect(known == Set(ConfigurationKey.all.map(\.path)))
        for (key, value, read) in Self.values {
            let variable = "VIADUCT_" + key.uppercased().split(separator: ".").joined(separator: "_")
            let file = try Configuration.load(yaml: Self.yaml(key, value))
            let environment = try Configuration.load(yaml: nil, environment: [variable: value])
            let line = try Configuration.load(yaml: nil, overrides: [(key, value)])
            #expect([file, environment, line].map(read) == [value, value, value], "\(key)")
            #expect(file == environment && file == line && file != Configuration())
            let other = try #require(ConfigurationKey.all.first { $0.path == key })
            var plain = Configuration()
            #expect(other.apply(&plain, value))
            let standard = read(Configuration())
            let mixed = try Configuration.load(yaml: Self.yaml(key, value), environment: [variable: standard])
            #expect(read(mixed) == standard)
            let last = try Configuration.load(yaml: nil, environment: [variable: standard], overrides: [(key, value)])
            #expect(read(last) == value)
        }
    }

    @Test func theFileOfTheRepositoryHasExactlyTheKeysWithTheirDefaults() throws {
        let text = try String(contentsOf: packageRoot.appending(path: "config/viaduct.yaml"), encoding: .utf8)
        #expect(try Configuration.load(yaml: text) == Configuration())
        var path: [String] = []
        var keys: [String] = []
        for line in text.split(separator: "\n") where !line.trimmingCharacters(in: .whitespaces).hasPrefix("#") {
            let isInner = line.hasPrefix("  ")
            guard let colon = line.firstIndex(of: ":") else { continue }
            let name = line[..<colon].trimmingCharacters(in: .whitespaces)
            path = isInner ? [path[0], name] : [name]
            if !line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces).isEmpty {
                keys.append(path.joined(separator: "."))
            }
        }
        #expect(keys == ConfigurationKey.all.map(\.path))
    }

    @Test(arguments: [
        ("lisen: x", "line 1: unknown key lisen"), ("a:\n  b: 1", "line 2: unknown key a.b"),
        ("server:\n  idle_seconds: soon", "line 2: server.idle_seconds must be a whole number from 1 to 86400, not \"soon\""),
        ("server:\n  idle_seconds: 0", "server.idle_seconds must be a whole number from 1 to 86400, not \"0\""),
        ("sessions:\n  per_user: 99999999999999999999", "sessions.per_user must be"),
        ("log:\n  format: xml", "log.format must be json or text"), ("log:\n  level: loud", "log.level must be one of trace"),
        ("log:\n  access: yes", "log.access must be true or false"), ("listen: [1, 2]", "line 1: listen must not be a list"),
        ("- a", "the file must not be a list"), ("plain", "the file must be a mapping"), ("a: [", "not valid YAML"),
        ("tls:\n  certificate: /c.pem", "tls.certificate and tls.private_key must be given together"),
        ("listen: nowhere", "listen must be ADDRESS:PORT"), ("log:", "unknown key log"),
        ("listen: 127.0.0.1:1\nlisten: 127.0.0.1:2", "not valid YAML"),
    ])
    func whatIsWrongInTheFileIsNamed(yaml: String, expected: String) {
        let text = complaint { try Configuration.load(yaml: yaml) }
        #expect(text.contains(expected), "\(text)")
    }

    @Test func wrongVariablesAndOverridesAreNamed() {
        let variable = complaint { try Configuration.load(yaml: nil, environment: ["VIADUCT_LISEN": "x", "PATH": "/bin"]) }
        #expect(variable == "environment: unknown variable VIADUCT_LISEN")
        let value = complaint { try Configuration.load(yaml: nil, environment: ["VIADUCT_LOG_ACCESS": "1"]) }
        #expect(value == "environment VIADUCT_LOG_ACCESS: log.access must be true or false, not \"1\"")
        #expect(complaint { try Configuration.load(yaml: nil, overrides: [("log", "x")]) } == "command line: unknown key log")
        for reserved in ["VIADUCT_ADMIN_PASSWORD", "VIADUCT_LONG", "HOME"] {
            #expect(complaint { try Configuration.load(yaml: nil, environment: [reserved: "x"]) }.isEmpty)
        }
        #expect(complaint { try Configuration.load(yaml: "") }.isEmpty)
        #expect(complaint { try Configuration.load(file: "/nonexistent.yaml", overrides: []) }.contains("/nonexistent.yaml"))
    }

    @Test(arguments: [
        ("127.0.0.1:8443", "127.0.0.1", 8443), ("[::]:0", "::", 0), ("[::1]:65535", "::1", 65535),
        ("lab.local:443", "lab.local", 443),
        ("::1:443", nil, 0), ("127.0.0.1", nil, 0), ("127.0.0.1:", nil, 0), ("127.0.0.1:65536", nil, 0), (":443", nil, 0),
        ("[]:443", nil, 0), ("a:-1", nil, 0), ("a:+1", nil, 0), ("", nil, 0), ("[::1]443", nil, 0), ("[::1:443", nil, 0),
    ])
    func listenAddressesAreRead(text: String, host: String?, port: UInt16) {
        do {
            let address = try ListenAddress(text)
            #expect(address.host == host && address.port == port)
        } catch {
            #expect(host == nil && error.description.contains("listen"), "\(text): \(error)")
        }
    }
}
