import API
import ContractTypes
import Datastores
import Domain
import Persistence
import Services
import Testing

@testable import Assembly

// Files of a datastore through the adapter of the file access, on a whole node.

@Suite struct FileAccessTests {
    private struct Access {
        let bench: Bench
        let node: Node
        let files: FileAccessAdapter

        init() async throws {
            bench = try Bench()
            node = try await bench.start()
            files = FileAccessAdapter(product: node.product)
        }

        func place(_ path: String...) -> FileLocation { FileLocation(datacenter: "Lab", datastore: "ds", path: path) }

        func put(_ bytes: [UInt8], _ location: FileLocation) async throws -> FileWriteOutcome {
            let sink = try await files.write(location, .replace(bytes: UInt64(bytes.count)), call: Bench.call())
            for start in stride(from: 0, to: bytes.count, by: 70_000) {
                try await sink.write(Array(bytes[start..<min(start + 70_000, bytes.count)]))
            }
            return try await sink.finish()
        }

        func get(_ location: FileLocation) async throws -> [UInt8] {
            let content = try await files.open(location)
            var bytes: [UInt8] = []
            while UInt64(bytes.count) < content.information.sizeBytes {
                let start = UInt64(bytes.count)
                bytes += try await content.read(start..<min(start + 100_000, content.information.sizeBytes))
            }
            return bytes
        }

        /// Counted anew: what a mount remembers does not have what other hosts took since.
        func freeBytes() throws -> UInt64 {
            try onVolume { (volume) throws(VolumeError) in
                try volume.refreshFreeSpace()
                return volume.freeBytes
            }
        }

        func onVolume<Success>(_ body: (Volume) throws(VolumeError) -> Success) throws -> Success {
            let inventory = node.product.store.snapshot
            let datastore = try #require(inventory[Datastore.self].all.first)
            let host = try node.product.fabric.anyHost(for: datastore, in: inventory)
            return try node.product.fabric.with(datastore, on: host, body)
        }

        func close() async throws {
            await node.stop()
            #expect(try await bench.problems().isEmpty)
        }
    }

