import Glibc
import Platform

/// Runs a node until a signal ends it.
public enum Program {
    /// Serves until SIGTERM or SIGINT; reads the certificate again on SIGHUP. Returns the exit code.
    ///
    /// Called on the main thread before any other thread is made: signals are blocked everywhere and taken here one by
    /// one, so that no code runs in a signal handler.
    public static func serve(_ configuration: Configuration, password: String?) -> Int32 {
        var signals = blockedSignals()
        let logs = LogFactory(configuration)
        let started = awaited { () async throws(StartError) in
            try await Node.start(configuration, password: password, logs: logs)
        }
        guard let node = started else { return 1 }
        announce(node)
        var isStopping = false
        while true {
            var signal: Int32 = 0
            guard sigwait(&signals, &signal) == 0 else { continue }
            switch signal {
            case SIGHUP: node.reload()
            case SIGTERM, SIGINT:
                // The second one means now.
                if isStopping { return 130 }
                isStopping = true
                Task.detached {
                    await node.stop()
                    exit(0)
                }
            default: continue
            }
        }
    }

    /// Makes data directory, certificate, inventory and administrator, and ends.
    public static func initialize(_ configuration: Configuration, password: String?) -> Int32 {
        var local = configuration
        local.listen = "127.0.0.1:0"
        local.iscsiListen = ""
        local.drainSeconds = 0
        let (quiet, logs) = (local, LogFactory(local))
        let done = awaited { () async throws(StartError) -> (fingerprint: String, password: String?) in
            let node = try await Node.start(quiet, password: password, logs: logs)
            await node.stop()
            return (node.fingerprint, node.generatedPassword)
        }
        guard let made = done else { return 1 }
        print("data directory   \(configuration.dataDirectory)")
        print("certificate      SHA-256 \(made.fingerprint)")
        if let password = made.password { print("administrator    \(FirstStart.administrator), password \(password)") }
        return 0
    }

    /// Checks a data directory that no server uses.
    public static func checkData(_ configuration: Configuration, includingData: Bool) -> Int32 {
        let done = awaited { () async throws(StartError) in
            try await DataCheck.run(configuration, includingData: includingData)
        }
        guard let report = done else { return 1 }
        for problem in report.problems { print(problem) }
        print("\(report.machines) virtual machines, \(report.files) files, \(report.problems.count) problems")
        return report.problems.isEmpty ? 0 : 1
    }

    /// Changes users of a data directory that no server uses, and prints what was done.
    public static func administerUsers(_ command: UserAdministration.Command, _ configuration: Configuration) -> Int32 {
        let done = awaited { () async throws(StartError) in try await UserAdministration.run(command, configuration) }
        guard let lines = done else { return 1 }
        for line in lines { print(line) }
        return 0
    }

    /// Runs work on a task while this thread waits for it.
    ///
    /// - Returns: `nil` if it failed, which was told then.
    private static func awaited<Value: Sendable>(
        _ work: @escaping @Sendable () async throws(StartError) -> Value
    ) -> Value? {
        let done = Handoff<Result<Value, StartError>>()
        Task.detached {
            do throws(StartError) { done.give(.success(try await work())) } catch { done.give(.failure(error)) }
        }
        switch done.take() {
        case .success(let value): return value
        case .failure(let error):
            fail(error.description)
            return nil
        }
    }

    private static func announce(_ node: Node) {
        print("Viaduct \(version) serves https://\(node.address)")
        print("certificate      \(node.certificatePath)")
        print("                 SHA-256 \(node.fingerprint)")
        if let iscsi = node.iscsi { print("iSCSI target     \(iscsi.targetName) at \(iscsi.address)") }
        print("administrator    \(FirstStart.administrator)")
        if let password = node.generatedPassword {
            print("password         \(password)   (shown once; not stored)")
        }
        fflush(nil)
    }

    /// Also used by the command line for its own errors.
    public static func fail(_ message: String) {
        let line = "viaduct: \(message)\n"
        fputs(line, fdopen(2, "w"))
        fflush(nil)
    }

    private static func blockedSignals() -> sigset_t {
        // A peer that closed its end must not end the program.
        signal(SIGPIPE, SIG_IGN)
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGHUP, SIGTERM, SIGINT] { sigaddset(&signals, number) }
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        return signals
    }

    public static let version = "0.1.0"
}

/// Hands one value from a task to a thread that waits for it.
private final class Handoff<Value: Sendable>: @unchecked Sendable {
    // `gate` guards `value`.
    private let gate = Gate()
    private var value: Value?

    func give(_ value: Value) {
        gate.lock()
        self.value = value
        gate.wakeAll()
        gate.unlock()
    }

    func take() -> Value {
        gate.lock()
        defer { gate.unlock() }
        while true {
            if let value { return value }
            gate.wait()
        }
    }
}
