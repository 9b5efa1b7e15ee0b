import Cryptography
import Domain
import Glibc
import Persistence
import PersistenceSQLite
import Platform
import Services

/// What `viaduct user` does to the directory of a data directory that no server uses.
public enum UserAdministration {
    public enum Command: Sendable, Equatable {
        case list
        case add(String, password: String, isAdministrator: Bool)
        case setPassword(String, String)
        case enable(String)
        case disable(String)
        case unlock(String)
        case delete(String)
    }

    /// - Returns: what to print, a line each.
    /// - Throws: `StartError` if the data directory cannot be used, above all because a server has it, or if the command
    ///   cannot be carried out.
    public static func run(
        _ command: Command, _ configuration: Configuration, world: World = .system
    ) async throws(StartError) -> [String] {
        let directory = DataDirectory(configuration.dataDirectory)
        guard DataDirectory.exists(directory.inventory) else { throw StartError("\(directory.path) holds no inventory") }
        let store: Store
        do {
            store = try Store.open(log: SQLiteLog(path: directory.inventory), schema: Product.schema, world: world)
        } catch {
            throw StartError("cannot open the inventory in \(directory.path) (a server that uses it must be stopped first): \(error)")
        }
        defer { store.close() }
        let pool: WorkerPool
        do {
            pool = try WorkerPool(name: "hash", threads: 1)
        } catch {
            throw StartError("cannot start a thread: \(error)")
        }
        defer { pool.shutdown() }
        do throws(Fault) {
            let hasher = try PasswordHasher(pool: pool, randomness: world.randomness, method: configuration.passwordMethod)
            let users = IdentityDirectory(store: store, hasher: hasher, logins: Logins(store: store, hasher: hasher))
            return try await perform(command, users, store, call: call(command, world))
        } catch {
            throw StartError(error.messages.map(\.defaultMessage).joined(separator: " "))
        }
    }

    private static func perform(
        _ command: Command, _ users: IdentityDirectory, _ store: Store, call: Call
    ) async throws(Fault) -> [String] {
        switch command {
        case .list: return lines(of: store.snapshot, at: call.receivedAt)
        case .add(let text, let password, let isAdministrator):
            let name = try name(text)
            let id = try await users.create(
                name.name, in: name.domain, password: password, details: .init(), by: call)
            if isAdministrator { try await users.add(.user(id), to: Group.administrators, by: call) }
            return ["\(id) made"]
        case .setPassword(let text, let password):
            let user = try name(text).user
            try await users.change(user, details: .init(), password: password, by: call)
            try await users.unlock(user, by: call)
            return ["password of \(user) set"]
        case .enable(let text):
            let user = try name(text).user
            try await users.change(user, details: .init(isEnabled: true), by: call)
            return ["\(user) may log in"]
        case .disable(let text):
            let user = try name(text).user
            try await users.change(user, details: .init(isEnabled: false), by: call)
            return ["\(user) may not log in"]
        case .unlock(let text):
            let user = try name(text).user
            try await users.unlock(user, by: call)
            return ["failed logins of \(user) forgotten"]
        case .delete(let text):
            let user = try name(text).user
            try await users.remove(user, by: call)
            return ["\(user) removed"]
        }
    }

    /// Name, state and groups, a line per user.
    private static func lines(of inventory: Inventory, at now: Timestamp) -> [String] {
        inventory[User.self].all.sorted { $0.id.rawValue < $1.id.rawValue }.map { user in
            let failures = inventory[LoginFailures.self][LoginFailures.identifier(of: user.id)]
            let isLocked = failures?.isLocked(at: now, under: inventory.identityPolicy) ?? false
            let state = !user.isEnabled ? "disabled" : isLocked ? "locked" : "enabled"
            let groups = inventory.groups(of: user.id).map(\.rawValue).joined(separator: ", ")
            return "\(user.id)  \(state)\(groups.isEmpty ? "" : "  " + groups)"
        }
    }

    private static func name(_ text: String) throws(Fault) -> PrincipalName {
        guard let name = PrincipalName(text, defaultDomain: EmbeddedDomain.standard) else {
            throw Fault(.invalidArgument, id: "com.viaduct.invalid_name", "\"\(text)\" is no name of a user.")
        }
        return name
    }

    /// For the audit log: by nobody the directory knows, at the machine itself.
    private static func call(_ command: Command, _ world: World) -> Call {
        let operation =
            switch command {
            case .list: "list"
            case .add: "add"
            case .setPassword: "passwd"
            case .enable: "enable"
            case .disable: "disable"
            case .unlock: "unlock"
            case .delete: "delete"
            }
        return Call(
            user: nil, requestID: "command-line", service: "com.viaduct.command_line.user", operation: operation, peer: "",
            receivedAt: Timestamp(milliseconds: world.clock.wallMilliseconds))
    }
}

/// Reads a secret from standard input: a line, without echo where that is a terminal.
public enum SecretInput {
    /// - Returns: `nil` at the end of the input.
    public static func read(prompt: String) -> String? {
        var settings = termios()
        let isTerminal = isatty(STDIN_FILENO) == 1 && tcgetattr(STDIN_FILENO, &settings) == 0
        guard isTerminal else { return readLine(strippingNewline: true) }
        let before = settings
        settings.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
        defer {
            var restored = before
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &restored)
            print()
        }
        print(prompt, terminator: " ")
        fflush(nil)
        return readLine(strippingNewline: true)
    }
}
