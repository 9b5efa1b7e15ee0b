import ArgumentParser
import Assembly

/// `viaduct audit …`: the record of who did what.
struct AuditCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "Checks the record of who did what.", subcommands: [Verify.self])

    struct Verify: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Finds entries that were changed, taken out or moved. The server may be running.")
        @OptionGroup var options: ConfigurationOptions

        @Option(help: "PEM file with the public key of the checkpoints, if not that of the data directory.")
        var publicKey = ""

        @Option(help: "A checkpoint that was kept elsewhere, for instance by a collector: the line. May be repeated.")
        var checkpoint: [String] = []

        func run() throws {
            throw ExitCode(Program.verifyAudit(try options.load(), publicKey: publicKey, further: checkpoint))
        }
    }
}
