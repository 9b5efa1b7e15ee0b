import Domain
import Services
import Testing

@testable import Assembly

// `viaduct user` on a stopped data directory, and what it says while a server has it.

@Suite struct UserAdministrationTests {
    @Test func usersAreChangedWhileTheServerIsStopped() async throws {
        let bench = try Bench()
        let node = try await bench.start()
        let configuration = bench.configuration
        do {
            _ = try await UserAdministration.run(.list, configuration)
            Issue.record("the directory of a running server was opened")
        } catch {
            #expect("\(error)".contains("must be stopped first"))
        }
        let lost = try await node.product.sessions.create(by: Bench.call("login"))
        await node.stop()

        func run(_ command: UserAdministration.Command) async -> String {
            do {
                return try await UserAdministration.run(command, configuration).joined(separator: "\n")
            } catch {
                return "refused: \(error)"
            }
        }
        #expect(await run(.add("ada", password: "Secret-word-1", isAdministrator: true)) == "ada@vsphere.local made")
        #expect(await run(.add("bob", password: "weak", isAdministrator: false)).hasPrefix("refused: The password must"))
        #expect(await run(.setPassword("administrator", "Secret-word-2")) == "password of administrator@vsphere.local set")
        #expect(await run(.disable("ADA@vsphere.local")) == "ada@vsphere.local may not log in")
        let list = await run(.list)
        #expect(
            list == """
                ada@vsphere.local  disabled  administrators@vsphere.local
                administrator@vsphere.local  enabled  administrators@vsphere.local
                """)
        #expect(await run(.enable("ada")) == "ada@vsphere.local may log in")
        #expect(await run(.disable("administrator")).hasPrefix("refused: "))
        #expect(await run(.unlock("nobody")) == "refused: There is no user 'nobody@vsphere.local'.")
        #expect(await run(.delete("a\\b\\c")).hasPrefix("refused: "))

        let again = try await bench.start(password: nil)
        _ = try await again.product.logins.authenticate(user: "ada", password: "Secret-word-1", call: Bench.call("login"))
        _ = try await again.product.logins.authenticate(
            user: "administrator", password: "Secret-word-2", call: Bench.call("login"))
        // The session of before went with the password.
        let now = Bench.call("look").receivedAt
        #expect(again.product.sessions.session(forToken: Array(lost.utf8)[...], at: now) == nil)
        await again.stop()
        #expect(await run(.delete("ada")) == "ada@vsphere.local removed")
    }

    @Test func aDirectoryWithoutInventoryIsNone() async throws {
        let bench = try Bench()
        do {
            _ = try await UserAdministration.run(.list, bench.configuration)
            Issue.record("there was something to list")
        } catch {
            #expect("\(error)".contains("holds no inventory"))
        }
    }
}
