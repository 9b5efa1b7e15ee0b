// A second process writes to a log and is killed, or runs into a file that cannot grow. It is this program, started again
// with an environment variable that names its role and directory.
import Domain
import Glibc
import Persistence
import PersistenceSQLite
import Synchronization
import Testing

private let role = getenv("VIADUCT_TEST_ROLE").map { String(cString: $0) }
private let roleDirectory = getenv("VIADUCT_TEST_DIRECTORY").map { String(cString: $0) } ?? ""

/// This program in a role.
private struct Child {
    let process: pid_t

    init(role: String, directory: String) throws {
        let arguments = [
            CommandLine.arguments[0], "--testing-library", "swift-testing", "--filter", "ChildRoleTests",
        ]
        let environment = ["VIADUCT_TEST_ROLE=\(role)", "VIADUCT_TEST_DIRECTORY=\(directory)"]
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
        let (argv, envp) = (Child.strings(arguments), Child.strings(environment))
        defer { for string in argv + envp { free(string) } }
        var process = pid_t()
        guard posix_spawn(&process, "/proc/self/exe", &actions, nil, argv, envp) == 0 else {
            throw LogError.unavailable("cannot start a second process")
        }
        self.process = process
    }

    private static func strings(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] { texts.map { strdup($0) } + [nil] }

    /// The exit code, or minus the signal that ended it.
    func wait() -> Int32 {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 && errno == EINTR {}
        return status & 0x7f == 0 ? (status >> 8) & 0xff : -(status & 0x7f)
    }

    var hasEnded: Bool {
        var information = siginfo_t()
        waitid(P_PID, id_t(process), &information, WEXITED | WNOHANG | WNOWAIT)
        return information.si_signo != 0
    }
}

@Suite(.enabled(if: role == nil)) struct KillTests {
    @Test func whatWasAcknowledgedSurvivesAKill() throws {
        let directory = try ScratchDirectory()
        var generator = SeededGenerator(seed: 31)
        for round in 1...(isLongRun ? 40 : 4) {
            let before = acknowledged(directory).count
            let child = try Child(role: "write", directory: directory.path)
            let wanted = before + Int.random(in: 1...150, using: &generator)
            while acknowledged(directory).count < wanted && !child.hasEnded { yieldThread() }
            kill(child.process, SIGKILL)
            #expect(child.wait() == -SIGKILL)
            let acknowledged = acknowledged(directory)
            let log = SQLiteLog(path: directory.file("records.db"))
            let store = try Store.open(log: log, schema: .test, world: .test, writer: .caller)
            let table = store.snapshot[Item.self]
            let lost = acknowledged.filter { !table.contains(Identifier($0)) }
            #expect(lost.isEmpty, "round \(round)")
            // Each of the eight tasks may have had one more change on its way, in each round.
            #expect(table.count <= acknowledged.count + 8 * round, "round \(round)")
            #expect(try store.audit(AuditQuery(limit: 1_000_000)).count == table.count, "round \(round)")
            store.close()
        }
    }

    /// The commit fails after bytes went out, so nobody can say what a later start finds: nothing more may be written.
    @Test func aWriteErrorStopsTheLogAndNothingAcknowledgedIsLost() throws {
        let directory = try ScratchDirectory()
        let child = try Child(role: "hitFileLimit", directory: directory.path)
        #expect(child.wait() == 0)
        let log = SQLiteLog(path: directory.file("records.db"))
        let ids = try log.open().records.map(\.id)
        log.close()
        let acknowledged = acknowledged(directory)
        #expect(!acknowledged.isEmpty)
        #expect(acknowledged.allSatisfy { ids.contains($0) })
    }

    private func acknowledged(_ directory: ScratchDirectory) -> [String] {
        guard let bytes = try? readFile(directory.file("acknowledged")) else { return [] }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}

@Suite(.enabled(if: role != nil)) struct ChildRoleTests {
    @Test(.enabled(if: role == "write")) func writeUntilKilled() async throws {
        let acknowledgements = open("\(roleDirectory)/acknowledged", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        let log = SQLiteLog(path: "\(roleDirectory)/records.db")
        let store = try Store.open(log: log, schema: .test, world: .test)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { await commitUntilKilled(store, acknowledgements) } }
        }
    }

    private func commitUntilKilled(_ store: Store, _ acknowledgements: Int32) async {
        while true {
            let id = try? await store.commit(by: .test()) { (draft) throws(Fault) in
                let id = draft.nextIdentifier(Item.self, prefix: "vm-")
                return try draft.insert(
                    Item(id: id, name: id.rawValue, shelf: String(repeating: "s", count: 5000), tags: []))
            }
            guard let id else { return }
            let line = Array("\(id)\n".utf8)
            _ = Glibc.write(acknowledgements, line, line.count)
        }
    }

    @Test(.enabled(if: role == "hitFileLimit")) func writeIntoTheFileLimit() throws {
        signal(SIGXFSZ, SIG_IGN)
        var limit = rlimit(rlim_cur: 500_000, rlim_max: 500_000)
        #expect(setrlimit(__rlimit_resource_t(1), &limit) == 0)
        let acknowledgements = open("\(roleDirectory)/acknowledged", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        let log = SQLiteLog(path: "\(roleDirectory)/records.db")
        _ = try log.open()
        var head: UInt64 = 0
        var outcome = AppendOutcome.durable
        while outcome == .durable && head < 1000 {
            let id = "vm-\(head)"
            outcome = log.append([change(head + 1, [write("vm", id, String(repeating: "b", count: 3000))])], after: head)
            guard outcome == .durable else { break }
            head += 1
            let line = Array("\(id)\n".utf8)
            _ = Glibc.write(acknowledgements, line, line.count)
        }
        guard case .unknown(.unavailable) = outcome else { exit(2) }
        guard case .refused(.unavailable) = log.append([change(head + 1, [])], after: head) else { exit(3) }
        guard (try? log.head()) == nil, (try? log.changes(after: 0, limit: 1)) == nil else { exit(4) }
    }
}
