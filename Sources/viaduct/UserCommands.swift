import ArgumentParser
import Assembly

/// `viaduct user …`: users of a data directory whose server is stopped, above all for who has lost the password.
struct UserCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Lists and changes users. The server must not be running.",
        subcommands: [List.self, Add.self, Password.self, Enable.self, Disable.self, Unlock.self, Delete.self])

    /// What all but `list` take.
    struct Name: ParsableArguments {
        @Argument(help: "user@domain; without domain, of vsphere.local.")
        var user: String
    }

    static func run(_ command: UserAdministration.Command, _ options: ConfigurationOptions) throws {
        throw ExitCode(Program.administerUsers(command, try options.load()))
    }

    /// The password comes from standard input, so that it stands in no list of processes.
    static func password() throws -> String {
        guard let password = SecretInput.read(prompt: "New password:"), !password.isEmpty else {
            throw ValidationError("The password comes as a line of standard input.")
        }
        return password
    }

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists users with their groups.")
        @OptionGroup var options: ConfigurationOptions

        func run() throws { try UserCommands.run(.list, options) }
    }

    struct Add: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Makes a user; the password comes from standard input.")
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var name: Name
        @Flag(help: "Make the user a member of Administrators.")
        var administrator = false

        func run() throws {
            let password = try UserCommands.password()
            try UserCommands.run(.add(name.user, password: password, isAdministrator: administrator), options)
        }
    }

    struct Password: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "passwd", abstract: "Sets a password, which comes from standard input, and unlocks the user.")
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var name: Name

        func run() throws { try UserCommands.run(.setPassword(name.user, try UserCommands.password()), options) }
    }

    struct Enable: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lets a user log in again.")
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var name: Name

        func run() throws { try UserCommands.run(.enable(name.user), options) }
    }

    struct Disable: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Keeps a user from logging in, and ends the sessions.")
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var name: Name

        func run() throws { try UserCommands.run(.disable(name.user), options) }
    }

    struct Unlock: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Forgets the failed logins of a user.")
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var name: Name

        func run() throws { try UserCommands.run(.unlock(name.user), options) }
    }

    struct Delete: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Removes a user.")
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var name: Name

        func run() throws { try UserCommands.run(.delete(name.user), options) }
    }
}
