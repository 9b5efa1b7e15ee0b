// An iSCSI target on a pool in a file, for the tools of others and for measurements.
//
// usage: ISCSITestTarget POOL-FILE LUN-SIZE-MIB [ADDRESS]
// env: CHAP_NAME, CHAP_SECRET, CHAP_TARGET_NAME, CHAP_TARGET_SECRET; INITIATORS, names separated by commas
import Glibc
import ISCSI
import Platform
import SCSI
import Sockets
import StorageArray

@main
struct ISCSITestTarget {
    static let targetName = "iqn.2026-01.com.example:array"

    /// The initiator names of libiscsi's tools, of qemu and of the load generator.
    static var initiators: [String] {
        var names = [
            "iqn.2007-10.com.github:sahlberg:libiscsi:iscsi-test", "iqn.2007-10.com.github:sahlberg:libiscsi:iscsi-test-2",
            "iqn.2007-10.com.github:sahlberg:libiscsi:iscsi-inq", "iqn.2007-10.com.github:sahlberg:libiscsi:iscsi-ls",
            "iqn.2007-10.com.github:sahlberg:libiscsi:iscsi-perf", "iqn.2008-11.org.linux-kvm", "iqn.2008-11.org.linux-kvm:",
            "iqn.2007-10.com.github:sahlberg:libiscsi:iscsi-readcapacity16",
        ]
        names += (1...2).map { "iqn.2026-01.com.viaduct:conformance-\($0)" }
        names += (0..<64).map { "iqn.2026-01.test.load:host\($0)" }
        return names + (environment("INITIATORS")?.split(separator: ",").map(String.init) ?? [])
    }

    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count >= 3, let mebibytes = UInt64(arguments[2]) else {
            print("usage: ISCSITestTarget POOL-FILE LUN-SIZE-MIB [ADDRESS]")
            exit(2)
        }
        let target = try makeArray(arguments[1], mebibytes << 20)
        let text = arguments.count > 3 ? arguments[3] : "127.0.0.1:3260"
        guard let address = SocketAddress(text) else { exit(2) }
        var configuration = ISCSIConfiguration(listen: [address], targetName: targetName)
        configuration.targetAlias = "test"
        if let credentials = credentials("CHAP") {
            for initiator in initiators { configuration.credentials[initiator] = credentials }
        }
        configuration.targetCredentials = credentials("CHAP_TARGET")
        configuration.observer = { print($0) }
        let server = try ISCSITarget(target: target, configuration: configuration)
        try server.start()
        for address in server.boundAddresses { print("iscsi://\(address)/\(targetName)/0") }
        fflush(nil)
        await waitForEnd()
        await server.stop()
    }

    /// Returns at the end of the standard input or, without one, never.
    static func waitForEnd() async {
        await withUnsafeContinuation { (continuation: UnsafeContinuation<Void, Never>) in
            do {
                _ = try SystemThread(name: "input") {
                    while let line = readLine(), line != "quit" {}
                    if isatty(0) == 0, environment("STAY") != nil { while true { sleep(3600) } }
                    continuation.resume()
                }
            } catch { continuation.resume() }
        }
    }

    /// LUN 0 is thin and writable, LUN 1 read-only, LUN 2 removable.
    static func makeArray(_ path: String, _ bytes: UInt64) throws -> ArrayTarget {
        let device = try FileBlockDevice(path: path, create: true)
        let isNew = device.sizeBytes == 0
        if isNew {
            try StoragePool.format(
                device, options: PoolOptions(maximumBytes: max(4 << 30, bytes * 3)), randomness: SystemRandomness())
        }
        let pool = try StoragePool.open(device, maintenance: .background)
        if isNew {
            _ = try pool.createLUN(name: "a", sizeBytes: bytes, physicalBlockExponent: 0)
            _ = try pool.createLUN(name: "b", sizeBytes: 256 << 20, physicalBlockExponent: 0)
            _ = try pool.createLUN(name: "c", sizeBytes: 256 << 20, physicalBlockExponent: 0)
        }
        let target = ArrayTarget(pool: pool)
        for (number, lun) in pool.luns.enumerated() {
            let options = UnitOptions(isRemovable: number == 2, isReadOnly: number == 1)
            target.expose(lun.identifier, as: UInt16(number), options: options)
            for initiator in initiators { target.allow(initiator, UInt16(number)) }
        }
        return target
    }

    static func credentials(_ prefix: String) -> ISCSICredentials? {
        guard let name = environment(prefix + "_NAME"), let secret = environment(prefix + "_SECRET") else { return nil }
        return ISCSICredentials(name: name, secret: Array(secret.utf8))
    }

    static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
}
