import ArgumentParser
import Assembly

/// The command line.
@main
struct Viaduct: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "viaduct", abstract: "A vSphere-compatible cloud control plane.",
        subcommands: [
            Serve.self, Initialize.self, CheckConfiguration.self, CheckData.self, UserCommands.self,
            AuditCommands.self, Version.self,
        ])
}

/// What all commands that read the configuration take.
struct ConfigurationOptions: ParsableArguments {
    @Option(help: "A YAML file; see config/viaduct.yaml for every key.")
    var config: String?

    @Option(help: "Where certificate, inventory and array lie. Overrides data_directory.")
    var dataDirectory: String?

    @Option(help: "ADDRESS:PORT to listen on. Overrides listen.")
    var listen: String?

    @Option(help: "KEY=VALUE for any key of the configuration, for example log.level=debug. May be repeated.")
    var set: [String] = []

    func load() throws -> Configuration {
        var overrides: [(key: String, value: String)] = []
        if let dataDirectory { overrides.append(("data_directory", dataDirectory)) }
        if let listen { overrides.append(("listen", listen)) }
        for assignment in set {
            guard let sign = assignment.firstIndex(of: "=") else {
                throw ValidationError("--set takes KEY=VALUE, not \"\(assignment)\"")
            }
            overrides.append((String(assignment[..<sign]), String(assignment[assignment.index(after: sign)...])))
        }
        do {
            return try Configuration.load(file: config, overrides: overrides)
        } catch {
            Program.fail("\(error)")
            throw ExitCode(2)
        }
    }
}

struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Serves until it is told to stop.")
    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        throw ExitCode(Program.serve(try options.load(), password: Configuration.administratorPassword))
    }
}

struct Initialize: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "init", abstract: "Makes data directory, certificate, inventory and administrator, and ends.")
    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        throw ExitCode(Program.initialize(try options.load(), password: Configuration.administratorPassword))
    }
}

struct CheckConfiguration: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-config", abstract: "Reads the configuration and the seed file, and says what is wrong.")
    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        let configuration = try options.load()
        do {
            try configuration.checkSeed()
        } catch {
            Program.fail("\(error)")
            throw ExitCode(2)
        }
        print("The configuration is good.")
    }
}

struct CheckData: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check-data",
        abstract: "Checks that inventory, volumes and array agree. The server must not be running.")
    @OptionGroup var options: ConfigurationOptions

    @Flag(help: "Read every block of the array as well.")
    var blocks = false

    func run() throws {
        throw ExitCode(Program.checkData(try options.load(), includingData: blocks))
    }
}

struct Version: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Prints the version.")

    func run() { print("viaduct \(Program.version)") }
}
