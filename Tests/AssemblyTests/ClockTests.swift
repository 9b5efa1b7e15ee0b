// What days that pass, and clocks that jump, do to the audit log and to a node.
import Domain
import Persistence
import Platform
import Services
import Testing

@testable import Assembly

@Suite struct ClockTests {
    private static let day: Int64 = 86_400_000

    private static func write(_ names: [String], _ store: Store) async throws {
        for name in names { try await store.recordAudit(Bench.call(name), .unchanged) }
    }

    @Test func whatIsOlderThanTheLimitIsForgottenAndTheExportSaysSo() async throws {
        let bench = try Bench()
        var configuration = bench.configuration
        configuration.auditRetentionDays = 2
        let directory = DataDirectory(configuration.dataDirectory)
        let clock = ShiftedClock(milliseconds: -5 * Self.day)
        let node = try await Node.start(
            configuration, password: Bench.password, logs: LogFactory(configuration), world: clock.world)
        try await Self.write(["old-1", "old-2"], node.product.store)
        await node.stop()

        let parts = try Parts(configuration, directory, clock.world)
        let store = parts.product.store
        let keeper = try AuditKeeper(configuration, directory, parts.product, LogFactory(configuration).logger("audit"))
        clock.move(to: -5 * Self.day / 2)
        await keeper.retain()
        #expect(keeper.forgottenThrough == 0, "a day more is let grow before anything is cut")
        clock.move(to: 0)
        try await Self.write(["new-1", "new-2"], store)
        await keeper.retain()
        let through = keeper.forgottenThrough
        let entries = try store.audit(AuditQuery(limit: 100_000))
        #expect(through > 0 && entries.allSatisfy { $0.time.milliseconds > clock.wallMilliseconds - 2 * Self.day })
        #expect(entries.prefix(2).map(\.operation) == ["new-1", "new-2"])
        await keeper.retain()
        #expect(keeper.forgottenThrough == through, "nothing more")

        let source = AuditSource(
            store: store, positionPath: directory.auditPosition, forgottenThrough: { keeper.forgottenThrough })
        let gap = try #require(source.records(after: 1, limit: 10))
        #expect(gap.count == 1 && gap[0].position == through && gap[0].message.kind == "audit.gap")
        #expect(gap[0].message.parameters.contains { $0.name == "after" && $0.value == "1" })
        let rest = try #require(source.records(after: through, limit: 1000))
        #expect(rest.map(\.position) == entries.map(\.sequence) && rest.allSatisfy { $0.message.kind != "audit.gap" })
        await parts.close()
        #expect(try AuditCheck.run(configuration).problems.isEmpty)
    }

    /// By an hour and by ten days, either way: calls go on, whoever was logged in is or logs in again, nothing is lost.
    @Test(arguments: [1, 240, -1, -240] as [Int64]) func aClockThatJumpsLosesNothing(hours: Int64) async throws {
        let bench = try Bench()
        let clock = ShiftedClock(milliseconds: 0)
        func start() async throws -> Node {
            try await Node.start(
                bench.configuration, password: Bench.password, logs: LogFactory(bench.configuration), world: clock.world)
        }
        func call(_ operation: String) -> Call {
            var call = Bench.call(operation)
            call.receivedAt = Timestamp(milliseconds: clock.wallMilliseconds)
            return call
        }
        let node = try await start()
        let product = node.product
        let old = try await product.sessions.create(by: call("login"))
        try await Self.write(["before"], product.store)
        clock.move(to: hours * 3_600_000)
        let now = { Timestamp(milliseconds: clock.wallMilliseconds) }
        let isAlive = product.sessions.session(forToken: Array(old.utf8)[...], at: now()) != nil
        #expect(isAlive == (hours < 0), "a session that is older than its idle time has ended")
        _ = try await product.logins.authenticate(user: "administrator@vsphere.local", password: Bench.password, call: call("login"))
        let token = try await product.sessions.create(by: call("login"))
        #expect(product.sessions.session(forToken: Array(token.utf8)[...], at: now()) != nil)
        try await Self.write(["after"], product.store)
        await node.stop()
        let again = try await start()
        #expect(again.product.sessions.session(forToken: Array(token.utf8)[...], at: now()) != nil)
        let operations = try again.product.store.audit(AuditQuery(limit: 100_000)).map(\.operation)
        #expect(operations.contains("before") && operations.contains("after"))
        await again.stop()
        #expect(try AuditCheck.run(bench.configuration).problems.isEmpty)
        #expect(try await bench.problems().isEmpty)
    }
}
