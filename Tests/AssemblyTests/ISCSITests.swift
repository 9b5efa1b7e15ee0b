import ContractTypes
import Domain
import Foundation
import ISCSI
import Persistence
import Sockets
import StorageArray
import Testing

@testable import Assembly

// The iSCSI target of a node: off unless it is configured, the same name for life, secrets from a file for the owner alone,
// and what was given before a restart still given after it.

@Suite struct ISCSITargetTests {
    private static let host = "iqn.2001-04.com.example:host"

    private func bench(_ change: (inout Configuration, TemporaryDirectory) throws -> Void = { _, _ in }) throws -> Bench {
        let bench = try Bench()
        var configuration = bench.configuration
        configuration.iscsiListen = "127.0.0.1:0"
        try change(&configuration, bench.directory)
        return Bench(bench, configuration)
    }

    private func complaint(_ bench: Bench) async -> String {
        do throws(StartError) {
            let node = try await Node.start(bench.configuration, password: Bench.password, logs: LogFactory(bench.configuration))
            await node.stop()
            return ""
        } catch { return error.description }
    }

    @Test func exposureAndAccessSurviveARestart() async throws {
        let bench = try bench()
        let node = try await bench.start()
        let iscsi = try #require(node.iscsi)
        #expect(iscsi.address.hasPrefix("127.0.0.1:") && !iscsi.address.hasSuffix(":0"))
        #expect(iscsi.targetName.hasPrefix("iqn.2026-01.local.viaduct:"))
        let services = node.product.services
        let lun = try await services.arrayLUN.create(spec: .init(name: "a", capacity: 1 << 20), call: Bench.call("create"))
        let snapshot = try await services.arrayLUNSnapshot.create(lun: lun, spec: .init(name: "b"), call: Bench.call("create"))
        try await services.arrayLUNAccess.set(lun: lun, initiator: Self.host, call: Bench.call("set"))
        #expect(try services.arraySession.list(call: Bench.call()).isEmpty)
        await node.stop()

        let again = try await bench.start()
        #expect(again.iscsi?.targetName == iscsi.targetName)
        let info = try again.product.services.arrayLUN.get(lun: lun, call: Bench.call())
        #expect(info.initiators == [Self.host] && info.online && "lun-\(info.number)" == lun)
        let vaai = try again.product.services.arrayLUNVAAI.get(lun: lun, call: Bench.call())
        #expect(vaai.device == info.device && vaai.atsStatus == .supported)
        let snapshots = try again.product.services.arrayLUNSnapshot.list(lun: lun, call: Bench.call())
        #expect(snapshots.map(\.snapshot) == [snapshot])
        await again.stop()
        #expect(try await bench.problems().isEmpty)
    }

    @Test func itIsOffUnlessItIsConfigured() async throws {
        let bench = try Bench()
        let node = try await bench.start()
        #expect(node.iscsi == nil)
        await node.stop()
    }

    @Test func whatCannotServeSaysWhy() async throws {
        let taken = try bench()
        let node = try await taken.start()
        let address = try #require(node.iscsi?.address)
        let second = try bench { configuration, _ in configuration.iscsiListen = address }
        #expect(await complaint(second).contains("cannot listen for iSCSI on \(address)"))
        await node.stop()
        // Nothing of the attempt stays in the way.
        #expect(await complaint(second).isEmpty)
        let missing = try bench { configuration, directory in configuration.iscsiChallengeFile = directory.path + "/none" }
        #expect(await complaint(missing).contains("/none"))
    }

    @Test func aFileThatOthersCanReadIsRefused() async throws {
        var file = ""
        let bench = try bench { configuration, directory in
            file = try directory.write("\(Self.host) user 0123456789ab\n", to: "secrets")
            configuration.iscsiChallengeFile = file
        }
        for mode in [0o644, 0o640, 0o604, 0o622] {
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
            let complaint = await complaint(bench)
            #expect(complaint.contains("chmod 600") && !complaint.contains("0123456789ab"))
        }
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
        #expect(await complaint(bench).isEmpty)
    }

    @Test func aLUNThatOnlyOneSideKnowsIsFound() async throws {
        let bench = try bench()
        let node = try await bench.start()
        let lun = try await node.product.services.arrayLUN.create(
            spec: .init(name: "a", capacity: 1 << 20), call: Bench.call("create"))
        let orphan = try node.product.array.pool.createLUN(name: "orphan", sizeBytes: 1 << 20)
        try node.product.array.pool.deleteLUN(LUNIdentifier(UInt32(lun.dropFirst(4)) ?? 0))
        await node.stop()
        let problems = try await bench.problems()
        #expect(problems.contains { $0.contains("\(orphan.identifier) 'orphan' is not in the inventory") })
        #expect(problems.contains { $0.contains("\(lun) is not in the array") })
        #expect(problems.count == 2, "\(problems)")
    }
}

@Suite struct ChallengeFileTests {
    @Test func linesGiveSecrets() throws {
        let file = try ChallengeFile(
            text: """
                # initiator user secret

                IQN.2001-04.com.example:Host  alice  0123456789ab
                \teui.02004567a425678d bob\t\(String(repeating: "x", count: 255))
                target array ba9876543210
                """)
        #expect(Set(file.initiators.keys) == ["iqn.2001-04.com.example:host", "eui.02004567a425678d"])
        #expect(file.initiators["iqn.2001-04.com.example:host"]?.name == "alice")
        #expect(file.target?.secret == Array("ba9876543210".utf8))
        let empty = try ChallengeFile(text: "")
        #expect(empty.initiators.isEmpty && empty.target == nil)
    }

    @Test(arguments: [
        ("a b 0123456789ab", "line 1: an iSCSI name"), ("\niqn.2001-04.com.example b 0123456789a", "line 2: a user has"),
        ("iqn.2001-04.com.example b", "line 1: a line has"), ("iqn.2001-04.com.example b 0123456789ab c", "line 1: a line has"),
        ("target a 0123456789ab\ntarget b 0123456789ab", "line 2: the target has a line already"),
        ("naa.52004567ba64678d a 0123456789ab\nNAA.52004567BA64678D b 0123456789ab", "line 2: naa.52004567ba64678d has a line"),
        ("eui.02004567a425678d a 0123456789ab\ntarget b 0123456789ab", "a secret of its own"),
        ("eui.02004567a425678d a \(String(repeating: "x", count: 256))", "line 1: a user has"),
    ])
    func otherLinesAreNamedWithoutTheirSecret(text: String, reason: String) {
        let complaint = complaint { try ChallengeFile(text: text) }
        #expect(complaint.contains(reason) && !complaint.contains("0123456789ab"), "\(complaint)")
    }
}