    private static func bytes(_ seed: UInt8, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) ^ seed }
    }

    private static func refusal<Success>(_ body: () async throws -> Success) async -> FileFault? {
        do {
            _ = try await body()
            return nil
        } catch {
            return error as? FileFault
        }
    }

    @Test func aFileIsWrittenReadChangedListedAndDeleted() async throws {
        let access = try await Access()
        let (place, content) = (access.place("images", "linux", "disk.img"), Self.bytes(1, 1_000_001))
        let made = try await access.put(content, place)
        #expect(made.isNew && made.information.sizeBytes == 1_000_001)
        #expect(try await access.get(place) == content)
        let patch = try await access.files.write(place, .patch(offset: 999_999, bytes: 4), call: Bench.call())
        try await patch.write([1, 2, 3, 4])
        #expect(try await patch.finish().information.sizeBytes == 1_000_003)
        #expect(try await access.get(place) == content.dropLast(2) + [1, 2, 3, 4])
        let version = try await access.files.information(on: place).version
        let replaced = try await access.put(Self.bytes(2, 100), place)
        #expect(!replaced.isNew && replaced.information.version != version)
        #expect(try await access.get(place) == Self.bytes(2, 100))
        #expect(try await access.files.list(access.place("images")).map(\.name) == ["linux"])
        #expect(try await access.files.list(access.place("images", "linux")).map(\.information.sizeBytes) == [100])
        #expect(try await access.files.datacenters() == ["Lab"])
        #expect(try await access.files.datastores(of: "Lab") == ["ds"])
        #expect(
            await Self.refusal { try await access.files.delete(access.place("images"), call: Bench.call()) }
                == .directoryNotEmpty)
        try await access.files.delete(place, call: Bench.call())
        #expect(await Self.refusal { try await access.files.open(place) } == .notFound)
        let audit = try access.node.product.store.audit(AuditQuery(limit: 100))
        #expect(audit.contains { $0.facts.contains { $0.target == "[ds] images/linux/disk.img" && $0.detail == "deleted" } })
        try await access.close()
    }

    @Test func anUploadThatIsAbandonedLeavesTheOldFileAndNoBlocks() async throws {
        let access = try await Access()
        let place = access.place("disk.img")
        _ = try await access.put(Self.bytes(3, 2_000_000), place)
        let free = try access.freeBytes()
        let chunk = Self.bytes(4, 500_000)
        for isDropped in [false, true] {
            let sink = try await access.files.write(place, .replace(bytes: nil), call: Bench.call())
            for _ in 0..<20 { try await sink.write(chunk) }
            #expect(try access.freeBytes() < free)
            #expect(try await access.get(place) == Self.bytes(3, 2_000_000))
            if !isDropped { await sink.abandon() }
        }
        // Whoever drops it waits for what is on its way, so the last blocks may come back a little later.
        var isBack = false
        for _ in 0..<12_000 where !isBack {
            isBack = try access.freeBytes() >= free
            if !isBack { try await Task.sleep(for: .milliseconds(5)) }
        }
        #expect(isBack, "the blocks of an abandoned upload come back")
        #expect(try await access.get(place) == Self.bytes(3, 2_000_000))
        try await access.close()
    }

    @Test func theDiskOfAMachineThatRunsIsRefused() async throws {
        let access = try await Access()
        let inventory = access.node.product.store.snapshot
        let machine = try #require(inventory[VirtualMachine.self].all.first { $0.name == "web-1" })
        let path = try #require(machine.hardware.disks.first).file.path.split(separator: "/").map(String.init)
        let place = FileLocation(datacenter: "Lab", datastore: "ds", path: path)
        let power = access.node.product.services.power
        for mode in [FileWriteMode.replace(bytes: 10), .patch(offset: 0, bytes: 10)] {
            #expect(await Self.refusal { try await access.files.write(place, mode, call: Bench.call()) } == .inUse)
        }
        #expect(await Self.refusal { try await access.files.delete(place, call: Bench.call()) } == .inUse)
        try await power.stop(vm: machine.id.rawValue, call: Bench.call())
        let sink = try await access.files.write(place, .replace(bytes: 10), call: Bench.call())
        try await sink.write(Self.bytes(1, 10))
        // It is started before the upload is complete.
        try await power.start(vm: machine.id.rawValue, call: Bench.call())
        #expect(await Self.refusal { try await sink.finish() } == .inUse)
        #expect(try await access.files.information(on: place).sizeBytes == 1 << 30)
        try await access.close()
    }

    @Test func whatCannotBeIsNamed() async throws {
        let access = try await Access()
        _ = try await access.put([1], access.place("file"))
        let write = { (location: FileLocation, mode: FileWriteMode) in
            await Self.refusal { try await access.files.write(location, mode, call: Bench.call()) }
        }
        #expect(await write(access.place("file", "below"), .replace(bytes: nil)) == .notADirectory)
        #expect(await write(access.place("big"), .replace(bytes: 2 << 30)) == .noSpace)
        #expect(await write(access.place("none"), .patch(offset: 0, bytes: 1)) == .notFound)
        #expect(await write(access.place(String(repeating: "x", count: 300)), .patch(offset: 0, bytes: 1)) == .invalidName)
        let web = access.place("web-1")
        #expect(await write(web, .replace(bytes: nil)) == .isADirectory)
        #expect(await write(web, .patch(offset: 0, bytes: 1)) == .isADirectory)
        let elsewhere = FileLocation(datacenter: "Moon", datastore: "ds", path: ["x"])
        #expect(await write(elsewhere, .replace(bytes: nil)) == .noSuchDatacenter)
        let other = FileLocation(datacenter: "Lab", datastore: "x", path: ["x"])
        #expect(await Self.refusal { try await access.files.open(other) } == .noSuchDatastore)
        #expect(await Self.refusal { try await access.files.datastores(of: "Moon") } == .noSuchDatacenter)
        #expect(await Self.refusal { try await access.files.list(access.place("file")) } == .notADirectory)
        // One who reads keeps others from replacing.
        let reader = try await access.files.open(access.place("file"))
        let sink = try await access.files.write(access.place("file"), .replace(bytes: nil), call: Bench.call())
        #expect(await Self.refusal { try await sink.finish() } == .inUse)
        #expect(try await reader.read(0..<1) == [1])
        try await access.close()
    }
}
