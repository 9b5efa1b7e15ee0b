import Cryptography
import Domain
import Foundation
import Logging
import Persistence
import Platform
import Syslog

/// The audit log as messages for a collector; `audit.syslog` says where.
///
/// What has arrived is remembered in a file of the data directory. Losing it costs repetitions, never a record.
struct AuditSource: SyslogSource {
    private let store: Store
    private let path: String
    private let host: String
    private let process: Int32
    private let forgottenThrough: @Sendable () -> UInt64

    /// - Parameter forgottenThrough: number of the last change whose entry was forgotten.
    init(store: Store, positionPath path: String, forgottenThrough: @escaping @Sendable () -> UInt64) {
        self.store = store
        self.forgottenThrough = forgottenThrough
        self.path = path
        host = ProcessInfo.processInfo.hostName
        process = ProcessInfo.processInfo.processIdentifier
    }

    func records(after position: UInt64, limit: Int) -> [SyslogRecord]? {
        guard position < UInt64(Int64.max) else { return [] }
        let forgotten = forgottenThrough()
        if position < forgotten { return [SyslogRecord(position: forgotten, message: gap(after: position, through: forgotten))] }
        let query = AuditQuery(sequences: position + 1...UInt64(Int64.max), limit: limit)
        do throws(Fault) {
            return try store.audit(query).map { SyslogRecord(position: $0.sequence, message: message($0)) }
        } catch {
            // It is asked again; whether the log can be read is reported by those who write to it.
            return nil
        }
    }

    func arrivedPosition() -> UInt64 {
        do {
            let text = try String(contentsOfFile: path, encoding: .utf8)
            return UInt64(text.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
        } catch {
            return 0
        }
    }

    func remember(_ position: UInt64) {
        do {
            try Data("\(position)\n".utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
        } catch {
            Logger(label: "audit").warning("export position not saved", metadata: ["reason": .string("\(error)")])
        }
    }

    /// Says that entries were forgotten before they could be sent.
    func gap(after position: UInt64, through last: UInt64) -> SyslogMessage {
        SyslogMessage(
            severity: .warning, milliseconds: Int64(Date().timeIntervalSince1970 * 1000), host: host, application: "viaduct",
            process: process, kind: "audit.gap", element: "audit@32473",
            parameters: [("seq", "\(last)"), ("after", "\(position)"), ("operation", "gap")],
            text: "the entries of changes after \(position) up to \(last) were forgotten before they could be sent")
    }

    /// 32473 is the enterprise number that RFC 5612 sets aside for examples: the project has none of its own.
    func message(_ entry: AuditEntry) -> SyslogMessage {
        let isRefused = if case .refused = entry.outcome { true } else { false }
        let outcome = entry.outcome.text
        let service = entry.service.split(separator: ".").last.map(String.init) ?? "-"
        let targets = entry.facts.map(\.target).joined(separator: ",")
        let details = entry.facts.compactMap(\.detail).joined(separator: "; ")
        return SyslogMessage(
            severity: isRefused ? .warning : .notice, milliseconds: entry.time.milliseconds, host: host,
            application: "viaduct", process: process, kind: "\(service).\(entry.operation)", element: "audit@32473",
            parameters: [
                ("seq", "\(entry.sequence)"), ("service", entry.service), ("operation", entry.operation),
                ("outcome", outcome), ("user", entry.user ?? ""), ("session", entry.session ?? ""),
                ("auth", entry.authentication?.rawValue ?? ""), ("peer", entry.peer), ("agent", entry.userAgent ?? ""),
                ("number", "\(entry.number)"), ("digest", entry.digest.hexadecimal),
                ("request", entry.requestID), ("opid", entry.operationID ?? ""), ("target", targets),
            ],
            text: "\(entry.user ?? "-") \(entry.service).\(entry.operation) \(outcome) \(details)")
    }
}

extension SyslogExporter {
    /// Starts the export that the configuration asks for; `nil` if it asks for none.
    static func start(
        _ configuration: Configuration, _ directory: DataDirectory, store: Store, keeper: AuditKeeper, world: World,
        logger: Logger
    ) throws(StartError) -> SyslogExporter? {
        guard !configuration.auditSyslog.isEmpty else { return nil }
        guard let destination = SyslogDestination(configuration.auditSyslog) else {
            throw StartError(
                "audit.syslog must be tcp://host:port or tls://host:port, not \"\(configuration.auditSyslog)\"")
        }
        do {
            let trusted = configuration.auditSyslogTrust
            let security =
                try !destination.isSecure
                ? nil : trusted.isEmpty ? TLSClientContext(trustedPEM: nil) : TLSClientContext(trustedPath: trusted)
            let exporter = try SyslogExporter(
                to: destination, security: security,
                source: AuditSource(
                    store: store, positionPath: directory.auditPosition, forgottenThrough: { keeper.forgottenThrough }),
                world: world
            ) { event in
                switch event {
                case .connected: logger.notice("audit export connected", metadata: ["collector": "\(destination)"])
                case .disconnected(let reason):
                    logger.warning(
                        "audit export waits for its collector",
                        metadata: ["collector": "\(destination)", "reason": .string(reason)])
                }
            }
            store.observe { [weak exporter] _, _ in exporter?.poke() }
            return exporter
        } catch {
            throw StartError("cannot export the audit log to \(destination): \(error)")
        }
    }
}
