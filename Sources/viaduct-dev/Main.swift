import ArgumentParser
import ContractGenerator

/// Tools for working on Viaduct.
@main
struct ViaductDev: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "viaduct-dev", abstract: "Tools for working on Viaduct.", subcommands: [Generate.self])
}

struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes Sources/ContractTypes from the documents in openapi/.")

    @Flag(help: "Write nothing; list what is not current and fail if there is anything.")
    var check = false

    @Option(help: "The directory that contains openapi and Sources.")
    var root = "."

    func run() throws {
        let generator = Generator(root: root)
        if check {
            let differences = try generator.differences()
            for line in differences { print(line) }
            if !differences.isEmpty { throw ExitCode.failure }
            print("Sources/ContractTypes is current.")
        } else {
            let touched = try generator.write()
            for path in touched { print("wrote \(path)") }
            if touched.isEmpty { print("Nothing to do.") }
        }
    }
}
